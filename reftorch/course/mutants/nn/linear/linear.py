"""Classic mistakes in Linear."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="no bias",
        kernel="linear_forward_cpu",
        find="acc = bias[d_out]",
        replace="acc = y.dtype.type(0)",
        says="the bias is never added: the sum starts at zero instead of bias[d_out]",
    ),
    Mutant(
        name="= for +=",
        kernel="linear_forward_cpu",
        find="acc += x[n, d_in] * weight[d_out, d_in]",
        replace="acc = x[n, d_in] * weight[d_out, d_in]",
        says="each product replaces the sum instead of being added to it: only the last input feature counts",
    ),
    Mutant(
        name="bias for every feature",
        kernel="linear_forward_cpu",
        find="acc += x[n, d_in] * weight[d_out, d_in]",
        replace="acc += x[n, d_in] * weight[d_out, d_in] + bias[d_out]",
        says="the bias is added once for each input feature; it belongs outside the sum",
    ),
    Mutant(
        name="last feature left out",
        kernel="linear_forward_cpu",
        find="for d_in in range(D_in):",
        replace="for d_in in range(D_in - 1):",
        says="the loop ends one too early: range(D_in) already stops before D_in",
    ),
    Mutant(
        name="first sample's gradient for all",
        kernel="linear_backward_x_cpu",
        find="grad_y[n, d_out]",
        replace="grad_y[0, d_out]",
        says="each sample's input gets the gradient of its own outputs: n, not 0",
    ),
    Mutant(
        name="weight transposed",
        kernel="linear_backward_x_cpu",
        find="weight[d_out, d_in]",
        replace="weight[d_in, d_out]",
        says="the weight has one row for each output: weight[d_out, d_in], in the gradient as well as forward",
    ),
    Mutant(
        name="weight gradient of one sample",
        kernel="linear_backward_weight_cpu",
        find="acc += grad_y[n, d_out] * x[n, d_in]",
        replace="acc = grad_y[n, d_out] * x[n, d_in]",
        says="every sample uses the weight: the products are summed over the batch; here only the last one is kept",
    ),
    Mutant(
        name="weight gradient averaged",
        kernel="linear_backward_weight_cpu",
        find="grad_weight[d_out, d_in] = acc",
        replace="grad_weight[d_out, d_in] = acc / N",
        says="the layer sums over the batch; if there is a mean, the loss takes it, and it is already in grad_y",
    ),
    Mutant(
        name="bias gradient averaged",
        kernel="linear_backward_bias_cpu",
        find="grad_bias[d_out] = acc",
        replace="grad_bias[d_out] = acc / N",
        says="the layer sums over the batch; if there is a mean, the loss takes it, and it is already in grad_y",
    ),
]
