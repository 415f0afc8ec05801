"""MNIST and Fashion-MNIST as they are published: four files in the IDX format, plain or compressed with gzip.

An IDX file is a magic number (two zero bytes, a byte for the type of the elements, a byte for the number of dimensions), the
size of each dimension (32 bits, big-endian), and the elements. MNIST's images are of type 8, unsigned bytes, in three
dimensions: 0x00000803 = 2051; its labels in one: 2049.

Files come from elsewhere, so nothing in them is believed: a size is compared with the bytes that are there before memory
is asked for, and each error says which file, what was expected and what was found.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from reftorch.data.digits import as_tensors
from reftorch.serialize import FileError, check_regular
from reftorch.tensor import Tensor

MAGIC = {"images": 0x0803, "labels": 0x0801}
TYPES = {
    0x08: "unsigned bytes",
    0x09: "signed bytes",
    0x0B: "16-bit integers",
    0x0C: "32-bit integers",
}
TYPES |= {0x0D: "32-bit floats", 0x0E: "64-bit floats"}
LIMIT = 2**30  # bytes; MNIST's 60,000 images are 47 million
CLASSES = 10
WHITE = 255


def load_idx(folder: str | Path) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The training images and labels, and the test images and labels, from the four files of MNIST in `folder`.

    Images are float32 (N, 1, H, W) from 0 to 1, labels int64 (N,) from 0 to 9.

    Raises:
        FileError: a file is missing, damaged, of another kind, or does not belong to the others.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise FileError(folder, "a folder with the four files of MNIST or Fashion-MNIST", found)
    paths = {(part, kind): find_idx(folder, part, kind) for part in ("train", "t10k") for kind in MAGIC}
    arrays = {key: read_idx(path, key[1]) for key, path in paths.items()}
    for part in ("train", "t10k"):
        images, labels = arrays[part, "images"], arrays[part, "labels"]
        path = paths[part, "labels"]
        if len(images) != len(labels):
            expected = f"{len(images)} labels, one for each image in {paths[part, 'images'].name}"
            raise FileError(path, expected, f"{len(labels)}")
        if labels.max() >= CLASSES:
            first = int(np.argmax(labels >= CLASSES))
            expected = f"labels from 0 to {CLASSES - 1}"
            raise FileError(path, expected, f"{labels[first]} as label number {first}")
    train, test = (arrays[part, "images"].shape[1:] for part in ("train", "t10k"))
    if train != test:
        expected = f"images of {size(train)} as in {paths['train', 'images'].name}"
        raise FileError(paths["t10k", "images"], expected, size(test))
    return (
        as_tensors(arrays["train", "images"], arrays["train", "labels"], WHITE),
        as_tensors(arrays["t10k", "images"], arrays["t10k", "labels"], WHITE),
    )


def find_idx(folder: Path, part: str, kind: str) -> Path:
    """The file of `part` ("train" or "t10k") and `kind` ("images" or "labels"), under any of the names it goes by.

    Raises:
        FileError: there is none.
    """
    dimensions = MAGIC[kind] & 0xFF
    stems = [f"{part}-{kind}{dot}idx{dimensions}-ubyte" for dot in "-."]
    for name in [*stems, *(f"{stem}.gz" for stem in stems)]:
        if (folder / name).exists():
            return folder / name
    below = sorted(folder.glob(f"*/{part}-{kind}?idx*")) + sorted(folder.glob(f"*/raw/{part}-{kind}?idx*"))
    hint = f"there is one in {below[0].parent}" if below else "a name with .gz or with . for the second - would do too"
    raise FileError(folder / stems[0], f"{part} {kind} in the IDX format", "no such file", hint)


def read_idx(path: str | Path, kind: str) -> np.ndarray:
    """The unsigned bytes of an IDX file: (N, H, W) where `kind` is "images", (N,) where it is "labels".

    The first bytes, not the name, tell whether the file is compressed.

    Raises:
        FileError: the file is missing, empty, cut short, longer than it says, damaged, or something else.
    """
    path = Path(path)
    expected = f"an IDX file of {kind}"
    stored = check_regular(path, expected).st_size
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if zipped:
                with gzip.GzipFile(fileobj=file) as unzipped:
                    return _read(path, cast(BinaryIO, unzipped), kind, None)
            return _read(path, file, kind, stored)
    except EOFError:
        raise FileError(path, expected, "gzip data that is cut short", "download it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FileError(path, expected, f"damaged gzip data: {error}", "download it again") from None
    except OSError as error:
        raise FileError(path, expected, f"{error.strerror or error}".lower()) from None


def _read(path: Path, file: BinaryIO, kind: str, stored: int | None) -> np.ndarray:
    """The array of an opened file of `stored` bytes, None if only reading to its end can tell."""
    shape = _read_shape(path, file, kind)
    count = math.prod(shape)
    if count == 0:
        raise FileError(path, f"at least one of its {kind}", f"sizes {size(shape)}")
    if count > LIMIT:
        raise FileError(path, f"at most {LIMIT:,} bytes of {kind}", f"sizes {size(shape)}: {count:,} bytes")
    expected = f"{size(shape)} = {count:,} bytes of {kind} after the header, as it says"
    if stored is not None and stored - file.tell() != count:
        raise FileError(path, expected, f"{stored - file.tell():,}", _length_hint(stored - file.tell(), count))
    data = bytearray()  # grows with what is there, whatever the header claims
    while chunk := file.read(min(2**20, count + 1 - len(data))):
        data += chunk
    if len(data) != count:
        found = f"{len(data):,}" if len(data) < count else "more"
        raise FileError(path, expected, found, _length_hint(len(data), count))
    return np.frombuffer(data, np.uint8).reshape(shape)


def _read_shape(path: Path, file: BinaryIO, kind: str) -> tuple[int, ...]:
    """The sizes of the dimensions, out of a header that is that of `kind`."""
    magic = MAGIC[kind]
    dimensions = magic & 0xFF
    header = file.read(4 + 4 * dimensions)
    expected = f"an IDX file of {kind} (magic number {magic})"
    number = int.from_bytes(header[:4], "big")
    if len(header) >= 4 and number != magic:
        raise FileError(path, expected, *_what_it_is(header, number))
    if len(header) < 4 + 4 * dimensions:
        expected = f"a header of {4 + 4 * dimensions} bytes"
        raise FileError(path, expected, f"a file of {len(header)}", "download it again")
    return struct.unpack(f">{dimensions}I", header[4:])


def _what_it_is(header: bytes, number: int) -> tuple[str, str]:
    """What a file with another magic number is, and how that may have come about."""
    for kind, magic in MAGIC.items():
        if number == magic:
            return f"{kind} ({magic})", "are the names of two files swapped?"
    element, dimensions = number >> 8, number & 0xFF
    if element in TYPES:
        return (
            f"{dimensions} dimensions of {TYPES[element]} ({number})",
            "a file of another dataset?",
        )
    if header.lstrip()[:1] in (b"<", b"{"):
        return f"text that begins with {header!r}", "a web page saved under this name?"
    return f"{number} (first bytes {header[:4]!r})", "not an IDX file, or a damaged one"


def _length_hint(found: int, wanted: int) -> str:
    return "cut short: download it again" if found < wanted else "something was appended to it"


def size(shape: tuple[int, ...]) -> str:
    """(28, 28) as "28 x 28"."""
    return " x ".join(map(str, shape))
