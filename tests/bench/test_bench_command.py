"""`reftorch bench` on cases so small that only what it prints and writes is of interest."""

import json
import re
import weakref

import numba
import pytest

import reftorch
from bench_cases import RELU, SMALL, bench, options, without_limits
from reftorch import cli, kernel
from reftorch.bench import command, jobs, processes
from reftorch.bench.cases import CASES
from reftorch.bench.record import check
from reftorch.serialize import FileError
from reftorch.train import TrainingError

FEW = [case for case in SMALL if case.component in ("Conv2d", "ReLU", "MaxPool2d", "CrossEntropyLoss", "SGD")]


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    threads = numba.get_num_threads()
    without_limits(monkeypatch)
    yield
    numba.set_num_threads(threads)


@pytest.fixture
def no_torch(monkeypatch):
    monkeypatch.setitem(jobs.importlib.sys.modules, "torch", None)


def test_everything_in_small(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(
        command, "peak_memory", lambda batch, *rest: dict(name=f"{batch}", bytes=2**20, torch_bytes=2**21)
    )
    file = tmp_path / "run.json"
    code, text = bench("--json", str(file), cases=SMALL)
    run = json.loads(file.read_text())
    check(run)
    assert code == 0 and len(run["rows"]) == sum(len(case.directions) for case in SMALL)
    assert all(row["ratio"]["median"] > 0 and row["error"] < 1e-5 for row in run["rows"])
    assert len(run["overhead"]) == 6 and [row["name"] for row in run["memory"]] == ["64", "1024"]
    for words in ("Limits of this machine", "Conv2d", "geometric mean", "What Python adds", "Peak memory", "1 MiB"):
        assert words in text, words
    assert "differs" not in text and f"written: {file}" in text


def test_without_pytorch(no_torch, tmp_path):
    file = tmp_path / "run.json"
    code, text = bench("--only", "ReLU", "--json", str(file))
    run = json.loads(file.read_text())
    check(run)
    assert code == 0 and "PyTorch is not installed: reftorch is measured alone" in text
    assert run["versions"]["torch"] is None and "geometric mean" not in text
    assert all(row["ratio"] is row["torch_seconds"] is row["error"] is None for row in run["rows"])


def test_pytorch_is_not_asked_for(tmp_path):
    code, text = bench("--only", "ReLU", "--no-torch")
    assert code == 0 and "against nothing" in text and "not installed" not in text


def test_only_chooses_by_component_size_and_direction(tmp_path):
    file = tmp_path / "run.json"
    bench("--no-torch", "--only", "^(ReLU|Linear) small (forward|both)$", "--json", str(file), cases=SMALL)
    run = json.loads(file.read_text())
    found = [(row["component"], row["direction"]) for row in run["rows"]]
    assert found == [("Linear", "forward"), ("Linear", "both"), ("ReLU", "forward"), ("ReLU", "both")]
    assert run["overhead"] == run["memory"] == []


def test_a_saved_run_of_the_reference_kernels_stands_beside_that_of_the_fast_ones(monkeypatch, tmp_path):
    """And a part of it that is measured again takes the place of that part only."""
    file = tmp_path / "benchmarks.json"
    monkeypatch.setattr(command, "saved_file", lambda: file)
    bench("--no-torch", "--only", "ReLU", "--save")
    bench("--no-torch", "--reference", "--only", "ReLU", "--save")
    runs = {run["kernels"]: run for run in json.loads(file.read_text())}
    assert set(runs) == {"fast", "reference"}
    bench("--no-torch", "--reference", "--only", "ReLU.* forward", "--save")
    again = {run["kernels"]: run for run in json.loads(file.read_text())}
    assert again["fast"] == runs["fast"] and len(again) == 2
    before, after = ({row["direction"]: row for row in run["reference"]["rows"]} for run in (runs, again))
    assert before.keys() == after.keys() and before["both"] == after["both"]
    assert before["forward"]["seconds"] != after["forward"]["seconds"]


def test_reference_runs_the_reference_kernels(monkeypatch, tmp_path):
    seen = []
    measure = command.measure
    monkeypatch.setattr(command, "measure", lambda *rest: seen.append(kernel._fast.get()) or measure(*rest))
    file = tmp_path / "run.json"
    bench("--reference", "--no-torch", "--only", "forward", "--json", str(file))
    assert seen == [False] and kernel._fast.get() and json.loads(file.read_text())["kernels"] == "reference"


def test_threads_are_those_of_both_libraries():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    try:
        code, text = bench("--threads", "1", "--only", "forward")
        assert numba.get_num_threads() == torch.get_num_threads() == 1 and "1 thread(s)" in text
    finally:
        torch.set_num_threads(before)


def test_start(monkeypatch, tmp_path):
    row = dict(name="import", seconds=0.5, torch_seconds=None, kernels=3)
    monkeypatch.setattr(command, "starts", lambda threads, torch: [row])
    file = tmp_path / "run.json"
    code, text = bench("--start", "--no-torch", "--json", str(file))
    run = json.loads(file.read_text())
    check(run)
    assert code == 0 and run["rows"] == [] and run["start"] == [row] and "500 ms" in text


def test_a_result_that_differs_is_told(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(command, "disagreement", lambda ours, theirs: 0.25)
    assert "ReLU small: differs from PyTorch by 2.5e-01" in bench("--only", "forward")[1]


def test_the_picture(tmp_path):
    pictures = {suffix: tmp_path / f"roofline{suffix}" for suffix in (".png", ".svg", ".pdf")}
    for suffix, path in pictures.items():
        only = "small" if suffix == ".svg" else "ReLU small forward"
        code, text = bench("--no-torch", "--only", only, "--plot", str(path), cases=FEW)
        assert code == 0 and f"written: {path}" in text
    assert pictures[".png"].read_bytes()[:4] == b"\x89PNG" and pictures[".pdf"].read_bytes()[:4] == b"%PDF"
    drawn = pictures[".svg"].read_text()
    for words in ("L2 50 GB/s", "DRAM 10 GB/s", "peak 100 billion", "Conv2d", "CrossEntropyLoss", "backward"):
        assert words in drawn, words


def test_every_row_is_a_point(tmp_path, monkeypatch):
    """Forwards, backwards and steps: "both" would be drawn twice."""
    from matplotlib.axes import Axes

    points = []
    scatter = Axes.scatter
    monkeypatch.setattr(
        Axes, "scatter", lambda self, x, *rest, **k: points.append(len(x)) or scatter(self, x, *rest, **k)
    )
    bench("--no-torch", "--only", "small", "--plot", str(tmp_path / "roofline.png"), cases=FEW)
    directions = [d for case in FEW if case.name == "small" for d in case.directions]
    assert sum(points) == len([d for d in directions if d != "both"])


# ------------------------------------------------------------------------------------------------------------ what is wrong
@pytest.mark.parametrize(
    "arguments, words",
    [
        (
            ["--only", "Conv9d"],
            r"--only: no case has 'Conv9d' in its name.*Conv2d.*MaxPool2d.*'Conv2d LeNet conv1 forward'",
        ),
        (["--threads", "4096"], r"--threads: expected at most \d+.*found 4096"),
        (["--plot", "picture.doc"], r"--plot: expected a name that ends in \.png, \.svg, \.pdf, found picture\.doc"),
        (["--plot", "x.png", "--start"], "--plot: there is no roofline of --start"),
        (["--plot", "x.png", "--ladder"], "--plot: there is no roofline of --ladder"),
        (["--reference", "--ladder"], "--reference: does not go with --ladder"),
        (["--start", "--ladder"], "--start: does not go with --ladder"),
        (["--only", "ReLU", "--start"], "--only chooses cases, and --start runs none"),
        (["--ladder", "--only", "ReLU"], "--only: no rung has 'ReLU' in its name.*matmul loop order.*Conv2d packing"),
    ],
)
def test_options_that_cannot_be_met(arguments, words):
    with pytest.raises(TrainingError, match=words):
        bench(*arguments, "--no-torch", cases=CASES)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--only", "("], r"--only: expected a regular expression, found '\('"),
        (["--rounds", "0"], "--rounds: expected a whole number of at least 1"),
        (["--threads", "0"], "--threads: expected a whole number of at least 1"),
        (["--seconds", "0"], "--seconds: expected a number above 0"),
        (["--device", "tpu"], "--device: invalid choice"),
        (["--quickly"], "unrecognized arguments: --quickly"),
    ],
)
def test_options_that_are_none(arguments, words, capsys):
    with pytest.raises(SystemExit) as stop:
        options(*arguments)
    assert stop.value.code == 2 and re.search(words, capsys.readouterr().err)


@pytest.mark.simulator
def test_the_simulator_is_not_measured():
    with pytest.raises(TrainingError, match="simulator, whose times say nothing"):
        bench("--device", "cuda")


def test_a_file_that_cannot_be_written_is_known_before_anything_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "measure", None)
    for option in ("--json", "--plot"):
        with pytest.raises(FileError, match="a folder"):
            folder = tmp_path / "folder.png"
            folder.mkdir(exist_ok=True)
            bench(option, str(folder))


