"""linear_cross_entropy in pieces against torch: sizes of pieces, reductions, labels without a class, a second backward."""

import itertools
import warnings

import pytest
import torch

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase
from reftorch.nn.loss.linear_cross_entropy_options import piece_size

LABELS = (0, 3, 1, 1, 2)


def case(id, labels=LABELS, N=5, bias=False, class_weights=None, options=None, **kwargs):
    def run(torch, x, weight, *biases):
        like = dict(dtype=x.dtype, device=x.device)
        if class_weights:
            kwargs["weight"] = torch.tensor(class_weights, **like)
        if biases:
            kwargs["linear_bias"] = biases[0]
        given = torch.nn.LinearCrossEntropyOptions(**(options or {}))
        target = torch.tensor(labels, device=x.device)
        return torch.nn.functional.linear_cross_entropy(x, weight, target, options=given, **kwargs)

    inputs = [(N, 2) if N is not None else (2,), (4, 2), *([(4,)] if bias else [])]
    return ScriptCase("linear_cross_entropy", run=run, inputs=inputs, id=id)


CASES = [
    *[case(each, reduction=each) for each in ("mean", "sum", "none")],
    *[case(f"bias {each}", bias=True, reduction=each, options={"batch_chunk_size": 2}) for each in ("mean", "none")],
    case("all in one", bias=True, options={"chunking_method": None}),
    case("pieces larger than the batch", options={"batch_chunk_size": 9}),
    *[
        case(
            f"weights {each}",
            class_weights=[1.0, 2, 0.5, 1],
            ignore_index=1,
            reduction=each,
            options={"batch_chunk_size": 2},
        )
        for each in ("mean", "none")
    ],
    case("ignored outside the classes", labels=(0, -100, -100, 3, 1)),
    case("one sample", labels=3, N=None),
    case("one sample, none", labels=3, N=None, reduction="none"),
    case("kept", options={"allow_retain_graph": True}),
]


def call(x=(5, 2), weight=(4, 2), labels=LABELS, backwards=0, options=None, **kwargs):
    def run(torch):
        given = {key: getattr(torch, value) if key == "acc_dtype" else value for key, value in (options or {}).items()}
        inputs = torch.ones(x, requires_grad=True), torch.ones(weight), torch.tensor(labels)
        chosen = torch.nn.LinearCrossEntropyOptions(**given)
        loss = torch.nn.functional.linear_cross_entropy(*inputs, options=chosen, **kwargs)
        for _ in range(backwards):
            loss.sum().backward(retain_graph=True)

    return run


