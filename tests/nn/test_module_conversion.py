"""`to` and its relatives: each expectation is checked on PyTorch too."""

import os

import pytest

import reftorch
from both import both, needs_pytorch, pytorch, same_outcome


def mixed(torch):
    """A module with two levels, a parameter with a gradient, an integer buffer and a complex one."""
    net = torch.nn.Module()
    net.w = torch.nn.Parameter(torch.ones(2))
    net.w.grad = torch.ones(2)
    net.register_parameter("none", None)
    net.child = torch.nn.Module()
    net.child.register_buffer("mean", torch.zeros(2))
    net.child.register_buffer("count", torch.zeros(1, dtype=torch.int64))
    net.child.register_buffer("phase", torch.zeros(1, dtype=torch.complex64), persistent=False)
    net.child.register_buffer("nothing", None)
    return net


def dtypes(net):
    named = {"w": net.w, "grad": net.w.grad, **dict(net.child.named_buffers())}
    return {name: str(t.dtype).removeprefix("torch.") for name, t in named.items()}


BEFORE = {"w": "float32", "grad": "float32", "mean": "float32", "count": "int64", "phase": "complex64"}


def after(dtype, *names):
    return {**BEFORE, **dict.fromkeys(names, dtype)}


@both
@pytest.mark.parametrize("name, dtype", [("double", "float64"), ("half", "float16"), ("float", "float32")])
def test_casting_methods_touch_floats_only(torch, name, dtype):
    net = mixed(torch)
    assert getattr(net, name)() is net
    assert dtypes(net) == after(dtype, "w", "grad", "mean")


@both
def test_to_dtype_touches_floats_and_complex_numbers(torch):
    assert dtypes(mixed(torch).to(torch.float64)) == after("float64", "w", "grad", "mean", "phase")


@both
def test_type_touches_everything(torch):
    assert set(dtypes(mixed(torch).type(torch.float64)).values()) == {"float64"}
    assert set(dtypes(mixed(torch).type("torch.DoubleTensor")).values()) == {"float64"}


@both
def test_learnt_parameters_cannot_become_integers(torch):
    with pytest.raises(RuntimeError, match="floating point"):
        mixed(torch).type(torch.int64)


@both
def test_complex_warns(torch):
    with pytest.warns(UserWarning, match="Complex modules"):
        net = mixed(torch).to(torch.complex64)
    assert dtypes(net) == after("complex64", "w", "grad", "mean")


@both
def test_parameters_and_gradients_stay_the_same_objects(torch):
    net = mixed(torch)
    w, grad, mean = net.w, net.w.grad, net.child.mean
    net.double()
    assert net.w is w and isinstance(w, torch.nn.Parameter) and w.requires_grad and w.is_leaf
    assert w.grad is grad and grad.dtype is torch.float64
    assert net.child.mean is not mean
    assert "phase" in net.child._non_persistent_buffers_set
    (w * 2).sum().backward()
    assert w.grad.tolist() == [3, 3] and w.grad.dtype is torch.float64


@both
def test_frozen_parameters_stay_frozen(torch):
    net = mixed(torch).requires_grad_(False).double()
    assert not net.w.requires_grad


@both
def test_nothing_to_do_keeps_the_memory(torch):
    net = mixed(torch)
    pointers = [t.data_ptr() for t in (net.w, net.child.mean)]
    assert [t.data_ptr() for t in (net.to("cpu").cpu().w, net.float().child.mean)] == pointers


