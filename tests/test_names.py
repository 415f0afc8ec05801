"""Names that scripts of PyTorch use beside tensors and layers: switches, backends, accelerator, import paths, anomaly mode."""

import importlib
import math

import pytest

import reftorch
from both import both, needs_pytorch, pytorch, same_outcome
from reftorch.nn import modules


@both
def test_numbers(torch):
    assert (torch.pi, torch.e, torch.inf, torch.newaxis) == (math.pi, math.e, math.inf, None) and math.isnan(torch.nan)


CALLS = {
    "deterministic": lambda torch: (
        torch.use_deterministic_algorithms(True, warn_only=True),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.use_deterministic_algorithms(False),
        torch.are_deterministic_algorithms_enabled(),
    ),
    "deterministic, no bool": lambda torch: torch.use_deterministic_algorithms(1),
    "precision": lambda torch: (
        torch.set_float32_matmul_precision("high"),
        torch.get_float32_matmul_precision(),
        torch.set_float32_matmul_precision("highest"),
    ),
    "no threads": lambda torch: torch.set_num_threads(0),
    "half a thread": lambda torch: torch.set_num_threads(1.5),
    "one thread": lambda torch: (torch.set_num_threads(1), torch.get_num_threads()),
    "Variable of a list": lambda torch: torch.autograd.Variable([1]),
    "compile": lambda torch: torch.nn.Linear(2, 2).compile(),
    "cudnn": lambda torch: (
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.enabled,
    ),
    "mps": lambda torch: (torch.backends.mps.is_available(), torch.backends.mps.is_built()),
    "tf32": lambda torch: torch.backends.cuda.matmul.allow_tf32,
    "empty_cache": lambda torch: torch.cuda.empty_cache(),
}


@needs_pytorch
@pytest.mark.parametrize("call", CALLS)
def test_switches(call):
    before = reftorch.get_num_threads(), pytorch.get_num_threads()
    try:
        same_outcome(CALLS[call])
    finally:
        reftorch.set_num_threads(before[0])
        pytorch.set_num_threads(before[1])


@both
def test_settings_of_backends_can_be_changed(torch):
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    assert torch.backends.cudnn.benchmark is True
    torch.backends.cudnn.benchmark = before


# ------------------------------------------------------------------------------------------------ devices
@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr("reftorch.kernel.cuda_kind", lambda: "absent")
    monkeypatch.setattr("reftorch.cuda.cuda_kind", lambda: "absent")


ABSENT = {
    "module": lambda torch: torch.nn.Linear(2, 2).cuda(),
    "module to": lambda torch: torch.nn.Linear(2, 2).to("cuda"),
    "tensor": lambda torch: torch.ones(2).cuda(),
    "new tensor": lambda torch: torch.ones(2, device="cuda"),
    "current_device": lambda torch: torch.cuda.current_device(),
    "name": lambda torch: torch.cuda.get_device_name(0),
    "synchronize": lambda torch: torch.cuda.synchronize(),
    "index": lambda torch: torch.accelerator.current_device_index(),
    "accelerator": lambda torch: torch.accelerator.synchronize(),
}


@pytest.mark.parametrize("call", ABSENT)
def test_without_a_gpu_both_types_of_pytorchs_errors_catch_it(call, no_gpu):
    """PyTorch raises AssertionError if it was built without CUDA, else RuntimeError."""
    for kind in (AssertionError, RuntimeError):
        with pytest.raises(kind):
            ABSENT[call](reftorch)
    if pytorch is not None and not pytorch.cuda.is_available():
        with pytest.raises((AssertionError, RuntimeError)):
            ABSENT[call](pytorch)


def test_accelerator_without_a_gpu(no_gpu):
    found = reftorch.accelerator
    assert (found.is_available(), found.current_accelerator(), found.device_count()) == (False, None, 0)


def test_accelerator(cuda_device):
    found = reftorch.accelerator
    assert found.is_available() and found.device_count() == 1 and found.current_device_index() == 0
    assert reftorch.ones(2, device=found.current_accelerator()).device.type == "cuda"
    found.synchronize()


