"""Cross entropy of class indices, the Module, and which path a target takes; class probabilities have a file of their own."""

import warnings
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
import reftorch
from oracle import (
    ErrorCase,
    FunctionCase,
    ModuleCase,
    Run,
    array,
    integers,
    normal,
    probabilities,
    uniform,
)
from reftorch.nn.loss import cross_entropy_loss

CE = dict(component="CrossEntropyLoss")
W5 = uniform(0.5, 2, 5)


def loss(id, inputs, **kwargs):
    return FunctionCase("cross_entropy", inputs=inputs, kwargs=kwargs, id=id, **CE)


def edge(id, x, target, **kwargs):
    """A case with infinite or NaN numbers in it, which finite differences cannot judge."""
    return FunctionCase(
        "cross_entropy",
        inputs=[array(np.array(x, float)), array(target)],
        kwargs=kwargs,
        id=id,
        gradcheck=False,
        **CE,
    )


N_C = [(4, 5), integers(0, 5, 4)]
PIXELS = [(2, 3, 2, 4), integers(0, 3, 2, 2, 4)]
SOME_IGNORED = [(4, 5), array([1, -100, 4, -100])]

CASES = [
    loss("plain", N_C),
    loss("none", N_C, reduction="none"),
    loss("sum", N_C, reduction="sum"),
    loss("weight", N_C, weight=W5),
    loss("weight, none", N_C, weight=W5, reduction="none"),
    loss("weight, sum", N_C, weight=W5, reduction="sum"),
    loss("some weights zero", [(4, 3), array([0, 1, 2, 1])], weight=array([2.0, 0.0, 1.0])),
    loss("smoothing", N_C, label_smoothing=0.1),
    loss("smoothing, none", N_C, label_smoothing=0.3, reduction="none"),
    loss("smoothing, weight", N_C, label_smoothing=0.3, weight=W5),
    loss("smoothing, weight, sum", N_C, label_smoothing=0.3, weight=W5, reduction="sum"),
    loss("smoothing, weight, none", N_C, label_smoothing=0.3, weight=W5, reduction="none"),
    loss("smoothing 1", N_C, label_smoothing=1),
    loss("smoothing below 0 counts as 0", N_C, label_smoothing=-0.5),
    loss("smoothing NaN counts as 0", N_C, label_smoothing=nan),
    loss("smoothing, weight, ignored", SOME_IGNORED, label_smoothing=0.2, weight=W5),
    loss(
        "smoothing, label of weight 0",
        [(2, 3), array([1, 2])],
        label_smoothing=0.2,
        weight=array([2.0, 0.0, 1.0]),
    ),
    loss("ignored", SOME_IGNORED),
    loss("ignored, none", SOME_IGNORED, reduction="none"),
    loss("ignored, sum, weight", SOME_IGNORED, reduction="sum", weight=W5),
    loss("ignored class", [(4, 3), array([1, 0, 2, 1])], ignore_index=1),
    loss(
        "ignored class, weight",
        [(4, 3), array([1, 0, 2, 1])],
        ignore_index=1,
        weight=array([1.0, 3.0, 2.0]),
    ),
    loss("ignored label above the classes", [(3, 3), array([255, 0, 2])], ignore_index=255),
    loss("ignored label below the classes", [(3, 3), array([-1, 0, 2])], ignore_index=-1),
    loss("unbatched", [(5,), array(3)]),
    loss("unbatched, none", [(5,), array(3)], reduction="none"),
    loss("unbatched, target of one element", [normal(5, grad=False), array([3])], weight=W5),
    loss("unbatched, ignored", [(5,), array(-100)], reduction="sum"),
    loss("K = 1", [(2, 3, 4), integers(0, 3, 2, 4)]),
    loss("K = 1, none", [(2, 3, 4), integers(0, 3, 2, 4)], reduction="none"),
    loss("K = 2", PIXELS),
    loss("K = 2, none", PIXELS, reduction="none", weight=uniform(0.5, 2, 3)),
    loss("K = 2, all options", PIXELS, weight=uniform(0.5, 2, 3), label_smoothing=0.2, ignore_index=2),
    loss("K = 3", [(2, 3, 2, 1, 2), integers(0, 3, 2, 2, 1, 2)], label_smoothing=0.2),
    loss("one class", [(3, 1), array([0, 0, 0])]),
    loss("many classes", [(2, 700), integers(0, 700, 2)], label_smoothing=0.1),
    loss("large batch", [(900, 3), integers(0, 3, 900)], weight=uniform(0.5, 2, 3)),
    loss("uint8 labels", [(4, 5), integers(0, 5, 4, dtype="uint8")]),
    loss("size_average=False", N_C, size_average=False),
    loss("reduce=False", N_C, reduce=False),
    loss("size_average overrides reduction", N_C, size_average=True, reduction="sum"),
    loss("reduce=False overrides size_average", N_C, size_average=True, reduce=False),
    loss("elementwise_mean", N_C, reduction="elementwise_mean"),
    FunctionCase("cross_entropy", inputs=N_C, args=(None, None, 2, None, "sum", 0.1), id="positional", **CE),
    # nothing to average
    loss("empty batch", [(0, 5), integers(0, 5, 0)]),
    loss("empty batch, sum", [(0, 5), integers(0, 5, 0)], reduction="sum"),
    loss("empty batch, none", [(0, 5), integers(0, 5, 0)], reduction="none", label_smoothing=0.1),
    loss("no pixels", [(2, 5, 0, 3), integers(0, 5, 2, 0, 3)]),
    loss("no pixels, none", [(2, 5, 0, 3), integers(0, 5, 2, 0, 3)], reduction="none"),
    edge("all ignored", [[1, 2, 3], [3, 1, 2]], [-100, -100]),
    edge("all ignored, sum", [[1, 2, 3], [3, 1, 2]], [-100, -100], reduction="sum"),
    edge("all ignored, smoothing", [[1, 2, 3], [3, 1, 2]], [-100, -100], label_smoothing=0.1),
    edge("all weights zero", [[1, 2, 3], [3, 1, 2]], [0, -100], weight=np.zeros(3)),
    edge(
        "weight of the only label zero, smoothing",
        [[1, 2, 3], [3, 1, 2]],
        [0, -100],
        label_smoothing=0.5,
        weight=np.array([0.0, 1, 1]),
    ),
    # numbers that overflow, underflow or are none
    edge("huge logits", [[1e4, -1e4, 0], [3e4, 3e4, -3e4]], [1, 0], reduction="none"),
    edge("huge logits, smoothing", [[1e4, -1e4, 0], [3e4, 3e4, -3e4]], [1, 0], label_smoothing=0.1),
    edge("huge and equal", [[1e30, 1e30, 1e30]], [2]),
    edge("-inf beside the label", [[1, -inf, 0]], [0]),
    edge("-inf beside the label, smoothing", [[1, -inf, 0]], [0], label_smoothing=0.1),
    edge("-inf at the label", [[1, -inf, 0]], [1]),
    edge(
        "-inf at a label of weight 0",
        [[1, -inf, 0]],
        [1],
        weight=np.array([1.0, 0, 1]),
        reduction="sum",
    ),
    edge("-inf everywhere", [[-inf, -inf, -inf], [1, 2, 3]], [1, 1], reduction="none"),
    edge("+inf", [[inf, 1, 1], [1, 2, 3]], [0, 0], reduction="none"),
    edge("NaN", [[nan, 1, 1], [1, 2, 3]], [1, 0], reduction="none"),
    edge("NaN ignored", [[nan, 1, 1], [1, 2, 3]], [-100, 0]),
    edge("NaN ignored, smoothing", [[nan, 1, 1], [1, 2, 3]], [-100, 0], label_smoothing=0.1),
    edge("-inf ignored", [[-inf, 1, 1], [1, 2, 3]], [-100, 0], label_smoothing=0.1),
    edge("NaN weight", [[1, 2, 3], [3, 1, 2]], [0, 0], weight=np.array([nan, 1, 1]), reduction="none"),
    # the Module
    ModuleCase("CrossEntropyLoss", inputs=N_C),
    ModuleCase("CrossEntropyLoss", inputs=N_C, kwargs=dict(weight=W5), id="weight is a buffer"),
    ModuleCase(
        "CrossEntropyLoss",
        inputs=N_C,
        kwargs=dict(weight=W5),
        state=dict(weight=uniform(1, 3, 5)),
        id="loaded weight",
        changes_inputs=True,  # the buffer is the tensor that was given
    ),
    ModuleCase("CrossEntropyLoss", inputs=PIXELS, args=(None, None, 1, None, "sum", 0.1), id="positional"),
    ModuleCase("CrossEntropyLoss", inputs=N_C, kwargs=dict(size_average=False), id="size_average"),
    ModuleCase("CrossEntropyLoss", inputs=N_C, kwargs=dict(reduce=False), id="reduce"),
    ModuleCase(
        "CrossEntropyLoss",
        inputs=N_C,
        kwargs=dict(ignore_index=3, reduction="none"),
        id="ignore_index",
    ),
]
WITH_WARNING = pytest.mark.filterwarnings("ignore:size_average and reduce|reduction='elementwise_mean'|.*:UserWarning")
SMALL = {
    "plain",
    "none",
    "weight",
    "smoothing, weight",
    "smoothing, weight, none",
    "smoothing, weight, ignored",
}
SMALL |= {
    "ignored class, weight",
    "K = 2, all options",
    "huge logits",
    "-inf beside the label",
    "NaN ignored",
}
MUTANT_CASES = [case for case in CASES if case.id in SMALL]


