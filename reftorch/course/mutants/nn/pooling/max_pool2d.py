"""Classic mistakes in max pooling."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "max_pool2d_forward_cpu", "max_pool2d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="starts from zero",
        kernel=FORWARD,
        find="best = y.dtype.type(lowest)\n                    found = -1",
        replace="best = y.dtype.type(0)\n                    found = 0",
        says="a window of negative pixels gave 0: start with minus infinity, which is below every pixel",
    ),
    Mutant(
        name="NaN loses",
        kernel=FORWARD,
        find=" or math.isnan(value)",
        replace="",
        says="a NaN was skipped: every comparison with NaN is false, so test for NaN itself",
    ),
    Mutant(
        name="last of equals",
        kernel=FORWARD,
        find="value > best",
        replace="value >= best",
        says="if pixels are equal, the first one counts; here the last one was taken: > instead of >=",
    ),
    Mutant(
        name="minimum",
        kernel=FORWARD,
        find="value > best",
        replace="value < best",
        says="this keeps the smallest pixel of each window: that is min pooling",
    ),
    Mutant(
        name="wraps around",
        kernel=FORWARD,
        find="if 0 <= w_in < W_in",
        replace="if w_in < W_in",
        says="a negative column counts from the right edge in Python, and reads other memory when compiled: test both bounds",
    ),
    Mutant(
        name="stride left out",
        kernel=FORWARD,
        find="w_out * stride_w",
        replace="w_out",
        says="the windows are one column apart: window w_out begins at column w_out * stride_w - pad_w",
    ),
    Mutant(
        name="stride of the columns for the rows",
        kernel=FORWARD,
        find="h_out * stride_h",
        replace="h_out * stride_w",
        says="rows move by stride_h, columns by stride_w: they were exchanged, which has an effect only if they differ",
    ),
    Mutant(
        name="padding added",
        kernel=FORWARD,
        find="- pad_h",
        replace="+ pad_h",
        says="the padding is above the image: the first window begins at row -pad_h, not at +pad_h",
    ),
    Mutant(
        name="dilation left out",
        kernel=FORWARD,
        find="k_w * dil_w",
        replace="k_w",
        says="the pixels of a window are dil_w columns apart, not side by side",
    ),
    Mutant(
        name="index times the height",
        kernel=FORWARD,
        find="h_in * W_in + w_in",
        replace="h_in * H_in + w_in",
        says="a row holds W_in pixels, so row h_in begins at h_in * W_in; H_in is right only for square images",
    ),
    Mutant(
        name="index by columns",
        kernel=FORWARD,
        find="h_in * W_in + w_in",
        replace="w_in * H_in + h_in",
        says="the index counts row by row: h_in * W_in + w_in; this counts column by column",
    ),
    Mutant(
        name="index inside the window",
        kernel=FORWARD,
        find="h_in * W_in + w_in",
        replace="k_h * K_w + k_w",
        says="the index counts pixels of the whole channel, not of the window",
    ),
    Mutant(
        name="overwrites instead of adding",
        kernel=BACKWARD,
        find="+= grad_y",
        replace="= grad_y",
        says="a pixel that is the largest of several windows gets the sum of their gradients: += instead of =",
    ),
    Mutant(
        name="windows do not overlap",
        kernel=BACKWARD,
        find="max(0, -(-(h_in + pad_h - (K_h - 1) * dil_h) // stride_h))",
        replace="(h_in + pad_h) // stride_h",
        says="only the last row of windows that contains a pixel was tested; with stride < kernel_size there are several",
    ),
    Mutant(
        name="last window forgotten",
        kernel=BACKWARD,
        find="h_last + 1",
        replace="h_last",
        says="range ends before its second argument: the last row of windows was left out",
    ),
    Mutant(
        name="padding forgotten",
        kernel=BACKWARD,
        find="min(H_out - 1, (h_in + pad_h) // stride_h)",
        replace="min(H_out - 1, h_in // stride_h)",
        says="row h_in of the image is row h_in + pad_h of the padded one, where the windows are counted",
    ),
    Mutant(
        name="dilation forgotten",
        kernel=BACKWARD,
        find="(K_h - 1) * dil_h",
        replace="(K_h - 1)",
        says="a dilated window reaches (K_h - 1) * dil_h rows down: some windows above a pixel were not tested",
    ),
]
