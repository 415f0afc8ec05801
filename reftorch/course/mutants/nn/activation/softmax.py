"""Classic mistakes in Softmax."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="largest logit not subtracted",
        kernel="softmax_forward_cpu",
        find="if x[n, c, d] > largest:\n                largest = x[n, c, d]",
        replace="largest = x.dtype.type(0)",
        says="if the largest logit is not subtracted, the exponential of a large logit overflows",
    ),
    Mutant(
        name="largest of the absolute logits",
        kernel="softmax_forward_cpu",
        find="if x[n, c, d] > largest:\n                largest = x[n, c, d]",
        replace="largest = max(largest, abs(x[n, c, d]))",
        says="the largest logit is subtracted, not the largest absolute value: with logits near -10000 every exponential is 0",
    ),
    Mutant(
        name="sum over all samples",
        kernel="softmax_forward_cpu",
        find="total += y[n, c, d]",
        replace="total += y[0, c, d]",
        says="each sample is divided by the sum of its own exponentials",
    ),
    Mutant(
        name="not divided by the sum",
        kernel="softmax_forward_cpu",
        find="y[n, c, d] /= total",
        replace="y[n, c, d] /= x.dtype.type(C)",
        says="the exponentials are divided by their sum, not by the number of classes",
    ),
    Mutant(
        name="only the own class",
        kernel="softmax_backward_x_cpu",
        find="(grad_y[n, c, d] - mean)",
        replace="(y.dtype.type(1) - y[n, c, d]) * grad_y[n, c, d]",
        says="y (1 - y) is the derivative of a probability with respect to its own logit; but each logit changes all probabilities",
    ),
    Mutant(
        name="mean not weighted",
        kernel="softmax_backward_x_cpu",
        find="mean += grad_y[n, c, d] * y[n, c, d]",
        replace="mean += grad_y[n, c, d] / y.dtype.type(C)",
        says="the mean of the gradients is weighted by the probabilities",
    ),
    Mutant(
        name="mean forgotten",
        kernel="softmax_backward_x_cpu",
        find="(grad_y[n, c, d] - mean)",
        replace="grad_y[n, c, d]",
        says="adding one number to all logits has no effect: so the weighted mean of the gradients is subtracted",
    ),
]
