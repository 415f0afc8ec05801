"""Classic mistakes in average pooling, one dimension."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "avg_pool1d_forward_cpu", "avg_pool1d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="padding counted always",
        kernel=FORWARD,
        find="counted = positions_counted(l_start, K, L_in, pad, count_include_pad)",
        replace="counted = K",
        says="the sum was divided by the size of the whole window: count_include_pad=False counts elements of the input only",
    ),
    Mutant(
        name="padding left out of the position",
        kernel=FORWARD,
        find="l_start = l_out * stride - pad",
        replace="l_start = l_out * stride",
        says="the first window begins in the padding, at position -padding",
    ),
    Mutant(
        name="sum without the division",
        kernel=FORWARD,
        find="acc / y.dtype.type(counted)",
        replace="acc",
        says="this is the sum of the window: divide it by the number of positions",
    ),
    Mutant(
        name="gradient without the division",
        kernel=BACKWARD,
        find="/ grad_y.dtype.type(counted)",
        replace="",
        says="in the mean, each element is divided by m, so its gradient is divided by m, too",
    ),
    Mutant(
        name="only the last window",
        kernel=BACKWARD,
        find="acc += grad_y",
        replace="acc = grad_y",
        says="an element that lies in several windows gets the sum of their gradients",
    ),
    Mutant(
        name="one window too few",
        kernel=BACKWARD,
        find="l_last + 1",
        replace="l_last",
        says="the last window that covers the element was left out: range() ends before its second argument",
    ),
]
