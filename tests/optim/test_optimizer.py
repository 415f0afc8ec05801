"""The Optimizer base class against torch: groups, hooks, saving and loading, printing, pickling."""

import copy
import importlib
import pickle

import numpy as np
import pytest

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase


def optimizer_module(torch):
    return importlib.import_module(f"{torch.__name__}.optim.optimizer")


def leaf(torch, *shape):
    return torch.ones(*shape, requires_grad=True)


def make(torch, *shapes, **options):
    """An SGD over fresh parameters with gradients."""
    params = [leaf(torch, *shape) for shape in shapes or [(2,)]]
    for param in params:
        param.grad = torch.ones_like(param).detach()
    return torch.optim.SGD(params, **{"lr": 0.5, **options})


def plain_form(state_dict):
    """A state dict in which tensors are (dtype, numbers), so that two libraries' can be compared."""
    if hasattr(state_dict, "detach"):
        return str(state_dict.dtype), state_dict.detach().tolist()
    if isinstance(state_dict, dict):
        return {key: plain_form(value) for key, value in state_dict.items()}
    if isinstance(state_dict, (list, tuple)):
        return [plain_form(value) for value in state_dict]
    return state_dict


# ------------------------------------------------------------------------------------------------ what is seen
def groups_script(torch):
    x, y, z = leaf(torch, 2), leaf(torch, 3), leaf(torch, 1)
    first = {"params": x, "lr": 0.25, "note": "mine"}
    optimizer = torch.optim.SGD([first], lr=0.5, momentum=0.9)
    optimizer.add_param_group({"params": iter([y, z]), "nesterov": True})
    assert optimizer.param_groups[0] is first and first["params"] == [x]
    assert optimizer.param_groups[1]["params"][1] is z
    return repr(optimizer), repr(optimizer.defaults), plain_form(optimizer.state_dict())


def named_script(torch):
    x, y = leaf(torch, 2), leaf(torch, 3)
    optimizer = torch.optim.SGD([("first", x), ("second", y)], lr=0.5)
    optimizer.add_param_group({"params": [("third", leaf(torch, 1))]})
    assert optimizer.param_groups[0]["params"] == [x, y]
    return repr(optimizer), plain_form(optimizer.state_dict())


def tensor_rate_script(torch):
    return repr(make(torch, lr=torch.tensor([0.5]))), repr(make(torch, lr=torch.tensor(0.5)))


def plain_optimizer_script(torch):
    return repr(torch.optim.Optimizer([leaf(torch, 2)], {})), repr(
        torch.optim.Optimizer([{"params": [], "a": 1}], {"b": 2})
    )


def state_script(torch):
    optimizer = make(torch, (2,), (3,), (1,), momentum=0.9)
    optimizer.param_groups[0]["params"][1].grad = None
    before = plain_form(optimizer.state_dict())
    optimizer.step()
    optimizer.state["a string"] = {"kept": 3}
    return before, plain_form(optimizer.state_dict())


def round_trip_script(torch):
    """Load into an optimizer with other options, and over float64 parameters; then step."""
    saved = make(torch, (2,), (3,), momentum=0.5, weight_decay=0.25)  # no rounding
    saved.step()
    params = [leaf(torch, 2).double().detach().requires_grad_(), leaf(torch, 3)]
    other = torch.optim.SGD(params, lr=5.0, nesterov=False)
    before = saved.state_dict()
    before["state"][0].update(step=torch.tensor(3), history=[torch.ones(1), {"deep": torch.ones(2)}])
    other.load_state_dict(before)
    assert other.param_groups[0]["params"] == params
    for param in params:
        param.grad = torch.ones_like(param).detach()
    other.step()
    return plain_form(other.state_dict()), [param.detach() for param in params]


