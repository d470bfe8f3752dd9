"""Pictures as sequences of tokens, read line by line: MNIST and Sketchy of the user's, or drawn stand-ins.

    images = load(data_dir, "mnist")             pixels (N, 28, 28), bright ink on a dark ground
    x = tokens(images.pixels, 14, 4)             (N, 196) grey levels 0 .. 3 of 2 x 2 means
    x = patches(images.pixels)                   (N, 196) four black or white pixels a token, 0 .. 15 (as for Sketchy)
    train, choose, report = split(x)             8 : 1 : 1, consecutive

MNIST (LeCun, Cortes & Burges): IDX files, packed or not, under any of their usual names, in the folder itself or where
torchvision and others put them; or a byte stream as the released code writes it (mnist/train.npy). The 60,000 training
images if they are there, else the 10,000 of t10k. Sketchy (Sangkloy et al. 2016): 64 x 64, one array (N, 64, 64) in an
.npy or .npz file, one .npy a picture, or the published PNG files. How the paper turned Sketchy into black and white is
not known: here a mean below half becomes ink.
"""

import struct
from dataclasses import dataclass, replace
from math import isqrt

import numpy as np

from smt.data import files, stand_ins

MNIST = "MNIST's train-images-idx3-ubyte or t10k-images-idx3-ubyte (.gz or not)"
MNIST_PLACES = (".", "MNIST/raw", "mnist", "MNIST", "raw", "mnist/raw", "mnist/MNIST/raw", "MNIST/mnist")
PARTS = {"train": "the training images", "t10k": "the t10k images"}
MAGIC = {3: 0x00000803, 1: 0x00000801}          # IDX: two zero bytes, 8 = unsigned byte, number of axes
SIDE = {"mnist": 28, "sketchy": 64}
STAND_INS = {"mnist": "digits", "sketchy": "strokes"}
SKETCHY = "Sketchy as one .npy or .npz array (N, 64, 64) of uint8 or bool, one .npy a picture, or .png files"
SKETCHY_PLACES = ("sketchy", "Sketchy", ".")
MOST = 10_000                                    # pictures read of a folder with one file each
SHARES = (0.8, 0.1, 0.1)                         # training, choosing, reporting


@dataclass(frozen=True)
class Images:
    pixels: np.ndarray           # (N, H, W) uint8, 0 ground, 255 ink
    labels: np.ndarray           # (N,) uint8, or None
    name: str                    # which pictures these are
    files: dict                  # {file name: SHA-256}
    stand_in: bool


def load(data_dir, name, most=None):
    """Pictures by name: "mnist", "sketchy"; without a folder (None) their stand-ins "digits", "strokes".

    most     only the first so many (a stand-in draws only so many)
    raises   results.ResultsError, one line; ValueError for another name
    """
    if name in STAND_INS.values() or data_dir is None and name in STAND_INS:
        return drawn(STAND_INS.get(name, name), most or stand_ins.COUNT)
    if name not in SIDE:
        raise ValueError(f"{name!r}: expected one of mnist, sketchy, digits, strokes")
    images = mnist(data_dir) if name == "mnist" else sketchy(data_dir)
    labels = None if images.labels is None else images.labels[:most]
    return replace(images, pixels=images.pixels[:most], labels=labels)


def drawn(name, count):
    """The stand-in of that name."""
    pixels, labels = {"digits": stand_ins.digits, "strokes": stand_ins.strokes}[name](count)
    return Images(pixels, labels, f"{name} drawn here, {len(pixels):,} (stand-in)", {}, True)


# ---------------------------------------------------------------- MNIST

def mnist(data_dir):
    folder = files.require_folder(data_dir, MNIST)
    for part, which in PARTS.items():
        path = files.first(folder, MNIST_PLACES, idx_names(part, "images", 3))
        if path:
            return idx_pair(path, files.first(folder, MNIST_PLACES, idx_names(part, "labels", 1)), which)
    for stream in ("train.npy", "test.npy"):
        path = files.first(folder, MNIST_PLACES[1:] + (".",), [stream])
        if path:
            pixels = as_pictures(path, files.read_array(path, "MNIST as a stream of 28 x 28 bytes a picture"), "mnist")
            return Images(pixels, None, f"MNIST, {len(pixels):,} pictures of {stream}", files.hashes([path]), False)
    raise files.fault(folder, "no pictures of MNIST there", MNIST)


