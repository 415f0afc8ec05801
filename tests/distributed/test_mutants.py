"""The tests notice the classic mistakes in what moves and averages gradients among ranks."""

import pytest

import rank_mutants
import ranks

pytestmark = ranks.needs_mpi


@pytest.fixture(scope="module")
def of_ddp(tmp_path_factory):
    return ranks.run_on(2, rank_mutants.of_ddp, tmp_path_factory.mktemp("ddp"))


@pytest.fixture(scope="module")
def of_collectives(tmp_path_factory):
    return ranks.run_on(3, rank_mutants.of_collectives, tmp_path_factory.mktemp("collectives"))


def says(mistakes):
    return pytest.mark.parametrize("mistake", [mistake.says for mistake in mistakes])


@says(rank_mutants.OF_DDP)
def test_mistakes_in_data_parallelism_are_noticed(of_ddp, mistake):
    assert any(answer[mistake] for answer in of_ddp), "no case changes on any rank"


@says(rank_mutants.OF_COLLECTIVES)
def test_mistakes_in_collective_operations_are_noticed(of_collectives, mistake):
    assert any(answer[mistake] for answer in of_collectives), "no case changes on any rank"


def test_without_a_mistake_nothing_changes(of_ddp, of_collectives):
    assert [answer[""] for answer in [*of_ddp, *of_collectives]] == [[]] * 5
