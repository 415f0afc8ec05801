"""The JSON of a run: its form, and the file that runs are added to."""

import copy
import json

import pytest

import reftorch
from bench_cases import LIMITS, RELU
from reftorch.bench import record
from reftorch.bench.clock import Spread, Timing
from reftorch.bench.record import RUN, check, new_row, new_run, save_run, saved_file, write_run
from reftorch.serialize import FileError

TIMING = Timing(Spread(2e-6, 1e-6, 3e-6), Spread(4e-6, 4e-6, 4e-6), Spread(2.0, 1.5, 2.5), 5)
ALONE = Timing(Spread(2e-6, 1e-6, 3e-6), None, None, 5)


@pytest.fixture
def run():
    found = new_run("cpu", 1, False, None, LIMITS)
    found["rows"] = [new_row(RELU[0], direction, TIMING, LIMITS, 1e-7) for direction in ("forward", "backward")]
    found["overhead"] = [{"name": "call", "seconds": 1e-6, "torch_seconds": None}]
    found["memory"] = [{"name": "peak", "bytes": 10, "torch_bytes": 20}]
    found["start"] = [{"name": "import", "seconds": 0.5, "torch_seconds": 1.5, "kernels": 0}]
    return found


def test_a_run_has_its_form(run):
    check(run)
    check({**run, "rows": [new_row(RELU[0], "forward", ALONE, LIMITS, None)]})
    assert json.loads(json.dumps(run)) == run


def test_a_row(run):
    row = run["rows"][0]
    assert row["elements"] == row["operations"] == 30 and row["bytes"] == 240 and row["shape"] == [5, 6]
    assert row["share"] == pytest.approx(240 / 50e9 / 2e-6) and row["limit"] == "L2"
    assert row["ratio"] == {"median": 2.0, "low": 1.5, "high": 2.5}


def spoil(run, change):
    run = copy.deepcopy(run)
    change(run)
    return run


def test_before_any_kernel_ran_there_is_no_threading_layer(monkeypatch):
    def none_yet():
        raise ValueError("Threading layer is not initialized.")

    monkeypatch.setattr(record.numba, "threading_layer", none_yet)
    assert new_run("cpu", 1, False, None, LIMITS)["threading_layer"] is None


@pytest.mark.parametrize("field", RUN)
def test_a_missing_field_is_found(run, field):
    with pytest.raises(ValueError, match="the run: expected the fields"):
        check(spoil(run, lambda run: run.pop(field)))


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda run: run["rows"][1].pop("ratio"), r"rows\[1\]: expected the fields"),
        (lambda run: run["rows"][1]["seconds"].pop("low"), r"rows\[1\]: seconds: expected the fields"),
        (lambda run: run["rows"][0].update(seconds=None), "seconds: expected the fields.*NoneType"),
        (lambda run: run["rows"][0].update(elements=1.5), "elements: expected"),
        (lambda run: run["rows"][0].update(more=1), "expected the fields"),
        (lambda run: run.update(threads=True), "threads: expected .*True"),
        (lambda run: run.update(rows={}), "rows: expected"),
        (lambda run: run["limits"]["levels"][1].update(bandwidth="fast"), r"levels\[1\]: bandwidth"),
        (lambda run: run["machine"].pop("gpu"), "machine: expected the fields"),
    ],
)
def test_a_wrong_field_is_found(run, change, words):
    with pytest.raises(ValueError, match=words):
        check(spoil(run, change))


def test_what_has_no_form_is_not_written(run, tmp_path):
    run.pop("rows")
    with pytest.raises(ValueError):
        write_run(run, tmp_path / "run.json")
    assert list(tmp_path.iterdir()) == []


def test_runs_are_kept_side_by_side(run, tmp_path):
    path = tmp_path / "new" / "runs.json"
    others = [spoil(run, lambda r: r.update(threads=2)), spoil(run, lambda r: r.update(kernels="reference"))]
    others.append(spoil(run, lambda r: r["machine"].update(processor="another")))
    for one in (run, *others):
        save_run(one, path)
    assert sorted(map(str, json.loads(path.read_text()))) == sorted(map(str, [run, *others]))


def test_a_new_run_takes_the_place_of_the_one_with_its_setting(run, tmp_path):
    """With the same versions, what was not measured anew stays; with others, nothing does."""
    path = tmp_path / "runs.json"
    save_run(run, path)
    again = spoil(run, lambda r: r.update(date="later", overhead=[], rows=[{**r["rows"][1], "error": 0.5}]))
    save_run(again, path)
    (kept,) = json.loads(path.read_text())
    assert [row["error"] for row in kept["rows"]] == [1e-7, 0.5] and kept["date"] == "later"
    assert kept["overhead"] == run["overhead"]
    newer = spoil(again, lambda r: r["versions"].update(numba="99"))
    save_run(newer, path)
    assert json.loads(path.read_text()) == [newer]


@pytest.mark.parametrize("text", ["{", "[1]", '[{"schema": 1}]', "3"])
def test_a_file_that_holds_something_else_is_left_alone(run, tmp_path, text):
    path = tmp_path / "runs.json"
    path.write_text(text)
    with pytest.raises(FileError, match="a list of runs"):
        save_run(run, path)
    assert path.read_text() == text


def test_the_saved_file_belongs_to_the_sources(monkeypatch, tmp_path):
    monkeypatch.setattr(reftorch, "__file__", str(tmp_path / "site-packages" / "reftorch" / "__init__.py"))
    with pytest.raises(FileError, match="use --json FILE to write elsewhere"):
        saved_file()
    (tmp_path / "site-packages" / "pyproject.toml").parent.mkdir()
    (tmp_path / "site-packages" / "pyproject.toml").touch()
    assert saved_file() == tmp_path / "site-packages" / "docs" / "data" / "benchmarks.json"
