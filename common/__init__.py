"""What at least two experiments share, and nothing else.

    layers.py         affine map, token lookup, softmax cross-entropy
    tanh_rnn.py       h[t+1] = tanh(drive[t] + W h[t]), forward and backward
    lstm.py           the cell of 1997: blocks, optional forget gate, full or truncated gradient
    gradcheck.py      a hand-written gradient against finite differences
    optimizers.py     SGD with momentum, Adam/AdamW, clipping by global norm
    randomness.py     one independent random stream per purpose
    config.py         dataclass -> command line; exceptions -> exit status
    progress.py       the progress line; stops a run whose loss is no longer finite
    results.py        results.json, *.npz and the tables of the READMEs
    figures.py        style sheet and colours; gifs.py: the one GIF writer

Axis glossary, used by every docstring of the house:

    T time steps   N independent networks   B sequences in a batch
    D inputs (symbols)   H hidden units or cells   F features of a drive   K classes

Arrays are laid out time first, batch last, features in between: a drive is (T, N, F, B), a
state is (T+1, N, H, B) with row 0 the initial state, a weight matrix is (N, to, from), so that
`net = W y` reads as in the papers. The axis N is optional: the same code runs one network.

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
