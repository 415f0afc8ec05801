"""Arrays that check their indices: what they complain about, and what stays as it was."""

import numpy as np
import pytest

from reftorch.trace.checked import Checked, checked


def at(x, i, j):
    return x[i, j]


def one_less(x, i):
    row = x[1]
    row[i - 1] = 5


def two_lines(x, i):
    y = x[0, 0] + x[
        i, 1
    ]  # fmt: skip
    return y


def spread(x, n, c):
    return x[..., c] if n is None else x[None, n]


def nested(x, index, i):
    return x[index[i], 0]


def at_itself(x, i):
    return x[x[0, 0], i]


X = np.arange(6).reshape(2, 3)


@pytest.mark.parametrize(
    "kernel, arguments, message",
    [
        (at, (0, -1), "x[i, j]: j = -1 is outside 0..2, dimension 1 of shape (2, 3); the index is (0, -1)"),
        (at, (2, 0), "x[i, j]: i = 2 is outside 0..1, dimension 0 of shape (2, 3); the index is (2, 0)"),
        (at, (0, np.int64(3)), "x[i, j]: j = 3 is outside 0..2, dimension 1 of shape (2, 3); the index is (0, 3)"),
        (one_less, (0,), "row[i - 1]: i - 1 = -1 is outside 0..2, dimension 0 of shape (3,); the index is (-1)"),
        (two_lines, (2,), "x[i, 1]: i = 2 is outside 0..1, dimension 0 of shape (2, 3); the index is (2, 1)"),
        (
            spread,
            (None, 3),
            "x[..., c]: c = 3 is outside 0..2, dimension 1 of shape (2, 3); the index is (Ellipsis, 3)",
        ),
        (spread, (-1, 0), "x[None, n]: n = -1 is outside 0..1, dimension 0 of shape (2, 3); the index is (None, -1)"),
        (at_itself, (-2,), "x[x[0, 0], i]: i = -2 is outside 0..2, dimension 1 of shape (2, 3); the index is (0, -2)"),
        (
            nested,
            (checked(np.array([0, -1])), 1),
            "x[index[i], 0]: index[i] = -1 is outside 0..1, dimension 0 of shape (2, 3); the index is (-1, 0)",
        ),
    ],
)
def test_message_names_variable_index_and_shape(kernel, arguments, message):
    with pytest.raises(IndexError) as caught:
        kernel(checked(X.copy()), *arguments)
    assert str(caught.value) == message
    assert caught.value.__suppress_context__  # one error, not "during handling of the above"


def test_without_source_the_index_still_tells():
    names = {"x": checked(X.copy())}
    with pytest.raises(IndexError, match=r"the array: index -1 is outside 0\.\.1, dimension 0"):
        exec(compile("x[-1, 0]", "<nowhere>", "exec"), names)


def test_an_empty_dimension():
    with pytest.raises(IndexError, match=r"0 is outside the empty dimension 0 of shape \(0,\)"):
        checked(np.zeros(0))[0]


def test_a_write_outside_changes_nothing():
    x = np.zeros(3)
    for index in (-1, 3, np.int64(-3)):
        with pytest.raises(IndexError):
            checked(x)[index] = 7
    assert x.tolist() == [0, 0, 0]


def test_numpys_own_complaints_pass():
    with pytest.raises(IndexError, match="too many indices"):
        checked(X)[0, 0, 0]
    with pytest.raises(ValueError, match="could not convert"):
        checked(np.zeros(3))[0] = "word"


def test_same_memory_and_plain_scalars():
    x = np.zeros((2, 3), np.float32)
    y = checked(x)
    y[1, 2] = 4
    y[0][1] = 5
    y[:, 0] += 1
    assert x.tolist() == [[1, 5, 0], [1, 0, 4]] and np.shares_memory(x, y)
    assert type(y[1, 2]) is np.float32 and type(y[0][1]) is np.float32 and type(y[0]) is not np.ndarray


def test_views_are_checked_too():
    x = checked(np.arange(24).reshape(2, 3, 4))
    for view in (x[1], x[:, 1], x.T, x.reshape(4, 6), x[0][1], (x, x)[0]):
        with pytest.raises(IndexError):
            view[-1]
    assert x.T[3, 2, 1] == 23 and x.T[3, 0, 1] == x[1, 0, 3]


def test_tuples_are_checked_and_the_rest_is_left():
    first, number, text = checked((X, 3, "a"))
    assert isinstance(first, Checked) and number == 3 and text == "a"


def test_numpy_functions_see_an_ordinary_array():
    x = checked(np.arange(6.0).reshape(2, 3))
    assert type(x.sum()) is np.float64 and type(np.sum(x)) is np.float64 and x.max() == 5
    assert np.dot(x, x.T).tolist() == [[5, 14], [14, 50]] and np.exp(x)[0, 0] == 1
    assert (x + 1)[1, 2] == 6 and x[x > 3].tolist() == [4, 5] and x[[-1]].tolist() == [[3, 4, 5]]
    assert str(x) == str(np.asarray(x.unchecked)) and repr(x) == repr(x.unchecked)
    assert np.empty_like(x).shape == (2, 3)


def test_only_the_expression_at_fault_is_named():
    """Two arrays with equal numbers in one line: the name is that of the right one."""

    def add(a, b, i, j):
        return a[i] + b[j]

    a, b = checked(np.zeros(3)), checked(np.zeros(3))
    with pytest.raises(IndexError, match=r"^b\[j\]: j = 3"):
        add(a, b, 2, 3)
    with pytest.raises(IndexError, match=r"^a\[i\]: i = 3"):
        add(a, b, 3, 3)
