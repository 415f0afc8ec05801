"""SparseAdam, and SGD and Adagrad with sparse gradients, against torch: twenty steps, saved states, and what is refused."""

import io
import math

import pytest

import oracle
from both import needs_pytorch, same_outcome
from oracle import ErrorCase, ScriptCase, array, normal

ROWS = [[2, 0, 2], [4, 4], [1, 2, 0], [], [3, 1]]


def embedded(torch, params, ids):
    """A loss of which each parameter has a sparse gradient, and a dense one that is none of an embedding."""
    loss = 0
    for param in params:
        chosen = torch.tensor(ids, dtype=torch.int64, device=param.device)
        y = torch.nn.functional.embedding(chosen, param, sparse=True)
        loss = loss + (y * y).sum() + 0.5 * y.sum()
    return loss


def steps(torch, optimizer, params, number, start=0):
    for step in range(start, start + number):
        optimizer.zero_grad()
        embedded(torch, params, ROWS[step % len(ROWS)]).backward()
        assert optimizer.step() is None


def dense(value):
    return value.to_dense() if value.is_sparse else value.detach()


def facts(torch, optimizer, params):
    """The parameters, and the tensors of their states."""
    state = [
        {k: dense(v) for k, v in optimizer.state[p].items() if isinstance(v, torch.Tensor) and v.ndim} for p in params
    ]
    return [param.detach() for param in params], state


def case(name, number=6, **options):
    def run(torch, *tensors):
        params = [tensor.detach().requires_grad_() for tensor in tensors]
        optimizer = getattr(torch.optim, name)(params, **options)
        steps(torch, optimizer, params, number)
        return facts(torch, optimizer, params)

    id = f"{number} " + " ".join(map(str, options.items()))
    return ScriptCase(name, [normal(5, 3, grad=False), normal(6, 1, grad=False)], run=run, id=id, changes_inputs=True)


def resumed(name, **options):
    def run(torch, tensor):
        params = [tensor.detach().requires_grad_()]
        first = getattr(torch.optim, name)(params, **options)
        steps(torch, first, params, 3)
        second = getattr(torch.optim, name)(params)
        second.load_state_dict(first.state_dict())
        steps(torch, second, params, 4, start=3)
        return facts(torch, second, params)

    return ScriptCase(name, [normal(5, 2, grad=False)], run=run, id="saved and loaded", changes_inputs=True)


def in_two_dimensions(torch, tensor):
    """Positions of two dimensions: each entry is one number."""
    param = tensor.detach().requires_grad_()
    optimizer = torch.optim.SparseAdam([param], lr=0.1)
    for scale in (1.0, -0.5):
        at = torch.tensor([[0, 2, 0], [1, 0, 0]], device=param.device)
        values = torch.tensor([1.0, 2, 3], dtype=param.dtype, device=param.device) * scale
        param.grad = torch.sparse_coo_tensor(at, values, (3, 2), check_invariants=True)
        optimizer.step()
    return facts(torch, optimizer, [param])


def far(torch, param, grad):
    """Gradients whose squares do not fit into float32, are 0 in it or are not finite."""
    param = param.detach().requires_grad_()
    optimizer = torch.optim.SparseAdam([param], lr=0.1)
    for _ in range(2):
        at = torch.tensor([list(range(len(grad)))], device=param.device)
        param.grad = torch.sparse_coo_tensor(at, grad.detach(), tuple(param.shape), check_invariants=True)
        optimizer.step()
    return facts(torch, optimizer, [param])


FAR = [[0.0], [1e-40], [1e-30], [1e-20], [1.0], [1e10], [2e19], [-1e20], [1e25], [math.inf], [-math.inf], [math.nan]]
CASES = [
    case("SparseAdam", 20),
    ScriptCase(
        "SparseAdam",
        [array([[1.0]] * len(FAR), grad=False), array(FAR, grad=False)],
        run=far,
        id="far gradients",
        changes_inputs=True,
    ),
    case("SparseAdam", lr=0.1, betas=(0.5, 0.75)),
    case("SparseAdam", lr=0.1, eps=0.1, maximize=True),
    case("SGD", 20, lr=0.1),
    case("SGD", lr=0.02, momentum=0.5),
    case("SGD", lr=0.02, momentum=0.5, dampening=0.25, maximize=True),
    case("SGD", lr=0.02, momentum=0.5, nesterov=True, foreach=True),
    case("Adagrad", 20, lr=0.1),
    case("Adagrad", lr=0.1, lr_decay=0.5, initial_accumulator_value=0.1, maximize=True, foreach=True),
    resumed("SparseAdam", lr=0.1),
    resumed("SGD", lr=0.02, momentum=0.5),
    resumed("Adagrad", lr=0.1),
    ScriptCase(
        "SparseAdam", [normal(3, 2, grad=False)], run=in_two_dimensions, id="two dimensions", changes_inputs=True
    ),
]


