"""The classic mistakes in Adadelta."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="roots exchanged",
        kernel="adadelta_step_cpu",
        find="math.sqrt(acc_delta[i] + eps) / math.sqrt(square_avg[i] + eps)",
        replace="math.sqrt(square_avg[i] + eps) / math.sqrt(acc_delta[i] + eps)",
        says="multiply by the root for the steps and divide by the root for the gradients: so the step has the unit of the parameter",
    ),
    Mutant(
        name="learning rate in the mean",
        kernel="adadelta_step_cpu",
        find="new * d * d",
        replace="new * lr * d * d",
        says="the mean is that of the squared step without the learning rate",
    ),
    Mutant(
        name="mean of gradients only",
        kernel="adadelta_step_cpu",
        find="acc_delta[i] = rho * acc_delta[i] + new * d * d",
        replace="acc_delta[i] = rho * acc_delta[i] + new * g * g",
        says="acc_delta is the mean of the squared steps, not of the squared gradients",
    ),
]
