"""`reftorch train`: the network learns, the same way twice and the way torch does; and nothing is lost when it is stopped."""

import functools
import gzip
import io
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import reftorch
from reftorch import cli, optim
from reftorch.data import DataLoader, TensorDataset, hold_out, load_digits
from reftorch.serialize import read_weights, save_weights
from reftorch.train import ConvNet, command, loop, report
from reftorch.train.report import Epoch, Progressing

ROOT = Path(reftorch.__file__).parents[1]


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """Runs `reftorch train ARGUMENTS` in an empty folder; returns exit code, output, error output."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        try:
            code = cli.main(["train", *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


FEW = ("--limit", 64, "--epochs", 2)


# --------------------------------------------------------------------------------------------------- the network
@pytest.mark.parametrize("height, width", [(4, 4), (8, 8), (5, 9), (28, 28)])
def test_network_fits_images_of_any_size(height, width):
    network = ConvNet(height, width, mean=0.5, std=0.25)
    assert network(reftorch.rand(3, 1, height, width)).shape == (3, 10)
    assert list(network.state_dict()) == [
        f"{layer}.{kind}" for layer in ("conv1", "conv2", "linear1", "linear2") for kind in ("weight", "bias")
    ]


def torch_twin(torch, mean, std):
    """The same network made of torch's layers, in the same order of construction."""

    class Twin(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(1, 12, 3, padding=1)
            self.conv2 = torch.nn.Conv2d(12, 24, 3, padding=1)
            self.linear1 = torch.nn.Linear(96, 64)
            self.linear2 = torch.nn.Linear(64, 10)

        def forward(self, x):
            x = (x - mean) / std
            x = torch.nn.functional.max_pool2d(self.conv1(x).relu(), 2)
            x = torch.nn.functional.max_pool2d(self.conv2(x).relu(), 2)
            return self.linear2(self.linear1(x.flatten(1)).relu())

    return Twin()


def losses(library, loader_class, dataset, network, optimizer, steps):
    """The losses of the first steps, written with nothing but names that both libraries have."""
    loader = loader_class(dataset, 32, shuffle=True, generator=library.Generator().manual_seed(7))
    criterion = library.nn.CrossEntropyLoss()
    found = []
    for _, (x, y) in zip(range(steps), loader):
        optimizer.zero_grad()
        loss = criterion(network(x), y)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def test_torch_learns_the_same():
    """Same seed, same code: the same initial weights, the same batches, and 20 steps with the same losses."""
    torch = pytest.importorskip("torch")
    images, labels = load_digits()
    reftorch.manual_seed(7)
    ours = ConvNet(8, 8, mean=0.3, std=0.4)
    torch.manual_seed(7)
    theirs = torch_twin(torch, 0.3, 0.4)
    for name, weight in theirs.state_dict().items():
        assert np.array_equal(ours.state_dict()[name].numpy(), weight.numpy()), name

    options = dict(lr=0.02, momentum=0.9)
    found = losses(
        reftorch, DataLoader, TensorDataset(images, labels), ours, optim.SGD(ours.parameters(), **options), 20
    )
    twins = torch.utils.data.TensorDataset(torch.tensor(images.numpy()), torch.tensor(labels.numpy()))
    optimizer = torch.optim.SGD(theirs.parameters(), **options)
    wanted = losses(torch, torch.utils.data.DataLoader, twins, theirs, optimizer, 20)
    # float32 keeps 7 digits; sums of up to 2,048 terms in another order, and 20 steps on top of one another, cost some
    np.testing.assert_allclose(found, wanted, rtol=2e-5)
    for name, weight in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name].numpy(), weight.numpy(), rtol=0, atol=2e-5)


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
    assert weights("c.safetensors", "--seed", 1, "--threads", 1) == first
    assert weights("d.safetensors", "--seed", 2) != first


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
        ("c", "found all pixels of the training images equal"),
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
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    code, _, errors = train()
    assert code == 2 and "pip install matplotlib, or use --no-plot" in errors


def test_a_loss_that_explodes(train, tmp_path):
    code, _, errors = train(*FEW, "--lr", 1e30, "--save", "w.safetensors")
    assert code == 1 and "epoch 1" in errors and "smaller --lr" in errors and errors.count("\n") == 1
    assert not (tmp_path / "w.safetensors").exists()


# ------------------------------------------------------------------------------------------------------ Ctrl-C
def signals_at(monkeypatch, step, *numbers):
    """Send signals to this process in the middle of optimizer step `step`, counted from 1."""
    plain_step, calls = optim.SGD.step, []

    def step_and_signal(self, *arguments):
        calls.append(1)
        if len(calls) == step:
            for number in numbers:
                os.kill(os.getpid(), number)
        return plain_step(self, *arguments)

    monkeypatch.setattr(optim.SGD, "step", step_and_signal)


@pytest.mark.parametrize("number, exit_code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_saves_whole_steps(train, tmp_path, monkeypatch, number, exit_code):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    signals_at(monkeypatch, 3, number)  # FEW has two steps an epoch
    code, output, errors = train(*FEW, "--save", "w.safetensors", "--plot", "c.png")
    assert (code, errors) == (exit_code, "")
    assert "Interrupted in epoch 2 of 2, after 3 steps." in output
    assert "weights: w.safetensors" in output and "curves:  c.png" in output
    _, metadata = read_weights("w.safetensors")
    assert metadata["steps"] == "3" and metadata["epochs"] == "1" and metadata["interrupted"] == "True"
    assert "held_out_accuracy" not in metadata
    assert sorted(os.listdir(tmp_path)) == ["c.png", "w.safetensors"]
    assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))