def names_after_loading_script(torch):
    named = torch.optim.SGD([("a", leaf(torch, 1))])
    other = torch.optim.SGD([("b", leaf(torch, 1))])
    unnamed = torch.optim.SGD([leaf(torch, 1)])
    other.load_state_dict(named.state_dict())
    named.load_state_dict(unnamed.state_dict())
    unnamed.load_state_dict(other.state_dict())
    return [o.param_groups[0]["param_names"] for o in (named, other, unnamed)]


def old_state_script(torch):
    """A state dict from before `maximize`, `foreach`, ... existed."""
    optimizer = make(torch)
    state = optimizer.state_dict()
    for option in ("nesterov", "maximize", "foreach", "differentiable", "fused"):
        del state["param_groups"][0][option]
    optimizer.load_state_dict(state)
    optimizer.step()
    return plain_form(optimizer.state_dict())


def sharing_script(torch):
    """Loading shares buffers that need no conversion, as torch does."""
    one, two = make(torch, momentum=0.5), make(torch, momentum=0.5)
    one.step()
    two.load_state_dict(one.state_dict())
    buffers = [list(o.state.values())[0]["momentum_buffer"] for o in (one, two)]
    return buffers[0] is buffers[1]


def zero_grad_script(torch):
    x, y, z = leaf(torch, 2), leaf(torch, 2), leaf(torch, 2)
    optimizer = torch.optim.SGD([x, y, z])
    (x * 3).sum().backward()
    y.grad = torch.ones(2).requires_grad_()
    kept = x.grad, y.grad
    optimizer.zero_grad(set_to_none=False)
    same = x.grad is kept[0], y.grad is kept[1], y.grad.requires_grad, z.grad
    zeros = x.grad.tolist(), y.grad.tolist()
    optimizer.zero_grad()
    return same, zeros, [p.grad is None for p in (x, y, z)]


def pickle_script(torch):
    optimizer = make(torch, (2,), (3,), momentum=0.9)
    optimizer.register_step_pre_hook(print)
    optimizer.step()
    result = []
    for twin in (pickle.loads(pickle.dumps(optimizer)), copy.deepcopy(optimizer)):
        params = twin.param_groups[0]["params"]
        assert set(twin.state) == set(params) and params[0] is not optimizer.param_groups[0]["params"][0]
        assert not twin._optimizer_step_pre_hooks
        for param in params:
            param.grad = torch.ones_like(param).detach()
        twin.step()
        result.append((plain_form(twin.state_dict()), plain_form(params), repr(twin)))
    return result


# ------------------------------------------------------------------------------------------------ hooks
def step_hooks_script(torch):
    from_torch = optimizer_module(torch)
    optimizer, told = make(torch), []

    def tell(name, answer=None):
        def hook(*args):
            told.append((name, args[0] is optimizer, len(args[1]), sorted(args[2])))
            return answer

        return hook

    handles = [
        optimizer.register_step_pre_hook(tell("own before")),
        optimizer.register_step_post_hook(tell("own after")),
        from_torch.register_optimizer_step_pre_hook(tell("global before")),
        from_torch.register_optimizer_step_post_hook(tell("global after")),
    ]
    assert optimizer.step() is None
    assert optimizer.step(lambda: 3) == 3
    assert optimizer.step(closure=lambda: 4) == 4
    replace = optimizer.register_step_pre_hook(lambda self, args, kwargs: ((self, lambda: "replaced"), {}))
    assert optimizer.step() == "replaced"
    replace.remove()
    for handle in handles:
        handle.remove()
    optimizer.step()
    return told, plain_form(optimizer.param_groups[0]["params"])