ERRORS = [
    ErrorCase(call(options={"acc_policy": "fast"}), ["acc_policy", "fast"], id="acc_policy"),
    *[
        ErrorCase(call(options={"chunking_method": each}), ["chunking_method", each], id=each)
        for each in ("half", "aspect_ratio:0", "aspect_ratio:x")
    ],
    ErrorCase(call(options={"chunking_method": 3}), ["partition"], id="chunking_method is a number"),
    *[
        ErrorCase(call(options={"batch_chunk_size": each}), ["batch_chunk_size", str(each)], id=f"size {each}")
        for each in (0, 1.5)
    ],
    ErrorCase(call(options={"acc_dtype": "int64"}), ["acc_dtype", "int64"], id="acc_dtype"),
    ErrorCase(
        call(options={"acc_dtype": "float64"}), ["acc_dtype", "float64", "float32"], id="acc_dtype of another input"
    ),
    ErrorCase(
        call(options={"batch_chunk_size": 2, "chunking_method": "aspect_ratio"}),
        ["2 vs 4", "pass only one"],
        id="two sizes",
    ),
    ErrorCase(call(backwards=2), ["called twice", "allow_retain_graph"], id="second backward"),
    ErrorCase(lambda torch: call(labels=LABELS[:3])(torch), ["(5)", "(3)"], ValueError, id="too few labels"),
    ErrorCase(call(labels=(0, 1, 2, 9, 0)), ["9", "number 3"], IndexError, id="label outside"),
    ErrorCase(
        lambda torch: torch.nn.LinearCrossEntropyLoss(2, 4, options="pieces")(torch.ones(3, 2), torch.ones(3).long()),
        ["str", "LinearCrossEntropyOptions"],
        id="options of another type",
    ),
    ErrorCase(
        lambda torch: setattr(torch.nn.LinearCrossEntropyOptions(), "batch_chunk_size", 3),
        ["batch_chunk_size"],
        id="frozen",
    ),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)[:4]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = tests


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_kept_graph_goes_back_twice(reduction):
    found = []
    for library in (reftorch, torch):
        x = library.ones(5, 2, requires_grad=True)
        options = library.nn.LinearCrossEntropyOptions(allow_retain_graph=True)
        weight, target = library.tensor([[1.0, 0], [0, 1]]), library.tensor([0, 1, 0, 0, 0])
        loss = library.nn.functional.linear_cross_entropy(x, weight, target, reduction=reduction, options=options)
        loss.sum().backward(retain_graph=True)
        loss.sum().backward()
        found.append(x.grad.tolist())
    assert found[0] == found[1]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_an_empty_batch(reduction):
    shown = []
    for library in (reftorch, torch):
        x, weight = library.ones(0, 2), library.ones(4, 2)
        options = library.nn.LinearCrossEntropyOptions()
        target = library.ones(0, dtype=library.int64)
        shown.append(
            repr(library.nn.functional.linear_cross_entropy(x, weight, target, reduction=reduction, options=options))
        )
    assert shown[0] == shown[1]


def test_sizes_of_pieces_are_those_of_torch():
    choices = [{}, {"batch_chunk_size": 3}, {"chunking_method": "aspect_ratio"}, {"chunking_method": "aspect_ratio:3"}]
    for given, N, D, C in itertools.product(choices, (0, 1, 7, 100), (1, 5, 64), (1, 6, 1000)):
        ours, theirs = reftorch.nn.LinearCrossEntropyOptions(**given), torch.nn.LinearCrossEntropyOptions(**given)
        wanted = theirs._adjust(N, D, C, torch.float32, torch.device("cpu")).batch_chunk_size
        assert piece_size(ours, N, D, C, reftorch.float32) == wanted, (given, N, D, C)
        wanted = theirs._adjust(N, D, C, torch.float16, torch.device("cpu")).batch_chunk_size
        assert piece_size(ours, N, D, C, reftorch.float16) == wanted, (given, N, D, C)


def test_prints_as_torch():
    for library in (reftorch, torch):
        given = dict(allow_retain_graph=True, batch_chunk_size=2, acc_dtype=library.float32)
        module = library.nn.LinearCrossEntropyLoss(3, 4, options=library.nn.LinearCrossEntropyOptions(**given))
        assert "LinearCrossEntropyOptions(allow_retain_graph=True, batch_chunk_size=2, chunking_method='auto'" in repr(
            module
        )
        assert "acc_policy='auto', acc_dtype=torch.float32)" in repr(module)


@pytest.mark.parametrize(
    "given", [{"label_smoothing": 0.1}, {"target": "uint8"}, {"target": "float"}, {"positions": (3,)}], ids=str
)
def test_options_without_a_form_in_pieces_are_ignored_with_a_warning(given):
    given, found = dict(given), []
    for library in (reftorch, torch):
        kwargs = dict(given)
        kind, positions = kwargs.pop("target", "int64"), kwargs.pop("positions", ())
        target = library.ones(2, *positions, dtype=library.int64)
        if kind == "uint8":
            target = target.to(library.uint8)
        if kind == "float":
            target = library.ones(2, 4) / 4
        x, weight = library.ones(2, 3), library.ones(4, *positions, 3)
        options = library.nn.LinearCrossEntropyOptions()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loss = library.nn.functional.linear_cross_entropy(x, weight, target, options=options, **kwargs)
        assert [each.category for each in caught] == [UserWarning] and "ignored" in str(caught[0].message)
        found.append(loss.item())
    assert found[0] == pytest.approx(found[1], rel=1e-6)
