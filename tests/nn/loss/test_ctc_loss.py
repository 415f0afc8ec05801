"""CTCLoss against torch: both forms of targets, lengths, repeated labels, infeasible texts, what is refused."""

import itertools
import math

import numpy as np
import pytest

import oracle
import reftorch
from loss_cases import refused
from oracle import ErrorCase, FunctionCase, ModuleCase, Run, ScriptCase, array

NAME = "ctc_loss"
TEXTS = array([[1, 2, 3], [2, 2, 1]])
MODULE = [(6, 2, 4), TEXTS, array([6, 5]), array([3, 2])]
OTHER = [(6, 2, 4), array([[1, 2, 0], [2, 2, 1]]), array([6, 5]), array([3, 2])]
ZEROS = array(np.log([[[0.5, 0.5, 0]], [[0.25, 0, 0.75]]]))
ONE = [(5, 3), array([1, 2]), array(5), array(2)]


def through_log_softmax(id, x, targets, *lengths, **kwargs):
    """The usual use, and the only one in which the gradient is a derivative."""

    def run(torch, logits):
        given = torch.tensor(targets, device=logits.device)
        log_probs = torch.nn.functional.log_softmax(logits, dim=-1)
        return torch.nn.functional.ctc_loss(log_probs, given, *lengths, **kwargs)

    return ScriptCase(NAME, run=run, inputs=[x], id=id)


def direct(id, x, targets, input_lengths, target_lengths, **kwargs):
    """Any numbers in place of log-probabilities: the gradient is torch's, but no derivative."""
    options = dict(input_lengths=input_lengths, target_lengths=target_lengths) | kwargs
    return FunctionCase(NAME, [x, array(targets)], kwargs=options, id=id, gradcheck=False)


PADDED = [[1, 2, 3], [2, 2, 1]]
CASES = [
    *[through_log_softmax(each, (6, 2, 4), PADDED, (6, 5), (3, 2), reduction=each) for each in ("none", "mean", "sum")],
    through_log_softmax("one behind the other", (6, 2, 4), [1, 2, 3, 2, 2], (6, 5), (3, 2), reduction="none"),
    through_log_softmax("another blank", (5, 2, 3), [[0, 1], [1, 1]], (5, 4), (2, 2), blank=2, reduction="none"),
    through_log_softmax("equal labels", (5, 1, 3), [[1, 1, 2]], (5,), (3,)),
    through_log_softmax("one sample", (5, 3), [1, 2], (5,), (2,)),
    through_log_softmax("one sample, none", (5, 3), [1, 2], (5,), (2,), reduction="none"),
    through_log_softmax("an empty text", (4, 2, 3), [[1, 2], [1, 1]], (4, 3), (2, 0), reduction="none"),
    through_log_softmax("empty texts", (3, 2, 3), np.zeros((2, 0), np.int64), (3, 2), (0, 0)),
    through_log_softmax("the text just fits", (4, 1, 3), [[1, 1, 2]], (4,), (3,)),
    through_log_softmax("blanks in the text", (4, 1, 3), [[1, 0, 2]], (4,), (3,)),
    direct("numbers that are no log-probabilities", (6, 2, 4), PADDED, (6, 5), (3, 2)),
    direct("values behind a length", (6, 2, 4), [[1, 2, 3], [2, 2, 1]], (6, 4), (3, 1), reduction="none"),
    direct("infeasible", (4, 2, 3), [[1, 1, 2], [1, 2, 1]], (3, 4), (3, 3), reduction="none"),
    direct("infeasible, zero_infinity", (4, 2, 3), [[1, 1, 2], [1, 2, 1]], (3, 4), (3, 3), zero_infinity=True),
    direct("no time steps", (2, 2, 3), [[1], [1]], (0, 0), (1, 0), reduction="none"),
    direct("int32 labels", (5, 1, 3), np.array([[1, 2]], np.int32), (5,), (2,)),
    FunctionCase(
        NAME,
        [ZEROS],
        args=(array([[1, 2]]), (2,), (2,)),
        id="zeros",
        gradcheck=False,
    ),
    direct("large", (60, 8, 20), np.arange(96).reshape(8, 12) % 19 + 1, (60, 50) * 4, (12, 10) * 4),
    FunctionCase(NAME, MODULE, id="lengths as tensors", gradcheck=False),
    FunctionCase(
        NAME,
        [(5, 3), array([1, 2]), array(5), array(2)],
        kwargs=dict(reduction="none"),
        id="lengths as numbers",
        gradcheck=False,
    ),
    ModuleCase("CTCLoss", MODULE, id="module", gradcheck=False),
    ModuleCase("CTCLoss", OTHER, args=(3, "sum", True), id="options", gradcheck=False),
]
LABELS = ((2, 3), "int64")


