"""Classic mistakes in instance normalization."""

from reftorch.course.mutants import Mutant

FORWARD, RUNNING = "instance_norm_forward_cpu", "instance_norm_forward_running_cpu"
BACKWARD, AFFINE = "instance_norm_backward_x_cpu", "instance_norm_backward_affine_cpu"

MUTANTS = [
    Mutant(
        name="first sample's statistics for all",
        kernel=FORWARD,
        find="acc += x[n, c, d]",
        replace="acc += x[0, c, d]",
        says="each sample has its own mean: this is the difference from batch normalization",
    ),
    Mutant(
        name="unbiased variance",
        kernel=FORWARD,
        find="var[n, c] = squares / count",
        replace="var[n, c] = squares / (count - x.dtype.type(1))",
        says="a sample is normalized with its biased variance: divide by D; only the running variance divides by D - 1",
    ),
    Mutant(
        name="mean of squares, not of the differences",
        kernel=FORWARD,
        find="difference = x[n, c, d] - mean[n, c]",
        replace="difference = x[n, c, d]",
        says="the variance is the mean squared distance from the mean, not from zero",
    ),
    Mutant(
        name="epsilon outside the root",
        kernel=FORWARD,
        find="math.sqrt(np.float64(var[n, c] + x.dtype.type(eps)))",
        replace="(math.sqrt(np.float64(var[n, c])) + x.dtype.type(eps))",
        says="epsilon is added to the variance, inside the root",
    ),
    Mutant(
        name="biased running variance",
        kernel=RUNNING,
        find="unbiased * var[n, c]",
        replace="var[n, c]",
        says="the running variance describes all data: it uses the unbiased variance, divided by D - 1",
    ),
    Mutant(
        name="sum over the samples",
        kernel=RUNNING,
        find="mean_acc / mean.dtype.type(N)",
        replace="mean_acc",
        says="the running mean moves towards the average over the samples, not towards their sum",
    ),
    Mutant(
        name="momentum of the old value",
        kernel=RUNNING,
        find="a * (mean_acc",
        replace="(mean.dtype.type(1) - a) * (mean_acc",
        says="momentum is the weight of the new batch, not of the old value",
    ),
    Mutant(
        name="mean taken as a constant",
        kernel=BACKWARD,
        find="grad_y[n, c, d] - s - x_hat * p",
        replace="grad_y[n, c, d] - x_hat * p",
        says="the mean depends on x too: the mean of the gradient has to be subtracted",
    ),
    Mutant(
        name="variance taken as a constant",
        kernel=BACKWARD,
        find="grad_y[n, c, d] - s - x_hat * p",
        replace="grad_y[n, c, d] - s",
        says="the variance depends on x too: the term with x_hat is missing",
    ),
    Mutant(
        name="weight forgotten in the gradient",
        kernel=BACKWARD,
        find="weight[c] / std * (",
        replace="1 / std * (",
        says="y is weight * x_hat + bias, so the gradient of x is multiplied by the weight",
    ),
    Mutant(
        name="weight's gradient of the raw input",
        kernel=AFFINE,
        find="weight_acc += grad_y[n, c, d] * x_hat",
        replace="weight_acc += grad_y[n, c, d] * x[n, c, d]",
        says="the weight multiplies the normalized input, so its gradient is the sum of grad_y * x_hat",
    ),
    Mutant(
        name="bias's gradient of the last element only",
        kernel=AFFINE,
        find="bias_acc += grad_y[n, c, d]",
        replace="bias_acc = grad_y[n, c, d]",
        says="the bias was added to every element of its channel: its gradient is the sum over all of them",
    ),
]
