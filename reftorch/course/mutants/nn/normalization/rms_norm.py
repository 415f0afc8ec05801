"""Classic mistakes in RMSNorm."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD, WEIGHT = "rms_norm_forward_cpu", "rms_norm_backward_x_cpu", "rms_norm_backward_weight_cpu"

MUTANTS = [
    Mutant(
        name="sum for the mean",
        kernel=FORWARD,
        find="squares / x.dtype.type(D)",
        replace="squares",
        says="the root is taken of the mean of the squares: divide their sum by D",
    ),
    Mutant(
        name="epsilon outside the root",
        kernel=FORWARD,
        find="math.sqrt(np.float64(mean + x.dtype.type(eps)))",
        replace="(math.sqrt(np.float64(mean)) + x.dtype.type(eps))",
        says="epsilon is added to the mean of the squares, inside the root",
    ),
    Mutant(
        name="not squared",
        kernel=FORWARD,
        find="squares += x[n, d] * x[n, d]",
        replace="squares += abs(x[n, d])",
        says="this is the mean of the absolute values; the mean of the squares is needed",
    ),
    Mutant(
        name="scale per row",
        kernel=FORWARD,
        find="weight[d] * x_hat",
        replace="weight[n % D] * x_hat",
        says="each feature has its own scale, the same in all rows: weight[d]",
    ),
    Mutant(
        name="root mean square taken as a constant",
        kernel=BACKWARD,
        find=" - x_hat * h_x_hat_mean",
        replace="",
        says="the root mean square depends on x too: the term with x_hat is missing",
    ),
    Mutant(
        name="weight outside the mean",
        kernel=BACKWARD,
        find="h_x_hat_acc += h * x_hat",
        replace="h_x_hat_acc += grad_y[n, d] * x_hat",
        says="the features have different weights: multiply by the weight before the mean over the row is taken",
    ),
    Mutant(
        name="weight's gradient of the raw input",
        kernel=WEIGHT,
        find="acc += grad_y[n, d] * x_hat",
        replace="acc += grad_y[n, d] * x[n, d]",
        says="the weight multiplies the normalized input, so its gradient is the sum of grad_y * x_hat",
    ),
]