test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(
    __file__, CASES, mutant_cases=MUTANT_CASES
)


# --------------------------------------------------------------------------------------------------- properties
@st.composite
def any_case(draw):
    """Any shape, any options, class indices or probabilities; ignored labels, and weights that may be zero."""
    N, C, K = draw(st.integers(0, 4)), draw(st.integers(1, 5)), draw(st.integers(-1, 3))
    sizes = [] if K < 1 else draw(st.lists(st.integers(0, 3), min_size=K, max_size=K))
    batch = [] if K == -1 else [N]  # -1: unbatched
    kwargs = dict(
        reduction=draw(st.sampled_from(["none", "mean", "sum"])),
        label_smoothing=draw(st.sampled_from([0.0, 0.1, 1.0]) | st.floats(0, 1)),
    )
    if draw(st.booleans()):
        kwargs["weight"] = array([draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])) for _ in range(C)])
    if draw(st.booleans()):
        target = probabilities(*batch, C, *sizes, dim=len(batch))
    else:
        kwargs["ignore_index"] = ignore = draw(st.sampled_from([-100, 0, C - 1, C]))
        count = int(np.prod(batch + sizes))
        labels = [draw(st.sampled_from([*range(C), ignore])) for _ in range(count)]
        target = array(np.array(labels, np.int64).reshape(batch + sizes))
    seed = draw(st.integers(0, 1000))
    return FunctionCase("cross_entropy", inputs=[normal(*batch, C, *sizes), target], kwargs=kwargs, seed=seed, **CE)


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(any_case(), st.booleans())
def test_any_shape_and_options(case, strided):
    oracle.check(case, Run("compiled", "float64", strided))


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(st.integers(1, 5), st.integers(2, 6), st.floats(-1e4, 1e4), st.floats(0, 1))
def test_a_shift_of_all_logits_changes_nothing(N, C, shift, smoothing):
    rng = np.random.default_rng(N * C)
    x = rng.integers(-50, 50, (N, C)).astype(float)
    target = reftorch.tensor(rng.integers(0, C, N).tolist())
    before, after = (
        reftorch.nn.functional.cross_entropy(
            reftorch.from_numpy(logits), target, reduction="none", label_smoothing=smoothing
        )
        for logits in (x, x + shift)
    )
    np.testing.assert_allclose(after.numpy(), before.numpy(), rtol=0, atol=4 * np.spacing(abs(shift) + 100) * C)


