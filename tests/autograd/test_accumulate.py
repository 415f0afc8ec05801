"""What a leaf's `.grad` is made of: a fresh gradient is taken as it is, one that somebody else has is copied."""

import reftorch
from both import both
from functions import leaf


def once(torch, backward):
    """An operation, the identity, with this gradient."""

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

    Once.backward = staticmethod(lambda ctx, grad_y: backward(grad_y))
    return Once.apply


def test_a_fresh_gradient_is_not_copied():
    made = []

    def fresh(grad_y):
        grad_x = grad_y * 2
        made.append(grad_x.data_ptr())
        return grad_x

    x = leaf(reftorch, 1.0, 1.0)
    once(reftorch, fresh)(x).backward(reftorch.ones(2))
    assert x.grad.data_ptr() == made[0]


@both
def test_a_gradient_that_somebody_else_has_is_copied(torch):
    held = []

    def keeps_itself(grad_y):
        held.append(grad_y * 1)
        return held[-1]

    def keeps_a_view(grad_y):
        grad_x = grad_y * 1
        held.append(grad_x[:1])
        return grad_x

    for backward in (keeps_itself, keeps_a_view, lambda grad_y: grad_y):
        x, upstream = leaf(torch, 1.0, 1.0), torch.ones(2)
        held.append(upstream)
        for _ in range(2):  # the second one is added in place
            once(torch, backward)(x).backward(upstream)
        assert x.grad.tolist() == [2, 2]
    assert all(tensor.tolist() == [1] * len(tensor) for tensor in held)


@both
def test_a_gradient_that_a_hook_keeps_is_copied(torch):
    held = []
    x = leaf(torch, 1.0, 1.0)
    x.register_hook(held.append)
    for _ in range(2):
        (x * 1).backward(torch.ones(2))
    assert x.grad.tolist() == [2, 2] and held[0].tolist() == [1, 1]


@both
def test_gradients_of_two_leaves_do_not_share_memory(torch):
    a, b, upstream = leaf(torch, 1.0), leaf(torch, 1.0), torch.ones(1)
    (a + b).backward(upstream)
    assert len({a.grad.data_ptr(), b.grad.data_ptr(), upstream.data_ptr()}) == 3
