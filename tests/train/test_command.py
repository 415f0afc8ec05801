"""`reftorch train`: it learns, the same way twice; it judges, saves, loads; and wrong wishes are refused in one line."""

import functools
import gzip
import os
import struct
from pathlib import Path

import numba
import numpy as np
import pytest

import reftorch
from reftorch.data import hold_out, load_digits
from reftorch.serialize import read_weights, save_weights
from reftorch.train import ConvNet, command

ROOT = Path(reftorch.__file__).parents[1]
FEW = ("--limit", 64, "--epochs", 2)


# ------------------------------------------------------------------------------------------------ what it gives
def test_digits_are_learned(train, tmp_path):
    """The promise of the README: the defaults reach 97% on images that the network has not seen."""
    code, output, errors = train()
    assert (code, errors) == (0, "")
    arrays, metadata = read_weights(tmp_path / "runs" / "digits.safetensors")
    assert float(metadata["held_out_accuracy"]) >= 0.97

    # judged anew, by hand, on images that hold_out keeps
    images, labels = load_digits()
    held = hold_out(labels)[1]
    network = ConvNet(8, 8, float(metadata["mean"]), float(metadata["std"]))
    network.load_state_dict({name: reftorch.from_numpy(array) for name, array in arrays.items()})
    with reftorch.no_grad():
        answers = network(images[held]).argmax(1)
    accuracy = (answers == labels[held]).float().mean().item()
    assert accuracy == pytest.approx(float(metadata["held_out_accuracy"]), abs=1e-6)
    assert f"held out: {accuracy:6.1%}" in output and "epoch 15/15" in output
    assert (tmp_path / "runs" / "digits.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(os.listdir(tmp_path / "runs")) == ["digits.png", "digits.safetensors"]


def test_output_and_metadata_of_a_short_run(train, tmp_path):
    code, output, errors = train(*FEW, "--seed", 3, "--batch-size", 16, "--save", "w.safetensors", "--plot", "c.svg")
    assert (code, errors) == (0, "")
    assert "digits: 64 images to train on, 64 held out, of 8x8 pixels; 9,594 weights" in output
    assert "seed 3" in output and "\x1b" not in output  # plain lines where there is no terminal
    lines = [line for line in output.splitlines() if line.startswith("epoch")]
    assert [line[:9] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    for word in ("loss", "accuracy", "images/s", "held out", "Confusion matrix"):
        assert word in output
    assert "<svg" in (tmp_path / "c.svg").read_text()
    _, metadata = read_weights(tmp_path / "w.safetensors")
    expected = dict(data="digits", seed="3", batch_size="16", lr="0.02", momentum="0.9", limit="64")
    expected |= dict(steps="8", epochs="2", interrupted="False", image_size="8x8", format="pt")
    assert expected.items() <= metadata.items()
    assert "loaded" not in metadata and "None" not in metadata.values()


def test_same_seed_same_file_whatever_the_threads(train, tmp_path):
    def weights(name, *arguments):
        assert train(*FEW, "--no-plot", "--save", name, *arguments)[0] == 0
        return (tmp_path / name).read_bytes()

    first = weights("a.safetensors", "--seed", 1)
    assert weights("b.safetensors", "--seed", 1) == first
    assert weights("c.safetensors", "--seed", 1, "--threads", numba.config.NUMBA_NUM_THREADS) == first
    assert weights("d.safetensors", "--seed", 2) != first


def test_the_run_that_compiles_gives_the_same_file_as_the_next(tmp_path):
    """Machine code that has just been made, and the same out of the cache, must add up in the same order.

    It compiles in a terminal, as a person's first run does, with the bar that goes on before the first epoch.
    """
    terminal = pytest.importorskip("terminal")
    files = []
    for options, compiles in (("2", "32"), True), (("2", "32"), False), (("1", "1"), True), (("1", "1"), False):
        call = ["train", "--limit", "32", "--epochs", "1", "--no-plot"]
        call += ["--threads", options[0], "--batch-size", options[1]]  # which take other kernels
        code, text = terminal.run(tmp_path, *call, REFTORCH_CACHE_DIR=str(tmp_path / "cache"))
        assert code == 0, text
        assert ("kernels compiled" in text) == ("before epoch 1" in text) == compiles, text
        files.append((tmp_path / "runs" / "digits.safetensors").read_bytes())
    assert files[0] == files[1] and files[2] == files[3]


def test_weights_of_a_longer_training_are_kept(train, tmp_path):
    """A short run, or one that another program's file is in the way of, must not cost what took long."""
    longer = ("--limit", 32, "--epochs", 3)
    assert train(*longer)[0] == 0
    long, curves = (Path("runs", f"digits{ending}").read_bytes() for ending in (".safetensors", ".png"))
    code, output, _ = train(*longer, "--seed", 1)  # as long: nothing is kept
    assert code == 0 and "kept" not in output and len(os.listdir("runs")) == 2
    train(*longer)
    code, output, _ = train("--limit", 32, "--epochs", 1)
    assert code == 0 and "weights: runs/digits.safetensors" in output
    assert "kept: runs/digits-3-epochs.safetensors" in output and "3 epochs" in output
    assert read_weights("runs/digits.safetensors")[1]["epochs"] == "1"
    assert Path("runs/digits-3-epochs.safetensors").read_bytes() == long
    assert Path("runs/digits-3-epochs.png").read_bytes() == curves
    train(*longer)
    _, output, _ = train("--limit", 32, "--epochs", 1)
    assert "kept: runs/digits-3-epochs-2.safetensors" in output
    save_weights({"w": reftorch.ones(2)}, "w.safetensors", {})
    _, output, _ = train("--limit", 32, "--epochs", 1, "--save", "w.safetensors", "--no-plot")
    assert "kept: w-before.safetensors" in output and list(read_weights("w-before.safetensors")[0]) == ["w"]


def test_load_judges_and_goes_on(train, tmp_path):
    _, output, _ = train(*FEW, "--save", "w.safetensors", "--no-plot")
    table = output[output.index("Accuracy on") : output.index("weights:")]
    code, again, _ = train("--limit", 64, "--epochs", 0, "--load", "w.safetensors")
    assert code == 0 and table in again and "epoch" not in again
    assert os.listdir(tmp_path) == ["w.safetensors"]
    code, further, _ = train(*FEW, "--load", "w.safetensors", "--save", "w.safetensors", "--no-plot")
    first = {name: float(text.split("loss")[1].split()[0]) for name, text in (("fresh", output), ("further", further))}
    assert code == 0 and first["further"] < first["fresh"] - 0.01
    assert read_weights("w.safetensors")[1]["loaded"] == "w.safetensors"


def test_loaded_weights_keep_their_mean_and_std(train):
    train(*FEW, "--save", "w.safetensors", "--no-plot")
    arrays, metadata = read_weights("w.safetensors")
    state = {name: reftorch.from_numpy(array) for name, array in arrays.items()}
    save_weights(state, "w.safetensors", metadata | {"mean": "0.125", "std": "2.0"})
    assert train(*FEW, "--load", "w.safetensors", "--save", "x.safetensors", "--no-plot")[0] == 0
    found = read_weights("x.safetensors")[1]
    assert (found["mean"], found["std"]) == ("0.125", "2.0")
    for mean, std in (("0", "0"), ("nan", "1"), ("0", "inf"), ("dark", "1")):
        save_weights(state, "y.safetensors", metadata | {"mean": mean, "std": std})
        code, _, errors = train(*FEW, "--load", "y.safetensors")
        assert code == 2 and "y.safetensors: expected a finite mean" in errors and repr(mean) in errors


# ----------------------------------------------------------------------------------------------- IDX files, sizes
def write_idx(folder, images, labels, held=40):
    folder.mkdir(exist_ok=True)
    parts = {"train": slice(None, -held), "t10k": slice(-held, None)}
    for part, chosen in parts.items():
        x, y = images[chosen], labels[chosen]
        data = struct.pack(">4I", 2051, *x.shape) + x.tobytes()
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(data))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, len(y)) + y.tobytes())


