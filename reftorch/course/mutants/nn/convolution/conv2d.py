"""Classic mistakes in convolution."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "conv2d_forward_cpu", "conv2d_backward_x_cpu"
BACKWARD_WEIGHT, BACKWARD_BIAS = "conv2d_backward_weight_cpu", "conv2d_backward_bias_cpu"

MUTANTS = [
    Mutant(
        name="flipped kernel",
        kernel=FORWARD,
        find="weight[c_out, c, k_h, k_w]",
        replace="weight[c_out, c, K_h - 1 - k_h, K_w - 1 - k_w]",
        says="this equals convolution with the kernel flipped; torch computes cross-correlation: weight (k_h, k_w) is multiplied "
        "by pixel (h_in, w_in)",
    ),
    Mutant(
        name="rows and columns swapped",
        kernel=FORWARD,
        find="x[n, c_in, h_in, w_in]",
        replace="x[n, c_in, min(w_in, H_in - 1), min(h_in, W_in - 1)]",
        says="the row index comes before the column index: x[n, c_in, h_in, w_in]",
    ),
    Mutant(
        name="last product only",
        kernel=FORWARD,
        find="acc += ",
        replace="acc = ",
        says="each product replaced the sum instead of being added to it: += instead of =",
    ),
    Mutant(
        name="bias forgotten",
        kernel=FORWARD,
        find="acc = bias[c_out]",
        replace="acc = y.dtype.type(0)",
        says="the sum starts at the bias of the output channel, not at zero",
    ),
    Mutant(
        name="stride left out",
        kernel=FORWARD,
        find="w_out * stride_w",
        replace="w_out",
        says="the filter begins at column w_out * stride_w - pad_w: it moves by the stride",
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
        says="the padding is above the image: the filter starts at row -pad_h, not at +pad_h",
    ),
    Mutant(
        name="dilation left out",
        kernel=FORWARD,
        find="k_w * dil_w",
        replace="k_w",
        says="neighbouring weights are multiplied by pixels that are dil_w columns apart",
    ),
    Mutant(
        name="wraps around",
        kernel=FORWARD,
        find="if 0 <= w_in < W_in",
        replace="if w_in < W_in",
        says="a negative column counts from the right edge in Python, and reads other memory when compiled: test both bounds",
    ),
    Mutant(
        name="groups see the first channels",
        kernel=FORWARD,
        find="c_in = g * C_group + c",
        replace="c_in = c",
        says="group g reads its own channels, which begin at g * C_in / groups",
    ),
    Mutant(
        name="group of the wrong size",
        kernel=FORWARD,
        find="g = c_out // (C_out // groups)",
        replace="g = c_out % groups",
        says="the output channels of a group are neighbours: c_out // (C_out // groups), not every groups-th channel",
    ),
    Mutant(
        name="gradient through a filter that is not there",
        kernel=BACKWARD_X,
        find="h_even and 0 <= h_out < H_out",
        replace="0 <= h_out < H_out",
        says="with a stride, not every row is multiplied by every weight: h_in + pad_h - k_h * dil_h must be a multiple of stride_h",
    ),
    Mutant(
        name="gradient beyond the output",
        kernel=BACKWARD_X,
        find="if w_even and 0 <= w_out < W_out",
        replace="if w_even and w_out < W_out",
        says="a negative output column does not exist; Python reads the last one instead",
    ),
    Mutant(
        name="gradient with a flipped kernel",
        kernel=BACKWARD_X,
        find="weight[c_out, c, k_h, k_w]",
        replace="weight[c_out, c, K_h - 1 - k_h, K_w - 1 - k_w]",
        says="h_out was computed for weight k_h, which already flips the filter: do not flip it a second time",
    ),
    Mutant(
        name="gradient of one output channel",
        kernel=BACKWARD_X,
        find="acc += ",
        replace="acc = ",
        says="many outputs read a pixel, so its gradient is the sum over all of them: += instead of =",
    ),
    Mutant(
        name="gradient from the first group",
        kernel=BACKWARD_X,
        find="range(g * (C_out // groups), (g + 1) * (C_out // groups))",
        replace="range(C_out // groups)",
        says="a pixel of group g is read by the output channels of group g only, which begin at g * C_out / groups",
    ),
    Mutant(
        name="weight gradient of the last image",
        kernel=BACKWARD_WEIGHT,
        find="for n in range(N)",
        replace="for n in range(N - 1, N)",
        says="the weights are shared by all images of the batch: sum over n",
    ),
    Mutant(
        name="weight gradient without stride",
        kernel=BACKWARD_WEIGHT,
        find="h_out * stride_h",
        replace="h_out",
        says="output row h_out read row h_out * stride_h - pad_h + k_h * dil_h, as in forward",
    ),
    Mutant(
        name="weight gradient is a mean",
        kernel=BACKWARD_WEIGHT,
        find="grad_weight[c_out, c, k_h, k_w] = acc",
        replace="grad_weight[c_out, c, k_h, k_w] = acc / max(N, 1)",
        says="the sum over the batch was divided by its size; if there is a mean, the loss takes it, and it is already in grad_y",
    ),
    Mutant(
        name="weight gradient from the first channels",
        kernel=BACKWARD_WEIGHT,
        find="c_in = c_out // (C_out // groups) * C_group + c",
        replace="c_in = c",
        says="with groups, a filter reads the channels of its own group: they begin at g * C_in / groups",
    ),
    Mutant(
        name="bias gradient of the last row",
        kernel=BACKWARD_BIAS,
        find="acc += ",
        replace="acc = ",
        says="the bias was added to every output: its gradient is the sum over all outputs",
    ),
]
