"""Embedding and F.embedding against torch."""

import math

import numpy as np
import pytest

import oracle
import reftorch
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, integers, normal

IDS = np.array([[2, 0, 2], [4, 4, 1]])


def limited(norm_type, max_norm=1.0):
    """Rows are shortened in the table, once each; the version counts one change."""

    def run(torch, x):
        weight = (x.detach() * 1).requires_grad_()
        ids = torch.tensor(IDS, device=x.device)
        y = torch.nn.functional.embedding(ids, weight, max_norm=max_norm, norm_type=norm_type)
        (y * y).sum().backward()
        return y.detach(), weight.detach(), weight.grad, torch.tensor(weight._version, device=x.device)

    return ScriptCase("embedding", [normal(5, 3, grad=False)], run=run, id=f"max_norm, norm {norm_type}")


def limited_with_nan(torch, x):
    """A row whose norm is NaN is not shortened, nor is any row if the limit is NaN."""
    weight = x.detach() * 1
    weight[2, 1] = math.nan
    ids = torch.tensor(IDS, device=x.device)
    y = torch.nn.functional.embedding(ids, weight, max_norm=0.5)
    before = weight.clone()
    return y, before, torch.nn.functional.embedding(ids, weight, max_norm=math.nan), weight


def pretrained(torch, x):
    table = x.detach() * 1
    layer = torch.nn.Embedding.from_pretrained(table, padding_idx=-1, freeze=False)
    layer(torch.tensor(IDS, device=x.device)).sum().backward()
    table[0] = 7  # the memory is shared
    frozen = torch.nn.Embedding.from_pretrained(table)
    facts = torch.tensor([layer.padding_idx, frozen.weight.requires_grad], device=x.device)
    return layer.weight.detach(), layer.weight.grad, facts


def whole_numbers(torch, x):
    ids, table = torch.tensor([1, 0], device=x.device), torch.tensor([[1, 2], [3, 4]], device=x.device)
    return torch.nn.functional.embedding(ids, table)


def sparse(id, ids=IDS, **options):
    """A sparse gradient: its entries in the order of the ids, and the dense tensor."""

    def run(torch, x):
        layer = torch.nn.Embedding.from_pretrained(x.detach(), freeze=False, sparse=True, **options)
        y = layer(torch.tensor(ids, device=x.device))
        (y * y).sum().backward()
        grad = layer.weight.grad
        assert grad.is_sparse and grad.is_coalesced() == (y.numel() < 4) and grad.shape == x.shape
        return y.detach(), grad._indices(), grad._values(), grad.coalesce().values(), grad.to_dense()

    return ScriptCase("Embedding", [normal(5, 3, grad=False)], run=run, id=f"sparse, {id}")


CASES = [
    ScriptCase("embedding", [normal(5, 3, grad=False)], run=limited_with_nan, id="max_norm, NaN"),
    ModuleCase("Embedding", [array(IDS)], (5, 3), id="repeated ids"),
    ModuleCase("Embedding", [array(IDS)], (5, 3), dict(padding_idx=2), id="padding"),
    ModuleCase("Embedding", [array(IDS)], (5, 3), dict(padding_idx=-1, norm_type=1.0), id="padding from the end"),
    ModuleCase("Embedding", [array(IDS)], (5, 3), dict(scale_grad_by_freq=True), id="by frequency"),
    ModuleCase("Embedding", [array(IDS)], (5, 3), dict(scale_grad_by_freq=True, padding_idx=4), id="both"),
    ModuleCase("Embedding", [array(2)], (5, 3), id="a number"),
    ModuleCase("Embedding", [array(np.zeros((2, 0), np.int64))], (5, 3), id="no ids"),
    ModuleCase("Embedding", [array(IDS.astype(np.int32))], (5, 3), id="int32"),
    ModuleCase("Embedding", [integers(0, 300, 30, 40)], (300, 17), id="large"),
    FunctionCase("embedding", [array(IDS), (5, 2)], (0,), id="a given table", gradcheck=False),
    FunctionCase("embedding", [array([1, 0]), array([[1.0, np.nan], [np.inf, 2.0]])], id="edges", gradcheck=False),
    *[limited(norm_type) for norm_type in (2.0, 1.0, np.inf)],
    ScriptCase("Embedding", [normal(5, 3, grad=False)], run=pretrained, id="from_pretrained"),
    ScriptCase("embedding", [(1,)], run=whole_numbers, id="a table of whole numbers", gradcheck=False),
    sparse("repeated ids"),
    sparse("padding", padding_idx=2),
    sparse("no ids", np.zeros((0, 2), np.int64)),
    sparse("a number", 3),
    sparse("int32", IDS.astype(np.int32)),
]


def look_up(values=(0, 2), shape=(3, 2), dtype="int64", **options):
    return lambda torch: torch.nn.functional.embedding(
        torch.tensor(values, dtype=getattr(torch, dtype)), torch.zeros(*shape), **options
    )


ERRORS = [
    ErrorCase(
        lambda torch: (
            torch.nn.Embedding(3, 2, sparse=True, scale_grad_by_freq=True)(torch.tensor([1])).sum().backward()
        ),
        ["scale_grad_by_freq", "sparse"],
        id="sparse by frequency",
    ),
    ErrorCase(look_up((0, 3)), ["out of range", "3", "num_embeddings"], id="too large"),
    ErrorCase(look_up((-1, 0)), ["out of range", "-1"], id="negative"),
    ErrorCase(look_up(dtype="float32"), ["float32", "long()"], id="fractions"),
    ErrorCase(look_up(dtype="uint8"), ["uint8", "Long, Int"], id="uint8"),
    ErrorCase(look_up(shape=(3,)), ["2-D", "[3]"], id="a vector as table"),
    ErrorCase(look_up(padding_idx=3), ["within num_embeddings", "3"], id="padding too large"),
    ErrorCase(look_up(padding_idx=-4), ["within num_embeddings", "-4"], id="padding too small"),
    ErrorCase(lambda torch: torch.nn.Embedding(3, 2, padding_idx=3), ["within num_embeddings"], id="module's padding"),
    ErrorCase(lambda torch: torch.nn.Embedding(3, 2)([1]), ["list", "Tensor"], id="list"),
    ErrorCase(lambda torch: torch.nn.Embedding.from_pretrained(torch.zeros(3)), ["2-dimensional", "[3]"], id="1-D"),
    ErrorCase(lambda torch: torch.nn.Embedding(3, 2, _weight=torch.zeros(2, 3)), ["Shape of weight"], id="shape"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@pytest.mark.parametrize("V", [7, 2**16 + 3])
def test_segments_list_each_position_at_its_row(V):
    """Tables of up to 65536 rows are sorted as numbers of 16 bits, larger ones as they are."""
    from reftorch.nn.sparse.table import segments

    ids = np.array([6, V - 1, 0, 6, V - 1, 1])
    order, start = (found.numpy() for found in segments(ids, V, reftorch.device("cpu"), without=0))
    for v in (0, 1, 6, V - 1):
        wanted = [] if v == 0 else np.flatnonzero(ids == v).tolist()
        assert order[start[v] : start[v + 1]].tolist() == wanted
