"""EmbeddingBag and F.embedding_bag against torch."""

import numpy as np
import pytest

import oracle
import reftorch
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, integers, normal

IDS = array([[2, 0, 2], [4, 4, 1]])
ROW = array([2, 0, 2, 4, 4, 1, 0])
OFFSETS = array([0, 3, 3, 5])  # the second bag is empty


ENDS = array([0, 3, 3, 7])
ALIKE = array([[3, 0, 3], [4, 0, 4]])  # each id twice: torch on the CPU divides by the frequency of another id


def bag(id, inputs=(IDS,), **options):
    changes = "max_norm" in options
    return ModuleCase("EmbeddingBag", list(inputs), (5, 3), options, id=id, changes_inputs=changes)


def weighted(id, ids=IDS, shape=(2, 3), offsets=(), **options):
    """The sum with a weight for each id, which has a gradient."""

    def run(torch, weights, weight, ids, *offsets):
        return torch.nn.functional.embedding_bag(
            ids, weight, *offsets, mode="sum", per_sample_weights=weights, **options
        )

    gradcheck = "padding_idx" not in options and "scale_grad_by_freq" not in options
    inputs = [normal(*shape), normal(5, 3), ids, *offsets]
    return ScriptCase("embedding_bag", inputs, run=run, id=id, gradcheck=gradcheck)


def pretrained(torch, x):
    table = x.detach() * 1
    layer = torch.nn.EmbeddingBag.from_pretrained(table, False, None, 2.0, False, "max", padding_idx=-1)
    layer(torch.tensor([[2, 0, 4]], device=x.device)).sum().backward()
    frozen = torch.nn.EmbeddingBag.from_pretrained(table)
    facts = torch.tensor([layer.padding_idx, frozen.weight.requires_grad, layer.mode == "max"], device=x.device)
    return layer.weight.detach(), layer.weight.grad, facts


def sparse(id, ids=ROW, offsets=(OFFSETS,), weights=None, **options):
    """A sparse gradient: its entries in the order of the ids, and the dense tensor."""

    def run(torch, weight, ids, *rest):
        share = torch.tensor(weights, dtype=weight.dtype, device=weight.device, requires_grad=True) if weights else None
        weight = weight.detach().requires_grad_()
        y = torch.nn.functional.embedding_bag(ids, weight, *rest, sparse=True, per_sample_weights=share, **options)
        (y * y).sum().backward()
        grad = weight.grad
        assert grad.is_sparse and not grad.is_coalesced()
        found = y.detach(), grad._indices(), grad._values(), grad.to_dense()
        return (*found, share.grad) if weights else found

    return ScriptCase("embedding_bag", [normal(5, 3, grad=False), ids, *offsets], run=run, id=f"sparse, {id}")


TIES = array([[1.0, np.nan], [np.nan, 2.0], [1.0, -np.inf]])
CASES = [
    *[bag(mode, mode=mode) for mode in ("sum", "mean", "max")],
    *[bag(f"{mode}, offsets", (ROW, OFFSETS), mode=mode) for mode in ("sum", "mean", "max")],
    *[bag(f"{mode}, padding", (ROW, OFFSETS), mode=mode, padding_idx=4) for mode in ("sum", "mean", "max")],
    *[bag(f"{mode}, end given", (ROW, ENDS), mode=mode, include_last_offset=True) for mode in ("sum", "max")],
    *[bag(f"{mode}, by frequency", (ALIKE,), mode=mode, scale_grad_by_freq=True) for mode in ("sum", "mean")],
    sparse("sum", mode="sum"),
    sparse("mean, padding", mode="mean", padding_idx=4),
    sparse("pairs", IDS, ()),
    sparse("weights", IDS, (), weights=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], mode="sum"),
    bag("int32", (array(np.array([2, 0, 2], np.int32)), array(np.array([0, 1], np.int32)))),
    bag("limited norm", (ROW, OFFSETS), max_norm=1.0, norm_type=1.0),
    bag("no bags", (array(np.zeros((0, 2), np.int64)),), padding_idx=-1),
    bag("empty bags", (array(np.zeros(0, np.int64)), array([0, 0])), mode="max"),
    weighted("weights"),
    weighted("weights, offsets, padding", ROW, (7,), (OFFSETS,), padding_idx=-1),
    weighted("weights by frequency", ALIKE, scale_grad_by_freq=True),
    FunctionCase(
        "embedding_bag", [array([[0, 1, 2], [1, 0, 2]]), TIES], kwargs=dict(mode="max"), id="edges", gradcheck=False
    ),
    ScriptCase("EmbeddingBag", [normal(5, 3, grad=False)], run=pretrained, id="from_pretrained"),
    ModuleCase("EmbeddingBag", [integers(0, 300, 40, 20)], (300, 17), id="large"),
    ModuleCase("EmbeddingBag", [integers(0, 300, 40, 20)], (300, 17), dict(mode="max"), id="large, max"),
]


