"""Weights on disk: whole files or none, readable by others, and clear words for files that are something else."""

import json
import os
import stat
import struct

import numpy as np
import pytest

import reftorch
from reftorch import serialize
from reftorch.serialize import (
    FileError,
    check_weights,
    check_writable,
    read_weights,
    save_weights,
    write_whole,
)

STATE = {"a.weight": reftorch.arange(6).float().reshape(2, 3), "a.bias": reftorch.tensor([1, 2])}


def message(function, *arguments):
    with pytest.raises(FileError) as caught:
        function(*arguments)
    return str(caught.value)


def test_round_trip(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights({**STATE, "turned": STATE["a.weight"].t()}, path, {"seed": "3"})
    arrays, metadata = read_weights(path)
    assert metadata == {"seed": "3"}
    assert arrays["a.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]  # a view that is not contiguous
    assert arrays["a.bias"].dtype == np.int64 and arrays["a.weight"].dtype == np.float32
    assert os.listdir(tmp_path) == ["w.safetensors"]


def test_a_number_stays_a_number(tmp_path):
    """As BatchNorm's count of batches: shape (), not (1,), and the same in the other library."""
    state = {"batches": reftorch.tensor(3), "scale": reftorch.tensor(0.5), "none": reftorch.zeros(0, 2)}
    save_weights(state, tmp_path / "w.safetensors", {})
    arrays, _ = read_weights(tmp_path / "w.safetensors")
    assert {name: array.shape for name, array in arrays.items()} == {"batches": (), "scale": (), "none": (0, 2)}
    check_weights("w.safetensors", arrays, state)
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    loaded = load_file(tmp_path / "w.safetensors")
    assert loaded["batches"].equal(torch.tensor(3)) and loaded["scale"].equal(torch.tensor(0.5))


def test_torch_reads_it(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    save_weights(STATE, tmp_path / "w.safetensors", {})
    loaded = load_file(tmp_path / "w.safetensors")
    assert loaded["a.weight"].equal(torch.arange(6.0).reshape(2, 3))
    assert loaded["a.bias"].equal(torch.tensor([1, 2]))


def safetensors_bytes(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "an empty file"),
        (b"PK\x03\x04" + bytes(100), "torch.save"),
        (b"\x80\x04" + bytes(100), "a pickle"),
        (b"\x1f\x8b" + bytes(100), "gzip"),
        (b"hello", "something else"),
        (safetensors_bytes({"w": TENSOR}, bytes(7)), "something else"),
        (safetensors_bytes({"w": TENSOR}, bytes(9)), "something else"),
        (safetensors_bytes({"w": {**TENSOR, "shape": [2**40]}}, bytes(8)), "something else"),
        (safetensors_bytes({"w": {**TENSOR, "dtype": "F99"}}, bytes(8)), "something else"),
        (
            safetensors_bytes({"w": {**TENSOR, "dtype": "F8_E4M3", "data_offsets": [0, 2]}}, bytes(2)),
            "something else",
        ),
        (safetensors_bytes(b"{not json"), "something else"),
        (struct.pack("<Q", 2**60) + b"{}", "something else"),
    ],
)
def test_other_files_are_refused(tmp_path, data, words):
    path = tmp_path / "w.safetensors"
    path.write_bytes(data)
    text = message(read_weights, path)
    assert f"{path}: expected a safetensors file of weights, found " in text and words.lower() in text.lower()


def test_files_that_are_not_there(tmp_path):
    assert "found nothing" in message(read_weights, tmp_path / "none")
    assert "found a folder" in message(read_weights, tmp_path)


def test_every_cut_is_noticed(tmp_path):
    whole, part = tmp_path / "whole", tmp_path / "part"
    save_weights(STATE, whole, {"seed": "3"})
    data = whole.read_bytes()
    for length in range(len(data)):
        part.write_bytes(data[:length])
        message(read_weights, part)


def test_check_weights_lists_every_difference():
    found = {
        "a.weight": np.zeros((3, 2), np.float32),
        "b": np.zeros(2, np.float64),
        "c": np.array([1, np.nan], np.float32),
        "e": np.zeros(1),
    }
    wanted = {
        "a.weight": STATE["a.weight"],
        "b": reftorch.zeros(2),
        "c": reftorch.zeros(2),
        "d": reftorch.zeros(1),
    }
    text = message(check_weights, "w", found, wanted)
    assert "a.weight of shape (3, 2) instead of (2, 3)" in text
    assert "b of dtype float64 instead of float32" in text
    assert "NaN or infinity in c" in text
    assert "no d" in text and "an unknown e" in text
    check_weights("w", {"b": np.zeros(2, np.float32)}, {"b": wanted["b"]})


def test_write_whole_leaves_the_old_file_if_writing_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fails(draft):
        draft.write_text("half")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        write_whole(path, fails)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]

    def full(draft):
        raise OSError(28, "No space left on device")

    assert "no space left" in message(write_whole, path, full)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_write_whole_keeps_permissions_and_links(tmp_path):
    path, link, fresh = tmp_path / "file", tmp_path / "link", tmp_path / "fresh"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to("file")
    write_whole(link, lambda draft: draft.write_text("new") and None)
    assert link.is_symlink() and path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    write_whole(fresh, lambda draft: draft.write_text("new") and None)
    (tmp_path / "plain").touch()
    assert fresh.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_check_writable(tmp_path, monkeypatch):
    check_writable(tmp_path / "new" / "folder" / "w.safetensors")
    assert os.listdir(tmp_path / "new" / "folder") == []
    (tmp_path / "file").write_text("kept")
    check_writable(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "kept"
    assert "found a folder" in message(check_writable, tmp_path)
    assert "a device" in message(check_writable, "/dev/null")
    assert "expected to write" in message(check_writable, tmp_path / "file" / "w")
    assert "expected to write" in message(check_writable, tmp_path / ("long" * 100))
    assert "expected to write" in message(check_writable, "/proc/w.safetensors")
    monkeypatch.setattr(serialize.os, "access", lambda *_: False)  # root may write to anything
    assert "read-only" in message(check_writable, tmp_path / "file")
