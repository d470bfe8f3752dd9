"""Files of the user's: found in the usual places, read whole, hashed; every fault is one line that names the file."""

import gzip
import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np

from common.files import shown
from common.results import ResultsError

CHUNK = 1 << 22                             # bytes read at a time
GZIP = b"\x1f\x8b"


def fault(path, wrong, expected):
    """The error of a file: its name, what is wrong with it, what is expected."""
    return ResultsError(f"{shown(path)}: {wrong}; expected {expected}")


def require_folder(data_dir, expected):
    """The folder as a Path. Raises ResultsError where there is none."""
    folder = Path(data_dir)
    if not folder.exists():
        raise fault(folder, "no such folder", expected)
    if not folder.is_dir():
        raise fault(folder, "a file, not a folder", f"a folder with {expected}")
    return folder


def first(folder, places, names):
    """The first file of one of these names in one of these subfolders ("." is the folder itself), or None.

    Some archives unpack a file into a folder of its own name; it is found there too.
    """
    for place in places:
        for name in names:
            for path in (folder / place / name, folder / place / name / name):
                if path.is_file():
                    return path
    return None


def matching(folder, places, pattern):
    """All files in these subfolders that match, sorted, each once."""
    found = {}
    for place in places:
        for path in sorted((folder / place).glob(pattern)):
            if path.is_file():                  # "mnist" and "MNIST" are one folder on some systems
                found.setdefault((path.stat().st_dev, path.stat().st_ino), path)
    return list(found.values())


def only(candidates, folder, expected):
    """The one candidate, or None if there is none. Raises ResultsError where there are several."""
    if len(candidates) > 1:
        names = ", ".join(path.name for path in candidates[:4]) + (", ..." if len(candidates) > 4 else "")
        raise fault(folder, f"{len(candidates)} candidates ({names})", f"one: {expected}")
    return candidates[0] if candidates else None


def sha256(path):
    """SHA-256 of a file as it is on disk, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def hashes(paths):
    """{file name: SHA-256}; of more than ten files one entry for all of them."""
    if len(paths) <= 10:
        return {path.name: sha256(path) for path in paths}
    together = hashlib.sha256("".join(sha256(path) for path in paths).encode("ascii"))
    return {f"{len(paths)} files {paths[0].name} to {paths[-1].name}": together.hexdigest()}


def read_bytes(path, expected, most=None):
    """The content, unpacked if it is gzip (by its first bytes, whatever its name), at most the first `most` bytes.

    Raises ResultsError for an empty file and for a gzip file that is cut short or fails its checksum.
    """
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP
    try:
        with (gzip.open if packed else open)(path, "rb") as file:
            content = file.read(-1 if most is None else most)
    except EOFError:
        raise fault(path, "gzip file cut short", expected) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise fault(path, f"damaged gzip file ({error})", expected) from None
    if not content:
        raise fault(path, "empty", expected)
    return content


def read_array(path, expected):
    """The array of an .npy file (mapped, not copied) or the only array of an .npz file; uint8 or bool, never unpickled.

    Raises ResultsError for damaged files, several arrays and other types.
    """
    try:
        array = _load(path)
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        text = " ".join(str(error).split())
        wrong = f"truncated or damaged ({text[:90]})"
        if "pickle" in text or "object" in text.lower():
            wrong = "holds pickled Python objects, which are never read"
        raise fault(path, wrong, expected) from None
    if isinstance(array, list):
        raise fault(path, f"{len(array)} arrays ({', '.join(array[:4])})", f"one array: {expected}")
    if array.dtype not in (np.uint8, np.bool_):
        raise fault(path, f"an array of {array.dtype}", expected)
    if array.size == 0:
        raise fault(path, "an empty array", expected)
    return array


def _load(path):
    """The array, or the list of the names where a file has several or none."""
    if path.suffix == ".npy":
        return np.lib.format.open_memmap(path, mode="r")
    with np.load(path, allow_pickle=False) as file:
        return file[file.files[0]] if len(file.files) == 1 else file.files
