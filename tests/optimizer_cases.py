"""Cases that all optimizers with adaptive steps have: twenty steps under each option, saved and loaded states, the tape."""

import math

import oracle
from oracle import ErrorCase, ScriptCase, normal


def trajectory(torch, name, tensors, steps, options, groups=None):
    """`steps` steps of the first half of the tensors, along multiples of the second half."""
    half = len(tensors) // 2
    params = [tensor.detach().requires_grad_() for tensor in tensors[:half]]
    grads = [tensor.detach() for tensor in tensors[half:]]
    optimizer = getattr(torch.optim, name)(groups(params) if groups else params, **options)
    for step in range(1, steps + 1):
        for param, grad in zip(params, grads):
            param.grad = grad * (step % 3 - 0.5)
        assert optimizer.step() is None
    return params, grads, optimizer


def facts(params, optimizer):
    """The parameters, and the tensors of their state by name."""
    device = params[0].device
    state = [{key: value.detach().to(device) for key, value in optimizer.state[param].items()} for param in params]
    return {"params": [param.detach() for param in params], "state": state}


def case(name, id, steps=20, shapes=((2, 3), (4,)), groups=None, **options):
    def run(torch, *tensors):
        params, _, optimizer = trajectory(torch, name, tensors, steps, options, groups)
        assert list(optimizer.state_dict()["param_groups"][0])[-1] == "params"
        return facts(params, optimizer)

    inputs = [normal(*shape, grad=False) for shape in (*shapes, *shapes)]
    return ScriptCase(name, inputs, run=run, id=id, changes_inputs=True, strided="fused" not in options)


def far(name, *options):
    """Gradients whose squares do not fit into float32, are 0 in it or are not finite; with all of these options."""
    options = {key: value for each in options for key, value in each.items()}
    largest = 1e20 if options.get("centered") else 1e25  # inf - inf depends on how the processor rounds

    def run(torch, param, grad):
        param = param.detach().requires_grad_()
        optimizer = getattr(torch.optim, name)([param], **options)
        for _ in range(2):
            param.grad = grad.detach()
            optimizer.step()
        return facts([param], optimizer)

    grads = [0.0, 1e-40, 1e-30, 1e-20, 1.0, 1e10, 2e19, -1e20, largest, math.inf, -math.inf, math.nan]
    inputs = [oracle.array([1.0] * len(grads), grad=False), oracle.array(grads, grad=False)]
    return ScriptCase(name, inputs, run=run, id=f"far gradients {options}", changes_inputs=True)


def resumed(name, **options):
    """The state goes to another optimizer, which goes on with it."""

    def run(torch, *tensors):
        params, grads, first = trajectory(torch, name, tensors, 3, options)
        second = getattr(torch.optim, name)(params)
        saved = first.state_dict()
        second.load_state_dict(saved)
        for _ in range(2):
            for param, grad in zip(params, grads):
                param.grad = grad * 2
            second.step()
        names = sorted(key for key in saved["param_groups"][0] if key != "params")
        numbers = [float(second.param_groups[0][key] or 0) for key in names if key not in ("betas",)]
        return facts(params, second), torch.tensor(numbers, device=params[0].device)

    return ScriptCase(name, [normal(2, grad=False)] * 2, run=run, id="saved and loaded", changes_inputs=True)


def on_the_tape(name, steps=2, **options):
    """Recorded steps: gradients of a loss after them for the parameter before, and for its gradient."""

    def run(torch, x, grad):
        param = x.clone()
        optimizer = getattr(torch.optim, name)([param], differentiable=True, **options)
        for _ in range(steps):
            param.grad = grad
            optimizer.step()
        return param

    # numbers are away from zero, where the root of a square has a kink
    inputs = [normal(3), oracle.uniform(0.5, 2, 3)]
    return ScriptCase(name, inputs, run=run, id="on the tape " + " ".join(options), gradcheck=False)


def cases(name, *variants, **tape):
    """`variants` are dicts of options; `tape` the options for recorded steps."""
    found = [case(name, " ".join(map(str, options.items())), **options) for options in variants]
    return [
        case(name, "defaults"),
        case(name, "maximize, decay", maximize=True, weight_decay=0.05),
        *found,
        far(name),
        case(name, "scalars and empty parameters", steps=3, shapes=[(), (0, 2), (1, 2)]),
        case(
            name,
            "groups",
            steps=3,
            groups=lambda params: [{"params": params[:1], "lr": 0.5}, {"params": params[1:], "weight_decay": 0.1}],
        ),
        resumed(name, **(variants[0] if variants else {})),
        on_the_tape(name, **tape),
    ]


def refused(name, **wrong):
    """Each of the options `wrong` with its bad value (of two betas the first), and what all optimizers refuse."""

    def make(torch, **options):
        return getattr(torch.optim, name)([torch.zeros(2, requires_grad=True)], **options)

    def stepped(torch, **options):
        optimizer = make(torch, **options)
        optimizer.param_groups[0]["params"][0].grad = torch.ones(2)
        optimizer.step()

    found = [
        ErrorCase(
            lambda torch, o={option: value}: make(torch, **o),
            ["Invalid", *map(str, value[:1] if option == "betas" else [value])],
            id=f"{option}={value}",
        )
        for option, value in dict(lr=-1.0, weight_decay=-0.5, eps=-1e-8, **wrong).items()
    ]
    found.append(ErrorCase(lambda torch: make(torch, lr=torch.ones(2)), ["1-element", "[2]"], id="two rates"))
    if name != "Adagrad":
        found.append(ErrorCase(lambda torch: stepped(torch, capturable=True), ["capturable"], id="capturable"))
    return found
