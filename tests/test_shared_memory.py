"""Copies of tensors that share memory share memory as the originals did, as in PyTorch."""

import copy

import numpy as np

import reftorch
from both import both


@both
def test_a_copy_of_a_view_follows_its_copy(torch):
    x = torch.ones(2, 2)
    whole, row, column = copy.deepcopy([x, x[0], x[:, 1]])
    whole[0, 1] = 9
    assert row.tolist() == [1, 9] and column.tolist() == [9, 1]
    assert x.tolist() == [[1, 1], [1, 1]]
    row.mul_(2)
    assert whole.tolist() == [[2, 18], [1, 1]]


@both
def test_views_without_what_they_are_views_of(torch):
    x = torch.zeros(6)
    pair = copy.deepcopy({"a": x[1:4], "b": x[3:].view(3, 1), "c": (x.view(2, 3).t(),)})
    pair["a"][2] = 5
    assert pair["b"].tolist() == [[5], [0], [0]] and pair["c"][0].tolist() == [[0, 5], [0, 0], [0, 0]]
    assert pair["c"][0].stride() == (1, 3) and not x.any()


@both
def test_what_shares_nothing_goes_on_sharing_nothing(torch):
    a, b = copy.deepcopy([torch.ones(2), torch.ones(2)])
    a[0] = 5
    assert b.tolist() == [1, 1]
    first, second = (copy.deepcopy(torch.ones(2)) for _ in range(2))
    first[0] = 5
    assert second.tolist() == [1, 1]


@both
def test_strides_of_a_copy(torch):
    assert copy.deepcopy(torch.ones(3).expand(2, 3)).stride() == (0, 1)
    assert copy.deepcopy(torch.ones(2, 3).t()).stride() == (1, 3)
    assert copy.deepcopy(torch.ones(4, 6)[::2, 1:3]).stride() == (12, 1)


@both
def test_detached_and_data_share_too(torch):
    x = torch.ones(2, requires_grad=True)
    leaf, detached, data = copy.deepcopy((x, x.detach(), x.data))
    detached[0] = 7
    assert leaf.tolist() == [7, 1] and data.tolist() == [7, 1] and leaf.requires_grad


@both
def test_objects_with_tensors_in_them(torch):
    class Holder:
        def __init__(self):
            self.table = torch.zeros(3, 2)
            self.rows = list(self.table)

    made = copy.deepcopy(Holder())
    made.table[1, 0] = 4
    assert made.rows[1].tolist() == [4, 0]


@both
def test_arrays_of_numpy(torch):
    array = np.zeros((4, 3), np.float32)
    x = torch.from_numpy(array)
    whole, row = copy.deepcopy([x, x[2]])
    whole[2, 1] = 3
    assert row.tolist() == [0, 3, 0] and not array.any()
    torch.from_numpy(array[1])[0] = 8
    assert array[1, 0] == 8


def test_a_write_to_a_copy_is_seen_by_the_tape_of_its_view():
    x = reftorch.ones(2)
    whole, part = copy.deepcopy([x, x[:1]])
    w = reftorch.ones(1, requires_grad=True)
    y = (part * w).sum()
    whole.add_(1)
    try:
        y.backward()
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)
    else:
        raise AssertionError("the product's operand was overwritten")
