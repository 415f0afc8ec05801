"""SGD in use: closures, schedules, the functional form, the tape, and everything that is refused. `test_sgd.py` has the rest."""

import importlib

import pytest

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase


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
    idle = x.detach().new_ones(2).requires_grad_()
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
        way = dict(foreach=torch is reftorch)  # torch's foreach shares one buffer within a step
        optimizer = torch.optim.SGD([param, param], lr=0.1, momentum=0.9, **way)
    for _ in range(2):
        param.grad = x.detach() * 0 + 1
        optimizer.step()
    return param.detach()


def differentiable(torch, x, rate):
    """One recorded step: the gradient reaches the parameter before it and the learning rate."""
    param = x * 1
    optimizer = torch.optim.SGD([param], lr=rate, momentum=0.5, weight_decay=0.1, nesterov=True, differentiable=True)
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
    functional = importlib.import_module(f"{torch.__name__}.optim.sgd")
    functional.sgd(params, grads, buffers, **{**defaults, **options})


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


RATE = oracle.uniform(0.1, 1)  # a tensor without dimensions
SCRIPTS = [
    ScriptCase("SGD", run=script, inputs=inputs, id=script.__name__, component="SGD scripts", changes_inputs=True)
    for script, inputs in [
        (tensor_rates, [(2, 3)]),
        (minimise, [(2, 3)]),
        (skip_none, [(2, 3)]),
        (late_group, [(2, 3)]),
        (listed_twice, [(2, 3)]),
        (differentiable, [(2, 3), RATE]),
        (functional_on_tape, [(2, 3), RATE, RATE]),
        (functional, [(2, 3), (4,)]),
        (scaled, [(2, 3)]),
    ]
]


@oracle.against_torch(SCRIPTS)
def test_scripts_match_torch(case, run):
    oracle.check(case, run)


def test_differentiable_gradcheck():
    x = reftorch.randn(2, 3, dtype=reftorch.float64, requires_grad=True)
    rate, decay = (reftorch.tensor(value, dtype=reftorch.float64, requires_grad=True) for value in (0.1, 0.3))
    call = lambda *inputs: functional_on_tape(reftorch, *inputs)  # noqa: E731
    x.detach_()  # its detached value enters too, as the gradient: only the rates are to be differentiated
    assert reftorch.autograd.gradcheck(call, (x, rate, decay))


def test_found_inf_prevents_the_first_step():
    x, buffers = reftorch.ones(2), [None]
    found = dict(fused=True, found_inf=reftorch.tensor(1.0))
    step(reftorch, [x], [reftorch.ones(2)], buffers, momentum=0.9, **found)
    assert x.tolist() == [1, 1] and buffers == [None]


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
        lambda torch: importlib.import_module(f"{torch.__name__}.optim.sgd").sgd([], [], []),
        ["weight_decay", "lr"],
        id="options missing",
    ),
]  # fmt: skip


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_devices_are_checked(cuda_device):
    with pytest.raises(RuntimeError, match="same device"):
        step(reftorch, [reftorch.ones(2)], [reftorch.ones(2).to(cuda_device)], [])


def test_exports():
    assert reftorch.optim.SGD is reftorch.optim.sgd.SGD
    assert reftorch.optim.sgd.sgd.__module__ == "reftorch.optim.sgd"
    assert reftorch.optim.Optimizer is reftorch.optim.optimizer.Optimizer
