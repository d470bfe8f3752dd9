"""Independent jobs in a few processes: the standard library's executor, with workers that end with their parent."""

import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed


def run_jobs(jobs, processes):
    """{name: (function, arguments)} -> yields (name, what the function returned) as the jobs finish.

    With one process the jobs run here, in order, and show their progress. With more, each process is started afresh
    (spawn: macOS and Windows work too) and is silent. The first exception of a job is raised here and ends the others.
    """
    if processes == 1:
        for name, (function, arguments) in jobs.items():
            yield name, function(*arguments)
        return
    pool = ProcessPoolExecutor(min(processes, len(jobs)), multiprocessing.get_context("spawn"), prepare_worker)
    try:
        waiting = {pool.submit(function, *arguments): name for name, (function, arguments) in jobs.items()}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    except BaseException:
        for worker in multiprocessing.active_children():      # a job lasts a minute: do not wait for it
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def prepare_worker():
    """A worker prints nothing, leaves Ctrl-C to its parent, and ends when its parent ends, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout = open(os.devnull, "w", encoding="utf-8")
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
