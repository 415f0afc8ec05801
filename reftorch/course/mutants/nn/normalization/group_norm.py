"""Classic mistakes in GroupNorm."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD, AFFINE = "group_norm_forward_cpu", "group_norm_backward_x_cpu", "group_norm_backward_affine_cpu"

MUTANTS = [
    Mutant(
        name="groups of every G-th channel",
        kernel=FORWARD,
        find="acc += x[n, g * K + k, d]",
        replace="acc += x[n, k * G + g, d]",
        says="the channels of a group are neighbours: g * K + k, not k * G + g",
    ),
    Mutant(
        name="statistics per channel",
        kernel=FORWARD,
        find="count = x.dtype.type(K * D)",
        replace="count = x.dtype.type(D)",
        says="mean and variance are taken over all channels of the group: K * D elements",
    ),
    Mutant(
        name="unbiased variance",
        kernel=FORWARD,
        find="squares / count",
        replace="squares / (count - x.dtype.type(1))",
        says="the variance is the biased one: divide by the number of elements, not by this number minus 1",
    ),
    Mutant(
        name="epsilon outside the root",
        kernel=FORWARD,
        find="math.sqrt(np.float64(var + x.dtype.type(eps)))",
        replace="(math.sqrt(np.float64(var)) + x.dtype.type(eps))",
        says="epsilon is added to the variance, inside the root",
    ),
    Mutant(
        name="scale per group",
        kernel=FORWARD,
        find="weight[c] * x_hat",
        replace="weight[g] * x_hat",
        says="each channel has its own scale, not each group: weight[c]",
    ),
    Mutant(
        name="weight outside the means",
        kernel=BACKWARD,
        find="h_acc += h\n",
        replace="h_acc += grad_y[n, c, d]\n",
        says="the channels of a group have different weights: multiply by the weight before the mean is taken",
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
        name="means over the positions only",
        kernel=BACKWARD,
        find="count = x.dtype.type(K * D)",
        replace="count = x.dtype.type(D)",
        says="both means are taken over all K * D elements of the group",
    ),
    Mutant(
        name="weight's gradient of the raw input",
        kernel=AFFINE,
        find="weight_acc += grad_y[n, c, d] * x_hat",
        replace="weight_acc += grad_y[n, c, d] * x[n, c, d]",
        says="the weight multiplies the normalized input, so its gradient is the sum of grad_y * x_hat",
    ),
    Mutant(
        name="statistics of another group",
        kernel=AFFINE,
        find="g = c // K",
        replace="g = c % G",
        says="channel c belongs to group c // K, because the channels of a group are neighbours",
    ),
    Mutant(
        name="bias's gradient of the last element only",
        kernel=AFFINE,
        find="bias_acc += grad_y[n, c, d]",
        replace="bias_acc = grad_y[n, c, d]",
        says="the bias was added to every element of its channel: its gradient is the sum over all of them",
    ),
]
