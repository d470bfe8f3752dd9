"""Independent jobs in a few processes; results come back in a dictionary with the jobs' names."""

import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context


def run_jobs(jobs, processes):
    """{name: (function, arguments)} -> {name: what the function returned, with its "seconds"}.

    With one process the jobs run here, one after the other, and show their own progress. With more, each process is
    started afresh (spawn) and stays silent; a line is printed for every finished job. The first exception of a job
    is raised here and the others are stopped.
    """
    done, started = {}, time.perf_counter()
    if processes == 1:
        for name, job in jobs.items():
            done[name] = _timed(*job)
            _report(name, done, jobs, started)
        return done
    pool = ProcessPoolExecutor(min(processes, len(jobs)), mp_context=get_context("spawn"), initializer=_silent)
    try:
        waiting = {pool.submit(_timed, *job): name for name, job in jobs.items()}
        for future in as_completed(waiting):
            name = waiting[future]
            done[name] = future.result()
            _report(name, done, jobs, started)
    except BaseException:
        for process in list(pool._processes.values()):
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return {name: done[name] for name in jobs}


def _report(name, done, jobs, started):
    print(f"[{time.perf_counter() - started:5.0f} s] {len(done)}/{len(jobs)}  seed {name[0]}  {name[1]}: "
          f"{done[name]['seconds']:.0f} s", flush=True)


def _timed(function, arguments):
    started = time.perf_counter()
    return {**function(*arguments), "seconds": time.perf_counter() - started}


def _silent():
    """A worker prints nothing and leaves Ctrl-C to the main process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout = open(os.devnull, "w")
