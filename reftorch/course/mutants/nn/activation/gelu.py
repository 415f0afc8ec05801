"""Classic mistakes in GELU."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="square root forgotten",
        kernel="gelu_forward_cpu",
        find="x[i] * x.dtype.type(0.7071067811865476)",
        replace="x[i]",
        says="the argument of erf is x divided by the square root of 2",
    ),
    Mutant(
        name="probability above",
        kernel="gelu_forward_cpu",
        find="x.dtype.type(1) + math.erf",
        replace="x.dtype.type(1) - math.erf",
        says="the factor is the probability below x; this is the probability above it",
    ),
    Mutant(
        name="product rule",
        kernel="gelu_backward_x_cpu",
        find="(below + x[i] * density)",
        replace="below",
        says="the factor depends on x too: x times the density is missing",
    ),
    Mutant(
        name="density not normalized",
        kernel="gelu_backward_x_cpu",
        find="x.dtype.type(0.3989422804014327) * math.exp",
        replace="math.exp",
        says="the density has the factor 1 / sqrt(2 pi)",
    ),
    Mutant(
        name="half of the exponent",
        kernel="gelu_backward_x_cpu",
        find="x.dtype.type(-0.5) * x[i]",
        replace="-x[i]",
        says="the exponent of the normal density is -x² / 2",
    ),
    Mutant(
        name="cubic term forgotten",
        kernel="gelu_tanh_forward_cpu",
        find="(x[i] + cubic)",
        replace="x[i]",
        says="the argument has a second term, 0.044715 x³",
    ),
    Mutant(
        name="derivative of the cubic term",
        kernel="gelu_tanh_backward_x_cpu",
        find="x.dtype.type(0.134145)",
        replace="x.dtype.type(0.044715)",
        says="the derivative of x³ is 3 x²",
    ),
    Mutant(
        name="derivative of tanh",
        kernel="gelu_tanh_backward_x_cpu",
        find="(x.dtype.type(1) - t * t) * s",
        replace="(x.dtype.type(1) - t) * s",
        says="the derivative of tanh is 1 - tanh²",
    ),
]
