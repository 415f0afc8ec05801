"""The IDX reader: real files are read, and each kind of wrong file is named, with what was expected and what was found."""

import gzip
import os
import struct
import tracemalloc

import numpy as np
import pytest

import reftorch
from reftorch.data import idx, load_idx, read_idx
from reftorch.serialize import FileError

rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (12, 6, 5), dtype=np.uint8)
LABELS = rng.integers(0, 10, 12, dtype=np.uint8)


def encode(array, magic=None):
    """An array of bytes in the IDX format."""
    header = struct.pack(f">{1 + array.ndim}I", magic or 0x0800 + array.ndim, *array.shape)
    return header + array.tobytes()


def write(folder, train=(IMAGES, LABELS), test=(IMAGES[:4], LABELS[:4]), dot="-", end=""):
    """The four files of a small MNIST."""
    for part, (images, labels) in (("train", train), ("t10k", test)):
        for name, array in ((f"images{dot}idx3", images), (f"labels{dot}idx1", labels)):
            data = encode(array)
            path = folder / f"{part}-{name}-ubyte{end}"
            path.write_bytes(gzip.compress(data) if end else data)
    return folder


def refused(path, kind, *words):
    """The message of the error, which names the file and contains `words`."""
    with pytest.raises(FileError) as caught:
        read_idx(path, kind)
    message = str(caught.value)
    for word in (str(path), "expected", "found", *words):
        assert word in message, message
    return message


# ------------------------------------------------------------------------------------------------- good files
@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_four_files_under_each_of_their_names(tmp_path, dot, end):
    (images, labels), (test_images, test_labels) = load_idx(write(tmp_path, dot=dot, end=end))
    assert images.shape == (12, 1, 6, 5) and images.dtype == reftorch.float32
    assert np.array_equal(images.numpy()[:, 0], IMAGES.astype(np.float32) / 255)
    assert labels.dtype == reftorch.int64 and labels.tolist() == LABELS.tolist()
    assert test_images.shape == (4, 1, 6, 5) and test_labels.tolist() == LABELS[:4].tolist()


def test_the_content_tells_compressed_from_plain(tmp_path):
    swapped = tmp_path / "train-images-idx3-ubyte.gz"  # a browser may unpack and keep the name
    swapped.write_bytes(encode(IMAGES))
    assert np.array_equal(read_idx(swapped, "images"), IMAGES)
    swapped = tmp_path / "train-labels-idx1-ubyte"
    swapped.write_bytes(gzip.compress(encode(LABELS)))
    assert np.array_equal(read_idx(swapped, "labels"), LABELS)


def test_more_than_one_chunk(tmp_path):
    images = rng.integers(0, 256, (50, 200, 211), dtype=np.uint8)  # 2.1 million bytes
    for name, data in (("plain", encode(images)), ("zipped", gzip.compress(encode(images), 1))):
        (tmp_path / name).write_bytes(data)
        assert np.array_equal(read_idx(tmp_path / name, "images"), images)


# -------------------------------------------------------------------------------------------------- bad files
@pytest.mark.parametrize("cut", [1, 3, 4, 10, 15])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_header_cut_short(tmp_path, cut, pack):
    path = tmp_path / "images"
    path.write_bytes(pack(encode(IMAGES)[:cut]))
    refused(path, "images", "header of 16 bytes", f"file of {cut} ")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("kind, array", [("images", IMAGES), ("labels", LABELS)])
def test_too_short_or_too_long(tmp_path, kind, array, pack):
    path, whole = tmp_path / "file", encode(array)
    size = f"{array.size:,} bytes of {kind}"
    path.write_bytes(pack(whole[:-1]))
    refused(path, kind, size, f"found {array.size - 1:,}", "cut short")
    path.write_bytes(pack(whole[: len(whole) - array.size]))
    refused(path, kind, size, "found 0", "cut short")
    path.write_bytes(pack(whole + b"\0"))
    refused(path, kind, size, "appended")