def state_hooks_script(torch):
    optimizer, told = make(torch, momentum=0.9), []
    register = [
        optimizer.register_state_dict_pre_hook,
        optimizer.register_load_state_dict_post_hook,
    ]
    for kind in register:
        for name, prepend in (("b", False), ("a", True), ("c", False)):
            kind(lambda self, name=name: told.append((name, self is optimizer)), prepend=prepend)
    optimizer.register_state_dict_post_hook(lambda self, state: {**state, "extra": 1})
    optimizer.register_state_dict_post_hook(lambda self, state: state.update(extra=2))
    handle = optimizer.register_state_dict_post_hook(
        lambda self, state: {**state, "first": "extra" not in state}, prepend=True
    )
    optimizer.register_load_state_dict_pre_hook(lambda self, state: state.pop("extra") and None)
    state = optimizer.state_dict()
    handle.remove()
    optimizer.load_state_dict(state)
    assert "extra" in state  # hooks get a shallow copy
    doubled = {**state, "param_groups": [{**state["param_groups"][0], "lr": 7.0}]}
    optimizer.register_load_state_dict_pre_hook(lambda self, state: doubled, prepend=False)
    optimizer.load_state_dict(state)
    return told, plain_form(state), optimizer.param_groups[0]["lr"]


def subclass_script(torch):
    """An optimizer of one's own, with a required option and hooks around its step."""
    required = optimizer_module(torch).required

    class Descent(torch.optim.Optimizer):
        def __init__(self, params, lr=required):
            super().__init__(params, dict(lr=lr))

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for param in group["params"]:
                    param.sub_(group["lr"] * param.grad)
            return "done"

    class Louder(Descent):
        pass

    told = []
    for kind in (Descent, Louder):
        x = leaf(torch, 2)
        optimizer = kind([{"params": [x], "lr": 0.25}])
        optimizer.register_step_post_hook(lambda self, args, kwargs: told.append(type(self).__name__))
        (x * x).sum().backward()
        assert optimizer.step() == "done" and optimizer.step.__name__ == "step"
        told.append(x.tolist())
    return told, repr(optimizer), repr(required)


SCRIPTS = [
    ScriptCase("Optimizer", run=script, id=script.__name__)
    for script in (
        groups_script,
        named_script,
        tensor_rate_script,
        plain_optimizer_script,
        state_script,
        round_trip_script,
        names_after_loading_script,
        old_state_script,
        sharing_script,
        zero_grad_script,
        pickle_script,
        step_hooks_script,
        state_hooks_script,
        subclass_script,
    )
]


@pytest.mark.parametrize("case", SCRIPTS, ids=lambda case: case.id)
def test_matches_torch(case):
    oracle.check(case, oracle.RUNS[0])


def test_torchs_own_state_dict_can_be_loaded():
    torch = pytest.importorskip("torch")
    theirs = make(torch, (2, 3), (4,), momentum=0.9, dampening=0.5, weight_decay=0.1)
    ours = make(reftorch, (2, 3), (4,))
    theirs.step()

    def converted(value):
        if isinstance(value, torch.Tensor):
            return reftorch.from_numpy(value.detach().numpy().copy())
        if isinstance(value, dict):
            return {key: converted(item) for key, item in value.items()}
        return value

    ours.load_state_dict(converted(theirs.state_dict()))
    for own, wanted in zip(ours.param_groups[0]["params"], theirs.param_groups[0]["params"]):
        own.data.copy_(reftorch.from_numpy(wanted.detach().numpy().copy()))
    assert plain_form(ours.state_dict()) == plain_form(theirs.state_dict())
    for _ in range(3):
        theirs.step()
        ours.step()
    for own, wanted in zip(ours.param_groups[0]["params"], theirs.param_groups[0]["params"]):
        np.testing.assert_allclose(own.detach().numpy(), wanted.detach().numpy(), rtol=1e-6)
    assert repr(ours) == repr(theirs)


def test_state_moves_to_the_device_of_the_parameter(cuda_device):
    saved = make(reftorch, momentum=0.5)
    saved.step()
    param = reftorch.ones(2, device=cuda_device, requires_grad=True)
    optimizer = reftorch.optim.SGD([param])
    optimizer.load_state_dict(saved.state_dict())
    param.grad = reftorch.ones(2, device=cuda_device)
    optimizer.step()
    assert optimizer.state[param]["momentum_buffer"].device.type == "cuda"
    assert param.tolist() == [0.25, 0.25]


