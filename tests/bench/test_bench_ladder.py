"""`reftorch bench --ladder` on matrices and images of a few numbers."""

import json

import numba
import pytest

from bench_cases import bench, without_limits
from reftorch.bench import command, ladder
from reftorch.bench.ladder import LADDER_RUN
from reftorch.bench.record import check
from reftorch.fast.ladder import LADDERS, conv2d_cuda, matmul_cuda


@pytest.fixture(autouse=True)
def small(monkeypatch):
    threads = numba.get_num_threads()
    without_limits(monkeypatch)
    monkeypatch.setattr(
        ladder,
        "SIZES",
        {
            "matmul": (9, 5, 7),
            "Conv2d": (2, 3, 6, 7, 4, 3, 1),
            "attention": (1, 2, 5, 3),
            "matmul on CUDA": (5, 4, 3),
            "Conv2d on CUDA": (1, 2, 3, 4, 3, 2, 1),
        },
    )
    yield
    numba.set_num_threads(threads)


def test_all_rungs(tmp_path):
    pytest.importorskip("torch")
    file = tmp_path / "ladder.json"
    code, text = bench("--ladder", "--json", str(file))
    run = json.loads(file.read_text())
    check(run, LADDER_RUN)
    assert code == 0 and [found["name"] for found in run["ladders"]] == ["matmul", "Conv2d", "attention"]
    for found in run["ladders"]:
        wanted = [name for name, _ in LADDERS[found["name"]]] + ["PyTorch"]
        assert [row["rung"] for row in found["rungs"]] == wanted
        assert found["rungs"][0]["error"] is None
        assert all(row["error"] < 1e-5 for row in found["rungs"][1:])
    matmul, conv2d, attention = run["ladders"]
    assert matmul["operations"] == 9 * 5 * 7 and conv2d["operations"] == 2 * 4 * 6 * 7 * 3 * 9
    assert attention["operations"] == 2 * 2 * 5 * 5 * 3
    assert matmul["rungs"][1]["function"] == "reftorch.fast.ladder.matmul:loop_order"
    assert matmul["rungs"][-1]["function"] is None
    assert "four at once" in text and "the peak is 200.0 GFLOP/s" in text


def test_a_multiply_add_is_two_operations(monkeypatch, tmp_path):
    """1 microsecond for 315 of them: 0.63 GFLOP/s of 200."""
    file = tmp_path / "ladder.json"
    one = command.measure(lambda: None, None, command.Budget(1, 0))
    spread = type(one.seconds)(1e-6, 1e-6, 1e-6)
    monkeypatch.setattr(ladder, "measure", lambda *rest: type(one)(spread, None, None, 1))
    bench("--ladder", "--no-torch", "--only", "matmul blocking", "--json", str(file))
    ((row,),) = [found["rungs"] for found in json.loads(file.read_text())["ladders"]]
    assert row["gflops"] == pytest.approx(0.63) and row["share"] == pytest.approx(0.63 / 200)


def test_only_some_rungs(tmp_path):
    file = tmp_path / "ladder.json"
    bench("--ladder", "--no-torch", "--only", "Conv2d (blocking|packing)", "--json", str(file))
    (found,) = json.loads(file.read_text())["ladders"]
    assert [row["rung"] for row in found["rungs"]] == ["blocking", "packing"]


def test_a_wrong_rung_is_seen(monkeypatch, tmp_path):
    def wrong(a, b, y):
        y[:] = 0

    file = tmp_path / "ladder.json"
    rungs = (LADDERS["matmul"][0], ("wrong", wrong))
    monkeypatch.setitem(ladder.LADDERS, "matmul", rungs)
    bench("--ladder", "--no-torch", "--only", "matmul", "--json", str(file))
    (found,) = json.loads(file.read_text())["ladders"]
    assert found["rungs"][1]["error"] == 1


@pytest.mark.simulator
def test_the_ladder_of_the_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(command.kernel, "cuda_kind", lambda: "device")
    monkeypatch.setattr(command, "cuda_limits", command.cpu_limits)
    monkeypatch.setattr(command.reftorch.cuda, "get_device_name", lambda: "a GPU")
    for name, number in (("TILE", 2), ("PER", 2), ("WIDE", 4)):
        monkeypatch.setattr(matmul_cuda, name, number)
    for name, number in (("TILE", 2), ("MOST", 2), ("SPAN", 3), ("PER", 2)):
        monkeypatch.setattr(conv2d_cuda, name, number)
    file = tmp_path / "ladder.json"
    bench("--ladder", "--no-torch", "--device", "cuda", "--rounds", "1", "--json", str(file))
    run = json.loads(file.read_text())
    check(run, LADDER_RUN)
    assert [found["name"] for found in run["ladders"]] == ["matmul on CUDA", "Conv2d on CUDA"]
    for found in run["ladders"]:
        assert [row["rung"] for row in found["rungs"]] == ["plain", "shared tile", "register tile"]
        assert all(row["error"] < 1e-6 for row in found["rungs"][1:])
    assert run["machine"]["gpu"] == "a GPU"
