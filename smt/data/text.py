"""Characters of a text, in the coding that the released code uses for TinyStories: ASCII, the rest dropped.

    text = load(data_dir)                         codes (n,), each the place of a character in text.alphabet
    train, choose, report = split(text.codes)     the first 90 %, the next 5 %, the last 5 %
    x, y = windows(report, 64)                    consecutive windows (n, 64) and the characters that follow
    x, y = batch(rng, train, 32, 64)              32 windows at random places, as in training (released code)

What is found in the folder, in this order: TinyStories*train*.txt, TinyStories*valid*.txt (or in tinystories/ below
it); tinystories/train.npy or test.npy, byte streams as the released code writes them; the only other .txt; train.npy.
"""

import platform
import re
from codecs import getincrementaldecoder
from dataclasses import dataclass

import numpy as np

from smt.data import files

EXPECTED = "TinyStories-train.txt, tinystories/train.npy or one other text file in UTF-8 (.txt)"
STREAM = "a 1-D uint8 array of ASCII codes"
PLACES = (".", "tinystories", "TinyStories")
SEPARATOR = re.compile(rb"\s*<\|endoftext\|>\s*")       # between stories in the text files; not in the byte streams
MOST = 20_000_000                                       # characters kept of a longer text
SHARES = (0.90, 0.05, 0.05)                             # training, choosing, reporting


@dataclass(frozen=True)
class Text:
    codes: np.ndarray            # (n,) uint8, places in the alphabet
    alphabet: str                # the characters that occur, sorted
    name: str
    files: dict                  # {file name: SHA-256}
    stand_in: bool

    def decode(self, codes):
        """The characters of codes (n,)."""
        return "".join(self.alphabet[c] for c in np.asarray(codes).ravel())


def load(data_dir=None, most=MOST):
    """The text in a folder, or without one the stand-in. Raises results.ResultsError, one line."""
    if data_dir is None:
        return stand_in()
    folder = files.require_folder(data_dir, EXPECTED)
    path = find(folder)
    content = read_stream(path, most) if path.suffix == ".npy" else read_text(path, most)
    return coded(content, path.stem, files.hashes([path]), False)


def find(folder):
    """The one file to read. Raises ResultsError where there is none, or several that are equally good."""
    below = PLACES[1:]
    streams = [[path] if (path := files.first(folder, places, [name])) else []
               for places in (below, PLACES[:1]) for name in ("train.npy", "test.npy")]
    stories = [files.matching(folder, PLACES, pattern)
               for pattern in ("TinyStories*train*.txt", "TinyStories*valid*.txt", "TinyStories*.txt")]
    others = [path for path in files.matching(folder, PLACES[:1], "*.txt")
              if not path.name.lower().startswith("readme")]
    for candidates in (*stories, *streams[:2], others, *streams[2:]):
        found = files.only(candidates, folder, EXPECTED)
        if found:
            return found
    raise files.fault(folder, "no text there", EXPECTED)


def read_text(path, most=MOST):
    """The ASCII characters of a text file in UTF-8, as bytes. Raises ResultsError, also where most would be lost."""
    content = files.read_bytes(path, "a text in UTF-8", most)
    whole = len(content) < most                         # a character that `most` cuts in two is no fault of the file
    try:
        characters = getincrementaldecoder("utf-8")().decode(content, final=whole)
    except UnicodeDecodeError as error:
        raise files.fault(path, f"not UTF-8 (byte {error.start:,} is 0x{content[error.start]:02x})",
                          "a text in UTF-8") from None
    ascii_only = characters.encode("ascii", "ignore")
    if len(ascii_only) < len(content) / 2:
        raise files.fault(path, f"{1 - len(ascii_only) / len(content):.0%} of it is not ASCII", "a text in ASCII")
    ascii_only = SEPARATOR.sub(b"", ascii_only.replace(b"\r\n", b"\n"))
    if not ascii_only.strip():
        raise files.fault(path, "only blanks", "a text in UTF-8")
    return ascii_only


def read_stream(path, most=MOST):
    """The first bytes of a byte stream as the released code stores it."""
    array = files.read_array(path, STREAM)
    if array.ndim != 1 or array.dtype != np.uint8:
        raise files.fault(path, f"an array of {array.dtype} of shape {array.shape}", STREAM)
    array = np.array(array[:most])
    if array.max() > 127:
        raise files.fault(path, f"a byte {array.max()} at {int(array.argmax()):,}", STREAM)
    return array.tobytes()


def stand_in():
    """The topics of Python's own help, which every Python has; another version of Python has another text."""
    from pydoc_data.topics import topics
    content = "\n".join(topics[name] for name in sorted(topics)).encode("ascii", "ignore")
    return coded(content, f"help topics of Python {platform.python_version()} (stand-in)", {}, True)


def coded(content, name, hashes, is_stand_in):
    """Text of ASCII bytes: each character becomes its place in the alphabet of those that occur."""
    found = np.frombuffer(content, dtype=np.uint8)
    occurs = np.flatnonzero(np.bincount(found, minlength=128))
    places = np.zeros(128, dtype=np.uint8)
    places[occurs] = np.arange(len(occurs))
    return Text(places[found], bytes(occurs.tolist()).decode("ascii"), name, hashes, is_stand_in)


# ---------------------------------------------------------------- windows

def split(codes, shares=SHARES):
    """Consecutive parts (views) of these shares: for training, for choosing, for reporting."""
    ends = np.rint(np.cumsum(shares) * len(codes)).astype(int)
    return np.split(codes, ends[:-1])


def windows(codes, length):
    """Consecutive windows x (n, T) and what follows each character, y (n, T); what is left over is dropped."""
    n = (len(codes) - 1) // length
    if n < 1:
        raise files.ResultsError(f"{len(codes):,} characters are too few for a window of {length:,}")
    wide = codes[:n * length + 1].astype(np.int32)
    return wide[:-1].reshape(n, length), wide[1:].reshape(n, length)


def batch(rng, codes, batch, length):
    """Windows at random places: x (B, T) and what follows each character, y (B, T)."""
    if len(codes) <= length:
        raise files.ResultsError(f"{len(codes):,} characters are too few for a window of {length:,}")
    starts = rng.integers(0, len(codes) - length, batch)
    wide = codes[starts[:, None] + np.arange(length + 1)].astype(np.int32)
    return wide[:, :-1], wide[:, 1:]