def idx_names(part, what, axes):
    """The usual names of one of MNIST's files."""
    stems = [f"{part}-{what}{dot}idx{axes}{dash}ubyte" for dot in "-." for dash in "-."] + [f"{part}-{what}"]
    return [stem + end for stem in stems for end in ("", ".gz", ".idx", ".ubyte")]


def idx_pair(path, labels_path, which):
    pixels, labels = read_idx(path, 3), None
    if pixels.shape[1:] != (28, 28):
        raise files.fault(path, f"pictures of {pixels.shape[1]} x {pixels.shape[2]}", "28 x 28")
    if labels_path:
        labels = read_idx(labels_path, 1)
        if len(labels) != len(pixels):
            raise files.fault(labels_path, f"{len(labels):,} labels", f"{len(pixels):,}, one a picture of {path.name}")
        if labels.max() > 9:
            raise files.fault(labels_path, f"a label {labels.max()}", "0 to 9")
    read = [path] + ([labels_path] if labels_path else [])
    return Images(pixels, labels, f"MNIST, {len(pixels):,} of {which}", files.hashes(read), False)


def read_idx(path, axes):
    """The array of an IDX file with so many axes. Raises ResultsError where header and bytes do not agree."""
    expected = f"an IDX file (first four bytes {MAGIC[axes]:#010x})"
    content = files.read_bytes(path, expected)
    header = 4 * (axes + 1)
    if len(content) < 4 or struct.unpack(">I", content[:4])[0] != MAGIC[axes]:
        raise files.fault(path, f"not an IDX file of {axes} axes (first bytes 0x{content[:4].hex()})", expected)
    if len(content) < header:
        raise files.fault(path, f"cut short in its header of {header} bytes", expected)
    shape = struct.unpack(f">{axes}I", content[4:header])
    count = int(np.prod([int(n) for n in shape], dtype=object))
    if count == 0 or len(content) - header != count:
        size = " x ".join(f"{n:,}" for n in shape)
        wrong = "truncated" if len(content) - header < count else "longer than its header says"
        wrong = wrong if count else "without content"
        raise files.fault(path, f"{wrong}: {len(content) - header:,} bytes after the header", f"{size} = {count:,}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


# ---------------------------------------------------------------- Sketchy

def sketchy(data_dir):
    folder = files.require_folder(data_dir, SKETCHY)
    arrays = files.matching(folder, SKETCHY_PLACES[:2], "*.np[yz]") or files.matching(folder, ["."], "*.np[yz]")
    named = [path for path in arrays if path.stem.lower() in ("train", "sketchy", "sketches")]
    if len(named) == 1:
        arrays = named
    if len(arrays) == 1:
        return sketches(arrays, as_pictures(arrays[0], files.read_array(arrays[0], SKETCHY), "sketchy"))
    if arrays:
        return sketches(*picture_files(arrays, lambda path: files.read_array(path, SKETCHY)))
    for place in SKETCHY_PLACES:
        pictures = sorted((folder / place).rglob("*.png"))
        if pictures:
            return sketches(*picture_files(pictures, read_png))
    raise files.fault(folder, "no sketches there", SKETCHY)


def sketches(paths, pixels):
    return Images(black_and_white(pixels), None, f"Sketchy, {len(pixels):,} pictures", files.hashes(paths), False)


def picture_files(paths, read):
    """(paths that were read, pixels (N, 64, 64)) of files with one picture each; of very many every n-th is read."""
    paths = paths[::max(1, -(-len(paths) // MOST))]
    return paths, np.stack([one_picture(path, read(path)) for path in paths])


def one_picture(path, array):
    if array.shape != (64, 64):
        raise files.fault(path, f"shape {array.shape}", "one picture of 64 x 64")
    return bright(array)


def read_png(path):
    """A PNG file of 64 x 64 pixels or a multiple, grey, as means over blocks (64, 64)."""
    from imageio.v3 import imread
    try:
        grey = np.asarray(imread(path))
    except (OSError, ValueError, SyntaxError) as error:
        raise files.fault(path, f"not a readable PNG file ({' '.join(str(error).split())[:80]})", SKETCHY) from None
    grey = grey[..., :3].mean(-1) if grey.ndim == 3 else grey
    if grey.ndim != 2 or grey.shape[0] != grey.shape[1] or grey.shape[0] % 64:
        raise files.fault(path, f"{' x '.join(map(str, grey.shape))} pixels", "64 x 64, or a multiple of it")
    return block_means(grey[None], 64)[0].astype(np.uint8)


def black_and_white(pixels):
    """Ink 255 on ground 0. Sketches are mostly ground, so the rarer side is the ink."""
    ink = pixels >= 128
    return np.where(ink ^ (ink.mean() > 0.5), 255, 0).astype(np.uint8)


def as_pictures(path, array, name):
    """(N, side, side) of an array of pictures, flat or not, or of a stream of their bytes."""
    side = SIDE[name]
    if array.ndim > 3 or array.ndim == 3 and array.shape[1:] != (side, side) or array.size % (side * side) \
            or array.ndim == 2 and array.shape[1] != side * side and array.shape != (side, side):
        raise files.fault(path, f"shape {array.shape}", f"(N, {side}, {side})")
    return bright(np.array(array).reshape(-1, side, side))


def bright(array):
    """0 and 255 where an array has only 0 and 1."""
    array = np.asarray(array, dtype=np.uint8)
    return array * np.uint8(255) if array.max() <= 1 else array


# ---------------------------------------------------------------- tokens

def split(array, shares=SHARES):
    """Consecutive parts (views) of these shares: for training, for choosing, for reporting."""
    ends = np.rint(np.cumsum(shares) * len(array)).astype(int)
    return np.split(array, ends[:-1])


def tokens(pixels, size=14, levels=4):
    """Grey levels of equal width 0 .. levels-1 of means over blocks: (N, size*size) int32, line by line.

    With size 28 and 256 levels MNIST's own pixels.
    """
    return (block_means(pixels, size) * levels // 256).reshape(len(pixels), -1).astype(np.int32)


def from_tokens(tokens, levels=4):
    """Pictures (N, size, size) uint8 of grey levels; the lowest is 0, the highest 255."""
    size = isqrt(tokens.shape[-1])
    return np.rint(tokens.reshape(-1, size, size) * (255 / (levels - 1))).astype(np.uint8)


def patches(pixels, size=None, threshold=128):
    """One token 0 .. 15 for 2 x 2 black or white pixels: (N, H W / 4) int32, line by line, 8 4 over 2 1.

    size    means over blocks first, so that a picture has size x size pixels
    """
    ink = (pixels if size is None else block_means(pixels, size)) >= threshold
    ink = ink.astype(np.int32)
    made = 8 * ink[:, ::2, ::2] + 4 * ink[:, ::2, 1::2] + 2 * ink[:, 1::2, ::2] + ink[:, 1::2, 1::2]
    return made.reshape(len(pixels), -1)


def from_patches(tokens):
    """Pictures (N, size, size) uint8, 0 or 255, of 2 x 2 patches."""
    size = isqrt(tokens.shape[-1])
    grid = tokens.reshape(-1, size, size)
    pixels = np.empty((len(grid), 2 * size, 2 * size), dtype=np.uint8)
    for bit, (row, column) in zip((8, 4, 2, 1), ((0, 0), (0, 1), (1, 0), (1, 1))):
        pixels[:, row::2, column::2] = np.where(grid & bit, 255, 0)
    return pixels


def block_means(pixels, size):
    """Means over square blocks, (N, size, size); `size` divides the pictures' side."""
    n, side = pixels.shape[:2]
    if side % size:
        raise ValueError(f"size {size}: a divisor of {side} is expected")
    block = side // size
    return pixels.reshape(n, size, block, size, block).mean((2, 4), dtype=np.float32)