def large_digits(n):
    """n of the digits as 28 x 28 bytes."""
    images, labels = load_digits()
    pixels = (images.numpy()[:n, 0] * 255).astype(np.uint8)
    return np.pad(pixels.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2))), labels.numpy()[:n].astype(np.uint8)


def test_idx_files_of_28_by_28(train, tmp_path):
    write_idx(tmp_path / "mnist", *large_digits(240))
    code, output, errors = train("--data", "mnist")
    assert (code, errors) == (0, "")
    assert "mnist: 200 images to train on, 40 held out, of 28x28 pixels" in output
    assert "epoch 3/3" in output
    first, last = (
        float(line.split("loss")[1].split()[0])
        for line in output.splitlines()
        if "/3  loss" in line and line[6] in "13"
    )
    assert last < first
    assert sorted(os.listdir("runs")) == ["mnist.png", "mnist.safetensors"]


def test_wrong_data_is_refused_in_one_line(train, tmp_path):
    images, labels = large_digits(60)
    write_idx(tmp_path / "a", images, labels)
    broken = tmp_path / "a" / "t10k-labels-idx1-ubyte"
    broken.write_bytes(broken.read_bytes()[:-1])
    write_idx(tmp_path / "b", images[:, :3, :3], labels)
    write_idx(tmp_path / "c", images * 0 + 7, labels)
    for folder, words in (
        ("a", f"error: {Path('a') / broken.name}: expected 40 = 40 bytes of labels"),
        ("b", "expected images of at least 4 x 4, found 3 x 3"),
        ("c", "found that all pixels of the training images are equal"),
        ("none", "none: expected a folder"),
    ):
        code, output, errors = train("--data", folder)
        assert code == 2 and words in errors and errors.count("\n") == 1, errors
        assert output == ""


