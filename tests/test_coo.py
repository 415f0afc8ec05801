"""Sparse tensors against PyTorch: how they are made, printed, added, copied; and gradients that are sparse."""

import copy
import io
import warnings

import pytest

import reftorch
from both import both, needs_pytorch, same_outcome

IDS, ROWS = [[2, 0, 2]], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def sparse(torch, ids=IDS, rows=ROWS, size=(4, 2), **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns once that it does not check positions
        return torch.sparse_coo_tensor(ids, rows, size, **options)


def other(torch):
    return sparse(torch, [[1, 1, 0]], [[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]])


def facts(torch):
    x = sparse(torch)
    dims = x.sparse_dim(), x.dense_dim(), x._nnz(), x.dim(), x.numel(), len(x)
    kinds = x.is_sparse, x.layout, x.dtype, x.device, x.requires_grad, x.grad_fn, x.is_leaf, x.is_contiguous()
    return x.shape, x.size(), x.size(-1), dims, kinds, isinstance(x, torch.Tensor), x.is_coalesced()


def of_dense(torch):
    x = torch.ones(2, 3)
    return x.is_sparse, x.sparse_dim(), x.dense_dim(), x.to_dense() is x, x.layout


def in_place(torch):
    x = sparse(torch)
    y = x.coalesce()
    first = x.add_(other(torch)), x.mul_(2), x.div_(4), x.sub_(other(torch), alpha=3), x.neg_(), x.copy_(y)
    return [each is x for each in first], x, x._values().data_ptr() == y._values().data_ptr()


def zeroed(torch):
    x = sparse(torch)
    return x.zero_(), x.is_coalesced()


def dense_changed(torch):
    x = torch.ones(4, 2)
    x.add_(sparse(torch), alpha=2)
    x.sub_(other(torch))
    x += sparse(torch)
    y = torch.ones(2, 4).t()  # not contiguous
    return x, y.add_(sparse(torch)), x._version, torch.ones(2, 1).add_(torch.zeros(2, 1).to_sparse())


def recorded(torch):
    x = torch.ones(4, 2, requires_grad=True)
    y = x * 1
    y.add_(sparse(torch))
    ((x + sparse(torch)) * y).sum().backward()
    return x.grad, y


def copies(torch):
    x = sparse(torch)
    y, z = copy.deepcopy(x), copy.copy(x)
    file = io.BytesIO()
    torch.save({"x": x.coalesce()}, file)
    file.seek(0)
    loaded = torch.load(file)["x"]
    y.mul_(2)
    return x, y, z, loaded, loaded.is_coalesced()


SAME = {
    "made": sparse,
    "coalesced": lambda torch: sparse(torch).coalesce(),
    "dense": lambda torch: sparse(torch).to_dense(),
    "dense float64": lambda torch: sparse(torch).to_dense(torch.float64),
    "numbers": lambda torch: sparse(torch, [[0, 2]], [1, 2.5], (3,)),
    "two dimensions": lambda torch: sparse(torch, [[0, 2, 0], [1, 0, 1]], [1.0, 2.0, 3.0], (3, 2)).coalesce(),
    "inferred size": lambda torch: torch.sparse_coo_tensor([[0, 2], [1, 0]], [1, 2]),
    "no entries": lambda torch: sparse(torch, torch.zeros(1, 0, dtype=torch.int64), torch.zeros(0, 2)),
    "only a size": lambda torch: (torch.sparse_coo_tensor((3, 4)), torch.sparse_coo_tensor(size=(3, 4))),
    "only a size, dense": lambda torch: torch.sparse_coo_tensor((3, 4)).to_dense(),
    "many": lambda torch: torch.arange(1, 1201).to_sparse(),
    "float64": lambda torch: sparse(torch, dtype=torch.float64),
    "converted": lambda torch: (
        sparse(torch).double(),
        sparse(torch).long(),
        sparse(torch).to(torch.float64),
        sparse(torch).cpu(),
    ),
    "coalesced or not": lambda torch: [
        torch.sparse_coo_tensor(torch.arange(n)[None], torch.ones(n), (3,), is_coalesced=known).is_coalesced()
        for n in (0, 1, 2)
        for known in (None, True, False)
    ],
    "known to be coalesced": lambda torch: sparse(torch, [[0, 2]], ROWS[:2], is_coalesced=True).is_coalesced(),
    "facts": facts,
    "facts of a dense one": of_dense,
    "parts": lambda torch: (
        sparse(torch).coalesce().indices(),
        sparse(torch).coalesce().values(),
        sparse(torch)._indices(),
    ),
    "to_sparse": lambda torch: torch.tensor([[0, 2.0], [3, 0]]).to_sparse(),
    "to_sparse, rows": lambda torch: torch.tensor([[0, 2.0], [3, 0], [0, 0]]).to_sparse(1),
    "to_sparse, a number": lambda torch: (torch.tensor(2.0).to_sparse(), torch.tensor(2.0).to_sparse().to_dense()),
    "to_sparse, sparse": lambda torch: (lambda x: x.to_sparse() is x)(sparse(torch)),
    "to_sparse_coo": lambda torch: torch.tensor([0, 2.0]).to_sparse_coo().is_coalesced(),
    "mask": lambda torch: torch.arange(8.0).view(4, 2).sparse_mask(sparse(torch).coalesce()),
    "mask, repeated": lambda torch: torch.arange(8.0).view(4, 2).sparse_mask(sparse(torch)),
    "sum": lambda torch: sparse(torch) + other(torch),
    "sum with itself": lambda torch: sparse(torch) + sparse(torch),
    "sum of coalesced ones": lambda torch: (lambda x: (x, x.is_coalesced()))(
        sparse(torch).coalesce() + other(torch).coalesce()
    ),
    "sum of dtypes": lambda torch: sparse(torch) + other(torch).double(),
    "difference": lambda torch: sparse(torch).coalesce() - other(torch),
    "alpha": lambda torch: sparse(torch).add(other(torch), alpha=2),
    "times and divided": lambda torch: (sparse(torch) * 2, 2 * sparse(torch), sparse(torch) / 2, -sparse(torch)),
    "times a tensor": lambda torch: sparse(torch).mul_(torch.tensor(2.0)),
    "dense + sparse": lambda torch: (torch.ones(4, 2) + sparse(torch), torch.ones(4, 2).add(sparse(torch), alpha=3)),
    "dense - sparse": lambda torch: (
        torch.ones(4, 2) - sparse(torch),
        torch.sub(torch.ones(4, 2), sparse(torch), alpha=2),
    ),
    "norms": lambda torch: (sparse(torch).norm(), sparse(torch).norm(1), sparse(torch).sum()),
    "in place": in_place,
    "zero_": zeroed,
    "dense in place": dense_changed,
    "recorded": recorded,
    "copies": copies,
    "clone": lambda torch: (lambda x: (x.clone().mul_(2), x))(sparse(torch)),
    "detach": lambda torch: (lambda x: (x.detach()._values().mul_(2), x))(sparse(torch)),
    # refused by both
    "sparse + dense": lambda torch: sparse(torch) + torch.ones(4, 2),
    "sparse + number": lambda torch: sparse(torch) + 1,
    "number + sparse": lambda torch: 1 + sparse(torch),
    "in place with dense": lambda torch: sparse(torch).add_(torch.ones(4, 2)),
    "other size": lambda torch: sparse(torch) + sparse(torch, size=(5, 2)),
    "other size, dense": lambda torch: torch.ones(5, 2) + sparse(torch),
    "indices": lambda torch: sparse(torch).indices(),
    "values": lambda torch: sparse(torch).values(),
    "too few values": lambda torch: sparse(torch, [[1, 2]], [1.0], (3,)),
    "too few dimensions": lambda torch: sparse(torch, [[1, 2]], [1.0, 2.0], (3, 3)),
    "a row of positions": lambda torch: sparse(torch, [1, 2], [1.0, 2.0], (3,)),
    "other rows": lambda torch: sparse(torch, size=(4, 3)),
    "outside": lambda torch: sparse(torch, [[3]], [1.0], (3,), check_invariants=True),
    "below": lambda torch: sparse(torch, [[-1]], [1.0], (3,), check_invariants=True),
    "numpy": lambda torch: sparse(torch).numpy(),
    "tolist": lambda torch: sparse(torch).tolist(),
    "item": lambda torch: sparse(torch).item(),
    "bool": lambda torch: bool(sparse(torch)),
    "exp": lambda torch: sparse(torch).exp(),
    "view": lambda torch: sparse(torch).view(-1),
    "copy to dense": lambda torch: sparse(torch).copy_(torch.ones(4, 2)),
    "too many dimensions": lambda torch: torch.ones(2).to_sparse(3),
    "coalesce a dense one": lambda torch: torch.ones(2).coalesce(),
    "indices of a dense one": lambda torch: torch.ones(2).indices(),
    "in place on a leaf": lambda torch: torch.ones(4, 2, requires_grad=True).add_(sparse(torch)),
}


@needs_pytorch
@pytest.mark.parametrize("name", SAME)
def test_same_as_torch(name):
    same_outcome(SAME[name])


def test_operations_that_are_not_there_name_a_way_out():
    with pytest.raises(NotImplementedError, match="to_dense"):
        sparse(reftorch).relu()
    with pytest.raises(NotImplementedError, match="no gradients"):
        sparse(reftorch, requires_grad=True)
    with pytest.raises(NotImplementedError, match="detach"):
        reftorch.ones(2, requires_grad=True).to_sparse()


def test_on_cuda(cuda_device):
    x, y = sparse(reftorch).to(cuda_device), other(reftorch).to(cuda_device)
    dense = reftorch.ones(4, 2, device=cuda_device).add_(x, alpha=2)
    assert f"device='{x.device}'" in repr(x) and x.is_cuda and not x.cpu().is_cuda
    for found, wanted in (
        (x + y, sparse(reftorch) + other(reftorch)),
        (x.coalesce(), sparse(reftorch).coalesce()),
        (dense, reftorch.ones(4, 2).add_(sparse(reftorch), alpha=2)),
        (x.to_dense(), sparse(reftorch).to_dense()),
    ):
        assert repr(found.cpu()) == repr(wanted)


# ------------------------------------------------------------------------------------------------ gradients
def table(torch):
    return torch.arange(10.0).view(5, 2).requires_grad_()


def look_up(torch, weight, ids, **options):
    y = torch.nn.functional.embedding(torch.tensor(ids), weight, sparse=True, **options)
    return (y * torch.ones_like(y)).sum()


def accumulated(*parts):
    """The gradient after each of the backward passes: "s" with a sparse gradient, "d" with a dense one, "sd" with both."""

    def run(torch):
        weight, found = table(torch), []
        for part in parts:
            losses = {"s": lambda: look_up(torch, weight, [2, 0, 2]), "t": lambda: look_up(torch, weight, [4])}
            losses["d"] = lambda: (weight * weight).sum()
            sum(losses[letter]() for letter in part).backward()
            found.append(copy.deepcopy(weight.grad))
        return found

    return run


def hooked(torch):
    weight, seen = table(torch), []
    weight.register_hook(lambda grad: seen.append(grad.is_sparse) or grad * 2)
    look_up(torch, weight, [1, 1]).backward()
    return weight.grad, seen


def upstream_is_not_shared(torch):
    weight, upstream = table(torch), torch.ones(2, 2)
    torch.nn.functional.embedding(torch.tensor([1, 3]), weight, sparse=True).backward(upstream)
    weight.grad.mul_(2)
    return weight.grad.to_dense()


def zero_grad(torch):
    weight = table(torch)
    look_up(torch, weight, [1, 1]).backward()
    optimizer = torch.optim.SGD([weight])
    optimizer.zero_grad(set_to_none=False)
    zeros = weight.grad.clone()
    look_up(torch, weight, [3]).backward()
    return zeros, weight.grad


def assigned(torch):
    weight = torch.ones(2, requires_grad=True)
    weight.grad = torch.tensor([0.0, 1.0]).to_sparse()
    return weight.grad


GRADIENTS = {
    **{
        " ".join(parts): accumulated(*parts)
        for parts in (["s", "s"], ["s", "d"], ["d", "s"], ["st"], ["ts"], ["sd"], ["ds"])
    },
    "hook": hooked,
    "upstream": upstream_is_not_shared,
    "zero_grad": zero_grad,
    "autograd.grad": lambda torch: (lambda weight: torch.autograd.grad(look_up(torch, weight, [1, 1]), weight))(
        table(torch)
    ),
    "assigned": assigned,
    "other size": lambda torch: setattr(torch.ones(2, requires_grad=True), "grad", torch.ones(3).to_sparse()),
    "other dtype": lambda torch: setattr(torch.ones(2, requires_grad=True), "grad", torch.ones(2).double().to_sparse()),
}


@needs_pytorch
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_torchs(name):
    same_outcome(GRADIENTS[name])


@both
@pytest.mark.parametrize("clip", ["clip_grad_norm_", "clip_grad_value_"])
def test_sparse_gradients_are_not_clipped(torch, clip):
    weight = table(torch)
    look_up(torch, weight, [1, 1]).backward()
    with pytest.raises(NotImplementedError):
        getattr(torch.nn.utils, clip)([weight], 1.0)


def test_the_gradient_of_a_computed_table_becomes_dense():
    weight = table(reftorch)
    look_up(reftorch, weight * 2, [1, 1]).backward()
    assert weight.grad.tolist() == [[0, 0], [4, 4], [0, 0], [0, 0], [0, 0]]
