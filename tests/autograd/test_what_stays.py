"""What a graph holds after backward, in which layout gradients are, and what nodes are called."""

import numpy as np
import pytest

import reftorch
import reftorch.nn.functional
from both import both, needs_pytorch, pytorch
from reftorch.tensor import Tensor

LONG = "torch.zeros(1, 4, dtype=torch.long)"
INDEX = "torch.tensor([0])"
IMAGE = "x.reshape(1, 1, 4, 4)"
F = "torch.nn.functional"
NAMES = [
    *[
        "x[0]",
        "x[0:2]",
        "x[:]",
        "x[:, :]",
        "x[...]",
        "x[None]",
        "x[0, 1]",
        "x[0, 1:3]",
        "x[1:, None]",
        "x[None, 0]",
        "x[::2]",
    ],
    *[
        "x[[0, 1]]",
        "x[x > 0]",
        "x[torch.tensor(1)]",
        "x.view(-1)",
        "x.reshape(2, 8)",
        "x.flatten()",
        "x.view_as(x)",
        "x.t()",
    ],
    *[
        "x.T",
        "x.mT",
        "x.unsqueeze(0)",
        "x.squeeze()",
        "x.squeeze(0)",
        "x.permute(1, 0)",
        "x.transpose(0, 1)",
        "x.split(2)[0]",
    ],
    *[
        "x.chunk(2)[0]",
        "x.unbind()[0]",
        "x.select(0, 1)",
        "x.narrow(0, 0, 1)",
        "x.diagonal()",
        "x.expand(2, 4, 4)",
        "x.clone()",
    ],
    *[
        "x.double()",
        "x + 1",
        "1 - x",
        "x - 1",
        "x ** 2",
        "2 ** x",
        "x ** x",
        "x.sign()",
        "x.round()",
        "x.floor()",
        "x.ceil()",
    ],
    *["x.trunc()", "x.clamp(0, 1)", "x.clamp_min(0)", "x.clamp_max(0)", "x.sum()", "x.sum(0)", "x.mean()", "x.mean(0)"],
    *["x.prod()", "x.prod(0)", "x.norm()", "x.max()", "x.max(0)[0]", "x.min(0)[0]", "x.amax(0)", "x.amin()", "x @ x"],
    *["x @ x[0]", "x[0] @ x[0]", "torch.bmm(x[None], x[None])", "torch.maximum(x, x)", "torch.min(x, x)", "x.tril()"],
    *["x.triu()", "torch.cat([x, x])", "torch.stack([x, x])", f"x.gather(0, {LONG})", f"x.scatter(0, {LONG}, x)"],
    *[f"x.scatter_add(0, {LONG}, x)", f"x.index_select(0, {INDEX})", f"x.index_add(0, {INDEX}, x[:1])"],
    *[
        f"x.index_copy(0, {INDEX}, x[:1])",
        f"x.index_fill(0, {INDEX}, 0)",
        "x.masked_fill(x > 0, 0)",
        "x.masked_select(x > 0)",
    ],
    *["x.sort()[0]", "x.topk(2)[0]", "x.clone().zero_()", "x.clone().fill_(1)", "x.clone().copy_(x)"],
    *["torch.nn.Linear(4, 3)(x)", "torch.nn.Linear(4, 3, bias=False)(x)", f"{F}.mse_loss(x, x.detach())"],
    *[f"{F}.mse_loss(x, x.detach(), reduction='none')", f"{F}.cross_entropy(x, torch.zeros(4, dtype=torch.long))"],
    *[f"{F}.cross_entropy(x.reshape(1, 4, 4), {LONG})", f"{F}.cross_entropy(x, x.detach().softmax(1))"],
    *[f"{F}.cross_entropy(x, torch.zeros(4, dtype=torch.long), label_smoothing=0.1)"],
    *[f"{F}.cross_entropy(x, x.detach().softmax(1), reduction='{kind}')" for kind in ("none", "sum")],
    *[f"{F}.relu(x)", f"{F}.leaky_relu(x)", f"{F}.prelu(x, torch.ones(1))", f"{F}.max_pool2d({IMAGE}, 2)"],
    *[f"{F}.conv2d({IMAGE}, torch.ones(1, 1, 2, 2))", f"{F}.batch_norm(x, None, None, training=True)"],
]


@needs_pytorch
@pytest.mark.parametrize("expression", NAMES)
def test_nodes_have_pytorchs_names(expression):
    names = []
    for torch in (reftorch, pytorch):
        x = torch.arange(16.0).reshape(4, 4).requires_grad_()
        node = eval(expression, {"torch": torch, "x": x}).grad_fn
        names.append(node.name().removeprefix("torch::autograd::"))
    assert names[0] == names[1]