FORMS = {
    "nothing": lambda t: ((), {}),
    "None": lambda t: ((None,), {}),
    "device": lambda t: (("cpu",), {}),
    "device object": lambda t: ((t.device("cpu"),), {}),
    "dtype": lambda t: ((t.float64,), {}),
    "dtype, non_blocking": lambda t: ((t.float64, True), {}),
    "device, dtype": lambda t: (("cpu", t.float64), {}),
    "device, dtype, non_blocking": lambda t: (("cpu", t.float64, True), {}),
    "None, dtype": lambda t: ((None, t.float64), {}),
    "device, None": lambda t: (("cpu", None), {}),
    "device, dtype=": lambda t: (("cpu",), {"dtype": t.float64, "non_blocking": True}),
    "tensor": lambda t: ((t.zeros(1, dtype=t.float64),), {}),
    "tensor, non_blocking": lambda t: ((t.zeros(1, dtype=t.float64), True), {}),
    "tensor=": lambda t: ((), {"tensor": t.zeros(1, dtype=t.float64)}),
    "device=": lambda t: ((), {"device": "cpu"}),
    "dtype=": lambda t: ((), {"dtype": t.float64}),
    "integer dtype": lambda t: ((t.int64,), {}),
    "bool dtype": lambda t: ((t.bool,), {}),
    "integer tensor": lambda t: ((t.zeros(1, dtype=t.int64),), {}),
    "copy=": lambda t: (("cpu",), {"copy": True}),
    "copy": lambda t: ((t.float64, True, False), {}),
    "two dtypes": lambda t: ((t.float64, t.float64), {}),
    "two devices": lambda t: (("cpu", "cpu"), {}),
    "dtype twice": lambda t: ((t.float64,), {"dtype": t.float64}),
    "no such device": lambda t: (("bogus",), {}),
    "name of a dtype": lambda t: (("float64",), {}),
    "no such keyword": lambda t: ((), {"bogus": 1}),
    "other=": lambda t: ((), {"other": t.zeros(1)}),
}
WRONG = list(FORMS)[list(FORMS).index("integer dtype") :]


@needs_pytorch
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_to(form):
    def action(torch):
        args, kwargs = form(torch)
        return dtypes(mixed(torch).to(*args, **kwargs))

    same_outcome(action)


@pytest.mark.parametrize("form", WRONG)
def test_wrong_forms_of_to_change_nothing(form):
    net = mixed(reftorch)
    args, kwargs = FORMS[form](reftorch)
    with pytest.raises((TypeError, RuntimeError)):
        net.to(*args, **kwargs)
    assert dtypes(net) == BEFORE


def test_memory_format_is_accepted():
    net = mixed(reftorch)
    assert net.to(memory_format="channels_last") is net and dtypes(net) == BEFORE


@both
def test_bfloat16(torch):
    net = mixed(torch)
    assert net.bfloat16() is net
    for tensor in net.state_dict().values():
        assert not tensor.is_floating_point() or tensor.dtype is torch.bfloat16


def test_to_cuda_and_back(cuda_device):
    net = mixed(reftorch).to(cuda_device)
    w = net.w
    assert {t.device.type for t in (w, w.grad, *net.buffers())} == {"cuda"}
    assert dtypes(net) == BEFORE
    assert net.cpu().w is w and w.device.type == w.grad.device.type == "cpu"
    assert w.tolist() == [1, 1] and net.child.count.tolist() == [0]
    assert net.cuda().w.device.type == "cuda"
    assert net.to("cpu", reftorch.float64).w.dtype is reftorch.float64


@both
def test_to_empty(torch):
    net = mixed(torch)
    w, child = net.w, net.child
    mean = child.mean
    assert net.to_empty(device="cpu", recurse=False) is net
    assert net.w is w and w.shape == (2,) and w.requires_grad
    assert child.mean is mean
    net.to_empty(device="cpu")
    assert child.mean is not mean and child.mean.shape == (2,) and child.count.dtype is torch.int64
    with pytest.raises(TypeError):
        net.to_empty()


@both
def test_apply_reaches_gradients_and_buffers(torch):
    net = mixed(torch)
    net._apply(lambda t: t + 1, recurse=False)
    assert net.w.tolist() == [2, 2] and net.w.grad.tolist() == [2, 2] and net.w.is_leaf
    assert net.child.mean.tolist() == [0, 0]
    net._apply(lambda t: t + 1)
    assert net.child.mean.tolist() == [1, 1] and net.child.count.tolist() == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forked processes on this system")
def test_share_memory_with_a_forked_process():
    net = mixed(reftorch)
    w, count = net.w, net.child.count
    assert net.share_memory() is net and net.w is w and net.child.count is count
    assert w.tolist() == [1, 1] and w.requires_grad and w.is_leaf
    child = os.fork()
    if child == 0:
        w.array[...] = 7
        count.array[...] = 8
        os._exit(0)
    os.waitpid(child, 0)
    assert w.tolist() == [7, 7] and count.tolist() == [8]


@needs_pytorch
def test_same_numbers_after_casting():
    values = [1 / 3, 1e-9, 65504.0, 1e6]

    def halved(torch):
        net = torch.nn.Module()
        net.w = torch.nn.Parameter(torch.tensor(values))
        return net.half().float().w.tolist()

    assert halved(reftorch) == halved(pytorch)
