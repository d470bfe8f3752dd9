"""What at least two experiments share, and nothing else.

    layers.py         affine map, token lookup, softmax and cross-entropy, the one logistic function
    tanh_rnn.py       h[t+1] = tanh(drive[t] + W h[t]), forward and backward
    lstm.py           the cell of 1997: blocks, optional forget gate, full or truncated gradient
    gru.py            gated recurrent units, forward and backward
    networks.py       any of them with its input and readout; N of them; the one rule that chooses a rate
    tasks/            a sequence task that a second experiment uses; one method at growing lags
    gradcheck.py      a hand-written gradient against finite differences; the bound and the verdict of --gradcheck
    optimizers.py     SGD with momentum, Adam/AdamW, clipping by global norm
    randomness.py     one independent random stream per purpose
    config.py         dataclass -> command line; exceptions -> exit status
    study.py          studies, found by their file's name: run, write, show
    progress.py       the progress line; a run that diverged; finished parts, from which a stopped run goes on
    files.py          files that are there whole or not at all
    results.py        results.json, traces.npz, weights.npz: one schema, one unit, checked when read
    tables.py         Markdown tables, the claims table, markers in READMEs
    figures.py        style sheet and colours, the main() of visualise scripts; gifs.py: the same for GIFs

The experiments tell one story: vanishing_gradient (the problem; inside it compute, long_lags, the
remedies without any gradient, weight_guessing, program_search, evolino, and the shootout of all remedies),
chunker_very_deep_1200 (compress the history), temporal_order_3bit (the LSTM), smt (never send the error
back through time).

Axis glossary, used by every docstring of the house:

    T time steps   N independent networks   B sequences in a batch
    D inputs (symbols)   H hidden units or cells   F features of a drive   K classes

Arrays are laid out time first, batch last, features in between: a drive is (T, N, F, B), a
state is (T+1, N, H, B) with row 0 the initial state, a weight matrix is (N, to, from), so that
`net = W y` reads as in the papers. The axis N is optional: the same code runs one network.
smt/ is about Transformers and lays arrays out as their literature does, rows first: (B, T, D) and
`x W`; its functions have names of their own (smt/layers.py), so that the two are never confused.

Why this order: the rows of one gate are then one contiguous run of memory. The forward pass of
an LSTM (T=50, H=4, float32, one core) took per network, in microseconds, with the features
last / the networks last / as here: one network, B=32: 403 / 466 / 254; 30 networks, B=32:
79 / 75 / 40; 30 networks, B=1: all 15; 1,000 networks, B=1: 4.2 / 1.6 / 3.8.

Import this package before numpy: it limits BLAS to one thread (these matrices are small, and a
second thread costs more than it brings; a user's own setting wins) and lets the allocator keep
large temporaries instead of returning them to the system after every use.
"""

import ctypes
import os

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def _one_blas_thread():
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")


def _keep_large_temporaries():
    """glibc only: a temporary from mmap is paid for again, page by page, each time it is made."""
    M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return                                       # another C library: nothing to tune
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 1 << 30)
    mallopt(M_TOP_PAD, 1 << 26)


_one_blas_thread()
_keep_large_temporaries()
