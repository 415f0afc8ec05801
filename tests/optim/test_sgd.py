"""SGD against torch: trajectories under every combination of options; its two ways of launching against each other."""

import copy
import itertools
import math

import numpy as np
import pytest

import oracle
import reftorch
from oracle import ScriptCase
from reftorch.optim.sgd import SLOTS

SHAPES = [(2, 3), (4,), (), (0, 2)]


# ------------------------------------------------------------------------------------------------ trajectories
def descend(torch, *tensors, steps=4, groups=None, **options):
    """`steps` steps of the first half of the tensors, along multiples of the second half."""
    params = [tensor.detach().requires_grad_() for tensor in tensors[: len(tensors) // 2]]
    grads = [tensor.detach() for tensor in tensors[len(tensors) // 2 :]]
    optimizer = torch.optim.SGD(groups(params) if groups else params, **options)
    for step in range(1, steps + 1):
        for param, grad in zip(params, grads):
            param.grad = grad * step
        assert optimizer.step() is None
    state = [dict(optimizer.state[param]) for param in params]
    return {"params": [param.detach() for param in params], "state": state}


def case(id, shapes=((2, 3), (4,)), steps=4, groups=None, strided=True, **options):
    return ScriptCase(
        "SGD",
        changes_inputs=True,
        run=lambda torch, *tensors: descend(torch, *tensors, steps=steps, groups=groups, **options),
        inputs=[oracle.normal(*shape, grad=False) for shape in (*shapes, *shapes)],
        id=id,
        strided=strided,
    )


MOMENTA = [
    dict(),
    dict(dampening=0.3),  # without momentum it has no effect
    dict(momentum=0.9),
    dict(momentum=0.9, dampening=0.3),
    dict(momentum=0.9, nesterov=True),
]
CASES = [
    case(" ".join([*momentum, "decay" * bool(decay), "maximize" * maximize]), lr=0.1,
         weight_decay=decay, maximize=maximize, **momentum)
    for momentum, decay, maximize in itertools.product(MOMENTA, (0, 0.05), (False, True))
]  # fmt: skip
CASES += [
    case(f"foreach {way} {n} parameters", shapes=[(2,)] * n, lr=0.1, momentum=0.9, foreach=way)
    for way, n in itertools.product((True, False), (1, SLOTS, SLOTS + 1))
]
CASES += [
    # torch's fused step gives wrong numbers for parameters that are not contiguous
    case("fused", lr=0.1, momentum=0.9, weight_decay=0.05, nesterov=True, fused=True, strided=False),
    case("scalars and empty parameters", shapes=SHAPES, lr=0.1, momentum=0.9),
    case("scalars and empty parameters, foreach", shapes=SHAPES, lr=0.1, momentum=0.9, foreach=True),
    case("defaults"),
    case("zero learning rate", lr=0, momentum=0.5),
    case("large momentum", lr=0.01, momentum=1.5, dampening=-0.5, steps=6),
    case(
        "groups with options of their own",
        lr=0.1,
        momentum=0.9,
        groups=lambda params: [
            {"params": params[0], "lr": 0.01, "weight_decay": 0.1},
            {"params": params[1:], "momentum": 0.5, "nesterov": True, "foreach": True},
        ],
    ),
    case(
        "one group without momentum",
        lr=0.1,
        groups=lambda params: [{"params": params[:1]}, {"params": params[1:], "momentum": 0.5}],
    ),
]
test_matches_torch, _, _, _, test_mutants = oracle.tests_of(__file__, CASES)


@oracle.tiny(CASES[::3])
def test_all_modes_agree(case):
    oracle.check_modes(case)


# ------------------------------------------------------------------------------------------------ one way or many
def run_way(sizes, dtype, device, foreach, steps=3, **options):
    numbers = np.random.default_rng(0)
    draw = lambda n: reftorch.from_numpy(numbers.standard_normal(n).astype(dtype)).to(device)  # noqa: E731
    params = [draw(size).requires_grad_() for size in sizes]
    optimizer = reftorch.optim.SGD(params, lr=0.1, foreach=foreach, **options)
    for _ in range(steps):
        for param, size in zip(params, sizes):
            param.grad = draw(size)
        optimizer.step()
    tensors = params + [s["momentum_buffer"] for s in optimizer.state.values() if s]
    return [tensor.detach().cpu().numpy().tobytes() for tensor in tensors]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", MOMENTA, ids=" ".join)
def test_single_and_multi_tensor_agree_bit_for_bit(dtype, options):
    sizes = [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 1000, 0, 4097]
    options = dict(options, weight_decay=0.01)
    one = run_way(sizes, dtype, "cpu", False, **options)
    assert run_way(sizes, dtype, "cpu", True, **options) == one
    with reftorch.debug():
        assert run_way(sizes, dtype, "cpu", False, **options) == one


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_single_and_multi_tensor_agree_bit_for_bit_on_cuda(dtype, cuda_device):
    sizes = [1, 2, 3, 5, 0, 1, 2, 1, 4, 3]
    options = dict(momentum=0.9, dampening=0.1, weight_decay=0.01)
    one, many = (run_way(sizes, dtype, cuda_device, way, **options) for way in (False, True))
    assert one == many
    assert many == run_way(sizes, dtype, cuda_device, None, **options)


def launches(monkeypatch, foreach, device="cpu", count=SLOTS + 1, **options):
    """How often a kernel is called for one step of `count` parameters."""
    chosen = []
    original = reftorch.optim.sgd.on
    monkeypatch.setattr(reftorch.optim.sgd, "on", lambda *a, **k: chosen.append(a[1].__name__) or original(*a, **k))
    params = [reftorch.ones(2, device=device, requires_grad=True) for _ in range(count)]
    for param in params:
        param.grad = reftorch.ones(2, device=device)
    reftorch.optim.SGD(params, foreach=foreach, **options).step()
    return chosen


def test_few_launches(monkeypatch, cuda_device):
    many, single = "sgd_step_many_cpu", "sgd_step_cpu"
    assert launches(monkeypatch, foreach=True) == [many] * 2
    assert launches(monkeypatch, foreach=False) == [single] * (SLOTS + 1)
    assert launches(monkeypatch, foreach=None) == [single] * (SLOTS + 1)
    assert launches(monkeypatch, foreach=None, fused=True) == [many] * 2
    assert launches(monkeypatch, foreach=None, device=cuda_device) == [many] * 2


# ------------------------------------------------------------------------------------------------ in place
@pytest.mark.parametrize("foreach", [True, False])
def test_the_tape_notices_the_step(foreach):
    param = reftorch.ones(2, 3, requires_grad=True)
    optimizer = reftorch.optim.SGD([param], lr=0.1, momentum=0.9, foreach=foreach)
    saved = (param * param).sum()
    param.grad = reftorch.ones(2, 3)
    before = param._version
    optimizer.step()
    assert param._version > before and param.is_leaf and param.requires_grad
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        saved.backward()
    buffer = optimizer.state[param]["momentum_buffer"]
    before = buffer._version
    optimizer.step()
    assert optimizer.state[param]["momentum_buffer"] is buffer and buffer._version > before
    assert not buffer.requires_grad


@pytest.mark.parametrize("foreach", [True, False])
def test_gradients_are_left_alone(foreach):
    param = reftorch.ones(4, 2).t().requires_grad_()
    param.grad = reftorch.arange(8.0).reshape(4, 2).t()
    before = param.grad.tolist(), param.grad._version
    for options in MOMENTA:
        optimizer = reftorch.optim.SGD([param], weight_decay=0.1, maximize=True, foreach=foreach, **options)
        optimizer.step()
        optimizer.step()
    assert (param.grad.tolist(), param.grad._version) == before


@pytest.mark.parametrize("foreach", [True, False])
def test_views_and_memory_are_kept(foreach):
    base = reftorch.zeros(3, 4)
    param = base.t()[::2].requires_grad_()
    assert not param.is_contiguous()
    optimizer = reftorch.optim.SGD([param], lr=0.5, momentum=0.5, foreach=foreach)
    for _ in range(2):
        param.grad = reftorch.ones(2, 3)
        optimizer.step()
    assert base.tolist() == [[-1.25, 0, -1.25, 0]] * 3


def test_infinite_parameters_without_decay():
    param = reftorch.tensor([math.inf, 1.0], requires_grad=True)
    param.grad = reftorch.tensor([1.0, math.nan])
    reftorch.optim.SGD([param], lr=1.0).step()
    assert param[0].item() == math.inf and math.isnan(param[1].item())


def test_buffers_follow_the_model():
    param = reftorch.ones(2, requires_grad=True)
    optimizer = reftorch.optim.SGD([param], lr=0.5, momentum=0.5)
    param.grad = reftorch.ones(2)
    optimizer.step()
    param.grad = None
    param.data = param.data.double()
    param.grad = reftorch.ones(2, dtype=reftorch.float64)
    optimizer.step()
    assert param.tolist() == [-0.25, -0.25]
    assert optimizer.state[param]["momentum_buffer"].dtype is reftorch.float64


def test_deepcopy_goes_on_alone():
    param = reftorch.ones(2, requires_grad=True)
    optimizer = reftorch.optim.SGD([param], lr=0.5, momentum=0.5)
    param.grad = reftorch.ones(2)
    optimizer.step()
    twin = copy.deepcopy(optimizer)
    twin.step()
    assert param.tolist() == [0.5, 0.5]
    assert twin.param_groups[0]["params"][0].tolist() == [-0.25, -0.25]
    optimizer.step()
    assert param.tolist() == [-0.25, -0.25]