def made(name, params=None, **options):
    return lambda torch: getattr(torch.optim, name)(
        params(torch) if params else [torch.zeros(2, 1, requires_grad=True)], **options
    )


def stepped(name, sparse=True, **options):
    def run(torch):
        param = torch.zeros(2, 1, requires_grad=True)
        torch.nn.functional.embedding(torch.tensor([1, 0, 1]), param, sparse=sparse).sum().backward()
        getattr(torch.optim, name)([param], **options).step()

    return run


def buffer_is_sparse(torch):
    param = torch.zeros(2, 1, requires_grad=True)
    optimizer = torch.optim.SGD([param], momentum=0.5)
    for sparse in (True, False):
        optimizer.zero_grad()
        torch.nn.functional.embedding(torch.tensor([1, 0]), param, sparse=sparse).sum().backward()
        optimizer.step()


ERRORS = [
    ErrorCase(made("SparseAdam", lr=0.0), ["Invalid learning rate", "0.0"], id="lr"),
    ErrorCase(made("SparseAdam", eps=0.0), ["Invalid epsilon", "0.0"], id="eps"),
    ErrorCase(made("SparseAdam", betas=(1.0, 0.9)), ["index 0", "1.0"], id="beta 0"),
    ErrorCase(made("SparseAdam", betas=(0.9, -0.1)), ["index 1", "-0.1"], id="beta 1"),
    ErrorCase(
        made("SparseAdam", lambda torch: [torch.ones(2).to_sparse()]), ["[[0, 0]]", "dense parameter"], id="sparse"
    ),
    ErrorCase(
        made("SparseAdam", lambda torch: [torch.ones(1), torch.ones(2, dtype=torch.complex64)]),
        ["[[0, 1]]", "complex"],
        id="complex",
    ),
    ErrorCase(lambda torch: made("SparseAdam", lr=torch.ones(2))(torch), ["1-element", "[2]"], id="two rates"),
    ErrorCase(stepped("SparseAdam", sparse=False), ["dense gradients", "Adam instead"], id="dense gradient"),
    *[ErrorCase(stepped(name), ["sparse gradients"], id=name) for name in ("Adam", "AdamW", "RMSprop", "Adadelta")],
    ErrorCase(stepped("SGD", weight_decay=0.1), ["sparse"], id="SGD with decay"),
    ErrorCase(stepped("SGD", weight_decay=0.1, foreach=True), ["sparse"], id="SGD with decay, foreach"),
    ErrorCase(stepped("SGD", fused=True), ["sparse", "fused"], id="SGD, fused"),
    ErrorCase(stepped("Adagrad", weight_decay=0.1), ["weight_decay", "sparse"], id="Adagrad with decay"),
    ErrorCase(stepped("Adagrad", fused=True), ["fused", "sparse"], id="Adagrad, fused"),
    ErrorCase(buffer_is_sparse, ["add(sparse, dense)"], id="a dense gradient after a sparse one"),
]

test_matches_torch, test_all_modes_agree, _, test_errors, test_mutants = oracle.tests_of(__file__, CASES, ERRORS)


def saved(torch):
    param = torch.zeros(3, 1, requires_grad=True)
    optimizers = [torch.optim.SparseAdam([param], lr=0.5), torch.optim.SGD([param], lr=0.5, momentum=0.5)]
    embedded(torch, [param], [1, 0, 1]).backward()
    found = []
    for optimizer in optimizers:
        optimizer.step()
        file = io.BytesIO()
        torch.save(optimizer.state_dict(), file)
        file.seek(0)
        found += [optimizer, torch.load(file)]
    return found


@needs_pytorch
@pytest.mark.parametrize("call", [saved, lambda torch: made("SparseAdam")(torch).state_dict()])
def test_states_are_torchs(call):
    same_outcome(call)
