"""Classic mistakes in LayerNorm."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD, AFFINE = "layer_norm_forward_cpu", "layer_norm_backward_x_cpu", "layer_norm_backward_affine_cpu"

MUTANTS = [
    Mutant(
        name="unbiased variance",
        kernel=FORWARD,
        find="squares / count",
        replace="squares / (count - x.dtype.type(1))",
        says="the variance of a row is the biased one: divide by D, not by D - 1",
    ),
    Mutant(
        name="mean of squares, not of the differences",
        kernel=FORWARD,
        find="difference = x[n, d] - mean[n]",
        replace="difference = x[n, d]",
        says="the variance is the mean squared distance from the mean, not from zero",
    ),
    Mutant(
        name="epsilon outside the root",
        kernel=FORWARD,
        find="math.sqrt(np.float64(var + x.dtype.type(eps)))",
        replace="(math.sqrt(np.float64(var)) + x.dtype.type(eps))",
        says="epsilon is added to the variance, inside the root",
    ),
    Mutant(
        name="divided by the variance",
        kernel=FORWARD,
        find="math.sqrt(np.float64(var + x.dtype.type(eps)))",
        replace="(var + x.dtype.type(eps))",
        says="the elements are divided by the standard deviation, which is the root of the variance",
    ),
    Mutant(
        name="scale per row",
        kernel=FORWARD,
        find="weight[d] * x_hat",
        replace="weight[n % D] * x_hat",
        says="each feature has its own scale, the same in all rows: weight[d]",
    ),
    Mutant(
        name="bias scaled as well",
        kernel=FORWARD,
        find="weight[d] * x_hat + bias[d]",
        replace="weight[d] * (x_hat + bias[d])",
        says="the bias is added after the scaling",
    ),
    Mutant(
        name="weight outside the means",
        kernel=BACKWARD,
        find="h_acc += h\n",
        replace="h_acc += grad_y[n, d]\n",
        says="the features have different weights: multiply by the weight before the mean over the row is taken",
    ),
    Mutant(
        name="mean taken as a constant",
        kernel=BACKWARD,
        find="h - h_mean - x_hat",
        replace="h - x_hat",
        says="the mean depends on x too: the mean of the gradient has to be subtracted",
    ),
    Mutant(
        name="variance taken as a constant",
        kernel=BACKWARD,
        find="h - h_mean - x_hat * h_x_hat_mean",
        replace="h - h_mean",
        says="the variance depends on x too: the term with x_hat is missing",
    ),
    Mutant(
        name="sums for means",
        kernel=BACKWARD,
        find="h_x_hat_acc / count",
        replace="h_x_hat_acc",
        says="both correction terms are means over the row: divide the sum by D",
    ),
    Mutant(
        name="weight's gradient of the raw input",
        kernel=AFFINE,
        find="weight_acc += grad_y[n, d] * x_hat",
        replace="weight_acc += grad_y[n, d] * x[n, d]",
        says="the weight multiplies the normalized input, so its gradient is the sum of grad_y * x_hat",
    ),
    Mutant(
        name="bias's gradient of the last row only",
        kernel=AFFINE,
        find="bias_acc += grad_y[n, d]",
        replace="bias_acc = grad_y[n, d]",
        says="the bias was added in every row: its gradient is the sum over all rows",
    ),
]
