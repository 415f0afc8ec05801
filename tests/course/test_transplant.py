"""The student's functions in place of the reference's: only what was asked, everywhere, and back again."""

import importlib
import traceback

import pytest

import reftorch as torch
import reftorch.nn.functional as F
from reftorch.course.assignment import read
from reftorch.course.cut import mutated
from reftorch.course.mutants import Mutant
from reftorch.course.transplant import Transplant, install

RELU = read("relu")
MODULE = importlib.import_module(RELU.module)
SOURCE = RELU.source.read_text()
ONE = "relu_forward_cpu"
BODY = "    for i in prange(x.size):\n        zero = x.dtype.type(0)\n        y[i] = zero if x[i] < zero else x[i]\n"


@pytest.fixture
def transplanted(tmp_path):
    """Make transplants that are undone."""
    made = []

    def plant(source, names=(ONE,), module=MODULE):
        file = tmp_path / "relu.py"
        file.write_text(source)
        made.append(Transplant(module, names, source, str(file)))
        return made[-1]

    yield plant
    for transplant in reversed(made):
        transplant.undo()


def relu(*numbers):
    with torch.debug():
        return F.relu(torch.tensor([float(n) for n in numbers])).tolist()


def forward(body):
    assert BODY in SOURCE
    return SOURCE.replace(BODY, body, 1)


def test_the_function_is_exchanged_and_put_back(transplanted):
    before = MODULE.relu_forward_cpu
    transplant = transplanted(forward("    for i in range(x.size):\n        y[i] = 10 * x[i]\n"))
    assert relu(-1, 2) == [-10, 20]
    transplant.undo()
    assert MODULE.relu_forward_cpu is before and relu(-1, 2) == [0, 2]


def test_helpers_constants_and_imports_come_along(transplanted):
    source = forward("    for i in range(x.size):\n        y[i] = SCALE * bent(x[i])\n")
    source += "\nimport math\nSCALE = 3\n\n\ndef bent(number):\n    return math.floor(number)\n"
    transplant = transplanted(source)
    assert relu(-1.5, 2.5) == [-6, 6]
    transplant.undo()
    assert not {"SCALE", "bent", "math"} & set(vars(MODULE))


def test_everything_else_in_the_file_is_ignored(transplanted):
    source = SOURCE.replace("return relu(input, inplace=True)", "return None")
    source = source.replace("class ReLU(Module):", "print('loaded')\nclass ReLU(Module):")
    source = source.replace(
        "from reftorch.kernel import PARALLEL", "from math import floor as on\nfrom reftorch.kernel import PARALLEL"
    )
    transplanted(source)
    assert F.relu_(torch.tensor([-1.0])).tolist() == [0] and MODULE.on is not importlib.import_module("math").floor


def test_decorators_are_the_references(transplanted):
    transplanted(SOURCE.replace("@njit(**PARALLEL)\ndef relu_forward_cpu", "@print\ndef relu_forward_cpu"))
    assert hasattr(MODULE.relu_forward_cpu, "py_func") and relu(-1, 2) == [0, 2]


def test_what_is_missing_or_takes_other_arguments_is_noted(transplanted):
    transplant = transplanted(SOURCE.replace("def relu_forward_cpu(x, y)", "def relu_forward(x, y)"))
    assert transplant.notes == ["relu_forward_cpu is missing"]
    with pytest.raises(NotImplementedError, match="relu_forward_cpu is missing"):
        relu(1)
    transplant = transplanted(SOURCE.replace("def relu_forward_cpu(x, y)", "def relu_forward_cpu(x, y, z=3)"))
    assert transplant.notes == ["relu_forward_cpu takes (x, y), but here (x, y, z)"]


def test_a_traceback_shows_the_students_line(transplanted, tmp_path):
    transplanted(forward("    raise ValueError('here')\n"))
    try:
        relu(1)
    except ValueError as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
    assert last.filename == str(tmp_path / "relu.py") and last.line == "raise ValueError('here')"


def test_the_file_that_a_function_sees_is_the_students(transplanted, tmp_path):
    transplanted(forward("    raise ValueError(__file__)\n"))
    with pytest.raises(ValueError, match=str(tmp_path)):
        relu(1)


def test_other_modules_that_imported_it_get_it_too(transplanted):
    tape = read("tape")
    module = importlib.import_module(tape.module)
    backward = "def backward(*tensors, **options):\n    raise ArithmeticError\n"
    transplanted(backward, ["backward"], module)
    assert torch.autograd.backward is module.backward
    with pytest.raises(ArithmeticError):
        torch.autograd.backward(torch.ones(1, requires_grad=True))


def test_a_file_that_is_imported_meanwhile_does_not_keep_it(transplanted, monkeypatch):
    before = F.relu
    monkeypatch.delattr(F, "relu")  # as if nobody had used it
    transplant = transplanted("def relu(input, inplace=False):\n    return 3\n", ["relu"])
    assert F.relu(None) == 3
    transplant.undo()
    assert F.relu is before


def test_methods(transplanted):
    asked = read("module")
    module = importlib.import_module(asked.module)
    mutant = Mutant(
        "loud", "Module.__setattr__", "own = self.__dict__", "own = self.__dict__\n        name = self.__loud(name)", ""
    )
    source = mutated(asked.source.read_text(), mutant)
    source = source.replace(
        "    def __getattr__", "    def __loud(self, name):\n        return name.upper()\n\n    def __getattr__", 1
    )
    before = module.Module.__setattr__
    transplant = transplanted(source, ["Module.__setattr__"], module)
    layer = torch.nn.ReLU()
    layer.size = 3  # by super().__setattr__
    layer.weight = torch.nn.Parameter(torch.ones(1))
    assert layer.SIZE == 3 and list(layer._parameters) == ["WEIGHT"]
    transplant.undo()
    assert module.Module.__setattr__ is before and not hasattr(module.Module, "_Module__loud")


def test_install(tmp_path):
    (tmp_path / "relu.py").write_text(forward("    for i in range(x.size):\n        y[i] = 7\n"))
    before = {name: getattr(MODULE, name) for name in (*RELU.cut, "__file__")}
    try:
        assert install("relu", tmp_path / "relu.py") == []
        assert install("relu", tmp_path / "relu.py") == []  # once more, after a change
        assert relu(1, 2) == [7, 7]
    finally:
        for name, value in before.items():
            setattr(MODULE, name, value)