def test_ctrl_c_in_the_first_epoch_draws_nothing(train, tmp_path, monkeypatch):
    signals_at(monkeypatch, 2, signal.SIGINT)
    code, output, _ = train(*FEW, "--save", "w.safetensors", "--plot", "c.png")
    assert code == 130 and "epoch 1 of 2, after 2 steps" in output
    assert os.listdir(tmp_path) == ["w.safetensors"]


def test_ctrl_c_before_the_first_step_leaves_the_old_file(train, tmp_path, monkeypatch):
    (tmp_path / "w.safetensors").write_text("old")
    signals_at(monkeypatch, 1, signal.SIGINT)
    code, _, errors = train(*FEW, "--save", "w.safetensors", "--no-plot")
    assert code == 130 and "nothing was written" in errors
    assert (tmp_path / "w.safetensors").read_text() == "old"


def test_second_ctrl_c_stops_at_once_and_still_saves(train, monkeypatch):
    signals_at(monkeypatch, 2, signal.SIGINT, signal.SIGINT)
    code, output, _ = train(*FEW, "--save", "w.safetensors", "--no-plot")
    assert code == 130 and "after 1 steps" in output
    assert read_weights("w.safetensors")[1]["steps"] == "1"


def test_ctrl_c_while_the_network_is_judged(train, monkeypatch):
    plain_evaluate = loop.evaluate

    def interrupted(run, stop):
        os.kill(os.getpid(), signal.SIGINT)
        return plain_evaluate(run, stop)

    monkeypatch.setattr(loop, "evaluate", interrupted)
    code, output, _ = train(*FEW, "--save", "w.safetensors", "--no-plot")
    assert code == 130 and "Interrupted in epoch 1 of 2, after 2 steps." in output


def test_ctrl_c_from_outside(tmp_path):
    """A real process, a real signal."""
    call = [sys.executable, "-u", "-m", "reftorch", "train", "--epochs", "1000", "--no-plot"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        call, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not process.stdout.readline().startswith("epoch    1/1000  loss"):
                assert process.poll() is None, process.stderr.read()
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130 and errors == ""
    assert "Interrupted in epoch" in output
    assert read_weights(tmp_path / "runs" / "digits.safetensors")[1]["interrupted"] == "True"


# -------------------------------------------------------------------------------------------------------- CUDA
def test_cuda_learns_the_same(train, tmp_path, monkeypatch, cuda_device):
    """On the simulator every thread costs a millisecond: a tiny network, four images, one step."""
    tiny = functools.partial(ConvNet, channels=(2, 2), hidden=3)
    monkeypatch.setattr(command, "ConvNet", tiny)
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


# ------------------------------------------------------------------------------------------- progress and tables
def epoch(number, accuracy=0.5):
    return Epoch(number, 1.5, 0.25, 1.25, accuracy, np.zeros(3, int))


@pytest.mark.parametrize("live", [False, True])
def test_progress(live, monkeypatch):
    out = io.StringIO()
    console = Console(file=out, force_terminal=live, width=100, color_system=None)
    now = [100.0]
    monkeypatch.setattr(report.time, "perf_counter", lambda: now[0])
    with Progressing(console, epochs=2, images=100) as show:
        show.start(1)
        show.compiling("outer")
        show.compiling("inner")
        now[0] += 2
        if live:
            show.bar.refresh()
        show.compiling(None)
        show.compiling(None)
        now[0] += 20
        show.step(50, 1.5, 0.25)
        now[0] += 5
        show.step(100, 1.5, 0.25)
        if live:
            show.bar.refresh()
        show.end(epoch(1))
    text = out.getvalue()
    assert "compiling outer" in text and "inner" not in text
    assert "kernels compiled: 1, in 2.0 s" in text
    assert "loss 1.5000  accuracy  25.0%     4.0 images/s" in text  # 100 in 25 s: compiling does not count
    assert "held out:  50.0%" in text
    assert ("\x1b[2K" in text) == live
    if not live:  # one line within the epoch: the first came after 20 s, the second 5 s later
        assert text.count("epoch 1/2   50%") == 1 and "100%" not in text


def test_confusion_matrix_and_table():
    truth, answers = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0])
    counts = report.confusion_matrix(truth, answers, 4)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    console = Console(file=io.StringIO(), width=80)
    console.print(report.class_table(truth, answers, 4))
    console.print(report.confusion_table(counts))
    rows = [
        line.strip("│ ").replace(" ", "").split("│") for line in console.file.getvalue().splitlines() if line[:1] == "│"
    ]
    assert rows[:5] == [
        ["0", "2", "1", "50.0%"],
        ["1", "1", "1", "100.0%"],
        ["2", "3", "2", "66.7%"],
        ["3", "0", "0", "-"],
    ] + [["all", "6", "4", "66.7%"]]
    assert rows[5:] == [
        ["0", "1", "1", ".", "."],
        ["1", ".", "1", ".", "."],
        ["2", "1", ".", "2", "."],
        ["3", ".", ".", ".", "."],
    ]


@pytest.mark.parametrize(
    "epochs, ending, start", [(1, ".png", b"\x89PNG"), (3, ".pdf", b"%PDF"), (3, ".svg", b"<?xml")]
)
def test_curves(tmp_path, epochs, ending, start):
    path = tmp_path / f"c{ending}"
    report.draw_curves([epoch(n, n / 4) for n in range(1, epochs + 1)], path, "a title")
    assert path.read_bytes().startswith(start)