def test_a_wrong_option_is_one_line_and_exit_code_2(capsys):
    assert cli.main(["bench", "--only", "Conv9d"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--only", "ReLU|Linear"], ["--ladder", "--only", "matmul"]])
def test_interrupted_in_the_middle_it_leaves_the_file_as_it_was(arguments, tmp_path, monkeypatch, capsys):
    from reftorch.bench import ladder

    def impatient(*rest):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "measure", impatient)
    monkeypatch.setattr(ladder, "measure", impatient)
    monkeypatch.setitem(ladder.SIZES, "matmul", (2, 3, 4))
    file, picture = tmp_path / "run.json", tmp_path / "roofline.png"
    file.write_text("before")
    plot = [] if "--ladder" in arguments else ["--plot", str(picture)]
    code = cli.main(["bench", "--no-torch", *arguments, "--json", str(file), *plot])
    assert code == 130 and "nothing was written" in capsys.readouterr().err
    assert file.read_text() == "before" and list(tmp_path.iterdir()) == [file]


# ------------------------------------------------------------------------------------------------ processes of their own
def test_peak_memory():
    found = processes.run("peak", "reftorch", 4, 1)
    assert 0 < found["imported"] < found["peak"] < 2**33


def test_a_start_is_warm_after_the_first():
    processes.run("start", "reftorch", 1)
    found = processes.run("start", "reftorch", 1)
    assert 0 < found["imported"] < found["seconds"] and found["kernels"] == 0


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match="No module named 'no_such_library'"):
        processes.run("peak", "no_such_library", 4, 1)


