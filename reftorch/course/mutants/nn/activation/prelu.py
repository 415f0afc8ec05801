"""Classic mistakes in PReLU."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD, SLOPES = "prelu_forward_cpu", "prelu_backward_x_cpu", "prelu_backward_weight_cpu"

MUTANTS = [
    Mutant(
        name="the first slope for all channels",
        kernel=FORWARD,
        find="weight[c]",
        replace="weight[0]",
        says="each channel has its own slope: weight[c]",
    ),
    Mutant(
        name="slope on the wrong side",
        kernel=FORWARD,
        find="x[n, c, d] > x.dtype.type(0)",
        replace="x[n, c, d] < x.dtype.type(0)",
        says="elements above zero were multiplied by the slope: only the others should be",
    ),
    Mutant(
        name="maximum of both sides",
        kernel=FORWARD,
        find="x[n, c, d] > x.dtype.type(0)",
        replace="x[n, c, d] >= weight[c] * x[n, c, d]",
        says="max(x, slope * x) is right only for slopes up to 1, and a learned slope may have any value",
    ),
    Mutant(
        name="gradient stops",
        kernel=BACKWARD,
        find="weight[c] * grad_y[n, c, d]",
        replace="x.dtype.type(0)",
        says="where x is negative, the gradient is multiplied by the slope; a gradient of 0 belongs to ReLU",
    ),
    Mutant(
        name="value in place of the slope",
        kernel=BACKWARD,
        find="weight[c] * grad_y[n, c, d]",
        replace="weight[c] * x[n, c, d] * grad_y[n, c, d]",
        says="the derivative of slope * x with respect to x is the slope alone",
    ),
    Mutant(
        name="zero counted as positive",
        kernel=BACKWARD,
        find="x[n, c, d] > x.dtype.type(0)",
        replace="x[n, c, d] >= x.dtype.type(0)",
        says="at x = 0 the gradient is multiplied by the slope: it passes unchanged only above zero",
    ),
    Mutant(
        name="positive elements in the slope's gradient",
        kernel=SLOPES,
        find="x.dtype.type(0) if positive else x[n, c, d] * grad_y[n, c, d]",
        replace="x[n, c, d] * grad_y[n, c, d]",
        says="elements above zero were not multiplied by the slope, so they add nothing to its gradient",
    ),
    Mutant(
        name="input forgotten in the slope's gradient",
        kernel=SLOPES,
        find="x[n, c, d] * grad_y[n, c, d]",
        replace="grad_y[n, c, d]",
        says="the derivative of slope * x with respect to the slope is x: multiply the gradient of the output by it",
    ),
    Mutant(
        name="last number instead of the sum",
        kernel=SLOPES,
        find="acc += ",
        replace="acc = ",
        says="every element of the channel uses the slope: its gradient is the sum over all of them",
    ),
    Mutant(
        name="averaged over the batch",
        kernel=SLOPES,
        find="grad_weight[c] = acc",
        replace="grad_weight[c] = acc / N",
        says="gradients are summed over the batch; if there is a mean, the loss has already taken it",
    ),
]
