"""What tests of the tape begin with, for reftorch and for PyTorch: a leaf, and operations of one's own."""


def leaf(torch, *values):
    return torch.tensor(values, requires_grad=True)


def square(torch):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad_y):
            (x,) = ctx.saved_tensors
            return 2 * x * grad_y

    return Square


def function(torch, forward, backward=lambda ctx, *grads: grads):
    return type(
        "Mine", (torch.autograd.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    )
