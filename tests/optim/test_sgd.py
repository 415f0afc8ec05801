"""SGD against torch: trajectories under every combination of options; its two ways of launching against each other."""

import copy
import itertools
import math

import numpy as np
import pytest

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase
from reftorch.optim.sgd import SLOTS, sgd

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


def case(id, shapes=((2, 3), (4,)), steps=4, groups=None, **options):
    return ScriptCase(
        "SGD",
        run=lambda torch, *tensors: descend(torch, *tensors, steps=steps, groups=groups, **options),
        inputs=[oracle.normal(*shape, grad=False) for shape in (*shapes, *shapes)],
        id=id,
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
    case("fused", lr=0.1, momentum=0.9, weight_decay=0.05, nesterov=True, fused=True),
    case("scalars and empty parameters", shapes=SHAPES, lr=0.1, momentum=0.9),
    case(
        "scalars and empty parameters, foreach", shapes=SHAPES, lr=0.1, momentum=0.9, foreach=True
    ),
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
MUTANT_CASES = [case for case in CASES if case.is_tiny]


@oracle.against_torch(CASES)
def test_matches_torch(case, run):
    oracle.check(case, run)


@oracle.tiny(CASES[::3])
def test_all_modes_agree(case):
    oracle.check_modes(case)


def tensor_rates(torch, x):
    """Learning rate and weight decay as tensors, of one element but not of dimension 0."""
    rate, decay = torch.tensor([0.25]), torch.tensor(0.5)
    param = x.detach().requires_grad_()
    optimizer = torch.optim.SGD([param], lr=rate, weight_decay=decay, momentum=0.5)
    for step in range(3):
        param.grad = x.detach() * 0 + step
        optimizer.step()
        rate.mul_(0.5)  # the optimizer reads the tensor at each step
    return param.detach()


def minimise(torch, x):
    """A loss with a closure and zero_grad, and a parameter that takes no part in it."""
    idle = torch.ones(2, requires_grad=True)
    param = x.detach().requires_grad_()
    optimizer = torch.optim.SGD([param, idle], lr=0.05, momentum=0.9, weight_decay=0.1)

    def closure():
        assert torch.is_grad_enabled()
        optimizer.zero_grad()
        loss = ((param - 2) ** 2).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        losses = [optimizer.step(closure).detach() for _ in range(5)]
    assert idle.grad is None and idle not in optimizer.state
    return param.detach(), idle.detach(), losses


def skip_none(torch, x):
    """A gradient that comes and goes: the buffer stays while the parameter is skipped."""
    param = x.detach().requires_grad_()
    optimizer = torch.optim.SGD([param], lr=0.1, momentum=0.9, dampening=0.5)
    for step in range(5):
        param.grad = None if step in (0, 2) else x.detach() * 0 + step
        optimizer.step()
    return param.detach(), optimizer.state[param]["momentum_buffer"]


def late_group(torch, x):
    """A group added after the first step starts with a first step of its own."""
    params = [x.detach().clone().requires_grad_() for _ in range(3)]
    optimizer = torch.optim.SGD(params[:1], lr=0.1, momentum=0.9, dampening=0.5, foreach=True)
    for step in range(4):
        if step == 2:
            optimizer.param_groups[0]["params"].append(params[1])
            optimizer.add_param_group({"params": params[2], "lr": 0.5})
        for param in params:
            param.grad = x.detach() * 0 + 1
        optimizer.step()
    return [param.detach() for param in params]


def listed_twice(torch, x):
    """A parameter that occurs twice in its group takes two steps."""
    param = x.detach().requires_grad_()
    with pytest.warns(UserWarning, match="duplicate"):
        optimizer = torch.optim.SGD([param, param], lr=0.1, momentum=0.9, foreach=True)
    for _ in range(2):
        param.grad = x.detach() * 0 + 1
        optimizer.step()
    return param.detach()


def differentiable(torch, x, rate):
    """One recorded step: the gradient reaches the parameter before it and the learning rate."""
    param = x * 1
    optimizer = torch.optim.SGD(
        [param], lr=rate, momentum=0.5, weight_decay=0.1, nesterov=True, differentiable=True
    )
    param.grad = x.detach() * 3
    optimizer.step()
    return param


def functional_on_tape(torch, x, rate, decay):
    """The functional form with recording on: learning rate and weight decay get gradients."""
    param = x * 1
    buffers = [x.detach() + 1]
    step(torch, [param], [x.detach() * 3], buffers, lr=rate, weight_decay=decay, momentum=0.5)
    return param


def step(torch, params, grads, buffers, **options):
    """torch.optim.sgd.sgd with every option given."""
    defaults = dict(weight_decay=0, momentum=0, lr=0.1, dampening=0, nesterov=False, maximize=False)
    torch.optim.sgd.sgd(params, grads, buffers, **{**defaults, **options})


def functional(torch, x, y):
    """The functional form puts the first buffers into the list it was given."""
    x, y = x.detach(), y.detach()
    grads, buffers = [x * 2, y * 3], [None, y + 1]
    for _ in range(2):
        step(torch, [x, y], grads, buffers, momentum=0.9, dampening=0.5, weight_decay=0.1)
    return x, y, buffers


def scaled(torch, x):
    """fused: gradients are divided by grad_scale, and nothing happens where found_inf is 1."""
    x = x.detach()
    grads, buffers = [x * 2], [None]
    found = dict(fused=True, grad_scale=torch.tensor(4.0), found_inf=torch.tensor(0.0))
    step(torch, [x], grads, buffers, momentum=0.9, **found)
    found["found_inf"] = torch.tensor(1.0)
    step(torch, [x], grads, buffers, momentum=0.9, **found)
    return x, grads, buffers


SCRIPTS = [
    ScriptCase("SGD", run=script, inputs=inputs, id=script.__name__, component="SGD scripts")
    for script, inputs in [
        (tensor_rates, [(2, 3)]),
        (minimise, [(2, 3)]),
        (skip_none, [(2, 3)]),
        (late_group, [(2, 3)]),
        (listed_twice, [(2, 3)]),
        (differentiable, [(2, 3), ()]),
        (functional_on_tape, [(2, 3), (), ()]),
        (functional, [(2, 3), (4,)]),
        (scaled, [(2, 3)]),
    ]
]


@oracle.against_torch(SCRIPTS)
def test_scripts_match_torch(case, run):
    oracle.check(case, run)


def test_differentiable_gradcheck():
    x = reftorch.randn(2, 3, dtype=reftorch.float64, requires_grad=True)
    rate, decay = (
        reftorch.tensor(value, dtype=reftorch.float64, requires_grad=True) for value in (0.1, 0.3)
    )
    call = lambda *inputs: functional_on_tape(reftorch, *inputs)  # noqa: E731
    x.detach_()  # its detached value enters too, as the gradient: only the rates are to be differentiated
    assert reftorch.autograd.gradcheck(call, (x, rate, decay))


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
    assert run_way(sizes, dtype, "cpu", True, **options) == run_way(
        sizes, dtype, "cpu", False, **options
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_single_and_multi_tensor_agree_bit_for_bit_on_cuda(dtype, simulated_or_real_cuda):
    sizes = [1, 2, 3, 5, 0, 1, 2, 1, 4, 3]
    options = dict(momentum=0.9, dampening=0.1, weight_decay=0.01)
    one, many = (
        run_way(sizes, dtype, simulated_or_real_cuda, way, **options) for way in (False, True)
    )
    assert one == many
    assert many == run_way(sizes, dtype, simulated_or_real_cuda, None, **options)


def launches(monkeypatch, foreach, device="cpu", count=SLOTS + 1, **options):
    """How often a kernel is called for one step of `count` parameters."""
    chosen = []
    original = reftorch.optim.sgd.on
    monkeypatch.setattr(
        reftorch.optim.sgd, "on", lambda *args: chosen.append(args[1].__name__) or original(*args)
    )
    params = [reftorch.ones(2, device=device, requires_grad=True) for _ in range(count)]
    for param in params:
        param.grad = reftorch.ones(2, device=device)
    reftorch.optim.SGD(params, foreach=foreach, **options).step()
    return chosen


def test_few_launches(monkeypatch, simulated_or_real_cuda):
    many, single = "sgd_step_many_cpu", "sgd_step_cpu"
    assert launches(monkeypatch, foreach=True) == [many] * 2
    assert launches(monkeypatch, foreach=False) == [single] * (SLOTS + 1)
    assert launches(monkeypatch, foreach=None) == [single] * (SLOTS + 1)
    assert launches(monkeypatch, foreach=None, fused=True) == [many] * 2
    assert launches(monkeypatch, foreach=None, device=simulated_or_real_cuda) == [many] * 2


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


def test_found_inf_prevents_the_first_step():
    x, buffers = reftorch.ones(2), [None]
    found = dict(fused=True, found_inf=reftorch.tensor(1.0))
    step(reftorch, [x], [reftorch.ones(2)], buffers, momentum=0.9, **found)
    assert x.tolist() == [1, 1] and buffers == [None]


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


# ------------------------------------------------------------------------------------------------ errors
def ones(torch, *shape, **options):
    return torch.ones(*shape, requires_grad=True, **options)


def step_with_wrong_buffer(torch):
    param = ones(torch, 2)
    optimizer = torch.optim.SGD([param], momentum=0.9)
    optimizer.state[param]["momentum_buffer"] = torch.ones(3)
    param.grad = torch.ones(2)
    optimizer.step()


def of_sgd(*args, **options):
    return lambda torch: torch.optim.SGD([ones(torch, 2)], *args, **options)


def of_step(grads=((2,),), buffers=(None,), **options):
    def call(torch):
        with torch.no_grad():
            shapes = [None if shape is None else torch.ones(shape) for shape in buffers]
            step(torch, [ones(torch, 2)], [torch.ones(s) for s in grads], shapes, **options)

    return call


ERRORS = [
    ErrorCase(of_sgd(lr=-0.1), ["learning rate", "-0.1", "negative"], id="lr"),
    ErrorCase(of_sgd(momentum=-1), ["momentum", "-1"], id="momentum"),
    ErrorCase(of_sgd(weight_decay=-1), ["weight_decay", "-1"], id="decay"),
    ErrorCase(of_sgd(nesterov=True), ["Nesterov", "momentum is 0"], id="nesterov"),
    ErrorCase(
        of_sgd(momentum=0.9, dampening=0.5, nesterov=True), ["dampening 0.5"], id="nesterov damped"
    ),
    ErrorCase(of_sgd(lr="0.1"), [], id="lr is a string"),
    ErrorCase(of_sgd(lr=None), [], id="lr is None"),
    ErrorCase(of_sgd(learning_rate=1), ["learning_rate"], id="unknown option"),
    ErrorCase(of_sgd(fused=True, foreach=True), ["foreach"], id="fused and foreach"),
    ErrorCase(of_sgd(fused=True, differentiable=True), ["differentiable"], id="fused on tape"),
    ErrorCase(
        lambda torch: torch.optim.SGD([ones(torch, 2)], lr=torch.ones(2)), ["1-element"], id="two lr"
    ),
    ErrorCase(of_step(grads=[(3,)]), ["[2]", "[3]", "gradient"], id="gradient's shape"),
    ErrorCase(step_with_wrong_buffer, ["momentum buffer", "[2]", "[3]"], id="buffer's shape"),
    ErrorCase(of_step(grads=[]), ["1 parameters", "0 gradients"], id="no gradients"),
    ErrorCase(of_step(buffers=[], momentum=0.5), ["momentum buffers"], id="no buffers"),
    ErrorCase(of_step(has_sparse_grad=True, fused=True), ["sparse"], id="sparse"),
    ErrorCase(
        lambda torch: of_step(grad_scale=torch.tensor(2.0))(torch), ["fused"], id="scale unfused"
    ),
    ErrorCase(
        lambda torch: step(torch, [ones(torch, 2)], [torch.ones(2)], [None]),
        ["leaf", "in-place"],
        id="leaf while recording",
    ),
    ErrorCase(
        lambda torch: step(torch, [torch.ones(2, dtype=torch.int64)], [torch.ones(2, dtype=torch.int64)], []),
        ["int64", ".float()"],
        raises=NotImplementedError,
        id="integers",
    ),
    ErrorCase(
        lambda torch: step(torch, [torch.ones(2)], [torch.ones(2, dtype=torch.float64)], []),
        ["float32", "float64", "gradient"],
        raises=RuntimeError,
        id="gradient's dtype",
    ),
    ErrorCase(
        lambda torch: torch.optim.sgd.sgd([], [], []), ["weight_decay", "lr"], id="options missing"
    ),
]  # fmt: skip


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_devices_are_checked(simulated_or_real_cuda):
    with pytest.raises(RuntimeError, match="same device"):
        step(reftorch, [reftorch.ones(2)], [reftorch.ones(2).to(simulated_or_real_cuda)], [])


def test_exports():
    assert reftorch.optim.SGD is reftorch.optim.sgd.SGD
    assert reftorch.optim.sgd.sgd is sgd
    assert reftorch.optim.Optimizer is reftorch.optim.optimizer.Optimizer