# ------------------------------------------------------------------------------------------------------- errors
def bad(
    id,
    words,
    x=(3, 5),
    target=(3,),
    labels=None,
    dtype="int64",
    logits="float32",
    weight=None,
    **kwargs,
):
    """An ErrorCase: logits and labels of zeros with these shapes and dtypes."""

    def call(torch):
        y = torch.zeros(target, dtype=getattr(torch, dtype)) if labels is None else torch.tensor(labels)
        w = None if weight is None else torch.ones(weight)
        return torch.nn.functional.cross_entropy(torch.zeros(x, dtype=getattr(torch, logits)), y, w, **kwargs)

    return ErrorCase(call, words, id=id)


ERRORS = [
    bad("label too large", ["Target 5 is out of bounds", "5 classes", "0 to 4"], labels=[1, 5, 0]),
    bad("first bad label is named", ["Target 9 is out of bounds", "number 1"], labels=[1, 9, -7]),
    bad("label negative", ["Target -1 is out of bounds"], labels=[1, -1, 0]),
    bad("label smoothed", ["Target 5 is out of bounds"], labels=[1, 5, 0], label_smoothing=0.1),
    bad("label unreduced", ["Target 5 is out of bounds"], labels=[1, 5, 0], reduction="none"),
    bad("label unbatched", ["Target 7 is out of bounds"], x=(5,), labels=7),
    bad("label of a pixel", ["Target 3 is out of bounds"], x=(1, 3, 1, 2), labels=[[[0, 3]]]),
    bad("label -100, ignore_index -1", ["Target -100 is out of bounds", "ignore_index=-1"], labels=[0, -100, 0], ignore_index=-1),
    bad("no classes", ["Target 0 is out of bounds"], x=(3, 0)),
    bad("batch sizes", ["batch_size (3)", "(2)", "[2]", "[3, 5]"], target=(2,)),
    bad("batch sizes, pixels", ["batch_size (2)", "(3)"], x=(2, 5, 3, 4, 2), target=(3, 3, 4, 2)),
    bad("label without a dimension", ["batch_size (3)", "(0)"], target=()),
    bad("pixels", ["Expected target size [2, 3], got [2, 4]"], x=(2, 5, 3), target=(2, 4)),
    bad("rows and columns swapped", ["[2, 3, 4]", "[2, 4, 3]"], x=(2, 5, 3, 4), target=(2, 4, 3)),
    bad("labels without pixels", ["[2, 3, 4]", "[2, 3]"], x=(2, 5, 3, 4), target=(2, 3)),
    bad("labels without any pixels", ["[2, 3]", "got [2]"], x=(2, 5, 3), target=(2,)),
    bad("one-hot rows of another width", ["multi-target"], target=(3, 4)),
    bad("one-hot rows of another batch", ["batch_size (3)", "(4)"], target=(4, 5)),
    bad("unbatched, two labels", ["size 1", "[2]"], x=(5,), target=(2,)),
    bad("unbatched, matrix", ["0D or 1D"], x=(5,), target=(1, 1)),
    bad("integers everywhere", ["floating point", "int64", "[3]"], target=(3, 5), logits="int64"),
    bad("no dimensions", ["floating point", "int64"], x=(), target=()),
    bad("one-hot integers", ["floating point", "int64", "[3]"], target=(3, 5)),
    bad("no dimensions, probabilities", ["no dimensions"], x=(), target=(), dtype="float32"),
    bad("float labels", ["Long or Byte", "float32", ".long()"], dtype="float32"),
    bad("int32 labels", ["Long or Byte", "int32"], dtype="int32"),
    bad("bool labels", ["Long or Byte", "bool"], dtype="bool"),
    bad("int logits", ["int64", "float32"], logits="int64"),
    bad("bool logits, probabilities", ["bool"], logits="bool", target=(3, 5), dtype="float32"),
    bad("weight too short", ["all 5 classes", "[4]"], weight=(4,)),
    bad("weight of pixels", ["classes", "[2]"], x=(2, 5, 3), target=(2, 3), weight=(2,)),
    bad("weight a row", ["all 5 classes", "[1, 5]"], weight=(1, 5)),
    bad("weight a number", ["all 5 classes", "[]"], weight=()),
    bad("weight too short, probabilities", ["all 5 classes", "[4]"], target=(3, 5), dtype="float32", weight=(4,)),
    bad("weight float32 for float64", ["float64", "float32"], logits="float64", weight=(5,)),
    bad("smoothing above 1", ["between 0.0 and 1.0", "1.1"], label_smoothing=1.1),
    bad("ignore_index a float", ["ignore_index", "int", "float"], ignore_index=1.0),
    bad("smoothing a word", [], label_smoothing="much"),
    bad("reduction", ["batchmean", "'none', 'mean' or 'sum'"], reduction="batchmean"),
    bad("reduction None", ["None"], reduction=None),
    bad("ignore_index with probabilities", ["ignore_index", "2"], target=(3, 5), dtype="float32", ignore_index=2),
    ErrorCase(lambda torch: torch.nn.functional.cross_entropy([[1.0]], torch.zeros(1)), ["input", "list"], id="input a list"),
    ErrorCase(lambda torch: torch.nn.functional.cross_entropy(torch.zeros(1, 2), [1]), ["target", "list"], id="target a list"),
    ErrorCase(lambda torch: torch.nn.functional.cross_entropy(torch.zeros(1, 2), None), ["target"], id="target None"),
    ErrorCase(lambda torch: torch.nn.functional.cross_entropy(torch.zeros(1, 2), torch.tensor([0]), [1.0, 1.0]), ["weight"],
              id="weight a list"),
    ErrorCase(lambda torch: torch.nn.functional.cross_entropy(
        torch.zeros(1, 2), torch.tensor([0]), torch.ones(2, requires_grad=True)), ["weight", "detach"],
              id="weight requires grad"),
    ErrorCase(lambda torch: torch.nn.CrossEntropyLoss(reduction="average")(torch.zeros(1, 2), torch.tensor([0])), ["average"],
              id="Module checks when called"),
    ErrorCase(lambda torch: torch.nn.CrossEntropyLoss(weight=torch.ones(3)).load_state_dict({"weight": torch.ones(2)}),
              ["weight", "size mismatch"], id="state of another width"),
    ErrorCase(lambda torch: torch.nn.CrossEntropyLoss().load_state_dict({"weight": torch.ones(2)}), ["Unexpected", "weight"],
              id="state with a weight"),
    ErrorCase(lambda torch: torch.nn.functional.cross_entropy(
        torch.zeros(1, 2, dtype=torch.float16), torch.tensor([0])), ["float16"], raises=NotImplementedError, id="float16"),
]  # fmt: skip


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_bad_labels_never_reach_a_kernel(monkeypatch):
    monkeypatch.setattr(cross_entropy_loss, "on", lambda *args, **kwargs: pytest.fail("a kernel was chosen"))
    for labels in ([0, 3], [-1, 0], [2**62, 0]):
        with pytest.raises(IndexError):
            reftorch.nn.functional.cross_entropy(reftorch.zeros(2, 3), reftorch.tensor(labels))


