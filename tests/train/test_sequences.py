"""`reftorch train sequences`: the loss falls, the same way twice; it judges, saves, loads and draws; wrong wishes are refused."""

import os
import signal

import numpy as np
import pytest

import reftorch
from reftorch import optim
from reftorch.data import dates
from reftorch.serialize import read_weights
from reftorch.train import DateTransformer, command
from reftorch.train.dates import form_table, rise
from signalling import signals_at

FEW = ("sequences", "--limit", 96, "--batch-size", 32, "--epochs", 2)


def losses(output):
    return [float(line.split("loss")[1].split()[0]) for line in output.splitlines() if line.startswith("epoch")]


@pytest.mark.parametrize("model, further", [("transformer", "attention"), ("lstm", "gradient")])
def test_a_short_run(train, tmp_path, model, further):
    code, output, errors = train(*FEW, "--model", model, "--seed", 3)
    assert (code, errors) == (0, "")
    assert f"dates-{model}: 96 dates in an epoch, drawn anew each time; 96 days held out; " in output
    assert "on 1 CPU thread; seed 3" in output
    first, last = losses(output)
    assert last < first - 0.02
    for words in ("dates/s", "Sunday, 29 November 2026", "29.11.26", "wrong: ", "more", "held out:"):
        assert words in output
    files = [f"dates-{model}{ending}" for ending in (f"-{further}.png", ".png", ".safetensors")]
    assert sorted(os.listdir("runs")) == files
    for name in files[:2]:
        assert f"runs/{name}" in output and (tmp_path / "runs" / name).read_bytes().startswith(b"\x89PNG")
    _, metadata = read_weights(f"runs/{files[2]}")
    expected = dict(data="dates", seed="3", batch_size="32", limit="96", steps="6", epochs="2", interrupted="False")
    assert expected.items() <= metadata.items() and "held_out_accuracy" in metadata


def test_same_seed_same_file(train, tmp_path):
    def weights(name, *arguments):
        assert train(*FEW, "--no-plot", "--save", name, *arguments)[0] == 0
        return (tmp_path / name).read_bytes()

    first = weights("a.safetensors", "--seed", 1)
    assert weights("b.safetensors", "--seed", 1, "--model", "transformer") == first
    assert weights("c.safetensors", "--seed", 2) != first


def test_load_judges_and_goes_on(train):
    _, output, _ = train(*FEW, "--save", "w.safetensors", "--no-plot")
    table = output[output.index("Accuracy on") : output.index("weights:")]
    code, again, errors = train(
        "sequences", "--limit", 96, "--batch-size", 32, "--epochs", 0, "--load", "w.safetensors"
    )
    assert (code, errors) == (0, "") and table in again and "epoch 1" not in again
    code, further, _ = train(*FEW, "--load", "w.safetensors", "--save", "w.safetensors", "--no-plot")
    assert code == 0 and losses(further)[0] < losses(output)[0] - 0.02
    assert read_weights("w.safetensors")[1]["loaded"] == "w.safetensors"


def test_the_file_holds_the_network_that_was_judged(train):
    train(*FEW, "--save", "w.safetensors", "--no-plot")
    arrays, metadata = read_weights("w.safetensors")
    network = DateTransformer(len(dates.CHARACTERS), dates.LONGEST, len(dates.ANSWER), dates.ISO_LENGTH).eval()
    network.load_state_dict({name: reftorch.from_numpy(array) for name, array in arrays.items()})
    assert metadata["characters"] == dates.CHARACTERS
    days, texts = zip(*dates.held_out(96))
    with reftorch.no_grad():
        answers = network.translate(dates.encode_texts(texts)).tolist()
    right = [dates.decode_answer(answer) == day.isoformat() for answer, day in zip(answers, days)]
    assert np.mean(right) == pytest.approx(float(metadata["held_out_accuracy"]))


