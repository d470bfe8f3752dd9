"""Natural data: good files are read exactly, damaged ones end in one line that names them. No real data is used."""

import gzip
import hashlib
import re
import struct

import numpy as np
import pytest

from common.results import ResultsError
from smt.data import files, images, stand_ins, text

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 28, 28), dtype=np.uint8)
LABELS = (np.arange(12) % 10).astype(np.uint8)
SKETCHES = np.where(RNG.random((6, 64, 64)) < 0.1, 0, 255).astype(np.uint8)         # black ink on white paper
IMAGES = "t10k-images-idx3-ubyte"
STORY = "Once upon a time there was a tiny story.\n"


def idx(array):
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def refusal(function, *arguments):
    """The message of the ResultsError that the call must end in: one line."""
    with pytest.raises(ResultsError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 400
    return message


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)
    return path


# ---------------------------------------------------------------- MNIST

@pytest.mark.parametrize("place", ["", "MNIST/raw", "mnist", "MNIST", "raw", "mnist/MNIST/raw"])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images.idx3-ubyte", "train-images-idx3-ubyte.gz",
                                  "train-images.idx3-ubyte.gz", "train-images-idx3-ubyte/train-images-idx3-ubyte"])
def test_mnist_is_found_under_its_usual_names_and_places(tmp_path, place, name):
    content = idx(PIXELS)
    path = write(tmp_path / place / name, gzip.compress(content) if name.endswith(".gz") else content)
    found = images.load(tmp_path, "mnist")
    assert np.array_equal(found.pixels, PIXELS) and found.labels is None and not found.stand_in
    assert found.files == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}


def test_the_training_images_come_before_the_t10k_images_and_the_name_says_which(tmp_path):
    write(tmp_path / IMAGES, idx(PIXELS[:5]))
    assert images.load(tmp_path, "mnist").name == "MNIST, 5 of the t10k images"
    write(tmp_path / "train-images-idx3-ubyte.gz", gzip.compress(idx(PIXELS)))
    assert images.load(tmp_path, "mnist").name == "MNIST, 12 of the training images"


def test_labels_are_those_of_the_pictures(tmp_path):
    write(tmp_path / IMAGES, idx(PIXELS))
    write(tmp_path / "t10k-labels-idx1-ubyte.gz", gzip.compress(idx(LABELS)))
    write(tmp_path / "train-labels-idx1-ubyte", idx(LABELS[:3]))                    # of pictures that are not there
    found = images.load(tmp_path, "mnist")
    assert np.array_equal(found.labels, LABELS) and len(found.files) == 2
    few = images.load(tmp_path, "mnist", most=4)
    assert np.array_equal(few.pixels, PIXELS[:4]) and np.array_equal(few.labels, LABELS[:4])


def test_a_file_is_unpacked_by_its_first_bytes_not_by_its_name(tmp_path):
    write(tmp_path / IMAGES, gzip.compress(idx(PIXELS)))
    assert np.array_equal(images.load(tmp_path, "mnist").pixels, PIXELS)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("content, wrong", [
    (b"", "empty"),
    (b"<!DOCTYPE html><title>404</title>", "not an IDX file"),
    (idx(LABELS), "not an IDX file of 3 axes"),
    (b"\x00\x00", "not an IDX file"),
    (idx(PIXELS)[:9], "cut short in its header"),
    (idx(PIXELS)[:-1], r"truncated: 9,407 bytes after the header; expected 12 x 28 x 28 = 9,408"),
    (idx(PIXELS) + b"\x00", "longer than its header says"),
    (idx(PIXELS[:0]), "without content"),
    (struct.pack(">4I", 0x803, 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"\x00", "truncated"),
    (idx(PIXELS[:, :27]), "pictures of 27 x 28; expected 28 x 28"),
    (idx(PIXELS.astype(">f4").view(np.uint8)), "pictures of 28 x 112"),
])
def test_a_damaged_idx_file_is_named_with_its_fault(tmp_path, packed, content, wrong):
    write(tmp_path / IMAGES, gzip.compress(content) if packed else content)
    message = refusal(images.load, tmp_path, "mnist")
    assert IMAGES in message and re.search(wrong, message) and "; expected " in message


@pytest.mark.parametrize("damage, wrong", [(lambda b: b[:-20], "cut short|truncated"), (lambda b: b[:12], "cut short"),
                                           (lambda b: b[:-8] + b"\x00" * 8, "damaged gzip file"),
                                           (lambda b: b[:2] + b"\xff" * (len(b) - 2), "damaged gzip file"),
                                           (lambda b: b[:60] + b"\xff" * 60 + b[120:], "damaged gzip file|truncated")])
def test_a_damaged_gzip_file_is_named_with_its_fault(tmp_path, damage, wrong):
    write(tmp_path / f"{IMAGES}.gz", damage(gzip.compress(idx(PIXELS))))
    message = refusal(images.load, tmp_path, "mnist")
    assert f"{IMAGES}.gz" in message and re.search(wrong, message)


@pytest.mark.parametrize("labels, wrong", [(LABELS[:11], "11 labels; expected 12"), (LABELS + 1, "a label 10")])
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, wrong):
    write(tmp_path / IMAGES, idx(PIXELS))
    write(tmp_path / "t10k-labels-idx1-ubyte", idx(labels))
    message = refusal(images.load, tmp_path, "mnist")
    assert "t10k-labels" in message and wrong in message


