"""Classic mistakes in fast forms: the tests of the form notice each of them.

The functions of the form's file run as plain Python, one of them with the mistake in it. So no mistake is compiled.
"""

from __future__ import annotations

import functools
import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

from reftorch.course.mutants import Mutant, planted
from reftorch.fast import (
    adaptive_avg_pool,
    alpha_dropout,
    borders,
    clipping,
    feature_pairs,
    losses,
    pdist,
    prelu,
    rmsprop,
    rrelu,
)

nan, inf = math.nan, math.inf


@functools.cache
def those_of(form):
    """The module with the tests of a fast form."""
    spec = importlib.util.spec_from_file_location(f"test_fast_{form}", Path(__file__).with_name(f"test_fast_{form}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Mistake(NamedTuple):
    """`find` becomes `replace` in a function of the module; `check(monkeypatch)` must notice it."""

    module: ModuleType
    function: str
    find: str
    replace: str
    check: Callable


def check_pdist(monkeypatch):
    those_of("pdist").test_the_same_as_the_reference(7, 5, 1, "float64", monkeypatch)
    for value in (nan, 1e-30):
        those_of("pdist").test_numbers_that_are_none_or_very_small(value)


def check_prelu(monkeypatch):
    those_of("prelu").test_the_same_as_the_reference(2, 7, 9, 1, "float32", monkeypatch)
    those_of("prelu").test_the_same_as_the_reference(5, 7, 1, 1, "float32", monkeypatch)


def check_pairs(monkeypatch):
    those_of("feature_pairs").test_the_same_as_the_reference(7, 3, 5, 4, 3, "float64", monkeypatch)
    those_of("feature_pairs").test_what_is_not_finite_is_left_to_the_reference("u")


def check_rmsprop(monkeypatch):
    those_of("rmsprop").test_the_same_as_the_reference(37, 1, "float64", monkeypatch)
    those_of("rmsprop").test_options_are_left_to_the_reference("maximize", 1)


def check_alpha_dropout(monkeypatch):
    those_of("alpha_dropout").test_the_same_as_the_reference((3, 5, 7), 1, "float64", monkeypatch)


def check_multi_label(monkeypatch):
    for name, function in (("exp32_full", np.exp), ("log1p_unit32", np.log1p), ("sigmoid32", sigmoid)):
        monkeypatch.setattr(losses, name, function)
    for each in (False, True):
        those_of("losses").test_multi_label_soft_margin(5, 7, each)


def sigmoid(x):
    with np.errstate(over="ignore"):
        return np.float32(1) / (np.float32(1) + np.exp(-x))


def check_clipping(monkeypatch):
    row = np.array([3.0, -4.0, nan, inf, -inf, 0.5, -0.0])
    clipping.limit(row, -1.0, 1.0)
    np.testing.assert_array_equal(row, [1, -1, nan, 1, -1, 0.5, 0])
    assert clipping.euclidean(np.array([3.0, -4.0])) == 5 and clipping.euclidean(np.array([-2.0])) == 2


def check_rrelu(monkeypatch):
    monkeypatch.setattr(those_of("rrelu"), "fast", rrelu)
    those_of("rrelu").test_slopes([-1, 0.0, 2, -0.0, nan, -inf, inf, -3], "float32")


def check_borders(monkeypatch):
    x = np.arange(24.0).reshape(2, 3, 4)
    wanted = np.pad(x, [(0, 0), (1, 2), (2, 1)], constant_values=7)
    found = borders.framed(x, [(2, 2, 1), (1, 1, 2)], 7)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(borders.unframed(wanted, [(2, 2, 1), (1, 1, 2)]), x)


def check_adaptive(monkeypatch):
    for sizes in those_of("adaptive_avg_pool").SIZES:
        those_of("adaptive_avg_pool").test_the_same_as_the_reference(*sizes, 1, monkeypatch)


STEP, PLANES = "multi_label_soft_margin_loss_forward_share", "multi_label_soft_margin_loss_backward_x_share"
MISTAKES = [
    Mistake(pdist, "measure_rows", "math.sqrt(totals[i])", "totals[i]", check_pdist),
    Mistake(pdist, "four_sums", "(row[j] - c[j]) * (row[j] - c[j])", "(row[j] - c[j]) * (row[j] - b[j])", check_pdist),
    Mistake(pdist, "pull_rows", " + (t * (row[j] - c[j]) + u * (row[j] - d[j]))", "", check_pdist),
    Mistake(pdist, "pull_apart", "zero if distance == 0 else d / distance", "d / distance", check_pdist),
    Mistake(prelu, "bend_rows", "weight[i % weight.size]", "weight[0]", check_prelu),
    Mistake(prelu, "bend_rows", "below = weight[d] * row[d]", "below = weight[0] * row[d]", check_prelu),
    Mistake(prelu, "bend_rows", "window(x[i], 0, size)", "window(given[i], 0, size)", check_prelu),
    Mistake(feature_pairs, "sum_over_features", "acc = bias[d_out]", "acc = 0", check_pairs),
    Mistake(feature_pairs, "sum_over_outputs", "result[d_u] += given", "result[d_u] = given", check_pairs),
    Mistake(feature_pairs, "write_pairs", "given * features[d_u]", "features[d_u]", check_pairs),
    Mistake(feature_pairs, "bilinear_backward_weight", "total += more", "total[:] = more", check_pairs),
    Mistake(feature_pairs, "bilinear_forward", " or not _finite(u, v)", "", check_pairs),
    Mistake(rmsprop, "plain_step", "square_avg[i] = s", "pass", check_rmsprop),
    Mistake(rmsprop, "plain_step", "math.sqrt(s) + eps", "math.sqrt(s + eps)", check_rmsprop),
    Mistake(rmsprop, "rmsprop_step", " or maximize", "", check_rmsprop),
    Mistake(alpha_dropout, "drop_planes", "(mask - kind(1))", "mask", check_alpha_dropout),
    Mistake(alpha_dropout, "move_planes", "* a + b", "* a", check_alpha_dropout),
    Mistake(alpha_dropout, "scale_planes", "mask * grad_y", "grad_y", check_alpha_dropout),
    Mistake(losses, STEP, "acc / C", "acc", check_multi_label),
    Mistake(losses, STEP, "window(weight, n * C, C)", "window(weight, 0, C)", check_multi_label),
    Mistake(losses, "wrong_answer32", "else ONE - t", "else t", check_multi_label),
    Mistake(losses, PLANES, "window(weight, n * C, C)", "window(weight, 0, C)", check_multi_label),
    Mistake(clipping, "limit", "most if x > most else x", "x", check_clipping),
    Mistake(clipping, "limit", "most if x > most else x", "x if x < most else most", check_clipping),
    Mistake(clipping, "euclidean", "abs(row[0])", "row[0]", check_clipping),
    Mistake(clipping, "euclidean", "total += row[i]", "total = row[i]", check_clipping),
    Mistake(rrelu, "_place_slopes", "x[i] <= zero", "x[i] < zero", check_rrelu),
    Mistake(rrelu, "_place_slopes", "table[k * below]", "table[k]", check_rrelu),
    Mistake(rrelu, "slopes_of", "drawn * span + low", "drawn * span", check_rrelu),
    Mistake(borders, "framed", "(slice(0, before), slice(shape[dim] - after, None))", "(slice(0, before),)", check_borders),
    Mistake(borders, "framed", "slice(before, shape[dim] - after)", "slice(after, shape[dim] - before)", check_borders),
    Mistake(borders, "unframed", "y.shape[dim] - after", "y.shape[dim] - before", check_borders),
    Mistake(adaptive_avg_pool, "windows", "-(-(o + 1) * extent // extent_out)", "(o + 1) * extent // extent_out", check_adaptive),
    Mistake(adaptive_avg_pool, "forward_planes", "row[:] = 0", "pass", check_adaptive),
    Mistake(adaptive_avg_pool, "forward_planes", "counted * (end - begin)", "end - begin", check_adaptive),
    Mistake(adaptive_avg_pool, "spread", "row[i] += share", "row[i] = share", check_adaptive),
]  # fmt: skip


@pytest.fixture
def plainly(monkeypatch):
    """The functions of a module, and those it imports, as plain Python that looks them up when it runs."""

    def put(module):
        for name, value in list(vars(module).items()):
            plain = getattr(value, "py_func", getattr(value, "__wrapped__", value))
            monkeypatch.setattr(module, name, plain)

    return put


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.function}: {mistake.replace or 'nothing'}")
def test_a_mistake_is_noticed(mistake, plainly, monkeypatch):
    plainly(mistake.module)
    mutant = Mutant(mistake.replace, mistake.function, mistake.find, mistake.replace, "")
    with (
        planted(mistake.module, mutant),
        pytest.raises((AssertionError, TypeError)) as noticed,
        np.errstate(all="ignore"),
    ):
        mistake.check(monkeypatch)
    assert noticed.type is AssertionError or "not callable" in str(
        noticed.value
    )  # the reference was not called where it had to be


@pytest.mark.parametrize("check, module", {(mistake.check, mistake.module): 0 for mistake in MISTAKES})
def test_without_a_mistake_nothing_is_noticed(check, module, plainly, monkeypatch):
    plainly(module)
    with np.errstate(all="ignore"):
        check(monkeypatch)
