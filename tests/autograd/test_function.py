"""Function: what a student writes works as the built-in ones do. Each expectation is checked on PyTorch too."""

import pytest

import reftorch
from both import both
from functions import function, leaf, square


@both
def test_its_gradient_is_used(torch):
    x = leaf(torch, 1.0, -2.0)
    y = square(torch).apply(x * 3) + x
    assert y.tolist() == [10, 34]
    assert y.requires_grad and not y.is_leaf
    y.sum().backward()
    assert x.grad.tolist() == [19, -35]


@both
def test_name_and_edges(torch):
    y = square(torch).apply(leaf(torch, 1.0) * 2)
    assert y.grad_fn.name() == "SquareBackward"
    assert repr(y) == "tensor([4.], grad_fn=<SquareBackward>)"
    (before, number), *_ = y.grad_fn.next_functions
    assert before.name() == "MulBackward0" and number == 0
    leaf_node = before.next_functions[0][0]
    assert leaf_node.name().endswith("AccumulateGrad") and leaf_node.variable.is_leaf
    assert before.next_functions[1][0] is None


@both
def test_without_grad_there_is_no_node(torch):
    Square = square(torch)
    assert Square.apply(torch.ones(2)).grad_fn is None
    x = leaf(torch, 2.0)
    with torch.no_grad():
        y = Square.apply(x)
    assert y.grad_fn is None and not y.requires_grad and y.tolist() == [4]


@both
def test_setup_context(torch):
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(x, factor):
            return x * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            _, ctx.factor = inputs
            ctx.save_for_backward(output)

        @staticmethod
        def backward(ctx, grad_y):
            assert ctx.saved_tensors[0].tolist() == [6.0]
            return grad_y * ctx.factor, None

    x = leaf(torch, 2.0)
    Scale.apply(x, 3.0).backward()
    assert x.grad.tolist() == [3]


@both
def test_arguments_that_are_no_tensors(torch):
    seen = []

    def forward(ctx, x, power, options, flag=True):
        seen.append((power, options, flag, ctx.needs_input_grad))
        ctx.options = options
        return x * power

    def backward(ctx, grad_y):
        return grad_y * ctx.options["factor"], None, None, None

    x = leaf(torch, 1.0)
    y = function(torch, forward, backward).apply(x, 3, {"factor": 5}, None)
    y.backward()
    assert seen == [(3, {"factor": 5}, None, (True, False, False, False))] and x.grad.tolist() == [5]


@both
def test_several_outputs_of_which_one_is_used(torch):
    arrived = []

    def backward(ctx, grad_sum, grad_difference):
        arrived.append((grad_sum.tolist(), grad_difference.tolist()))
        return grad_sum + grad_difference, grad_sum - grad_difference

    AddSub = function(torch, lambda ctx, a, b: (a + b, a - b), backward)
    a, b = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    total, difference = AddSub.apply(a, b)
    assert total.grad_fn is difference.grad_fn and (total.output_nr, difference.output_nr) == (0, 1)
    (difference * 2).sum().backward()
    assert arrived == [([0, 0], [2, 2])]
    assert a.grad.tolist() == [2, 2] and b.grad.tolist() == [-2, -2]


@both
def test_unused_outputs_can_give_none(torch):
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 1, x * 2, x * 3

    arrived = []

    def backward(ctx, *grads):
        arrived.append([g is None for g in grads])
        return grads[1]

    x = leaf(torch, 1.0)
    function(torch, forward, backward).apply(x)[1].backward()
    assert arrived == [[True, False, True]] and x.grad.tolist() == [1]


@both
def test_outputs_without_gradient(torch):
    def forward(ctx, x):
        values, indices = x.sort()
        ctx.mark_non_differentiable(indices)
        doubled = x * 2
        ctx.mark_non_differentiable(indices, doubled)
        return values, indices, doubled

    values, indices, doubled = function(torch, forward, lambda ctx, g, *rest: g).apply(leaf(torch, 2.0, 1.0))
    assert values.requires_grad and not indices.requires_grad and not doubled.requires_grad
    assert doubled.grad_fn is None


@both
def test_outputs_that_are_no_tensors(torch):
    outputs = function(torch, lambda ctx, x: (x * 2, "two", 2, None), lambda ctx, g, *rest: g * 2).apply(
        leaf(torch, 1.0)
    )
    assert outputs[1:] == ("two", 2, None) and type(outputs) is tuple
    outputs[0].backward()


