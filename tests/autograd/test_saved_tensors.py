"""Functions that change an input in place or save tensors, and what they keep alive; checked on PyTorch too."""

import gc
import weakref

import numpy as np
import pytest

import reftorch
from both import both
from functions import function, leaf, square


# ------------------------------------------------------------------------------------------------ in place
@both
def test_mark_dirty(torch):
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.mul_(2)
        return x

    Double = function(torch, forward, lambda ctx, g: g * 2)
    x = leaf(torch, 1.0)
    y = x * 1
    z = Double.apply(y)
    assert z is y and y.grad_fn.name() == "MineBackward" and y._version == 2
    z.backward()
    assert x.grad.tolist() == [2]


@both
def test_mark_dirty_of_a_view(torch):
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.mul_(2)
        return x

    Double = function(torch, forward, lambda ctx, g: g * 2)
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    Double.apply(y[1:])
    assert y.tolist() == [1, 4]
    y.sum().backward()
    assert x.grad.tolist() == [1, 2]


@both
def test_mark_dirty_of_a_leaf(torch):
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        function(torch, forward).apply(leaf(torch, 1.0))


@both
def test_what_is_dirty_must_be_returned(torch):
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x * 2

    with pytest.raises(RuntimeError, match="must all be outputs"):
        function(torch, forward).apply(leaf(torch, 1.0) * 1)


# ------------------------------------------------------------------------------------------------ saved tensors
@both
def test_saved_tensors_are_freed(torch):
    y = square(torch).apply(leaf(torch, 1.0, 2.0)).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


@both
def test_what_saves_nothing_can_be_walked_again(torch):
    x = leaf(torch, 1.0)
    y = x + 1
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2]


@both
def test_a_saved_tensor_that_was_changed(torch):
    x = leaf(torch, 1.0) * 1
    y = square(torch).apply(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
        y.backward()
    if torch is reftorch:
        assert "SquareBackward" in str(caught.value) and "version 1; expected version 0" in str(caught.value)


@both
def test_a_saved_tensor_that_was_changed_through_a_view_or_detached(torch):
    for change in (lambda x: x[0].zero_(), lambda x: x.detach().zero_(), lambda x: x.t()[0].zero_()):
        x = torch.ones(2, 2, requires_grad=True) * 1
        y = square(torch).apply(x).sum()
        with torch.no_grad():
            change(x)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()


@both
def test_a_change_through_data_goes_unseen(torch):
    x = leaf(torch, 3.0)
    y = square(torch).apply(x)
    x.data.fill_(5.0)
    y.backward()
    assert x.grad.tolist() == [10]


@both
def test_a_saved_output_that_was_changed(torch):
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    y = function(torch, forward, lambda ctx, g: g * ctx.saved_tensors[0]).apply(leaf(torch, 1.0))
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


@both
def test_only_tensors_can_be_saved(torch):
    def forward(ctx, x):
        ctx.save_for_backward(x, 3)
        return x * 2

    with pytest.raises(TypeError, match="argument 1 is of type int"):
        function(torch, forward).apply(leaf(torch, 1.0))


@both
def test_none_can_be_saved(torch):
    def forward(ctx, x, bias):
        ctx.save_for_backward(x, bias)
        return x * 2

    def backward(ctx, g):
        x, bias = ctx.saved_tensors
        assert bias is None and x.tolist() == [1]
        return g, None

    function(torch, forward, backward).apply(leaf(torch, 1.0), None).backward()


@both
def test_ctx_takes_any_attribute(torch):
    names = [
        "run",
        "age",
        "function",
        "saved",
        "output_like",
        "size",
        "grads",
        "release",
        "connect",
        "variable",
        "x",
        "name",
    ]

    def forward(ctx, x):
        for name in names:
            setattr(ctx, name, f"my {name}")
        ctx.save_for_backward(x)
        return x * 2, x * 3

    def backward(ctx, *grads):
        assert [getattr(ctx, name) for name in names] == [f"my {name}" for name in names]
        return grads[0] * ctx.saved_tensors[0]

    x = leaf(torch, 4.0)
    function(torch, forward, backward).apply(x)[0].backward()
    assert x.grad.tolist() == [4]


def test_not_implemented():
    with pytest.raises(NotImplementedError, match="forward"):
        type("Mine", (reftorch.autograd.Function,), {}).apply(reftorch.ones(1))
    y = type("Mine", (reftorch.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x * 2)}).apply(
        leaf(reftorch, 1.0)
    )
    with pytest.raises(NotImplementedError, match="backward"):
        y.backward()


