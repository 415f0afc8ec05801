"""NLLLoss against torch: shapes, weights, ignored samples, what is refused."""

import warnings

import numpy as np
import pytest

import oracle
import reftorch
from loss_cases import deprecated, reductions, refused
from oracle import ErrorCase, FunctionCase, ModuleCase, array, integers, normal, uniform

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore:.*NLLLoss2d.*:FutureWarning")
NAME = "nll_loss"
W5 = uniform(0.5, 2, 5)
TARGET = integers(0, 5, 3)


# strided images: PyTorch fails in backward, "grad_input must be contiguous"
def case(id, x, target, gradcheck=True, strided=True, **kwargs):
    return FunctionCase(NAME, [x, target], kwargs=kwargs, id=id, gradcheck=gradcheck, strided=strided)


CASES = [
    *reductions(NAME, [(3, 5), TARGET]),
    *reductions(NAME, [(3, 5), TARGET], "weight", weight=W5),
    *reductions(NAME, [(3, 5), array([1, -100, 4])], "ignored"),
    case("ignore_index 2", (3, 5), array([2, 0, 2]), ignore_index=2),
    case("ignore_index beyond the classes", (3, 5), array([9, 0, 4]), ignore_index=9, weight=W5),
    case("all ignored", (2, 3), array([-100, -100]), gradcheck=False),
    case("all ignored, sum", (2, 3), array([-100, -100]), reduction="sum"),
    FunctionCase(NAME, [(2, 3), array([0, 1])], kwargs=dict(weight=np.zeros(3)), id="weights zero", gradcheck=False),
    case("one sample", (5,), array(3)),
    case("one sample, none", (5,), array(3), reduction="none", weight=W5),
    case("empty batch", (0, 3), integers(0, 3, 0)),
    case("empty batch, none", (0, 3), integers(0, 3, 0), reduction="none"),
    *reductions(NAME, [(2, 3, 4), integers(0, 3, 2, 4)], "sequence", weight=uniform(0.5, 2, 3)),
    case("image", (2, 3, 2, 2), integers(0, 3, 2, 2, 2), strided=False, reduction="none"),
    case("uint8", (3, 5), integers(0, 5, 3, dtype="uint8")),
    case("no gradient", normal(3, 5, grad=False), TARGET),
    case("large", (50, 13, 40), integers(0, 13, 50, 40)),
    *deprecated(NAME, [(3, 5), TARGET]),
    ModuleCase("NLLLoss", [(3, 5), TARGET], id="module"),
    ModuleCase("NLLLoss", [(3, 5), TARGET], kwargs=dict(weight=W5, ignore_index=1, reduction="sum"), id="options"),
    ModuleCase("NLLLoss2d", [(2, 3, 2, 2), integers(0, 3, 2, 2, 2)], id="NLLLoss2d", strided=False),
]
ONE, TWO = ((1,), "int64"), ((2,), "int64")
ERRORS = [
    refused(NAME, ["average", "'none', 'mean' or 'sum'"], "reduction", (2, 3), TWO, reduction="average"),
    refused(NAME, ["list"], "input a list", [1.0], ONE),
    refused(NAME, ["target", "NoneType"], "target None", (2, 3), None),
    refused(NAME, ["dimension"], "input a number", (), ((), "int64")),
    refused(NAME, ["batch_size (3)", "(2)"], "batch sizes", (3, 3), TWO),
    refused(NAME, ["[2, 4]", "[2, 5]"], "positions", (2, 3, 4), ((2, 5), "int64")),
    refused(NAME, ["multi-target"], "a target for each class", (2, 3), ((2, 3), "int64")),
    refused(NAME, ["int32", "long()"], "int32", (2, 3), ((2,), "int32")),
    refused(NAME, ["float32"], "probabilities", (2, 3), (2,)),
    refused(NAME, ["int64"], "integers", ((2, 3), "int64"), TWO),
    refused(NAME, ["out of bounds", "1"], "no such class", (2, 1), TWO),
    refused(NAME, ["[2]", "3 classes"], "weights", (2, 3), TWO, weight=(2,)),
    refused(NAME, ["float64"], "weight of another dtype", (2, 3), TWO, weight=((3,), "float64")),
    ErrorCase(
        lambda torch: torch.nn.functional.nll_loss(
            torch.ones(2, 3), torch.tensor([0, 1]), torch.ones(3, requires_grad=True)
        ),
        ["weight", "detach"],
        id="weight with a gradient",
    ),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests


@pytest.mark.filterwarnings("default")
def test_the_old_name_warns_as_in_torch():
    found = []
    for library in (reftorch, pytest.importorskip("torch")):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            library.nn.NLLLoss2d()
        found.append([(each.category, str(each.message)) for each in caught])
    assert found[0] == found[1] and len(found[0]) == 1


def test_target_of_shape_1_for_one_sample():
    """PyTorch takes it too, but then fails in backward."""
    x = reftorch.tensor([1.0, 2.0], requires_grad=True)
    reftorch.nn.functional.nll_loss(x, reftorch.tensor([1])).backward()
    assert x.grad.tolist() == [0, -1]