def test_tensors_on_two_devices(cuda_device):
    x, target = reftorch.zeros(2, 3), reftorch.tensor([0, 1])
    for change in (
        dict(input=x.to("cuda")),
        dict(target=target.to("cuda")),
        dict(weight=reftorch.ones(3).to("cuda")),
    ):
        with pytest.raises(RuntimeError, match="same device"):
            reftorch.nn.functional.cross_entropy(**dict(input=x, target=target) | change)


# ----------------------------------------------------------------------------------------- warnings and the rest
@pytest.mark.parametrize("size_average", [None, True, False])
@pytest.mark.parametrize("reduce", [None, True, False])
@pytest.mark.parametrize("use", ["module", "function"])
def test_deprecated_arguments_warn_as_torch_does(size_average, reduce, use):
    torch = pytest.importorskip("torch")

    def warned(torch):
        x, target = torch.zeros(2, 3), torch.tensor([0, 1])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if use == "module":
                torch.nn.CrossEntropyLoss(size_average=size_average, reduce=reduce)
            else:
                torch.nn.functional.cross_entropy(x, target, size_average=size_average, reduce=reduce)
        return [(w.category, str(w.message)) for w in caught], caught

    ours, caught = warned(reftorch)
    assert ours == warned(torch)[0]
    assert all(w.filename == __file__ for w in caught), "the warning points at the line that passed the argument"


