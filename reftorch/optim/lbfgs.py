r"""L-BFGS: a quasi-Newton method, whose steps use the changes of the gradient in the last steps.

Newton's step needs the matrix of second derivatives. This method never computes that matrix: it estimates the product with its
inverse from pairs of vectors that it remembers, the last steps and the changes of the gradient in them.

Use it when the loss is computed from all data at once and has few parameters, as in fitting a curve or in style transfer. A few
dozen steps then get closer to the minimum than thousands of steps of gradient descent. With small batches the differences of
gradients are mostly noise; then use `SGD` or `Adam`.

## Forward

All parameters together are one vector $\theta$, with the gradient $g$. After the step $s_i$, with the change $y_i$ of the gradient,

$$s_i = t \, d_i \qquad y_i = g_{i+1} - g_i \qquad \rho_i = \frac{1}{y_i^\top s_i}$$

are remembered, at most `history_size` of them, and only if $y_i^\top s_i > 10^{-10}$. In one dimension $y / s$ is the second
derivative, and Newton's step is $-g \, s / y$. In general the inverse matrix $H$ must satisfy $H y_i = s_i$ for the last pair.
BFGS changes the previous $H$ as little as possible to satisfy this:

$$H \leftarrow (I - \rho \, s y^\top) \, H \, (I - \rho \, y s^\top) + \rho \, s s^\top$$

Multiplied out for all pairs, the direction $d = -H g$ needs only inner products. With $q = -g$, from the newest pair to the oldest,
then with the first estimate $H = h I$, and back from the oldest to the newest:

$$\alpha_i = \rho_i \, s_i^\top q \qquad q \leftarrow q - \alpha_i \, y_i$$

$$d = h \, q \qquad h = \frac{y^\top s}{y^\top y} \text{ of the newest pair}$$

$$d \leftarrow d + (\alpha_i - \rho_i \, y_i^\top d) \, s_i$$

The parameters move to $\theta + t \, d$. The first direction is $-g$, with the length $t = \min(1, 1 / \lVert g \rVert_1) \, \gamma$;
later $t$ is the learning rate $\gamma$. With `line_search_fn="strong_wolfe"` this is only the first guess. The length must then
satisfy two conditions, where $\varphi(t)$ is the loss at $\theta + t \, d$: it falls enough, and the slope has become flat:

$$\varphi(t) \le \varphi(0) + c_1 \, t \, \varphi'(0) \qquad \lvert \varphi'(t) \rvert \le c_2 \, \lvert \varphi'(0) \rvert
\qquad c_1 = 10^{-4} \quad c_2 = 0.9$$

Lengths are tried until two of them have a good one between them, and then this interval is made smaller. A new length is the minimum of the
cubic polynomial that has the losses $f_1, f_2$ and slopes $\varphi'_1, \varphi'_2$ at the two lengths $t_1 < t_2$:

$$t = t_2 - (t_2 - t_1) \, \frac{\varphi'_2 + b - a}{\varphi'_2 - \varphi'_1 + 2 b} \qquad
a = \varphi'_1 + \varphi'_2 - 3 \, \frac{f_1 - f_2}{t_1 - t_2} \qquad b = \sqrt{a^2 - \varphi'_1 \varphi'_2}$$

One call of `step` takes up to `max_iter` such steps. So it needs a closure that computes the loss and its gradients again:

    def closure():
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        return loss
    optimizer.step(closure)

## Gradients

A step runs under `no_grad` and changes the parameters in place; only the closure is recorded.

## Cost

For each of the `max_iter` steps, the loss and its gradient at least once, and $4 M$ vector operations for $M$ remembered pairs. The
memory is $2 M + 3$ times that of the parameters.

## Worked example

The loss $\theta^2 + 10 \phi^2$ is ten times as steep in one direction. The first step goes along the gradient and is shortened.
After a few steps the pairs contain both curvatures, and the last steps are close to Newton's:

>>> import reftorch as torch
>>> theta = torch.tensor([4.0, 1.0], requires_grad=True)
>>> optimizer = torch.optim.LBFGS([theta], lr=1, max_iter=1)
>>> def closure():
...     optimizer.zero_grad()
...     loss = theta[0] ** 2 + 10 * theta[1] ** 2
...     loss.backward()
...     return loss
>>> for _ in range(6):
...     print(f"{optimizer.step(closure).item():.4f}", [round(x, 3) for x in theta.tolist()])
26.0000 [3.714, 0.286]
14.6122 [3.133, -0.125]
9.9724 [2.186, -0.309]
5.7364 [0.433, -0.223]
0.6856 [-0.002, -0.004]
0.0002 [-0.001, -0.0]

## Questions

**How does it find the minimum of a parabola in one dimension?**

Exactly, once it has one pair: $y / s$ is the second derivative, and the direction $-g \, s / y$ is Newton's step.

**Why are only pairs with $y^\top s > 0$ remembered?**

$y^\top s$ is the curvature along the step. Where it is negative, Newton's step would go to a maximum.

**Does `step` return the loss after the step?**

No, that of the first evaluation, before the step.

**Can different layers have different options?**

No. All parameters are one vector, so there is only one group.

## Differences

- Parameters must be real; PyTorch takes complex ones as pairs of real numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from reftorch.autograd import enable_grad, no_grad
from reftorch.ops import cat
from reftorch.optim.optimizer import Optimizer
from reftorch.tensor import Tensor
from reftorch.types import contiguous_format

__all__ = ["LBFGS"]

ENOUGH_FALL, FLAT_ENOUGH = 1e-4, 0.9  # c_1 and c_2


# ## The minimum of a cubic polynomial
#
# $$t = t_2 - (t_2 - t_1) \, \frac{\varphi'_2 + b - a}{\varphi'_2 - \varphi'_1 + 2 b}$$
def cubic_minimum(t1: Any, f1: Any, slope1: Any, t2: Any, f2: Any, slope2: Any, bounds: Any = None) -> Any:
    """Where the cubic polynomial with these values and slopes at two points has its minimum, within the bounds."""
    low, high = bounds or (min(t1, t2), max(t1, t2))
    if t1 > t2:
        t1, f1, slope1, t2, f2, slope2 = t2, f2, slope2, t1, f1, slope1
    a = slope1 + slope2 - 3 * (f1 - f2) / (t1 - t2)
    square = a**2 - slope1 * slope2
    if not square >= 0:  # no minimum
        return (low + high) / 2.0
    b = square.sqrt()
    return min(max(t2 - (t2 - t1) * ((slope2 + b - a) / (slope2 - slope1 + 2 * b)), low), high)


class Point(NamedTuple):
    """A length that was tried: the loss there, its gradient, and its slope along the direction."""

    t: Any
    loss: Any
    grad: Any
    slope: Any


# ## A length that satisfies the strong Wolfe conditions
#
# $$\varphi(t) \le \varphi(0) + c_1 \, t \, \varphi'(0) \qquad \lvert \varphi'(t) \rvert \le c_2 \, \lvert \varphi'(0) \rvert$$
def falls_enough(point: Point, start: Point) -> Any:
    """The first condition, of Armijo."""
    return not point.loss > start.loss + ENOUGH_FALL * point.t * start.slope


def is_flat(point: Point, start: Point) -> Any:
    """The second condition; the slope at the start is negative."""
    return abs(point.slope) <= -FLAT_ENOUGH * start.slope


def bracket(evaluate: Callable[[Any], Point], start: Point, t: Any, most: int) -> tuple[list[Point], int]:
    """One length that satisfies both conditions, or two with such a length between them; and how many were tried after the first."""
    before, point, tried = start, evaluate(t), 0
    while tried < most:
        if not falls_enough(point, start) or (tried > 1 and point.loss >= before.loss):
            return [before, point], tried
        if is_flat(point, start):
            return [point], tried
        if point.slope >= 0:
            return [before, point], tried
        bounds = point.t + 0.01 * (point.t - before.t), point.t * 10
        t = cubic_minimum(before.t, before.loss, before.slope, point.t, point.loss, point.slope, bounds)
        before, point, tried = point, evaluate(t), tried + 1
    return [start, point], tried


def inside(ends: list[Point], hesitant: bool) -> tuple[Any, bool]:
    """A length between the two, and whether it is close to one of them; the second such length in a row is moved away."""
    one, two = ends
    t = cubic_minimum(one.t, one.loss, one.slope, two.t, two.loss, two.slope)
    low, high = min(one.t, two.t), max(one.t, two.t)
    tenth = 0.1 * (high - low)
    if not min(high - t, t - low) < tenth:
        return t, False
    if hesitant or t >= high or t <= low:
        return (high - tenth if abs(t - high) < abs(t - low) else low + tenth), False
    return t, True


def strong_wolfe(
    evaluate: Callable[[Any], Point], start: Point, t: Any, longest: Any, tolerance_change: float, most: int
) -> tuple[Point, int]:
    """The best length, and how many were tried.

    Args:
        evaluate: the point at a length.
        start: the point at length 0.
        t: the first length to try.
        longest: the largest element of the direction.
        tolerance_change: an interval in which no parameter changes more than this is small enough.
        most: how many lengths may be tried after the first.
    """
    ends, tried = bracket(evaluate, start, t, most)
    done, hesitant = len(ends) == 1, False
    best, worst = (0, 1) if ends[0].loss <= ends[-1].loss else (1, 0)
    while not done and tried < most:
        if abs(ends[1].t - ends[0].t) * longest < tolerance_change:
            break
        t, hesitant = inside(ends, hesitant)
        point, tried = evaluate(t), tried + 1
        if not falls_enough(point, start) or point.loss >= ends[best].loss:
            ends[worst] = point
            best, worst = (0, 1) if ends[0].loss <= ends[1].loss else (1, 0)
            continue
        done = bool(is_flat(point, start))
        if not done and point.slope * (ends[worst].t - ends[best].t) >= 0:
            ends[worst] = ends[best]
        ends[best] = point
    return ends[best], tried + 1


# ## The direction
#
# $$\alpha_i = \rho_i \, s_i^\top q \qquad q \leftarrow q - \alpha_i \, y_i \qquad
# d \leftarrow d + (\alpha_i - \rho_i \, y_i^\top d) \, s_i$$
def direction(state: dict[str, Any], grad: Tensor, history_size: int) -> Tensor:
    """The direction at a point with this gradient; the last step is remembered first."""
    if state["n_iter"] == 1:
        state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
        return -grad
    y, s = grad - state["prev_flat_grad"], state["d"] * state["t"]
    ys = y.dot(s)
    if ys > 1e-10:
        if len(state["old_dirs"]) == history_size:
            for name in ("old_dirs", "old_stps", "ro"):
                state[name].pop(0)
        state["old_dirs"].append(y)
        state["old_stps"].append(s)
        state["ro"].append(1.0 / ys)
        state["H_diag"] = ys / y.dot(y)
    alphas = state.setdefault("al", [None] * history_size)
    pairs = list(zip(state["old_dirs"], state["old_stps"], state["ro"]))
    q = -grad
    for i in reversed(range(len(pairs))):
        y, s, rho = pairs[i]
        alphas[i] = s.dot(q) * rho
        q.sub_(alphas[i] * y)
    d = q * state["H_diag"]
    for i, (y, s, rho) in enumerate(pairs):
        d.add_((alphas[i] - y.dot(d) * rho) * s)
    return d


class LBFGS(Optimizer):
    """L-BFGS, in place, for one group of parameters on one device.

    Args:
        params: tensors or (name, tensor) pairs; one group.
        lr: learning rate, a number or a tensor with one element.
        max_iter: how many directions one call of `step` takes.
        max_eval: how often it may compute the loss; by default 1.25 times `max_iter`.
        tolerance_grad: it stops where no element of the gradient is larger.
        tolerance_change: it stops where the parameters, or the loss, change less.
        history_size: how many pairs are remembered.
        line_search_fn: "strong_wolfe", or None for steps of the learning rate.

    Raises:
        ValueError: `lr` is negative or a tensor with more than one element, or there is more than one group.
        RuntimeError: in a step: another `line_search_fn`.
        TypeError, ValueError: wrong `params`; see `Optimizer`.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError(f"Tensor lr must be 1-element, but has shape {list(lr.shape)}")
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}: it must not be negative")
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        options: dict[str, Any] = dict(lr=lr, max_iter=max_iter, max_eval=max_eval, tolerance_grad=tolerance_grad)
        options |= dict(tolerance_change=tolerance_change, history_size=history_size, line_search_fn=line_search_fn)
        super().__init__(params, options)
        if len(self.param_groups) != 1:
            raise ValueError(
                "LBFGS doesn't support per-parameter options (parameter groups): all parameters are one vector, and "
                f"there are {len(self.param_groups)} groups"
            )

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    def _gradient(self) -> Tensor:
        """The gradients of all parameters as one vector."""
        parts = []
        for param in self._params:
            grad = param.grad
            if grad is None:
                parts.append(param.new_zeros(param.numel()))
            else:
                parts.append((grad.to_dense() if grad.is_sparse else grad).reshape(-1))
        return cat(parts)

    def _move(self, t: Any, d: Tensor) -> None:
        """Add `t * d` to the parameters."""
        offset = 0
        for param in self._params:
            param.add_(d[offset : offset + param.numel()].view_as(param), alpha=float(t))
            offset += param.numel()

    def _search(self, closure: Callable, t: Any, d: Tensor, start: Point, most: int) -> tuple[Point, int]:
        """The point that the line search finds along `d`; the parameters are left where they are."""
        before = [param.clone(memory_format=contiguous_format) for param in self._params]

        def evaluate(t: Any) -> Point:
            self._move(t, d)
            loss, grad = float(closure()), self._gradient()
            for param, value in zip(self._params, before):
                param.copy_(value)
            return Point(t, loss, grad, grad.dot(d))

        tolerance = self.param_groups[0]["tolerance_change"]
        return strong_wolfe(evaluate, start, t, d.abs().max(), tolerance, most)

    @no_grad()
    def step(self, closure: Callable) -> Any:  # type: ignore[override]
        """Up to `max_iter` steps.

        Args:
            closure: computes the loss and its gradients again and returns the loss; called at least once, with recording on.

        Returns:
            What `closure` returned first.
        """
        group, state = self.param_groups[0], self.state[self._params[0]]  # one state, kept with the first parameter
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError(f"only 'strong_wolfe' is supported, but line_search_fn is {group['line_search_fn']!r}")
        closure = enable_grad()(closure)
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = closure()
        loss, grad, evaluations = float(first_loss), self._gradient(), 1
        state["func_evals"] += 1
        if grad.abs().max() <= group["tolerance_grad"]:
            return first_loss
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            state["d"] = d = direction(state, grad, group["history_size"])
            state["prev_flat_grad"], state["prev_loss"] = grad.clone(), loss
            t = group["lr"].item() if isinstance(group["lr"], Tensor) else group["lr"]
            if state["n_iter"] == 1:
                t = min(1.0, 1.0 / grad.abs().sum()) * t
            state["t"] = t
            slope = grad.dot(d)
            if slope > -group["tolerance_change"]:
                break
            tried = 0
            if group["line_search_fn"] is not None:
                start, most = Point(0, loss, grad, slope), group["max_eval"] - evaluations
                (state["t"], loss, grad, _), tried = self._search(closure, t, d, start, most)
                self._move(state["t"], d)
            else:
                self._move(t, d)
                if iteration != group["max_iter"]:  # the next step needs them
                    loss, grad, tried = float(closure()), self._gradient(), 1
            evaluations += tried
            state["func_evals"] += tried
            if iteration == group["max_iter"] or evaluations >= group["max_eval"]:
                break
            if grad.abs().max() <= group["tolerance_grad"]:
                break
            if (d * state["t"]).abs().max() <= group["tolerance_change"]:
                break
            if abs(loss - state["prev_loss"]) < group["tolerance_change"]:
                break
        return first_loss