# ------------------------------------------------------------------------------------------------ import paths
@needs_pytorch
def test_sections_are_pytorchs():
    for section, names in modules.SECTIONS.items():
        theirs = importlib.import_module(f"torch.nn.modules.{section}")
        for name in names.split():
            assert getattr(theirs, name) is getattr(pytorch.nn, name)


@needs_pytorch
def test_base_classes_are_found():
    """What is an instance of PyTorch's base class there is one of ours here."""
    for section, name in modules.BASES:
        theirs = getattr(importlib.import_module(f"torch.nn.modules.{section}"), name)
        ours = getattr(getattr(reftorch.nn.modules, section), name)
        for public in {each for names in modules.SECTIONS.values() for each in names.split()} & set(dir(reftorch.nn)):
            of_ours, of_theirs = getattr(reftorch.nn, public), getattr(pytorch.nn, public)
            if "Lazy" not in public and public != "SyncBatchNorm":
                assert issubclass(of_ours, ours) == issubclass(of_theirs, theirs), (public, name)


def test_every_class_that_is_here_has_its_path():
    from reftorch.nn.modules.container import Sequential
    from reftorch.nn.modules.conv import Conv2d
    from reftorch.nn.modules.module import Module

    assert (Sequential, Conv2d, Module) == (reftorch.nn.Sequential, reftorch.nn.Conv2d, reftorch.nn.Module)
    assert reftorch.nn.modules.linear.Linear is reftorch.nn.modules.Linear is reftorch.nn.Linear
    listed = {name for names in modules.SECTIONS.values() for name in names.split()}
    here = {
        name
        for name in dir(reftorch.nn)
        if isinstance(getattr(reftorch.nn, name), type) and issubclass(getattr(reftorch.nn, name), reftorch.nn.Module)
    }
    assert here - set(reftorch.nn.parallel.__all__) <= listed  # those of nn.parallel have no path below nn.modules


def test_names_that_are_not_there():
    with pytest.raises(AttributeError, match="reftorch.nn.modules.conv"):
        reftorch.nn.modules.conv.Linear  # noqa: B018
    with pytest.raises(ImportError):
        from reftorch.nn.modules.conv import Nothing  # noqa: F401
    with pytest.raises(ImportError):
        from reftorch.nn.modules import nothing  # noqa: F401


# ------------------------------------------------------------------------------------------------ the tape
@both
def test_variable(torch):
    x = torch.ones(2)
    leaf = torch.autograd.Variable(x, requires_grad=True)
    (leaf * 3).sum().backward()
    assert leaf.grad.tolist() == [3, 3] and not x.requires_grad
    leaf.data[0] = 5
    assert x.tolist() == [5, 1]
    assert isinstance(x, torch.autograd.Variable) and not isinstance([1], torch.autograd.Variable)
    assert not torch.autograd.Variable(leaf * 2).requires_grad


def not_a_number(torch):
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    return (x.sqrt() * torch.tensor([0.0, 1.0])).sum()


@both
@pytest.mark.filterwarnings("ignore")
def test_anomaly_mode_names_the_function(torch):
    not_a_number(torch).backward()
    text = "Function 'SqrtBackward0' returned nan values in its 0th output"
    with torch.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=text):
        not_a_number(torch).backward()
    with torch.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match=text):
        not_a_number(torch).backward()
    with torch.autograd.detect_anomaly(check_nan=False):
        not_a_number(torch).backward()
    assert not torch.is_anomaly_enabled()
    torch.autograd.set_detect_anomaly(True)
    try:
        assert torch.is_anomaly_enabled()
        (torch.ones(2, requires_grad=True) * 2).sum().backward()
        with torch.autograd.set_detect_anomaly(False):
            not_a_number(torch).backward()
        with pytest.raises(RuntimeError, match=text):
            not_a_number(torch).backward()
    finally:
        torch.autograd.set_detect_anomaly(False)
