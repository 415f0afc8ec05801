"""Classic mistakes in average pooling, two dimensions."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "avg_pool2d_forward_cpu", "avg_pool2d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="padding counted always",
        kernel=FORWARD,
        find="counted *= positions_counted(w_start, K_w, W_in, pad_w, count_include_pad)",
        replace="counted *= K_w",
        says="the sum was divided by the size of the whole window: count_include_pad=False counts elements of the input only",
    ),
    Mutant(
        name="padding left out of the position",
        kernel=FORWARD,
        find="w_start = w_out * stride_w - pad_w",
        replace="w_start = w_out * stride_w",
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
        find="w_last + 1",
        replace="w_last",
        says="the last window that covers the element was left out: range() ends before its second argument",
    ),
]