def test_a_plain_call_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reftorch.nn.CrossEntropyLoss()(reftorch.zeros(2, 3), reftorch.tensor([0, 1]))


def test_weight_may_require_grad_under_no_grad():
    weight = reftorch.ones(3, requires_grad=True)
    with reftorch.no_grad():
        value = reftorch.nn.functional.cross_entropy(reftorch.zeros(2, 3), reftorch.tensor([0, 1]), weight)
    assert value.item() == pytest.approx(np.log(3))


def test_weight_moves_with_the_module(cuda_device):
    module = reftorch.nn.CrossEntropyLoss(weight=reftorch.tensor([1.0, 2.0]))
    assert dict(module.named_buffers()).keys() == {"weight"} and not list(module.parameters())
    assert module.double().weight.dtype is reftorch.float64
    assert module.to("cuda").weight.device.type == "cuda"


def test_loss_is_the_same_to_the_last_bit_every_time():
    x, target = reftorch.randn(500, 7), reftorch.randint(7, (500,))
    values = {reftorch.nn.functional.cross_entropy(x, target).item() for _ in range(5)}
    assert len(values) == 1


def test_input_of_integers_counted_from_one_is_explained():
    with pytest.raises(IndexError, match="count from 1"):
        reftorch.nn.functional.cross_entropy(reftorch.zeros(2, 3), reftorch.tensor([1, 3]))
