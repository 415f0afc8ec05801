"""`reftorch bench --ranks`: the rows of one process and of two, the timeline, and options that do not go together."""

import json

import numba
import pytest

import ranks
from bench_cases import bench, without_limits
from reftorch.bench import command, record
from reftorch.bench.ranks import NETWORKS, since
from reftorch.train import TrainingError


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    threads = numba.get_num_threads()
    without_limits(monkeypatch)
    yield
    numba.set_num_threads(threads)


@ranks.needs_mpi
def test_rows_and_timeline(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "choose_threads", lambda wanted: wanted)
    monkeypatch.setattr(command, "saved_file", lambda: tmp_path / "benchmarks.json")
    for name, value in ranks.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    code, text = bench("--ranks", "2", "--no-torch", "--save")
    (run,) = json.loads((tmp_path / "benchmarks.json").read_text())
    record.check(run)
    ways = [("one process", "1 process of 1 thread"), ("one process", "1 process of 2 threads")]
    ways.append(("DistributedDataParallel", "2 processes of 1 thread"))
    assert [(row["component"], row["case"]) for row in run["rows"]] == [
        (component, f"{name}: {where}") for name in NETWORKS for component, where in ways
    ]
    assert code == 0 and run["threads"] == 2 and all(row["seconds"]["median"] > 0 for row in run["rows"])
    step = json.loads((tmp_path / "timeline.json").read_text())
    assert len(step["ranks"]) == 2 and step["bytes"] == [1071144, *[1050624] * 7]
    for rank in step["ranks"]:
        assert 0 <= rank["forward"] < rank["backward"] < rank["end"]
        leaving = [leaves for leaves, _ in rank["buckets"]]
        assert len(leaving) == 8 and leaving == sorted(leaving) and leaving[0] > rank["backward"]
        assert all(leaves < arrives < rank["end"] for leaves, arrives in rank["buckets"])


def test_since():
    assert since({"end": 5.5, "buckets": [[5.0, 5.25]]}, 5.0) == {"end": 0.5, "buckets": [[0.0, 0.25]]}


@pytest.mark.parametrize(
    "others, says",
    [
        (["--only", "Linear"], "--only chooses cases, and --ranks runs none"),
        (["--plot", "a.png"], "no roofline of --ranks"),
        (["--start"], "--start: does not go with --ranks"),
        (["--reference"], "--reference: does not go with --ranks"),
    ],
)
def test_options_that_do_not_go_together(others, says):
    with pytest.raises(TrainingError, match=says):
        bench("--ranks", "2", *others)