# ------------------------------------------------------------------------------------------------ memory
@both
@pytest.mark.parametrize("save", ["input", "output", "both"])
@pytest.mark.parametrize("inplace", [False, True])
def test_no_cycles(torch, save, inplace):
    """Without Python's collector of cycles, everything goes when the last reference does."""

    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(*{"input": [x], "output": [y], "both": [x, y]}[save])
        return y

    Exp = function(torch, forward, lambda ctx, g: g)
    gc.collect()
    gc.disable()
    try:
        x = leaf(torch, 1.0, 2.0) * 1
        y = Exp.apply(x)
        z = y * y
        if inplace:
            y[0] = 0
            z.mul_(y)
        gone = [weakref.ref(t) for t in (x, y, z)]
        del x, y, z
        assert [r() for r in gone] == [None] * 3
    finally:
        gc.enable()


def test_no_cycle_where_an_input_comes_to_depend_on_itself():
    """h = h + f(h) in place, as recurrent networks do: PyTorch leaves a cycle here."""
    gc.collect()
    gc.disable()
    try:
        w = leaf(reftorch, 2.0, 2.0)
        h = reftorch.ones(2)
        h += h * w
        part = h[1:]
        part *= 2
        gone = [weakref.ref(t) for t in (h, part, h.grad_fn)]
        del h, part
        assert [r() for r in gone] == [None] * 3
    finally:
        gc.enable()


@both
def test_saved_memory_goes_with_the_graph(torch):
    x = leaf(torch, 1.0)
    big = torch.ones(1000)
    y = (x * big).sum()
    gone = weakref.ref(big)
    del big
    if torch is not reftorch:  # PyTorch keeps the very tensor
        assert gone() is not None
    y.backward()
    gc.collect()
    assert gone() is None


@both
def test_the_tape_keeps_a_leaf_and_not_the_leaf_the_tape(torch):
    x = leaf(torch, 1.0)
    y = x * 2
    gone, node = weakref.ref(x), y.grad_fn
    del x
    assert gone() is not None and node.next_functions[0][0].variable is gone()
    z = node.next_functions[0][0].variable
    del y, node
    assert gone() is z
    del z
    gc.collect()
    assert gone() is None


@both
def test_gradients_are_nobody_elses_memory(torch):
    """What `.grad` holds is added to in place: it must not be an array that somebody else holds."""
    held = []

    def keep(ctx, g):
        held.append(g)
        return g, g

    a, b = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    upstream = torch.tensor([5.0, 6.0])
    c = a + b
    c.retain_grad()
    d = function(torch, lambda ctx, x, y: x + y, keep).apply(c, a)
    a.register_hook(lambda g: held.append(g))
    d.view(2, 1).backward(upstream.view(2, 1))
    others = [upstream, *held, a, b]
    grads = [a.grad, b.grad, c.grad]
    for i, one in enumerate(grads):
        for other in [*others, *grads[:i]]:
            assert one.data_ptr() != other.data_ptr() or torch is not reftorch
    before = [t.clone() for t in others[:-2]]
    (a * 7 + b).sum().backward()
    assert all(torch.equal(old, new) for old, new in zip(before, others))


def test_a_saved_tensor_that_backward_returns_is_not_the_gradient():
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    Mine = function(reftorch, forward, lambda ctx, g: ctx.saved_tensors[0])
    x = leaf(reftorch, 1.0, 2.0)
    Mine.apply(x).sum().backward()
    x.grad.zero_()
    assert x.tolist() == [1, 2]


def test_a_users_array_is_not_the_gradient():
    array = np.ones(2, np.float32)
    x = leaf(reftorch, 1.0, 2.0)
    x.backward(reftorch.from_numpy(array))
    x.backward(reftorch.ones(2))
    assert array.tolist() == [1, 1] and x.grad.tolist() == [2, 2]
