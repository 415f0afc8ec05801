"""Classic mistakes in PReLU."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD, SLOPES = "prelu_forward_cpu", "prelu_backward_x_cpu", "prelu_backward_weight_cpu"

MUTANTS = [
    Mutant(
        name="the first slope for all channels",
        kernel=FORWARD,
        find="weight[c]",
        replace="weight[0]",
        says="each channel has a slope of its own: weight[c]",
    ),
    Mutant(
        name="slope on the wrong side",
        kernel=FORWARD,
        find="x[n, c, d] > x.dtype.type(0)",
        replace="x[n, c, d] < x.dtype.type(0)",
        says="numbers above zero were multiplied by the slope: they stay, the others are multiplied",
    ),
    Mutant(
        name="maximum of both sides",
        kernel=FORWARD,
        find="x[n, c, d] > x.dtype.type(0)",
        replace="x[n, c, d] >= weight[c] * x[n, c, d]",
        says="max(x, slope * x) is the same only for slopes from 0 to 1, and a slope may be learnt to be any number",
    ),
    Mutant(
        name="gradient stops",
        kernel=BACKWARD,
        find="weight[c] * grad_y[n, c, d]",
        replace="x.dtype.type(0)",
        says="where x is negative the gradient is multiplied by the slope; to stop it is ReLU",
    ),
    Mutant(
        name="value in place of the slope",
        kernel=BACKWARD,
        find="weight[c] * grad_y[n, c, d]",
        replace="weight[c] * x[n, c, d] * grad_y[n, c, d]",
        says="the derivative of slope * x by x is the slope; times x it is the gradient of nothing",
    ),
    Mutant(
        name="zero counted as positive",
        kernel=BACKWARD,
        find="x[n, c, d] > x.dtype.type(0)",
        replace="x[n, c, d] >= x.dtype.type(0)",
        says="at x = 0 the gradient is multiplied by the slope: only above zero does it pass unchanged",
    ),
    Mutant(
        name="all numbers pull at the slope",
        kernel=SLOPES,
        find="x.dtype.type(0) if positive else x[n, c, d] * grad_y[n, c, d]",
        replace="x[n, c, d] * grad_y[n, c, d]",
        says="numbers above zero were not multiplied by the slope, so they say nothing about it",
    ),
    Mutant(
        name="input forgotten in the slope's gradient",
        kernel=SLOPES,
        find="x[n, c, d] * grad_y[n, c, d]",
        replace="grad_y[n, c, d]",
        says="the derivative of slope * x by the slope is x: multiply the gradient that arrives with it",
    ),
    Mutant(
        name="last number instead of the sum",
        kernel=SLOPES,
        find="acc += ",
        replace="acc = ",
        says="the slope was used by every number of its channel: its gradient is the sum over all of them",
    ),
    Mutant(
        name="averaged over the batch",
        kernel=SLOPES,
        find="grad_weight[c] = acc",
        replace="grad_weight[c] = acc / N",
        says="gradients add up over the batch; if there is to be an average, the loss has taken it",
    ),
]
