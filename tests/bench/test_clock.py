"""The stop watch, with a clock that only the calls move on."""

import gc

import pytest

from reftorch.bench import clock
from reftorch.bench.clock import Budget, Spread, measure


@pytest.fixture
def takes(monkeypatch):
    """takes(seconds, ...) is a call that takes so long: the first time the first number, the last one from then on."""
    now, order = [0.0], []
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(clock.time, "sleep", lambda seconds: order.append("sleep"))

    def make(name, *seconds):
        left = list(seconds)

        def call():
            order.append(name)
            now[0] += left.pop(0) if len(left) > 1 else left[0]

        return call

    make.order = order
    return make


def test_medians_and_ratio(takes):
    timing = measure(takes("a", 1.0), takes("b", 3.0), Budget(rounds=5, seconds=1000))
    assert timing.seconds == Spread(1, 1, 1) and timing.torch_seconds == Spread(3, 3, 3)
    assert timing.ratio == Spread(3, 3, 3) and timing.rounds == 5


def test_the_first_call_is_not_counted(takes):
    assert measure(takes("a", 50.0, 1.0), None, Budget(rounds=3, seconds=10)).seconds.median == 1


def test_who_goes_first_changes(takes):
    measure(takes("a", 1.0), takes("b", 1.0), Budget(rounds=4, seconds=8))
    rounds = "".join(takes.order)[
        4:
    ]  # after the calibration; each sample is a call that is not counted and one that is
    assert rounds == "bbaaaabbbbaaaabb"


def test_what_takes_long_gets_three_rounds_and_what_is_short_many_calls(takes):
    long = measure(takes("a", 100.0), None, Budget(rounds=15, seconds=1))
    assert long.rounds == 3
    takes.order.clear()
    short = measure(takes("a", 1e-4), None, Budget(rounds=15, seconds=1))
    assert short.rounds == 15 and short.seconds.median == pytest.approx(1e-4)
    assert len(takes.order) == pytest.approx(15 * clock.SAMPLE / 1e-4, rel=0.05)


def test_one_round(takes):
    assert measure(takes("a", 2.0), takes("b", 1.0), Budget(rounds=1, seconds=1)).ratio == Spread(0.5, 0.5, 0.5)


def test_both_sides_rest_before_each_sample(takes):
    measure(takes("a", 1.0), takes("b", 1.0), Budget(rounds=2, seconds=2, settle=0.02))
    assert takes.order.count("sleep") == 2 * (1 + 2)


def test_no_garbage_is_collected_while_the_clock_runs(takes):
    seen = []
    measure(lambda: seen.append(gc.isenabled()), None, Budget(rounds=2, seconds=0))
    assert not seen[-1] and gc.isenabled()


def test_quartiles():
    assert Spread.of([1.0, 2.0, 3.0, 4.0, 5.0]) == Spread(3, 2, 4)
