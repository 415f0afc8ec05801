"""gradcheck finds a wrong gradient of each kind, and passes all operations on tensors."""

import numpy as np
import pytest

import reftorch
from reftorch.autograd import Function, GradcheckError, gradcheck


def leaf(*shape, seed=0):
    numbers = np.random.default_rng(seed).uniform(0.5, 2, shape)
    return reftorch.from_numpy(numbers).requires_grad_()


class Product(Function):
    """a² b, with its right gradient."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * a * b

    @staticmethod
    def backward(ctx, grad_y):
        a, b = ctx.saved_tensors
        return 2 * a * b * grad_y, a * a * grad_y


def wrong(backward):
    return type("Wrong", (Product,), {"backward": staticmethod(backward)})


WRONG = {
    "sign": lambda ctx, g: (-2 * ctx.saved_tensors[0] * ctx.saved_tensors[1] * g, ctx.saved_tensors[0] ** 2 * g),
    "factor": lambda ctx, g: (ctx.saved_tensors[0] * ctx.saved_tensors[1] * g, ctx.saved_tensors[0] ** 2 * g),
    "missing term": lambda ctx, g: (2 * ctx.saved_tensors[0] * g, ctx.saved_tensors[0] ** 2 * g),
    "upstream forgotten": lambda ctx, g: (
        2 * ctx.saved_tensors[0] * ctx.saved_tensors[1],
        ctx.saved_tensors[0] ** 2,
    ),
    "inputs exchanged": lambda ctx, g: Product.backward(ctx, g)[::-1],
    "none for one": lambda ctx, g: (Product.backward(ctx, g)[0], None),
    "one element": lambda ctx, g: (
        Product.backward(ctx, g)[0] + reftorch.tensor([[0, 0], [0, 1e-3]]),
        Product.backward(ctx, g)[1],
    ),
    "transposed": lambda ctx, g: (Product.backward(ctx, g)[0].t(), Product.backward(ctx, g)[1]),
}


def test_the_right_one_passes():
    assert gradcheck(Product.apply, (leaf(2, 2), leaf(2, 2, seed=1)))


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_one_is_found(kind):
    inputs = leaf(2, 2), leaf(2, 2, seed=1)
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input [01]"):
        gradcheck(lambda a, b: wrong(WRONG[kind]).apply(a, b) * 3, inputs)
    assert not gradcheck(lambda a, b: wrong(WRONG[kind]).apply(a, b) * 3, inputs, raise_exception=False)


def test_the_message_names_the_elements_and_both_values():
    double = wrong(lambda ctx, g: (Product.backward(ctx, g)[0] * reftorch.tensor([1.0, 2.0]), None))
    a, b = reftorch.tensor([1.0, 3.0]).double().requires_grad_(), reftorch.ones(2).double()
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda a: double.apply(a, b), a)
    assert "output element 1 by input element 1 is 12 by backward and 6 numerically" in str(caught.value)
    assert "(1 of 4 derivatives differ)" in str(caught.value)


def test_the_second_of_several_outputs():
    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            return a * 2 + b * 4

    with pytest.raises(GradcheckError, match="output 1"):
        gradcheck(Two.apply, leaf(3))


def test_a_gradient_that_changes_from_run_to_run():
    calls = []

    def backward(ctx, g):
        calls.append(1)
        return tuple(x + 1e-7 * len(calls) for x in Product.backward(ctx, g))

    inputs = leaf(2), leaf(2, seed=1)
    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(wrong(backward).apply, inputs)
    assert gradcheck(wrong(backward).apply, inputs, nondet_tol=1e-3)


def test_inputs_are_as_before():
    x = leaf(2, 3)
    before = x.tolist()
    gradcheck(lambda x: x.exp(), x)
    assert x.tolist() == before and x.grad is None


def test_views_integers_and_outputs_without_gradient():
    x = leaf(3, 4)
    gradcheck(lambda x: (x.t()[1:] * 2, x.argmax(1), x.detach() * 2), x)
    gradcheck(lambda x, i: x[i], (x, reftorch.tensor([2, 0, 2])))
    gradcheck(lambda x: x[:, :0], x)


def test_what_it_needs():
    with pytest.raises(ValueError, match="at least one input"):
        gradcheck(lambda x: x, reftorch.ones(2).double())
    with pytest.warns(UserWarning, match="float32"):
        gradcheck(lambda x: x * 2, reftorch.ones(2, requires_grad=True), eps=0.25)


# ------------------------------------------------------------------------------------------------ every operation
def operands(shape, low=0.3, high=1.7):
    rng = np.random.default_rng(5)
    spaced = np.linspace(low, high, int(np.prod(shape))) + rng.uniform(0, 0.01)
    return reftorch.from_numpy(rng.permutation(spaced).reshape(shape)).requires_grad_()


MASK = reftorch.tensor([[True, False, True], [False, False, True]])
INDEX = reftorch.tensor([[0, 1, 1], [2, 0, 0]])
ONE = """
exp expm1 log log1p log2 log10 sqrt rsqrt square reciprocal sin cos tan atan sinh cosh tanh asinh sigmoid abs neg sign floor ceil
round trunc frac relu clone contiguous sum mean prod var std norm max min amax amin t flatten squeeze logsumexp0 softmax0
log_softmax1 cumsum1 softmax1 double
""".split()
FORMULAS = {
    "add": lambda x, y: x.add(y, alpha=2), "sub": lambda x, y: x.sub(y, alpha=3), "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y, "pow": lambda x, y: x**y, "pow by a number": lambda x, y: x**2.5 + 1.5**y,
    "remainder": lambda x, y: x % (y + 2), "maximum": reftorch.maximum, "minimum": reftorch.minimum,
    "where": lambda x, y: reftorch.where(MASK, x, y), "lerp": lambda x, y: x.lerp(y, 0.3), "addcmul": lambda x, y: x.addcmul(x, y),
    "addcdiv": lambda x, y: x.addcdiv(x, y, value=2), "broadcast": lambda x, y: x * y[0] + x[:, :1] * y - y[1, 1],
    "clamp": lambda x, y: x.clamp(0.6, 1.4) + y.clamp(min=1), "clamp by tensors": lambda x, y: x.clamp(y * 0.5, y * 1.2),
    "matmul": lambda x, y: x @ y.t(), "vectors": lambda x, y: x[0] @ y[1] + x @ y[0] @ x[:, 0], "outer": lambda x, y: x[0].outer(y[1]),
    "stacks": lambda x, y: x.view(2, 1, 3) @ y.view(2, 3, 1), "broadcast stacks": lambda x, y: x.view(2, 1, 1, 3) @ y.t(),
    "addmm": lambda x, y: x[:, :2].addmm(x, y.t(), beta=0.5), "cat": lambda x, y: reftorch.cat([x, y, x], 1),
    "stack": lambda x, y: reftorch.stack([x, y], 1), "masked_fill": lambda x, y: x.masked_fill(MASK, y[0, 0]),
    "gather": lambda x, y: x.gather(1, INDEX) * y, "scatter": lambda x, y: x.scatter(1, INDEX[:, :1], y),
    "scatter_add": lambda x, y: x.scatter_add(1, INDEX, y), "index_add": lambda x, y: x.index_add(0, INDEX[1, 1:], y, alpha=2),
    "index_copy": lambda x, y: x.index_copy(0, INDEX[0, :2], y), "index_fill": lambda x, y: x.index_fill(1, INDEX[0, :2], 3.0) * y,
    "index_put": lambda x, y: x.index_put((INDEX[0, :2],), y), "index_select": lambda x, y: x.index_select(1, INDEX[0]) * y,
    "keys": lambda x, y: (x[1, ::2], x[:, [2, 0, 2]], x[MASK], x[None, ..., 1], y[[0, 1], [1, 2]]),
    "views": lambda x, y: (x.view(3, 2), x.t(), x.permute(1, 0), x.expand(2, 2, 3), x.unsqueeze(1), x.narrow(1, 1, 2), x.diagonal(1)),
    "pieces": lambda x, y: (*x.split(2, 1), *x.chunk(2), *y.unbind(1), x.movedim(0, 1), x.unflatten(1, (3, 1)), x.broadcast_to((2, 2, 3))),
    "order": lambda x, y: (x.flip(0, 1), x.roll(1, 1), x.repeat(2, 2), x.tril(), x.triu(1), y.repeat_interleave(2, 1), x.tile(2)),
    "sorted": lambda x, y: (x.sort(1).values, x.topk(2, 1).values, x.max(1).values, y.min(0).values, x.sort(0, descending=True).values),
    "norms": lambda x, y: (x.norm(1), x.norm(3, 1), x.norm(float("inf")), y.norm(2, 0), x.norm(0.5)),
    "reductions": lambda x, y: (x.sum(0), x.mean(1, keepdim=True), x.prod(1), x.var(0), x.amax(1), x.logsumexp((0, 1)), x.std(1)),
    "diag": lambda x, y: (reftorch.diag(x[0]), reftorch.diag(x), x[:, :2].trace()), "asin": lambda x, y: ((x / 2).asin(), (y / 2).acos()),
    "acosh": lambda x, y: ((x + 1).acosh(), (y / 2).atanh()), "nan_to_num": lambda x, y: reftorch.nan_to_num(x) * y,
    "in place": lambda x, y: (x * 1).add_(y).mul_(x).sub_(1).div_(y).pow_(2),
    "in place by key": lambda x, y: put(x * 1, y), "in place on a view": lambda x, y: change_views(x * 1, y),
    "copy_ and fill_": lambda x, y: (x * 1).copy_(y[0]) + (x * y).fill_(y[0, 0]), "to": lambda x, y: x.to(reftorch.float64, copy=True) * y,
    "meshgrid": lambda x, y: reftorch.meshgrid(x[0], y[1]), "transposed": lambda x, y: (x.t() * y.t()).exp().t().reshape(-1),
}  # fmt: skip


def put(x, y):
    x[0] = y[1]
    x[:, 1] *= 2
    x[MASK] = y[0, 2]
    x[[0, 1], [0, 0]] = y[:, 1]
    return x


def change_views(x, y):
    row, column, flat = x[0], x[:, 1], x.view(-1)
    row.mul_(y[0])
    column.mul_(y[:, 2]).add_(1)
    flat[4:].copy_(y[0, :2])
    return x, row, column, flat


@pytest.mark.parametrize("name", ONE)
def test_one_operand(name):
    method, dims = name.rstrip("01"), [int(d) for d in name[len(name.rstrip("01")) :]]
    if name in ("log1p", "expm1", "log2", "log10", "atan"):
        method, dims = name, []
    assert gradcheck(lambda x: getattr(x, method)(*dims), operands((2, 3)))


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas(name):
    assert gradcheck(FORMULAS[name], (operands((2, 3)), operands((2, 3), 0.35, 1.9)))
