"""Classic mistakes in convolution of volumes."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "conv3d_forward_cpu", "conv3d_backward_x_cpu"
BACKWARD_WEIGHT, BACKWARD_BIAS = "conv3d_backward_weight_cpu", "conv3d_backward_bias_cpu"

MUTANTS = [
    Mutant(
        name="depth and rows swapped",
        kernel=FORWARD,
        find="weight[c_out, c, k_d, k_h, k_w]",
        replace="weight[c_out, c, min(k_h, K_d - 1), min(k_d, K_h - 1), k_w]",
        says="the order is depth, rows, columns: weight[c_out, c, k_d, k_h, k_w]",
    ),
    Mutant(
        name="depth flipped",
        kernel=FORWARD,
        find="weight[c_out, c, k_d",
        replace="weight[c_out, c, K_d - 1 - k_d",
        says="the filter was flipped along the depth; torch computes cross-correlation",
    ),
    Mutant(
        name="stride of the rows for the depth",
        kernel=FORWARD,
        find="d_out * stride_d",
        replace="d_out * stride_h",
        says="the filter moves along the depth by stride_d; each dimension has its own stride",
    ),
    Mutant(
        name="no border in the depth",
        kernel=FORWARD,
        find="0 <= d_in < D_in and ",
        replace="d_in < D_in and ",
        says="a slice in front of the volume is padding: a negative index counts from the end in Python",
    ),
    Mutant(
        name="groups see the first channels",
        kernel=FORWARD,
        find="c_in = g * C_group + c",
        replace="c_in = c",
        says="group g reads its own channels, which begin at g * C_in / groups",
    ),
    Mutant(
        name="gradient through a slice that is not there",
        kernel=BACKWARD_X,
        find="d_out * stride_d == d_in + pad_d - k_d * dil_d and 0 <= d_out < D_out",
        replace="0 <= d_out < D_out",
        says="with a stride, not every slice is multiplied by every weight: d_in + pad_d - k_d * dil_d must be a multiple of stride_d",
    ),
    Mutant(
        name="gradient of one output channel",
        kernel=BACKWARD_X,
        find="acc += ",
        replace="acc = ",
        says="many outputs read an element, so its gradient is the sum over all of them: += instead of =",
    ),
    Mutant(
        name="weight gradient of the first slice",
        kernel=BACKWARD_WEIGHT,
        find="for d_out in range(D_out)",
        replace="for d_out in range(1)",
        says="a weight is used at every depth: sum over d_out too",
    ),
    Mutant(
        name="bias gradient of the last position",
        kernel=BACKWARD_BIAS,
        find="acc += ",
        replace="acc = ",
        says="the bias was added to every output: its gradient is the sum over all outputs",
    ),
]