def call(ids=(0, 2), offsets=None, shape=(4, 2), weights=None, **options):
    def run(torch):
        more = {} if weights is None else dict(per_sample_weights=torch.tensor(weights))
        starts = None if offsets is None else torch.tensor(offsets)
        return torch.nn.functional.embedding_bag(torch.tensor(ids), torch.zeros(*shape), starts, **more, **options)

    return run


ERRORS = [
    ErrorCase(call([[0, 4]]), ["Index 1", "4", "[0, 4)"], id="too large"),
    ErrorCase(call([[-1, 0]]), ["Index 0", "-1"], id="negative"),
    ErrorCase(call(), ["offsets", "None"], id="no offsets"),
    ErrorCase(call(offsets=[[0]]), ["1D"], id="offsets of two dimensions"),
    ErrorCase(call([[0, 2]], [0]), ["2D", "offsets"], id="superfluous offsets"),
    ErrorCase(call(offsets=[1]), ["offsets[0]", "1"], id="first offset"),
    ErrorCase(call(offsets=[0, 3]), ["length", "3"], id="last offset"),
    ErrorCase(call([[[0]]]), ["dimension 3"], id="3-D"),
    ErrorCase(call([[], []]), ["long()"], id="fractions"),
    ErrorCase(call([[0, 2]], shape=(4,)), ["2D", "1"], id="table"),
    ErrorCase(call([[0, 2]], mode="min"), ["sum, mean or max", "min"], id="mode"),
    ErrorCase(call([[0, 2]], mode="max", scale_grad_by_freq=True), ["frequency"], id="max by frequency"),
    ErrorCase(call([[0, 2]], mode="max", sparse=True), ["sparse"], id="max, sparse"),
    ErrorCase(
        lambda torch: (
            torch.nn.EmbeddingBag(3, 2, sparse=True, scale_grad_by_freq=True)(torch.tensor([[1]])).sum().backward()
        ),
        ["scale_grad_by_freq", "sparse"],
        id="sparse by frequency",
    ),
    ErrorCase(call([[0, 2]], weights=[[1.0, 2.0]]), ["mode='sum'", "mean"], id="weights of a mean"),
    ErrorCase(call([[0, 2]], weights=[1.0, 2.0], mode="sum"), ["same shape", "[1, 2]"], id="shape of the weights"),
    ErrorCase(lambda torch: torch.nn.EmbeddingBag(3, 2, padding_idx=-4), ["within num_embeddings"], id="padding"),
    ErrorCase(lambda torch: torch.nn.EmbeddingBag.from_pretrained(torch.zeros(3)), ["2-dimensional"], id="1-D"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


def test_the_old_order_of_arguments_warns():
    ids, table = reftorch.tensor([[0, 1]]), reftorch.ones(2, 3)
    with pytest.warns(UserWarning, match="Argument order"):
        assert reftorch.nn.functional.embedding_bag(table, ids, mode="sum").tolist() == [[2.0, 2.0, 2.0]]


def test_an_offset_below_the_one_before_counts_as_equal_to_it():
    table = reftorch.tensor([[1.0], [2.0], [4.0]])
    sums = reftorch.nn.functional.embedding_bag(
        reftorch.tensor([0, 1, 2]), table, reftorch.tensor([0, 2, 1]), mode="sum"
    )
    assert sums.tolist() == [[3.0], [0.0], [4.0]]


def test_gradients_are_divided_by_how_often_the_row_was_chosen():
    table = reftorch.ones(4, 1, requires_grad=True)
    ids = reftorch.tensor([[3, 3, 0], [3, 1, 1]])
    reftorch.nn.functional.embedding_bag(ids, table, mode="sum", scale_grad_by_freq=True).backward(
        reftorch.tensor([[1.0], [10.0]])
    )
    assert table.grad.tolist() == [[1.0], [10.0], [0.0], [4.0]]


def test_ids_after_the_last_offset_are_in_no_bag():
    table = reftorch.ones(3, 1, requires_grad=True)
    sums = reftorch.nn.functional.embedding_bag(
        reftorch.tensor([0, 1, 2]), table, reftorch.tensor([0, 2]), mode="sum", include_last_offset=True
    )
    sums.sum().backward()
    assert sums.tolist() == [[2.0]] and table.grad.tolist() == [[1.0], [1.0], [0.0]]
