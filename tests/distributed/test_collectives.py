"""torch.distributed's operations on three ranks, and its errors."""

import datetime
import subprocess
import sys

import numpy as np
import pytest

import collective_cases
import ranks
import reftorch
import reftorch.distributed as dist
from reftorch.distributed import engine, ladder, world
from reftorch.distributed.ladder import everybody_to_everybody, halving_and_doubling, ring, through_rank_0

WAYS = [everybody_to_everybody, through_rank_0, ring, halving_and_doubling]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return ranks.run_on(3, collective_cases.everything, tmp_path_factory.mktemp("collectives"))


@ranks.needs_mpi
def test_who_is_who(found):
    assert [answer["rank"] for answer in found] == [0, 1, 2]
    assert {(answer["size"], answer["backend"], answer["initialized"]) for answer in found} == {(3, "mpi", True)}


@ranks.needs_mpi
@pytest.mark.parametrize("dtype", collective_cases.DTYPES)
def test_sums(found, dtype):
    for answer in found:
        assert answer[f"sum {dtype}"] == (f"torch.{dtype}", [6, 6])


@ranks.needs_mpi
def test_other_operations(found):
    wanted = {"PRODUCT": [6, 216], "MIN": [1, 6], "MAX": [3, 6], "BAND": [0, 6], "BOR": [3, 6], "BXOR": [0, 6]}
    wanted |= {"bool SUM": [True, True, False], "bool MIN": [False, True, False], "average": (True, True, [1.0], 1)}
    for answer in found:
        assert {key: answer[key] for key in wanted} == wanted
        assert answer["gpu"] == ("cuda", [6.0])


@ranks.needs_mpi
def test_all_ranks_get_the_same_bits(found):
    parts = [np.random.default_rng(rank).standard_normal(300_001).astype(np.float32) for rank in range(3)]
    assert len({answer["large"][0] for answer in found}) == 1
    np.testing.assert_allclose(found[0]["large"][1], sum(parts)[:5], rtol=1e-5, atol=1e-6)
    for way in WAYS:
        arrays = [part.copy() for part in parts]
        if way is not ladder.halving_and_doubling:  # three ranks are no power of two
            way(arrays, ladder.Network())
            np.testing.assert_allclose(found[0]["large"][1], arrays[0][:5], rtol=1e-5, atol=1e-6)


@ranks.needs_mpi
def test_moving(found):
    for rank, answer in enumerate(found):
        assert answer["broadcast"] == [1.0]
        assert answer["reduce"] == ([6.0] if rank == 2 else [rank + 1.0])
        assert answer["all_gather"] == [[0, 7], [1, 7], [2, 7]]
        assert answer["gather"] == ([[0], [2], [4]] if rank == 1 else None)
        assert answer["scatter"] == [rank + 5.0]
        assert answer["objects"] == [{"rank": r, "text": "x" * r} for r in range(3)]
    assert found[2]["recv"] == (0, [0.0])


@ranks.needs_mpi
def test_groups(found):
    assert [answer["place"] for answer in found] == [(0, 2), (-1, -1), (1, 2)]
    assert found[0]["pair"][:2] == found[2]["pair"][:2] == ([4.0], [2.0])
    assert "ValueError: src=1: the ranks of this group are [0, 2]" in found[0]["pair"][2]
    assert "not in the group" in found[1]["pair"]


REFUSED = {
    "twice": "ValueError: trying to initialize the default process group twice!",
    "contiguous": "ValueError: Tensors must be contiguous",
    "no tensor": "TypeError: Invalid type: expected a tensor, but got list",
    "bfloat16": "NotImplementedError: MPI has no sums of torch.bfloat16",
    "op": "ValueError: expected one of the operations of ReduceOp",
    "average of integers": "ValueError: ReduceOp.AVG is for floating numbers",
    "rows": "ValueError: all_gather expects 3 tensors of shape (2, 2)",
    "group": "ValueError: new_group: expected different ranks from 0 to 2, got [0, 0]",
    "no group": "TypeError: expected a process group, as new_group returns it, but got str",
}


@ranks.needs_mpi
@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(found, what):
    for answer in found:
        assert answer[what].startswith(REFUSED[what])


# ------------------------------------------------------------------------------------------------ without ranks
def test_without_a_group_the_error_is_pytorchs():
    torch = pytest.importorskip("torch")
    for library in (torch, reftorch):
        with pytest.raises(
            ValueError, match="Default process group has not been initialized, please make sure to call"
        ):
            library.distributed.get_rank()
    with pytest.raises(ValueError, match="Unknown backend 'smoke'"):
        dist.init_process_group("smoke")
    assert not dist.is_initialized() and not dist.is_nccl_available()


def test_without_the_extra_an_error_names_it(monkeypatch):
    monkeypatch.setattr(engine, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match=r"pip install 'reftorch\[distributed\]'"):
        dist.init_process_group()


def test_nothing_of_mpi_is_imported_before_it_is_wanted():
    code = (
        "import sys, reftorch.distributed, reftorch.nn.parallel; print(sorted(m for m in sys.modules if 'mpi4py' in m))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "[]\n", done.stderr


def test_a_launcher_of_another_mpi_is_noticed(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "2")
    with pytest.raises(RuntimeError, match="started 2 ranks, but the MPI library knows of 1.*reftorch launch"):
        engine.check_launcher(1)
    engine.check_launcher(2)


def test_times():
    assert world.seconds(datetime.timedelta(minutes=1)) == world.seconds(60) == 60.0