# ------------------------------------------------------------------------------------------------ errors
def sgd(torch, params, **options):
    return torch.optim.SGD(params, **options)


def two_groups(torch, first, second):
    return sgd(torch, [{"params": first}, {"params": second}])


def load(torch, change):
    optimizer = make(torch, (2,), (3,))
    state = optimizer.state_dict()
    change(state)
    optimizer.load_state_dict(state)


def bad_hook(torch):
    optimizer = make(torch)
    optimizer.register_step_pre_hook(lambda *args: 3)
    optimizer.step()


def shared(torch):
    x = leaf(torch, 2, 5)
    two_groups(torch, [x], [leaf(torch, 1), x])


ERRORS = [
    ErrorCase(lambda t: sgd(t, leaf(t, 2)), ["iterable", "Tensor", "float32", "list"], id="tensor"),
    ErrorCase(lambda t: sgd(t, []), ["empty parameter list"], id="empty"),
    ErrorCase(lambda t: sgd(t, iter([])), ["empty parameter list"], id="empty iterator"),
    ErrorCase(lambda t: sgd(t, None), [], id="None"),
    ErrorCase(lambda t: sgd(t, [1.0]), ["Tensors", "float"], id="float"),
    ErrorCase(lambda t: sgd(t, [leaf(t, 2), None]), ["Tensors", "NoneType"], id="None inside"),
    ErrorCase(lambda t: sgd(t, "ab"), ["Tensors", "str"], id="string"),
    ErrorCase(lambda t: sgd(t, [leaf(t, 2, 3) * 2]), ["non-leaf", "[2, 3]", "detach"], id="non-leaf"),
    ErrorCase(lambda t: sgd(t, [{"params": {leaf(t, 2)}}]), ["ordered", "list"], id="set"),
    ErrorCase(lambda t: sgd(t, [{"lr": 1}]), ["params"], id="no params"),
    ErrorCase(lambda t: two_groups(t, [], []).add_param_group([leaf(t, 1)]), ["dict"], id="no dict"),
    ErrorCase(lambda t: sgd(t, [leaf(t, 1), {"params": []}]), ["dict"], id="dict inside"),
    ErrorCase(shared, ["more than one", "[2, 5]", "group 0"], id="shared"),
    ErrorCase(lambda t: sgd(t, [("a", leaf(t, 1)), leaf(t, 1)]), ["names", "1 of 2"], id="half named"),
    ErrorCase(
        lambda t: two_groups(t, [("a", leaf(t, 1))], [leaf(t, 1)]),
        ["without names"],
        id="second group unnamed",
    ),
    ErrorCase(
        lambda t: t.optim.Optimizer([leaf(t, 1)], {"lr": optimizer_module(t).required}),
        ["required", "lr"],
        id="required",
    ),
    ErrorCase(lambda t: t.optim.Optimizer([leaf(t, 1)], {}).step(), ["step"], id="no step"),
    ErrorCase(bad_hook, ["None", "tuple", "3"], id="hook's answer"),
    ErrorCase(
        lambda t: load(t, lambda state: state["param_groups"].clear()),
        ["number of parameter groups", "0", "1"],
        id="groups",
    ),
    ErrorCase(
        lambda t: load(t, lambda state: state["param_groups"][0]["params"].append(2)),
        ["match the size", "3", "2"],
        id="group's size",
    ),
    ErrorCase(lambda t: load(t, lambda state: state.pop("state")), ["state"], id="no state"),
    ErrorCase(lambda t: make(t).load_state_dict({}), ["param_groups"], id="empty dict"),
]


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_duplicates_in_a_group_warn():
    x = leaf(reftorch, 2)
    with pytest.warns(UserWarning, match="duplicate parameters") as warned:
        reftorch.optim.SGD([x, x])
    assert warned[0].filename == __file__
