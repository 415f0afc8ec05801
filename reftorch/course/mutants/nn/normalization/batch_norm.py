"""Classic mistakes in batch normalization."""

from reftorch.course.mutants import Mutant

STATISTICS, FORWARD = "batch_norm_forward_statistics_cpu", "batch_norm_forward_cpu"
AFFINE, BACKWARD = "batch_norm_backward_affine_cpu", "batch_norm_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="unbiased variance in the batch",
        kernel=STATISTICS,
        find="var[c] = squares / count",
        replace="var[c] = squares / (count - x.dtype.type(1))",
        says="the batch is normalized with its biased variance: divide by M; only the running variance divides by M - 1",
    ),
    Mutant(
        name="biased running variance",
        kernel=STATISTICS,
        find="squares / (count - x.dtype.type(1))",
        replace="squares / count",
        says="the running variance describes all data: it uses the unbiased variance of the batch, divided by M - 1",
    ),
    Mutant(
        name="momentum of the old value",
        kernel=STATISTICS,
        find="a * (center - running_mean[c])",
        replace="(x.dtype.type(1) - a) * (center - running_mean[c])",
        says="momentum is the weight of the new batch, not of the old value; in SGD it is the weight of the old value",
    ),
    Mutant(
        name="running mean replaced",
        kernel=STATISTICS,
        find="running_mean[c] += a * (center - running_mean[c])",
        replace="running_mean[c] = center",
        says="the running mean moves towards the mean of the batch by the factor momentum; it is not replaced by it",
    ),
    Mutant(
        name="positions forgotten in the count",
        kernel=STATISTICS,
        find="x.dtype.type(N * D)",
        replace="x.dtype.type(N)",
        says="a channel has N * D elements, not only one per sample",
    ),
    Mutant(
        name="mean of squares, not of the differences",
        kernel=STATISTICS,
        find="difference = x[n, c, d] - center",
        replace="difference = x[n, c, d]",
        says="the variance is the mean squared distance from the mean, not from zero",
    ),
    Mutant(
        name="epsilon outside the root",
        kernel=FORWARD,
        find="math.sqrt(np.float64(var[c] + var.dtype.type(eps)))",
        replace="(math.sqrt(np.float64(var[c])) + var.dtype.type(eps))",
        says="epsilon is added to the variance, inside the root",
    ),
    Mutant(
        name="divided by the variance",
        kernel=FORWARD,
        find="math.sqrt(np.float64(var[c] + var.dtype.type(eps)))",
        replace="(var[c] + var.dtype.type(eps))",
        says="the elements are divided by the standard deviation, which is the root of the variance",
    ),
    Mutant(
        name="bias scaled as well",
        kernel=FORWARD,
        find="scale * (x[n, c, d] - mean[c]) + bias[c]",
        replace="scale * (x[n, c, d] - mean[c] + bias[c])",
        says="the bias is added after the scaling, so that it is the mean of the output",
    ),
    Mutant(
        name="weight's gradient of the raw input",
        kernel=AFFINE,
        find="weight_acc += grad_y[n, c, d] * x_hat",
        replace="weight_acc += grad_y[n, c, d] * x[n, c, d]",
        says="the weight multiplies the normalized input, so its gradient is the sum of grad_y * x_hat",
    ),
    Mutant(
        name="bias's gradient of the last number only",
        kernel=AFFINE,
        find="bias_acc += grad_y[n, c, d]",
        replace="bias_acc = grad_y[n, c, d]",
        says="the bias was added to every element of its channel: its gradient is the sum over all of them",
    ),
    Mutant(
        name="statistics taken as constants",
        kernel=BACKWARD,
        find="if training:",
        replace="if False:",
        says="in training the mean and the variance depend on x, too: its gradient has two more terms",
    ),
    Mutant(
        name="evaluation as in training",
        kernel=BACKWARD,
        find="if training:",
        replace="if True:",
        says="in evaluation the statistics are constants: the gradient is only scaled",
    ),
    Mutant(
        name="variance taken as a constant",
        kernel=BACKWARD,
        find="(grad_bias[c] + x_hat * grad_weight[c])",
        replace="grad_bias[c]",
        says="the variance depends on x too: the term with x_hat is missing",
    ),
    Mutant(
        name="mean taken as a constant",
        kernel=BACKWARD,
        find="(grad_bias[c] + x_hat * grad_weight[c])",
        replace="(x_hat * grad_weight[c])",
        says="the mean depends on x too: the mean of the gradient has to be subtracted",
    ),
    Mutant(
        name="weight forgotten in the gradient",
        kernel=BACKWARD,
        find="weight[c] / std * bracket",
        replace="bracket / std",
        says="y is weight * x_hat + bias, so the gradient of x is multiplied by the weight",
    ),
]
