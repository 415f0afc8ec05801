"""The guide's four ways to an all-reduce in the step viewer: what is sent, what it becomes, and that the guide shows all of them."""

import pytest

from reftorch.site import all_reduce, build

TOTAL = sum(10**r for r in range(all_reduce.RANKS))
SENT = {  # elements that travel in each round, all ranks together
    "everybody_to_everybody": [32] * 3,
    "through_rank_0": [8] * 6,
    "ring": [8] * 6,
    "halving_and_doubling": [16, 8, 8, 16],
}
each_way = pytest.mark.parametrize("way", all_reduce.WAYS)


@each_way
def test_the_sum_is_reached_on_all_ranks(way):
    recording = all_reduce.recorded(way)
    assert [array.data for array in recording.arrays] == [[10**r] * 8 for r in range(4)]
    for r in range(4):
        assert recording.final(f"ranks[{r}]") == [TOTAL] * 8
    assert {source.name for source in recording.functions} == {way}


@each_way
def test_what_is_sent_is_marked_as_read(way):
    recording = all_reduce.recorded(way)
    assert [len(step[2]) for step in recording.steps if len(step) > 2 and step[2]] == SENT[way]


def test_the_first_round_of_the_ring():
    """Rank r sends chunk r, which rank r + 1 adds to its own."""
    recording = all_reduce.recorded("ring")
    sends = next(i for i, step in enumerate(recording.steps) if len(step) > 2 and step[2])
    assert recording.steps[sends][2] == [8 * r + 2 * r + place for r in range(4) for place in (0, 1)]
    written = {}
    for step in recording.steps[sends + 1 :]:
        if len(step) > 2 and step[2]:
            break
        written.update(zip(step[3][::2], step[3][1::2]) if len(step) > 3 else ())
    assert written == {8 * r + 2 * ((r - 1) % 4) + i: 10**r + 10 ** ((r - 1) % 4) for r in range(4) for i in (0, 1)}


@each_way
def test_the_guide_shows_it(way):
    guide = build.prose()["guide/all-reduce.md"]
    assert f'data-kernel="{way}"' in guide and "[[all-reduce" not in guide
    assert guide.count('class="rt-viewer"') == 4


def test_the_guide_has_the_timeline():
    assert "Timeline of the buckets of one step" in build.prose()["guide/all-reduce.md"]