def test_weights_of_a_longer_training_are_kept_with_their_pictures(train):
    train(*FEW)
    train(*FEW[:-1], 1)
    names = [f"dates-transformer{middle}{end}" for middle in ("", "-2-epochs") for end in (".png", ".safetensors")]
    names += ["dates-transformer-attention.png", "dates-transformer-attention-2-epochs.png"]
    assert sorted(os.listdir("runs")) == sorted(names)


def test_ctrl_c_saves_whole_steps(train, monkeypatch):
    signals_at(monkeypatch, 4, signal.SIGINT, optimizer=optim.AdamW)
    code, output, errors = train(*FEW, "--save", "w.safetensors", "--plot", "c.svg")
    assert (code, errors) == (130, "") and "Interrupted in epoch 2 of 2, after 4 steps." in output
    metadata = read_weights("w.safetensors")[1]
    assert (metadata["steps"], metadata["interrupted"]) == ("4", "True")
    assert sorted(os.listdir()) == ["c-attention.svg", "c.svg", "w.safetensors"]


def test_the_learning_rate_rises_and_falls(train, monkeypatch):
    rates, plain_step = [], optim.AdamW.step

    def step(self, *arguments):
        rates.append(self.param_groups[0]["lr"])
        return plain_step(self, *arguments)

    monkeypatch.setattr(optim.AdamW, "step", step)
    train(*FEW[:-1], 7, "--lr", 0.001, "--no-save", "--no-plot")
    assert len(rates) == 21 and 0.00099 < max(rates) <= 0.001 and rates.index(max(rates)) == 2  # of 21, a tenth
    assert rates[0] < 0.0001 and rates[-1] < 0.00001 and rates[2:] == sorted(rates[2:], reverse=True)


@pytest.mark.parametrize("steps", range(1, 25))
def test_any_number_of_steps(steps):
    optimizer = optim.AdamW([reftorch.zeros(1, requires_grad=True)], lr=0.5)
    schedule, rates = optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=steps, pct_start=rise(steps)), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert 0 < min(rates) and max(rates) <= 0.5 and all(np.isfinite(rates))


def test_table_of_forms():
    right = np.ones(2 * len(dates.FORMS) - 1, bool)
    right[[2, len(dates.FORMS)]] = False
    columns = [list(column.cells) for column in form_table(right).columns]
    assert columns[0][:4] == ["2026/11/29", "20261129", "29.11.2026", "29.11.2026"] and columns[0][-1] == "all"
    assert columns[1][:3] == ["2", "2", "2"] and columns[2][:3] == ["1", "2", "1"] and columns[1][-2:] == ["1", "43"]
    assert columns[3][:3] == ["50.0%", "100.0%", "50.0%"] and columns[3][-1] == "95.3%"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["sequences", "--data", "mnist"], "--data: the dates of `reftorch train sequences` are generated"),
        (["sequences", "--momentum", 0.5], "--momentum: sequences are trained with AdamW"),
        (["--model", "lstm"], "--model chooses the network of `reftorch train sequences`"),
        (["digits", "--model", "lstm"], "--model chooses the network of `reftorch train sequences`"),
        (["sequences", "--load", "none.safetensors"], "none.safetensors: expected"),
        (["sequences", "--epochs", 0, "--plot", "c.png"], "--epochs 0 trains nothing"),
    ],
)
def test_found_out_before_training(train, monkeypatch, arguments, words):
    monkeypatch.setattr(command, "fit", lambda *_: pytest.fail("it began to train"))
    code, _, errors = train(*arguments)
    assert code == 2 and words in errors and errors.count("\n") == 1, errors


def test_weights_of_the_other_network_are_refused(train):
    train(*FEW, "--save", "w.safetensors", "--no-plot")
    code, _, errors = train("sequences", "--model", "lstm", "--load", "w.safetensors")
    assert code == 2 and "no encoder.weight_hh_l0" in errors and "another network's file?" in errors
