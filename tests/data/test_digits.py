"""The embedded digits are those of the UCI repository, whole and unchanged."""

import hashlib
import re
from pathlib import Path

import numpy as np

import reftorch
from reftorch.data import digits, hold_out, load_digits

FOLDER = Path(digits.__file__).parent
PER_CLASS = [
    178,
    182,
    177,
    183,
    181,
    182,
    181,
    179,
    174,
    180,
]  # the UCI page's counts for optdigits.tes


def test_checksums_are_those_in_digits_md():
    text = (FOLDER / "digits.md").read_text()
    with np.load(FOLDER / "digits.npz") as file:
        assert sorted(file.files) == ["images", "labels"]
        for name in file.files:
            assert file[name].dtype == np.uint8
            known = re.search(rf"\| `{name}` \| `([0-9a-f]{{64}})` \|", text)[1]
            assert hashlib.sha256(file[name].tobytes()).hexdigest() == known


def test_source_and_licence_are_named_beside_the_file():
    text = (FOLDER / "digits.md").read_text()
    for fact in ("E. Alpaydin", "C. Kaynak", "UCI", "10.24432/C50P49", "CC BY 4.0"):
        assert fact in text
    assert (FOLDER / "digits.npz").stat().st_size < 50_000


def test_tensors():
    images, labels = load_digits()
    assert images.shape == (1797, 1, 8, 8) and images.dtype == reftorch.float32
    assert labels.shape == (1797,) and labels.dtype == reftorch.int64
    assert np.bincount(labels.numpy()).tolist() == PER_CLASS
    pixels = images.numpy() * 16
    assert pixels.min() == 0 and pixels.max() == 16 and (pixels == pixels.round()).all()
    # the first image, a zero, as the data's description prints it
    first = "0 0 5 13 9 1 0 0 0 0 13 15 10 15 5 0 0 3 15 2 0 11 8 0 0 4 12 0 0 8 8 0"
    assert pixels[0, 0, :4].astype(int).ravel().tolist() == list(map(int, first.split()))
    assert labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_hold_out_takes_the_fifth_of_each_class():
    labels = load_digits()[1]
    chosen, held = hold_out(labels)
    assert sorted(chosen.tolist() + held.tolist()) == list(range(1797))
    assert np.bincount(labels.numpy()[held.numpy()]).tolist() == [n // 5 for n in PER_CLASS]
    few = reftorch.tensor([7, 3, 7, 7, 3, 7, 3])
    chosen, held = hold_out(few, every=2)
    assert held.tolist() == [2, 4, 5] and chosen.tolist() == [0, 1, 3, 6]
