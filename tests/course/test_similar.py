"""Submissions that are nearly the same are found, others not."""

import textwrap

import pytest

from reftorch.course.similar import similar, tokens

REFERENCE = '''
import numpy as np

def size(n):
    return n + 1

def smooth(x, y, width):
    """Each element becomes the mean of its neighbourhood."""
    for i in range(x.size):
        acc = x.dtype.type(0)
        for k in range(width):
            acc += x[i + k]
        y[i] = acc / width
'''
RENAMED = """
import numpy as np

def size(n):
    return 0 * n  # not asked

def smooth(source, target, w):
    for place in range(source.size):   # every place
        total: float = source.dtype.type(0)
        for offset in range(w):

            total += source[
                place + offset]
        target[place] = total / w
"""
OTHER = """
def smooth(x, y, width):
    running = x[:width].sum()
    y[0] = running / width
    for i in range(1, x.size):
        running = running - x[i - 1] + x[i + width - 1]
        y[i] = running / width
"""
HELPED = """
def _mean(values, width):
    total = 0
    for value in values:
        total = total + value
    return total / width

def smooth(x, y, width):
    i = 0
    while i < x.size:
        y[i] = _mean(x[i : i + width], width)
        i += 1
"""
CUT = ["smooth"]


def found(least=0.9, **sources):
    pairs = similar({name: textwrap.dedent(text) for name, text in sources.items()}, REFERENCE, CUT, least)
    return [(pair.first, pair.second) for pair in pairs]


def test_names_comments_and_layout_do_not_hide_a_copy():
    assert found(ada=RENAMED, ben=REFERENCE, carl=OTHER, dora=HELPED) == [("ada", "ben")]
    (pair,) = similar({"ada": RENAMED, "ben": REFERENCE}, REFERENCE, CUT)
    assert pair.likeness == pair.reference == 1


def test_a_small_change_lowers_the_likeness():
    (pair,) = similar({"ada": OTHER, "ben": OTHER.replace("running / width", "running / width + 0", 1)}, REFERENCE, CUT)
    assert 0.9 < pair.likeness < 1 and pair.reference < 0.8
    assert found(least=pair.likeness + 0.001, ada=OTHER, ben=OTHER.replace("/ width", "/ width + 0", 1)) == []


def test_helpers_count_and_supplied_functions_do_not():
    assert "total" not in tokens(HELPED, CUT, [])
    assert len(tokens(HELPED, CUT, ["size"])) > len(tokens(HELPED, CUT, ["_mean"])) + 20
    assert tokens(REFERENCE, CUT, ["size"]) == tokens(RENAMED, CUT, ["size"])


@pytest.mark.parametrize(
    "text", ["def smooth(:", "\0", "x = " + "(" * 5000 + ")" * 5000, "def smooth(x, y, w): pass", ""]
)
def test_what_cannot_be_read_or_says_nothing_is_left_out(text):
    assert found(ada=text, ben=text) == []


def test_methods_by_qualified_name():
    text = "class A:\n    def f(self, x):\n        return x\n    def g(self, x):\n        return -x\n"
    assert tokens(text, ["A.g"], ["A.f", "A.g"]) == tokens("def h(self, a):\n    return -a\n", ["h"], [])