def test_weights_of_another_network_are_refused(train, tmp_path):
    train(*FEW, "--save", "digits.safetensors", "--no-plot")
    write_idx(tmp_path / "mnist", *large_digits(60))
    code, _, errors = train("--data", "mnist", "--load", "digits.safetensors")
    assert code == 2 and "linear1.weight of shape (64, 96) instead of (64, 1176)" in errors
    (tmp_path / "torch.safetensors").write_bytes(b"PK\x03\x04" + bytes(50))
    code, _, errors = train("--load", "torch.safetensors")
    assert code == 2 and "torch.safetensors: expected a safetensors file of weights, found a zip" in errors
    code, _, errors = train("--load", "none.safetensors")
    assert code == 2 and "found nothing" in errors


# -------------------------------------------------------------------------------- what is found out before training
@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--save", "file/w.safetensors"], "file/w.safetensors: expected to write a file there, found"),
        (["--plot", "file/c.png"], "file/c.png: expected to write a file there, found"),
        (["--save", "folder.safetensors"], "folder.safetensors: expected the name of a file to write, found a folder"),
        (["--save", "weights.pt"], "--save: expected a name that ends in .safetensors"),
        (["--plot", "curves.doc"], "--plot: expected a name that ends in .png, .svg, .pdf"),
        (["--save", "w.safetensors", "--no-save"], "--save and --no-save contradict"),
        (["--plot", "w.png", "--no-plot"], "--plot and --no-plot contradict"),
        (["--epochs", 0, "--save", "w.safetensors"], "--epochs 0 trains nothing"),
        (["--threads", 100_000], "--threads: expected at most"),
    ],
)
def test_found_out_before_training(train, tmp_path, monkeypatch, arguments, words):
    (tmp_path / "file").touch()
    (tmp_path / "folder.safetensors").mkdir()
    monkeypatch.setattr(command, "fit", lambda *_: pytest.fail("it began to train"))
    code, _, errors = train(*arguments)
    assert code == 2 and words in errors and errors.count("\n") == 1, errors


def test_no_cuda(train, monkeypatch):
    monkeypatch.setattr(reftorch.cuda, "is_available", lambda: False)
    code, _, errors = train("--device", "cuda")
    assert code == 2 and "no usable GPU" in errors and "reftorch doctor" in errors


def test_matplotlib_is_asked_for_before_training(train, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, errors = train()
    assert code == 2 and "pip install matplotlib, or use --no-plot" in errors


def test_a_loss_that_explodes(train, tmp_path):
    code, _, errors = train(*FEW, "--lr", 1e30, "--save", "w.safetensors")
    assert code == 1 and "epoch 1" in errors and "smaller --lr" in errors and errors.count("\n") == 1
    assert not (tmp_path / "w.safetensors").exists()


# -------------------------------------------------------------------------------------------------------- CUDA
def test_cuda_learns_the_same(train, tmp_path, monkeypatch, cuda_device):
    """On the simulator every thread costs a millisecond: a tiny network, four images, one step."""
    tiny = functools.partial(ConvNet, channels=(2, 2), hidden=3)
    monkeypatch.setattr("reftorch.train.images.ConvNet", tiny)
    four = ("--limit", 4, "--batch-size", 4, "--epochs", 1, "--no-plot")
    assert train(*four, "--save", "cpu.safetensors")[0] == 0
    code, output, errors = train(*four, "--save", "cuda.safetensors", "--device", "cuda")
    assert (code, errors) == (0, "") and "GPU" in output
    on_cpu, on_cuda = read_weights("cpu.safetensors")[0], read_weights("cuda.safetensors")[0]
    for name, weight in on_cpu.items():
        np.testing.assert_allclose(on_cuda[name], weight, rtol=0, atol=1e-6)


@pytest.mark.gpu
def test_a_gpu_learns_the_digits(train):
    code, output, errors = train("--device", "cuda")
    assert (code, errors) == (0, "") and "on a GPU" in output
    assert float(read_weights("runs/digits.safetensors")[1]["held_out_accuracy"]) >= 0.97