@needs_pytorch
def test_a_loss_of_equal_shapes_is_one_node():
    for torch in (reftorch, pytorch):
        x = torch.ones(3, requires_grad=True)
        (before, _), *_ = torch.nn.MSELoss()(x, torch.zeros(3)).grad_fn.next_functions
        assert type(before).__name__ == "AccumulateGrad"


@pytest.mark.parametrize("expression", NAMES)
def test_nothing_large_is_kept_after_backward(expression):
    """A loss that is kept for a sum over an epoch keeps its nodes, but no numbers."""
    x = (reftorch.arange(16.0).reshape(4, 4) + 1).requires_grad_()
    y = eval(expression, {"torch": reftorch, "x": x})
    root = y.grad_fn
    y.sum().backward()
    del y
    stack, seen = [root], set()
    while stack:
        node = stack.pop()
        stack += [before for before, _ in node.next_functions if before is not None and before not in seen]
        seen.add(node)
        for name, value in vars(node).items():
            for part in value if isinstance(value, (tuple, list)) else (value,):
                array = part.array if isinstance(part, Tensor) else part
                held = isinstance(array, np.ndarray) and array.size > 1 and name != "variable"
                assert not held, f"{node.name()}.{name} holds {part!r}"


@both
def test_an_index_that_is_changed_before_backward_is_noticed(torch):
    x = torch.arange(4.0).requires_grad_()
    for read in (lambda i: x[i], lambda i: x.gather(0, i), lambda i: x.index_select(0, i)):
        index = torch.tensor([0, 1])
        y = read(index).sum()
        index.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()


@both
def test_a_second_backward_finds_that_the_index_was_freed(torch):
    y = torch.ones(4, requires_grad=True)[torch.tensor([1, 1])].sum()
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


# ------------------------------------------------------------------------------------------------ layout


@both
def test_the_gradient_of_a_leaf_has_its_layout(torch):
    x, w = torch.ones(2, 3), torch.ones(4, 3, requires_grad=True)
    (x @ w.t()).sum().backward()
    assert w.grad.stride() == w.stride() == (3, 1) and w.grad.view(-1).shape == (12,)
    columns = torch.arange(6.0).reshape(2, 3).t().requires_grad_()
    (columns * columns).sum().backward()
    assert columns.grad.stride() == columns.stride() == (1, 3)
    assert columns.grad.tolist() == (2 * columns).tolist()
    last = torch.arange(48.0).reshape(2, 2, 4, 3).permute(0, 3, 1, 2).requires_grad_()  # channels last
    (last.contiguous() ** 2).sum().backward()
    assert last.grad.stride() == last.stride() and last.grad.tolist() == (2 * last).tolist()
    gaps = torch.arange(12.0).reshape(3, 4)[:, ::2].requires_grad_()
    (gaps.t() * 2).sum().backward()
    assert gaps.grad.is_contiguous() and gaps.grad.shape == (3, 2)
    (columns.t() * 1).sum().backward()
    assert columns.grad.stride() == (1, 3) and columns.grad.tolist() == (2 * columns + 1).tolist()


# ------------------------------------------------------------------------------------------------ .grad


@both
def test_grad_of_a_computed_tensor_warns(torch, recwarn):
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    with pytest.warns(UserWarning, match=r"The \.grad attribute of a Tensor that is not a leaf") as caught:
        assert y.grad is None
    assert caught[0].filename == __file__
    y.retain_grad()
    recwarn.clear()
    assert y.grad is None and x.grad is None and torch.ones(2).grad is None
    y.sum().backward()
    assert y.grad.tolist() == [1, 1] and not recwarn.list


# ------------------------------------------------------------------------------------------------ backward(inputs=...)


@both
def test_inputs_that_retain_their_gradient_get_it_once(torch):
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.sum().backward(inputs=[y])
    assert y.grad.tolist() == [1, 1, 1] and x.grad is None
    y = x * 1
    z = y * 2
    z.sum().backward(inputs=[y, z, y])
    assert y.grad.tolist() == [2, 2, 2] and z.grad.tolist() == [1, 1, 1] and y.retains_grad
    y = x**2
    loss = y.sum()
    loss.backward(inputs=[y], retain_graph=True)
    loss.backward()
    assert y.grad.tolist() == [2, 2, 2] and x.grad.tolist() == [2, 2, 2]


@both
def test_the_nodes_of_inputs_run(torch):
    x, log = torch.ones(3, requires_grad=True), []
    y = x**2
    y.grad_fn.register_prehook(lambda grads: log.append("before"))
    y.grad_fn.register_hook(lambda *grads: log.append("after"))
    y.sum().backward(inputs=[y])
    assert log == ["before", "after"] and y.grad.tolist() == [1, 1, 1]
    with pytest.raises(RuntimeError, match="second time"):
        y.sum().backward()
    y = x**2
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 5,))
    y.sum().backward(inputs=[y])
    assert y.grad.tolist() == [1, 1, 1]
