"""Classic mistakes in convolution of sequences."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "conv1d_forward_cpu", "conv1d_backward_x_cpu"
BACKWARD_WEIGHT, BACKWARD_BIAS = "conv1d_backward_weight_cpu", "conv1d_backward_bias_cpu"

MUTANTS = [
    Mutant(
        name="flipped kernel",
        kernel=FORWARD,
        find="weight[c_out, c, k]",
        replace="weight[c_out, c, K - 1 - k]",
        says="this is convolution with the filter flipped; torch computes cross-correlation: weight k is multiplied by element l_in",
    ),
    Mutant(
        name="padding added",
        kernel=FORWARD,
        find="- pad",
        replace="+ pad",
        says="the padding is before the sequence: the filter starts at position -pad, not at +pad",
    ),
    Mutant(
        name="dilation left out",
        kernel=FORWARD,
        find="k * dil",
        replace="k",
        says="neighbouring weights are multiplied by elements that are dil positions apart",
    ),
    Mutant(
        name="wraps around",
        kernel=FORWARD,
        find="if 0 <= l_in < L_in",
        replace="if l_in < L_in",
        says="a negative index counts from the end in Python, and reads other memory when compiled: test both bounds",
    ),
    Mutant(
        name="groups see the first channels",
        kernel=FORWARD,
        find="c_in = g * C_group + c",
        replace="c_in = c",
        says="group g reads its own channels, which begin at g * C_in / groups",
    ),
    Mutant(
        name="gradient through a filter that is not there",
        kernel=BACKWARD_X,
        find="even and 0 <= l_out < L_out",
        replace="0 <= l_out < L_out",
        says="with a stride, not every element is multiplied by every weight: l_in + pad - k * dil must be a multiple of the stride",
    ),
    Mutant(
        name="gradient of one output channel",
        kernel=BACKWARD_X,
        find="acc += ",
        replace="acc = ",
        says="many outputs read an element, so its gradient is the sum over all of them: += instead of =",
    ),
    Mutant(
        name="weight gradient of the last sequence",
        kernel=BACKWARD_WEIGHT,
        find="for n in range(N)",
        replace="for n in range(N - 1, N)",
        says="the weights are shared by all sequences of the batch: sum over n",
    ),
    Mutant(
        name="bias gradient of the last position",
        kernel=BACKWARD_BIAS,
        find="acc += ",
        replace="acc = ",
        says="the bias was added to every output: its gradient is the sum over all outputs",
    ),
]