def test_mnist_as_a_stream_of_bytes_is_what_the_released_code_writes(tmp_path):
    save(tmp_path / "mnist" / "train.npy", PIXELS.ravel())
    assert np.array_equal(images.load(tmp_path, "mnist").pixels, PIXELS)
    save(tmp_path / "mnist" / "train.npy", PIXELS.ravel()[:-1])
    assert "shape (9407,); expected (N, 28, 28)" in refusal(images.load, tmp_path, "mnist")


@pytest.mark.parametrize("name", ["mnist", "sketchy"])
def test_a_missing_folder_a_file_and_an_empty_folder_are_named(tmp_path, name):
    assert "no such folder" in refusal(images.load, tmp_path / "absent", name)
    assert "a file, not a folder" in refusal(images.load, write(tmp_path / "x", b"1"), name)
    assert str(tmp_path) in refusal(images.load, tmp_path, name)


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="'cifar'"):
        images.load(None, "cifar")


# ---------------------------------------------------------------- Sketchy

def ink():
    return np.where(SKETCHES < 128, 255, 0)


def test_sketchy_is_one_array_or_one_file_a_picture_and_ink_becomes_bright(tmp_path):
    save(tmp_path / "one" / "sketchy.npy", SKETCHES)
    (tmp_path / "packed").mkdir()
    np.savez_compressed(tmp_path / "packed" / "sketches.npz", pictures=SKETCHES // 255)
    for n, picture in enumerate(SKETCHES):
        save(tmp_path / "many" / "sketchy" / f"{n}.npy", picture == 255)
    for folder in ("one", "packed", "many"):
        found = images.load(tmp_path / folder, "sketchy")
        assert np.array_equal(found.pixels, ink()) and found.pixels.dtype == np.uint8, folder


def test_the_published_png_files_are_reduced_to_64_pixels(tmp_path):
    from imageio.v3 import imwrite
    for n, picture in enumerate(SKETCHES):
        path = tmp_path / "sketch" / "airplane" / f"n{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        imwrite(path, np.repeat(np.kron(picture, np.ones((4, 4), np.uint8))[..., None], 3, -1))
    assert np.array_equal(images.load(tmp_path, "sketchy").pixels, ink())
    imwrite(path, np.zeros((100, 100), np.uint8))
    assert "100 x 100 pixels; expected 64 x 64" in refusal(images.load, tmp_path, "sketchy")
    write(path, b"\x89PNG\r\n\x1a\n cut")
    assert "not a readable PNG file" in refusal(images.load, tmp_path, "sketchy")


def test_of_more_files_than_are_read_every_nth_is(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST", 3)
    for n, picture in enumerate(SKETCHES):
        save(tmp_path / f"{n}.npy", picture)
    found = images.load(tmp_path, "sketchy")
    assert np.array_equal(found.pixels, ink()[::2]) and list(found.files) == ["0.npy", "2.npy", "4.npy"]


@pytest.mark.parametrize("array, wrong", [(SKETCHES[:, :63], r"shape \(6, 63, 64\)"), (SKETCHES / 255, "float64"),
                                          (SKETCHES[:0], "an empty array"), (SKETCHES.astype(int), "int64"),
                                          (SKETCHES[None], r"shape \(1, 6, 64, 64\)"),
                                          (SKETCHES.reshape(6, 32, 128), r"shape \(6, 32, 128\)")])
def test_sketches_of_another_shape_or_type_are_refused(tmp_path, array, wrong):
    save(tmp_path / "sketchy.npy", array)
    message = refusal(images.load, tmp_path, "sketchy")
    assert "sketchy.npy" in message and re.search(wrong, message) and "64" in message


class Trap:
    """Unpickling it runs code."""
    sprung = []

    def __reduce__(self):
        return spring, ()


def spring():
    Trap.sprung.append(True)


def test_pickled_and_damaged_arrays_are_refused(tmp_path):
    path = tmp_path / "sketchy.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "pickled Python objects, which are never read" in refusal(images.load, tmp_path, "sketchy")
    save(path, SKETCHES)
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:40], whole[:5], b"", b"text"):
        write(path, content)
        assert "sketchy.npy: truncated or damaged" in refusal(images.load, tmp_path, "sketchy")
    path.unlink()
    np.savez(tmp_path / "sketchy.npz", a=np.array([Trap()], dtype=object))
    assert "pickled Python objects" in refusal(images.load, tmp_path, "sketchy") and not Trap.sprung
    np.savez(tmp_path / "sketchy.npz", a=SKETCHES, b=SKETCHES)
    assert "2 arrays (a, b); expected one array" in refusal(images.load, tmp_path, "sketchy")
    write(tmp_path / "sketchy.npz", (tmp_path / "sketchy.npz").read_bytes()[:-30])
    assert "truncated or damaged" in refusal(images.load, tmp_path, "sketchy")


