"""Classic mistakes in Bilinear."""

from reftorch.course.mutants import Mutant

FORWARD, FIRST, SECOND = "bilinear_forward_cpu", "bilinear_backward_u_cpu", "bilinear_backward_v_cpu"
WEIGHT, BIAS = "bilinear_backward_weight_cpu", "bilinear_backward_bias_cpu"

MUTANTS = [
    Mutant(
        name="no bias",
        kernel=FORWARD,
        find="acc = bias[d_out]",
        replace="acc = y.dtype.type(0)",
        says="the bias is never added: the sum starts at zero instead of bias[d_out]",
    ),
    Mutant(
        name="= for +=",
        kernel=FORWARD,
        find="acc += inner",
        replace="acc = inner",
        says="each product replaces the sum instead of being added to it",
    ),
    Mutant(
        name="only pairs with the same index",
        kernel=FORWARD,
        find="for d_u in range(D_u):",
        replace="for d_u in range(d_v, min(d_v + 1, D_u)):",
        says="all pairs of features are multiplied, not only those with the same index",
    ),
    Mutant(
        name="weight of the first output",
        kernel=FIRST,
        find="weight[d_out, d_u, d_v]",
        replace="weight[0, d_u, d_v]",
        says="each output feature has its own matrix: weight[d_out]",
    ),
    Mutant(
        name="first input for the second",
        kernel=SECOND,
        find="u[n, d_u]",
        replace="u[n, d_u] * u[n, d_u]",
        says="the derivative with respect to the second input contains the first input once",
    ),
    Mutant(
        name="gradient of the first output only",
        kernel=SECOND,
        find="grad_y[n, d_out]",
        replace="grad_y[n, 0]",
        says="every output depends on the input, so the gradient is a sum over the outputs: grad_y[n, d_out]",
    ),
    Mutant(
        name="inputs exchanged",
        kernel=WEIGHT,
        find="u[n, d_u] * v[n, d_v]",
        replace="u[n, d_v % u.shape[1]] * v[n, d_u % v.shape[1]]",
        says="weight[d_out, d_u, d_v] belongs to feature d_u of the first and d_v of the second input",
    ),
    Mutant(
        name="weight gradient of one sample",
        kernel=WEIGHT,
        find="acc += grad_y",
        replace="acc = grad_y",
        says="every sample uses the weight: the products are summed over the batch",
    ),
    Mutant(
        name="bias gradient averaged",
        kernel=BIAS,
        find="grad_bias[d_out] = acc",
        replace="grad_bias[d_out] = acc / N",
        says="the layer sums over the batch; if there is a mean, the loss takes it",
    ),
]
