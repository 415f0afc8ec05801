"""Classic mistakes in nearest-neighbour interpolation."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "upsample_nearest2d_forward_cpu", "upsample_nearest2d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="rows and columns exchanged",
        kernel=FORWARD,
        find="w_in = nearest_source(x, w_out, scale_w",
        replace="w_in = nearest_source(x, w_out, scale_h",
        says="the column was found with the distance of the rows: each dimension has its own",
    ),
    Mutant(
        name="scale inverted",
        kernel=FORWARD,
        find="nearest_source(x, h_out, scale_h, exact, H_in)",
        replace="nearest_source(x, h_out, 1 / scale_h, exact, H_in)",
        says="the scale is the distance between two outputs in pixels of the input: 1/2 if the output is twice as large",
    ),
    Mutant(
        name="never exact",
        kernel="upsample_nearest1d_forward_cpu",
        find="nearest_source(x, w_out, scale_w, exact, W_in)",
        replace="nearest_source(x, w_out, scale_w, False, W_in)",
        says="nearest-exact takes the pixel under the centre of the output: add 1/2 before the multiplication",
    ),
    Mutant(
        name="slice of the output",
        kernel="upsample_nearest3d_forward_cpu",
        find="d_in = nearest_source(x, d_out, scale_d, exact, D_in)",
        replace="d_in = min(d_out, D_in - 1)",
        says="an index of a slice of the output is not an index of a slice of the input: multiply it by the scale",
    ),
    Mutant(
        name="only the last output",
        kernel=BACKWARD,
        find="acc += grad_y",
        replace="acc = grad_y",
        says="a pixel that is copied several times gets the sum of the gradients",
    ),
    Mutant(
        name="every near output",
        kernel=BACKWARD,
        find="if nearest_source(grad_x, w_out, scale_w, exact, W_in) == w_in:",
        replace="if True:",
        says="an output passes its gradient to the one pixel that it copies, not to the neighbours",
    ),
]