# ---------------------------------------------------------------- tokens

def test_grey_levels_are_block_means_in_classes_of_equal_width():
    found = images.tokens(PIXELS, 14, 4)
    assert found.shape == (12, 196) and found.min() == 0 and found.max() == 3
    block = PIXELS[3, 4:6, 10:12].astype(int)
    assert found[3, 2 * 14 + 5] == block.sum() * 4 // (4 * 256)
    assert np.array_equal(images.tokens(PIXELS, 28, 256), PIXELS.reshape(12, -1))
    assert np.array_equal(images.tokens(np.full((1, 28, 28), 255, np.uint8), 14, 4), np.full((1, 196), 3))
    with pytest.raises(ValueError, match="a divisor of 28"):
        images.tokens(PIXELS, 13)


def test_grey_levels_come_back_as_pictures():
    levels = images.tokens(PIXELS, 14, 4)
    pictures = images.from_tokens(levels, 4)
    assert pictures.shape == (12, 14, 14) and set(np.unique(pictures)) == {0, 85, 170, 255}
    assert np.array_equal(images.tokens(pictures, 14, 4), levels)


def test_a_patch_is_four_pixels_as_the_bits_of_one_token():
    picture = np.zeros((1, 64, 64), np.uint8)
    picture[0, 0, 2], picture[0, 3, 1], picture[0, 62:, 62:] = 255, 128, 255
    found = images.patches(picture)[0]
    assert found.shape == (1024,) and found[1] == 8 and found[32] == 1 and found[-1] == 15 and found.sum() == 24


def test_patches_come_back_as_pictures():
    assert np.array_equal(images.from_patches(images.patches(ink().astype(np.uint8))), ink())
    assert images.patches(PIXELS).shape == (12, 196) and images.patches(PIXELS, size=14).shape == (12, 49)


def test_pictures_are_split_into_consecutive_parts():
    parts = images.split(np.arange(10_000))
    assert [(p[0], p[-1]) for p in parts] == [(0, 7999), (8000, 8999), (9000, 9999)]


# ---------------------------------------------------------------- stand-ins

def test_stand_ins_say_so_and_are_the_same_every_time():
    for name, drawn in (("mnist", "digits"), ("sketchy", "strokes")):
        first, again, direct = (images.load(None, n, most=60) for n in (name, name, drawn))
        assert first.stand_in and "stand-in" in first.name and first.files == {}
        assert np.array_equal(first.pixels, again.pixels) and np.array_equal(first.pixels, direct.pixels)
        assert first.pixels.dtype == np.uint8 and 0.03 < (first.pixels > 127).mean() < 0.3


def test_the_style_of_the_figures_does_not_change_the_drawn_digits(recwarn):
    from matplotlib import rc_context
    with rc_context({"figure.constrained_layout.use": True, "axes.grid": True, "lines.linewidth": 9}):
        styled = stand_ins.glyphs()
    with rc_context({"figure.constrained_layout.use": False, "axes.grid": False}):
        assert np.array_equal(stand_ins.glyphs(), styled)
    assert not recwarn.list


def test_drawn_digits_differ_and_a_nearest_neighbour_reads_them():
    pixels, labels = stand_ins.digits(600)
    x = pixels.reshape(600, -1).astype(np.float32)
    distance = (x * x).sum(1)[:, None] + (x * x).sum(1) - 2 * x @ x.T
    np.fill_diagonal(distance, np.inf)
    assert (labels[distance.argmin(1)] == labels).mean() > 0.8 and (distance.min(1) > 0).all()
    assert set(labels) == set(range(10))


# ---------------------------------------------------------------- text

@pytest.mark.parametrize("name", ["TinyStories-train.txt", "TinyStoriesV2-GPT4-train.txt", "tinystories/train.npy",
                                  "tinystories/TinyStories-valid.txt", "tinyshakespeare.txt", "train.npy", "a.txt.gz"])