@both
def test_none_stops_the_gradient(torch):
    x, y = leaf(torch, 1.0), leaf(torch, 2.0)
    Both = function(torch, lambda ctx, x, y: x + y, lambda ctx, g: (None, g))
    Both.apply(x * 2, y * 2).backward()
    assert x.grad is None and y.grad.tolist() == [2]


@both
def test_trailing_none_may_be_too_many(torch):
    x = leaf(torch, 1.0)
    function(torch, lambda ctx, x: x * 2, lambda ctx, g: (g, None, None)).apply(x).backward()
    assert x.grad.tolist() == [1]


@both
@pytest.mark.parametrize("wrong", ["too many", "too few", "shape", "number", "text"])
def test_wrong_gradients(torch, wrong):
    answers = {
        "too many": lambda ctx, g: (g, g),
        "too few": lambda ctx, g: (),
        "shape": lambda ctx, g: torch.ones(3),
        "number": lambda ctx, g: 2.0,
        "text": lambda ctx, g: "two",
    }
    y = function(torch, lambda ctx, x: x * 2, answers[wrong]).apply(leaf(torch, 1.0, 2.0))
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    if torch is reftorch:
        words = {"too many": "expected 1, got 2", "too few": "expected 1, got 0", "shape": "[3] but expected"}
        assert "MineBackward" in str(caught.value) and words.get(wrong, "expected a tensor") in str(caught.value)


@both
def test_broadcast_gradients_are_summed_and_converted(torch):
    x = leaf(torch, 1.0, 2.0)
    wide = torch.arange(6, dtype=torch.float64).reshape(3, 2)
    function(torch, lambda ctx, x: x * 2, lambda ctx, g: wide).apply(x).sum().backward()
    assert x.grad.tolist() == [6, 9] and x.grad.dtype is torch.float32


@both
def test_gradients_arrive_contiguous_in_the_type_of_the_output(torch):
    arrived = []

    def backward(ctx, g):
        arrived.append((g.dtype, tuple(g.shape), g.is_contiguous() or torch is not reftorch, torch.is_grad_enabled()))
        return g

    x = torch.ones(2, 3, requires_grad=True)
    y = function(torch, lambda ctx, x: x.double(), backward).apply(x)
    y.t().sum().backward()
    y = function(torch, lambda ctx, x: x * 1, backward).apply(x)
    (y.t() * torch.ones(3, 2)).backward(torch.ones(3, 2))
    assert arrived == [(torch.float64, (2, 3), True, False), (torch.float32, (2, 3), True, False)]
    assert x.grad.tolist() == [[2] * 3] * 2


@both
def test_forward_is_not_recorded(torch):
    seen = []

    def forward(ctx, x):
        y = x * 2
        seen.append((torch.is_grad_enabled(), y.requires_grad))
        return y

    assert function(torch, forward).apply(leaf(torch, 1.0)).grad_fn.name() == "MineBackward"
    assert seen == [(False, False)] and torch.is_grad_enabled()


@both
def test_an_exception_in_forward_leaves_recording_on(torch):
    def forward(ctx, x):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        function(torch, forward).apply(leaf(torch, 1.0))
    assert torch.is_grad_enabled()


@both
def test_an_input_returned_as_it_came(torch):
    x = leaf(torch, 1.0)
    y = function(torch, lambda ctx, x: x, lambda ctx, g: g * 3).apply(x)
    assert y is not x and y.data_ptr() == x.data_ptr() and y.grad_fn.name() == "MineBackward" and x.is_leaf
    y.backward()
    assert x.grad.tolist() == [3]
    with torch.no_grad():
        z = function(torch, lambda ctx, x: x).apply(x)
    assert z is not x and not z.requires_grad and x.requires_grad


@both
def test_a_view_of_an_input_keeps_its_own_gradient(torch):
    x = leaf(torch, 1.0, 2.0, 3.0) * 1
    y = function(torch, lambda ctx, x: x[1:], lambda ctx, g: torch.cat([torch.zeros(1), 5 * g])).apply(x)
    assert y.grad_fn.name() == "MineBackward"
    with pytest.raises(RuntimeError, match="modified inplace"):
        y.mul_(2)
