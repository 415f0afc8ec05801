"""Classic mistakes in interpolation with antialiasing."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "upsample_antialias2d_forward_cpu", "upsample_antialias2d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="weights not divided by their sum",
        kernel=FORWARD,
        find="acc / total",
        replace="acc",
        says="the weights have to add up to 1: divide by their sum",
    ),
    Mutant(
        name="curve not stretched",
        kernel=FORWARD,
        find="v_w = raw_weight(x, w_in, w_center, w_stretch, reach)",
        replace="v_w = raw_weight(x, w_in, w_center, x.dtype.type(1), reach)",
        says="if the image becomes smaller, the curve is stretched by the distance between outputs",
    ),
    Mutant(
        name="always the triangle",
        kernel=FORWARD,
        find="v_h = raw_weight(x, h_in, h_center, h_stretch, reach)",
        replace="v_h = raw_weight(x, h_in, h_center, h_stretch, 1)",
        says="each mode has its own curve, along both dimensions",
    ),
    Mutant(
        name="only the last output",
        kernel=BACKWARD,
        find="acc += v_h",
        replace="acc = v_h",
        says="a pixel that several outputs cover gets the sum of their gradients",
    ),
    Mutant(
        name="weight of the row left out",
        kernel=BACKWARD,
        find="v_h * v_w * grad_y",
        replace="v_w * grad_y",
        says="the weight of a pixel is the product of its weights along rows and columns",
    ),
]