def bad(id, words, x=(6, 2, 4), targets=LABELS, input_lengths=(6, 6), target_lengths=(3, 3), **kwargs):
    def call(torch):
        shape, dtype = targets if isinstance(targets[-1], str) else (targets, "int64")
        labels = torch.ones(shape, dtype=getattr(torch, dtype))
        return torch.nn.functional.ctc_loss(torch.zeros(x), labels, input_lengths, target_lengths, **kwargs)

    return ErrorCase(call, words, id=id)


ERRORS = [
    bad("reduction", ["average", "'none', 'mean' or 'sum'"], reduction="average"),
    bad("too many time steps", ["at most 6", "value 7"], input_lengths=(7, 6)),
    bad("negative time steps", ["input_lengths", "-1"], input_lengths=(-1, 6)),
    bad("negative length", ["target_lengths", "-1"], target_lengths=(3, -1)),
    bad("blank", ["label range", "4", "0 to 3"], blank=4),
    bad("negative blank", ["label range", "-1"], blank=-1),
    bad("few input lengths", ["batch_size", "input_lengths"], input_lengths=(6,)),
    bad("few target lengths", ["batch_size", "target_lengths"], target_lengths=(3,)),
    bad("text longer than its row", ["at least 4", "[2, 3]"], target_lengths=(3, 4)),
    bad("texts one behind the other", ["5", "4"], targets=(4,), target_lengths=(3, 2)),
    bad("three dimensions", ["[1, 2, 3]"], targets=(1, 2, 3)),
    bad("other batch", ["[1, 3]"], targets=(1, 3)),
    bad("no time", ["empty", "[0, 2, 4]"], x=(0, 2, 4), input_lengths=(0, 0)),
    bad("no sample", ["empty", "[6, 0, 4]"], x=(6, 0, 4), targets=(0, 3), input_lengths=(), target_lengths=()),
    bad("four dimensions", ["[1, 6, 2, 4]"], x=(1, 6, 2, 4)),
    bad("lengths of floats", ["input_lengths", "6.0"], input_lengths=(6.0, 6.0)),
    bad("lengths a number", ["input_lengths", "6"], x=(6, 4), targets=(3,), input_lengths=6, target_lengths=3),
    refused(NAME, ["list"], "input a list", [1.0], LABELS, (6, 6), (3, 3)),
    refused(NAME, ["int64"], "integers", ((6, 2, 4), "int64"), LABELS, ((2,), "int64"), ((2,), "int64")),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests


def test_a_label_that_is_no_class():
    """PyTorch reads other memory."""
    with pytest.raises(RuntimeError, match="text 0 has labels from 1 to 9; wanted classes from 0 to 3"):
        reftorch.nn.functional.ctc_loss(reftorch.zeros(6, 1, 4), reftorch.tensor([[1, 9]]), (6,), (2,))


@pytest.mark.parametrize("text", [(), (1,), (1, 1), (1, 2), (2, 1, 2)])
def test_the_loss_is_that_of_all_paths(text):
    """Every path of 4 time steps is listed, and those that say the text are added up."""
    x = np.log(np.random.default_rng(1).dirichlet([1, 1, 1], 4))
    total = 0.0
    for path in itertools.product(range(3), repeat=4):
        said = tuple(label for label, _ in itertools.groupby(path) if label)
        total += math.exp(sum(x[t, label] for t, label in enumerate(path))) * (said == text)
    labels = reftorch.tensor(text, dtype=reftorch.int64)
    loss = reftorch.nn.functional.ctc_loss(reftorch.from_numpy(x), labels, (4,), (len(text),), reduction="sum")
    assert loss.item() == pytest.approx(-math.log(total), rel=1e-12)


def test_float64_with_strides():
    oracle.check(CASES[0], Run("compiled", "float64", True))