def test_a_text_is_found_under_its_usual_names(tmp_path, name):
    if name == "a.txt.gz":
        write(tmp_path / "a.txt", gzip.compress(STORY.encode()))
    elif name.endswith(".npy"):
        save(tmp_path / name, np.frombuffer(STORY.encode(), np.uint8))
    else:
        write(tmp_path / name, STORY.encode())
    write(tmp_path / "README.txt", b"what is here")
    found = text.load(tmp_path)
    assert found.decode(found.codes) == STORY and found.codes.dtype == np.uint8 and not found.stand_in
    assert found.alphabet == "".join(sorted(set(STORY))) and len(found.files) == 1


def test_tinystories_comes_before_other_texts_and_training_before_validation(tmp_path):
    write(tmp_path / "TinyStories-valid.txt", b"valid")
    write(tmp_path / "notes.txt", b"notes")
    assert text.load(tmp_path).name == "TinyStories-valid"
    write(tmp_path / "TinyStories-train.txt", b"train")
    assert text.load(tmp_path).name == "TinyStories-train"


def test_stories_are_joined_and_other_characters_dropped_as_in_the_released_code(tmp_path):
    write(tmp_path / "TinyStories-train.txt", "One.\r\n<|endoftext|>\r\n\r\nTwo \u201cquoted\u201d.".encode())
    found = text.load(tmp_path)
    assert found.decode(found.codes) == "One.Two quoted."


def test_of_a_long_text_the_beginning_is_read(tmp_path):
    path = write(tmp_path / "long.txt", "abé".encode() * 100)
    found = text.load(tmp_path, most=11)                               # the 11th byte is the first half of an é
    assert found.decode(found.codes) == "ababab" and found.files["long.txt"] == files.sha256(path)
    save(tmp_path / "tinystories" / "train.npy", np.frombuffer(b"abcdef", np.uint8))
    assert len(text.load(tmp_path, most=3).codes) == 3


@pytest.mark.parametrize("content, wrong", [
    (b"", "empty"), (b" \n\n ", "only blanks"), (b"abc\xff\xfeabc", "not UTF-8 .byte 3 is 0xff"),
    (b"abc\xc3", "not UTF-8"), ("Привет".encode(), "100% of it is not ASCII"),
    (gzip.compress(STORY.encode())[:-9], "cut short"), ("text".encode("utf-16"), "not UTF-8")])
def test_a_damaged_text_is_named_with_its_fault(tmp_path, content, wrong):
    write(tmp_path / "a.txt", content)
    message = refusal(text.load, tmp_path)
    assert "a.txt" in message and re.search(wrong, message) and "; expected " in message


@pytest.mark.parametrize("array, wrong", [
    (np.arange(9), "int64"), (np.zeros((3, 4), np.uint8), r"shape \(3, 4\)"), (np.zeros(0, np.uint8), "empty"),
    (np.array([65, 200], np.uint8), "a byte 200 at 1"), (np.zeros(9, bool), "bool"),
    (np.array(["a"], dtype=object), "pickled")])
def test_a_byte_stream_of_another_kind_is_refused(tmp_path, array, wrong):
    save(tmp_path / "tinystories" / "train.npy", array)
    message = refusal(text.load, tmp_path)
    assert "train.npy" in message and re.search(wrong, message) and "a 1-D uint8 array of ASCII codes" in message


def test_several_candidates_a_missing_folder_and_no_text_are_named(tmp_path):
    assert "no such folder" in refusal(text.load, tmp_path / "absent")
    assert "no text there" in refusal(text.load, tmp_path)
    write(tmp_path / "b.txt", b"b")
    write(tmp_path / "a.txt", b"a")
    assert "2 candidates (a.txt, b.txt)" in refusal(text.load, tmp_path)


def test_without_a_folder_the_text_is_a_stand_in():
    found = text.load()
    assert found.stand_in and "stand-in" in found.name and found.files == {} and len(found.codes) > 100_000
    assert found.codes.max() == len(found.alphabet) - 1 and found.alphabet.isascii()


def test_windows_are_consecutive_and_each_target_is_the_next_character():
    train, choose, report = text.split(np.arange(200, dtype=np.uint8))
    assert (len(train), len(choose), len(report)) == (180, 10, 10) and report[0] == 190
    x, y = text.windows(train, 32)
    assert x.shape == y.shape == (5, 32) and np.array_equal(y, x + 1) and np.array_equal(x.ravel(), np.arange(160))
    x, y = text.batch(np.random.default_rng(0), report, 200, 9)
    assert x.shape == (200, 9) and np.array_equal(y, x + 1) and x.min() == 190 and y.max() == 199
    assert "too few" in refusal(text.windows, report, 10) and "too few" in refusal(text.batch, RNG, report, 1, 10)
