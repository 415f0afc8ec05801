"""L-BFGS against torch: twenty steps with and without line search, saved states, and what is refused."""

import oracle
from oracle import ErrorCase, ScriptCase, normal


def valley(a, b):
    """A narrow valley that bends, with its minimum 0 at ones."""
    return (1 - a[0]) ** 2 + 3 * (a[1] - a[0] ** 2) ** 2 + ((b - 1) ** 2).sum() + 0.5 * ((b - 1) ** 4).sum()


def bowl(a, b):
    """A quadratic function, steep in some directions."""
    return (a[0] - 1) ** 2 + 4 * (a[1] + a[0]) ** 2 + 0.5 * ((b - 1) ** 2).sum() + (b.sum() - a[1]) ** 2


def minimized(torch, loss, optimizer, params, calls):
    """The losses that `step` returns."""

    def closure():
        optimizer.zero_grad()
        value = loss(*params)
        value.backward()
        return value

    return [optimizer.step(closure).detach() for _ in range(calls)]


def facts(torch, optimizer, params, losses):
    state = optimizer.state[params[0]]
    counts = [state["func_evals"], state["n_iter"], len(state.get("ro", ())), len(state)]
    # the differences that are remembered are small beside what they are differences of, and so is not their rounding
    found = [state[name] for name in ("d", "prev_flat_grad") if name in state]
    return [p.detach() for p in params], losses, torch.tensor(counts, device=params[0].device), found


def case(id, loss=bowl, calls=20, **options):
    def run(torch, *tensors):
        params = [tensor.detach().requires_grad_() for tensor in tensors]
        optimizer = torch.optim.LBFGS(params, **options)
        return facts(torch, optimizer, params, minimized(torch, loss, optimizer, params, calls))

    return ScriptCase("LBFGS", [normal(2, grad=False), normal(3, 1, grad=False)], run=run, id=id, changes_inputs=True)


def resumed(torch, *tensors):
    """The state goes to another optimizer, which goes on with it."""
    params = [tensor.detach().requires_grad_() for tensor in tensors]
    first = torch.optim.LBFGS(params, lr=0.1, max_iter=3, history_size=2)
    minimized(torch, bowl, first, params, 1)
    second = torch.optim.LBFGS(params)
    second.load_state_dict(first.state_dict())
    return facts(torch, second, params, minimized(torch, bowl, second, params, 2))


def unused(torch, a):
    """A parameter without a gradient stays; a sparse gradient counts like a dense one."""
    a, b, c = a.detach().requires_grad_(), (a.detach() * 2).requires_grad_(), (a.detach() * 3).requires_grad_()
    optimizer = torch.optim.LBFGS([a, b, c], lr=0.1, max_iter=2)

    def closure():
        optimizer.zero_grad()
        rows = torch.nn.functional.embedding(torch.tensor([1, 0, 1], device=a.device), a, sparse=True)
        loss = (rows * rows).sum() + (c * c).sum()
        loss.backward()
        return loss

    return optimizer.step(closure).detach(), a.detach(), b.detach(), c.detach()


def at_the_minimum(torch, a):
    """Nothing happens where the gradient is zero."""
    a = (a.detach() * 0).requires_grad_()
    optimizer = torch.optim.LBFGS([a])
    losses = minimized(torch, lambda a: (a * a).sum(), optimizer, [a], 2)
    return losses, a.detach(), torch.tensor(len(optimizer.state[a]), device=a.device)


CASES = [
    case("one step a call", lr=0.05, max_iter=1),
    case("short history", calls=3, lr=0.1, max_iter=5, history_size=2),
    case("rate is a tensor", calls=2, lr=0.2, max_iter=3, tolerance_change=1e-3),
    case("few evaluations", calls=3, lr=0.1, max_iter=9, max_eval=3),
    case("line search", calls=1, max_iter=6, line_search_fn="strong_wolfe"),
    case("line search, a bent valley", valley, calls=1, max_iter=4, line_search_fn="strong_wolfe"),
    case("line search, from far", valley, calls=2, lr=30, max_iter=2, line_search_fn="strong_wolfe"),
    case("line search, few evaluations", valley, calls=2, lr=20, max_iter=9, max_eval=4, line_search_fn="strong_wolfe"),
    case("line search, tiny steps", valley, calls=1, lr=1e-4, max_iter=3, line_search_fn="strong_wolfe"),
    ScriptCase(
        "LBFGS", [normal(2, grad=False), normal(3, 1, grad=False)], run=resumed, id="resumed", changes_inputs=True
    ),
    ScriptCase(
        "LBFGS", [normal(2, 2, grad=False)], run=unused, id="unused and sparse", changes_inputs=True, strided=False
    ),
    ScriptCase("LBFGS", [normal(2, grad=False)], run=at_the_minimum, id="at the minimum", changes_inputs=True),
]


def made(**options):
    return lambda torch: torch.optim.LBFGS([torch.ones(2, requires_grad=True)], **options)


def stepped(torch, **options):
    param = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([param], **options)
    minimized(torch, lambda a: (a * a).sum(), optimizer, [param], 1)


def two_groups(torch):
    return torch.optim.LBFGS([{"params": [torch.ones(1)]}, {"params": [torch.ones(2)]}])


ERRORS = [
    ErrorCase(made(lr=-1.0), ["Invalid learning rate", "-1.0"], id="lr"),
    ErrorCase(lambda torch: made(lr=torch.ones(2))(torch), ["1-element", "[2]"], id="two rates"),
    ErrorCase(two_groups, ["groups", "2"], id="groups"),
    ErrorCase(lambda torch: stepped(torch, line_search_fn="wolfe"), ["strong_wolfe", "'wolfe'"], id="line search"),
    ErrorCase(lambda torch: made()(torch).step(), ["closure"], id="no closure"),
]

test_matches_torch, test_all_modes_agree, _, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]