def test_swapped_files(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(encode(LABELS))
    refused(path, "images", "images (magic number 2051)", "found labels (2049)", "swapped")
    path.write_bytes(encode(IMAGES))
    refused(path, "labels", "labels (magic number 2049)", "found images (2051)", "swapped")


@pytest.mark.parametrize("code, name", sorted(idx.TYPES.items()))
def test_wrong_type_or_dimensions(tmp_path, code, name):
    path = tmp_path / "file"
    path.write_bytes(encode(IMAGES, magic=code << 8 | 4))
    refused(path, "images", "magic number 2051", f"4 dimensions of {name}")


@pytest.mark.parametrize(
    "data, words",
    [
        (b"<!DOCTYPE html><html><body>404 not found</body></html>", "web page"),
        (b"\n\n <html>nothing here, sorry</html>", "web page"),
        (b'{"error": "rate limit"}', "web page"),
        (b"PK\x03\x04" + bytes(40), "not an IDX file"),
        (b"\x03\x08\x00\x00" + bytes(40), "not an IDX file"),  # little-endian
        (bytes(40), "found 0 "),
        (b"\x00\x00\x07\x03" + bytes(40), "found 1795"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_another_format(tmp_path, data, words, pack):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(pack(data))
    refused(path, "images", "magic number 2051", words)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("shape", [(0, 28, 28), (5, 0, 28), (5, 28, 0)])
def test_nothing_in_it(tmp_path, shape, pack):
    path = tmp_path / "file"
    path.write_bytes(pack(encode(np.zeros(shape, np.uint8))))
    refused(path, "images", "at least one", " x ".join(map(str, shape)))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (2**20, 2**10, 1), (1_000_000, 32, 32)])
def test_sizes_are_not_believed(tmp_path, shape, pack):
    """A header of 16 bytes that claims 10**28, or just 2**30, must not make anybody reserve memory."""
    path = tmp_path / "file"
    path.write_bytes(pack(struct.pack(">4I", 2051, *shape) + bytes(100)))
    tracemalloc.start()
    message = refused(path, "images", " x ".join(map(str, shape)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ("at most" in message) == (np.prod(shape, dtype=object) > 2**30)
    assert peak < 20 * 2**20


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(encode(IMAGES) + bytes(2**27), 1))
    tracemalloc.start()
    refused(path, "images", "360 bytes", "more", "appended")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22


def test_damaged_gzip(tmp_path):
    path, whole = tmp_path / "train-images-idx3-ubyte.gz", gzip.compress(encode(IMAGES))
    for cut in (2, 9, 12, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        path.write_bytes(whole[:cut])
        refused(path, "images", "gzip", "cut short")
    wrong_sum = bytearray(whole)
    wrong_sum[-5] ^= 1
    path.write_bytes(wrong_sum)
    refused(path, "images", "damaged gzip data", "CRC")
    path.write_bytes(whole[:10] + b"\xff" * 50)
    refused(path, "images", "damaged gzip data")
    path.write_bytes(whole + b"garbage")
    refused(path, "images", "damaged gzip data")


def test_a_flipped_bit_never_gives_other_numbers(tmp_path):
    """A few bits of gzip mean nothing (flags, padding); with any other, the sum at the end does not fit."""
    whole, path, refusals = gzip.compress(encode(IMAGES // 16)), tmp_path / "file", 0
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            assert np.array_equal(read_idx(path, "images"), IMAGES // 16)
        except FileError as error:
            assert str(path) in str(error)
            refusals += 1
    assert refusals > 7.5 * len(whole)


def test_missing_empty_folder_or_pipe(tmp_path):
    refused(tmp_path / "nowhere", "images", "found nothing")
    (tmp_path / "empty").touch()
    refused(tmp_path / "empty", "images", "an empty file")
    refused(tmp_path, "images", "a folder")
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    refused(tmp_path / "pipe", "images", "a pipe")


# ------------------------------------------------------------------------------------- files that do not fit together
def misfit(folder, name, *words):
    with pytest.raises(FileError) as caught:
        load_idx(folder)
    message = str(caught.value)
    for word in (str(folder / name), "expected", "found", *words):
        assert word in message, message


def test_counts_differ(tmp_path):
    write(tmp_path, train=(IMAGES, LABELS[:-2]))
    misfit(tmp_path, "train-labels-idx1-ubyte", "12 labels", "found 10", "train-images-idx3-ubyte")
    write(tmp_path, test=(IMAGES[:3], LABELS[:4]))
    misfit(tmp_path, "t10k-labels-idx1-ubyte", "3 labels", "found 4")


def test_label_out_of_range(tmp_path):
    labels = LABELS.copy()
    labels[7] = 10
    write(tmp_path, train=(IMAGES, labels))
    misfit(tmp_path, "train-labels-idx1-ubyte", "0 to 9", "found 10 as label number 7")


def test_sizes_differ(tmp_path):
    write(tmp_path, test=(IMAGES[:4, :, :-1], LABELS[:4]))
    misfit(tmp_path, "t10k-images-idx3-ubyte", "6 x 5", "found 6 x 4")


@pytest.mark.parametrize("name", ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"])
def test_each_missing_file_is_named(tmp_path, name):
    write(tmp_path)
    (tmp_path / f"{name}-ubyte").unlink()
    misfit(tmp_path, f"{name}-ubyte", "no such file", ".gz")


def test_files_in_a_folder_below_are_pointed_at(tmp_path):
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    write(raw)
    misfit(tmp_path, "train-images-idx3-ubyte", f"there is one in {raw}")


def test_no_folder(tmp_path):
    misfit(tmp_path / "nowhere", "", "found nothing")
    (tmp_path / "file").touch()
    misfit(tmp_path / "file", "", "found a file")