def test_rows_of_starts(monkeypatch):
    """The cold one from an empty cache of its own, the warm ones from the same; PyTorch's first, which loads the disk, is left out."""
    asked = []

    def run(task, library, threads, **environment):
        asked.append((library, environment.get("REFTORCH_CACHE_DIR")))
        return dict(imported=0.1, seconds=len(asked), kernels=7 if len(asked) == 1 else 0)

    trained = []

    def output_of(cmd, **environment):
        assert cmd[2:5] == ["reftorch", "train", "--epochs"] and cmd[-2:] == ["--threads", "2"]
        trained.append(environment["REFTORCH_CACHE_DIR"])
        return "digits\n" + "compiling a\ncompiling b\n" * (len(trained) == 1) + "epoch 1/1\n"

    monkeypatch.setattr(processes, "run", run)
    monkeypatch.setattr(processes, "output_of", output_of)
    rows = processes.starts(2, True, repeats=3)
    assert len(trained) == 4 and len(set(trained)) == 1 and trained[0] != asked[0][1]
    assert [(row["kernels"], row["torch_seconds"]) for row in rows[3:]] == [(2, None), (0, None)]
    assert [library for library, _ in asked] == ["reftorch"] * 4 + ["torch"] * 4
    assert len({cache for _, cache in asked[:4]}) == 1 and asked[0][1] and asked[4][1] is None
    assert [(row["seconds"], row["kernels"]) for row in rows[:3]] == [(0.1, 0), (1, 7), (3, 0)]
    assert rows[1]["torch_seconds"] == 7


def test_versions_and_machine_are_told():
    run = command.new_run("cpu", 1, False, None, command.cpu_limits())
    assert run["versions"]["reftorch"] == reftorch.__version__ and run["versions"]["numba"] == numba.__version__
    assert run["machine"]["processor"] and run["machine"]["cores"] >= 1 and run["machine"]["gpu"] is None
    assert RELU[0].directions == ("forward", "backward", "both")


def test_a_case_is_freed_before_the_next_one_even_if_it_holds_itself(monkeypatch):
    prepare, alive = command.prepare, []

    def prepared(torch, case, device):
        job = prepare(torch, case, device)
        job.itself = job
        alive.append((weakref.ref(job), [ref() for ref, _ in alive]))
        return job

    monkeypatch.setattr(command, "prepare", prepared)
    bench("--no-torch", "--only", "forward", cases=(*RELU, *RELU))
    assert len(alive) == 2 and alive[1][1] == [None]
