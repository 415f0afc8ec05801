"""Classic mistakes in constant borders."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "constant_pad_forward_cpu", "constant_pad_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="zero instead of the value",
        kernel=FORWARD,
        find="= value",
        replace="= y.dtype.type(0)",
        says="the elements of the border are the given value",
    ),
    Mutant(
        name="padding on the wrong side",
        kernel=FORWARD,
        find="l_out - before",
        replace="l_out + before",
        says="the input begins after the border: l_in = l_out - before",
    ),
    Mutant(
        name="wraps around",
        kernel=FORWARD,
        find="if 0 <= l_in < L_in",
        replace="if l_in < L_in",
        says="a negative index is in the border; Python counts it from the end",
    ),
    Mutant(
        name="gradient not moved",
        kernel=BACKWARD_X,
        find="l_in + before",
        replace="l_in",
        says="element l_in of the input is element l_in + before of the output",
    ),
    Mutant(
        name="gradient of elements that were cut off",
        kernel=BACKWARD_X,
        find="if 0 <= l_out < L_out",
        replace="if l_out < L_out",
        says="an element that was cut off has no influence on the result: its gradient is 0",
    ),
]
