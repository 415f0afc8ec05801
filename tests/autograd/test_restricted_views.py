"""Views that must not be changed in place while that is recorded, as in PyTorch: silence would be a wrong gradient."""

import pytest

import reftorch
from both import both

IN_PLACE = {
    "mul_": lambda torch, v: v.mul_(3),
    "zero_": lambda torch, v: v.zero_(),
    "fill_": lambda torch, v: v.fill_(1.0),
    "copy_": lambda torch, v: v.copy_(torch.ones(2)),
    "relu_": lambda torch, v: v.relu_(),
    "clamp_": lambda torch, v: v.clamp_(0, 1),
    "uniform_": lambda torch, v: v.uniform_(),
    "x[0] =": lambda torch, v: v.__setitem__(0, 1.0),
    "x[index] =": lambda torch, v: v.__setitem__(torch.tensor([0]), 1.0),
    "+=": lambda torch, v: v.__iadd__(1),
    "masked_fill_": lambda torch, v: v.masked_fill_(v > 0, 0),
    "index_put_": lambda torch, v: v.index_put_((torch.tensor([0]),), torch.tensor([1.0])),
    "unsqueeze_": lambda torch, v: v.unsqueeze_(0),
    "add_ of a parameter": lambda torch, v: v.add_(torch.ones(2, requires_grad=True)),
    "relu(inplace=True)": lambda torch, v: torch.nn.functional.relu(v, inplace=True),
}


def unrecorded(torch, x):
    with torch.no_grad():
        return x[:2]


def returned_view(torch, x):
    class AsItIs(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view_as(x)

        @staticmethod
        def backward(ctx, grad_y):
            return grad_y

    return AsItIs.apply(x)


VIEWS = {
    "under no_grad, of a result": lambda torch, leaf: unrecorded(torch, leaf * 1),
    "under no_grad, of a leaf": lambda torch, leaf: unrecorded(torch, leaf),
    "under no_grad, of a view": lambda torch, leaf: unrecorded(torch, (leaf * 1).view(4)),
    "of one under no_grad": lambda torch, leaf: unrecorded(torch, leaf * 1)[:],
    "one of several (split)": lambda torch, leaf: (leaf * 1).split(2)[0],
    "one of several (chunk)": lambda torch, leaf: (leaf * 1).chunk(2)[1],
    "one of several (unbind)": lambda torch, leaf: (leaf * 1).view(2, 2).unbind()[0],
    "one of several (a loop)": lambda torch, leaf: next(iter((leaf * 1).view(2, 2))),
    "of one of several": lambda torch, leaf: (leaf * 1).split(2)[0][:],
    "returned by a Function": lambda torch, leaf: returned_view(torch, (leaf * 1)[:2]),
}


@both
@pytest.mark.parametrize("change", IN_PLACE)
@pytest.mark.parametrize("view", VIEWS)
def test_an_in_place_operation_on_a_restricted_view_raises(torch, view, change):
    leaf = torch.ones(4, requires_grad=True)
    v = VIEWS[view](torch, leaf)
    assert v.requires_grad
    with pytest.raises(RuntimeError, match="modified inplace"):
        IN_PLACE[change](torch, v)
    with torch.no_grad():
        VIEWS[view](torch, leaf).mul_(3)


@both
def test_a_view_of_what_needs_no_gradient_is_free_until_it_gets_one(torch):
    unrecorded(torch, torch.ones(4)).mul_(3)
    torch.ones(4).split(2)[0].mul_(3)
    with pytest.raises(RuntimeError, match="modified inplace"):
        unrecorded(torch, torch.ones(4)).mul_(torch.ones(2, requires_grad=True))
    with pytest.raises(RuntimeError, match="modified inplace"):
        torch.ones(4).split(2)[0].mul_(torch.ones(2, requires_grad=True))


@both
@pytest.mark.parametrize("view", [name for name in VIEWS if "leaf" not in name])
def test_a_restricted_view_cannot_follow_a_change_of_its_base(torch, view):
    seen = []
    v = VIEWS[view](torch, Keeping(torch, seen))
    assert v.requires_grad
    seen[0].mul_(2)
    with pytest.raises(RuntimeError, match="modified inplace"):
        v.grad_fn  # noqa: B018
    with pytest.raises(RuntimeError, match="modified inplace"):
        v * 2
    assert "grad_fn=<Invalid>" in repr(v)
    with torch.no_grad():
        assert (v * 2).tolist() == [4.0, 4.0]
    assert v.detach().tolist() == [2.0, 2.0]


class Keeping:
    """Stands for a leaf of ones: `leaf * 1` is kept in a list."""

    def __init__(self, torch, kept):
        self.torch, self.kept = torch, kept

    def __mul__(self, number):
        self.kept.append(self.torch.ones(4, requires_grad=True) * number)
        return self.kept[0]


@both
def test_a_view_made_under_no_grad_is_a_leaf_off_the_tape(torch):
    y = torch.ones(3, requires_grad=True) * 1
    with torch.no_grad():
        v = y[:]
    assert v.requires_grad and v.is_leaf and v.grad_fn is None and not v.retains_grad
    z = v * 2
    assert z.requires_grad and z.grad_fn.next_functions[0][0] is None
    z.sum().backward()
    assert v.grad is None
    for gradient in (lambda: v.backward(torch.ones(3)), lambda: torch.autograd.grad((v * 2).sum(), v)):
        with pytest.raises(RuntimeError):
            gradient()
    v.requires_grad_()
    (v * 2).sum().backward()
    assert v.grad.tolist() == [2, 2, 2]


@both
def test_a_base_that_becomes_a_leaf_makes_its_views_require_grad(torch):
    base = torch.ones(3)
    view = base[:]
    base.requires_grad_()
    assert view.requires_grad and view.is_leaf
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        view.mul_(2)


@both
def test_the_result_of_an_operation_is_no_view_though_it_was_reshaped_inside(torch):
    x = torch.zeros(2, 3, 2, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(x, torch.zeros(2, 2, dtype=torch.long), reduction="none")
    loss.mul_(2)
    loss.sum().backward()
    assert x.grad[0, :, 0].tolist() == pytest.approx([-4 / 3, 2 / 3, 2 / 3])


def test_the_error_says_what_to_do_instead():
    y = reftorch.ones(4, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match=r"multiple views \(split, chunk.*take the view by an index, as in x\[0\]"):
        y.split(2)[0].mul_(2)
    y[:2].mul_(2)
