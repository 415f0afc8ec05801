"""Classic mistakes in fold."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "fold_forward_cpu", "fold_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="no overlap",
        kernel=FORWARD,
        find="acc += ",
        replace="acc = ",
        says="where blocks overlap, they are added: += instead of =",
    ),
    Mutant(
        name="blocks that are not there",
        kernel=FORWARD,
        find="if w_even and 0 <= w_out < W_out",
        replace="if 0 <= w_out < W_out",
        says="with a stride, not every column begins a block: the division must leave no remainder",
    ),
    Mutant(
        name="padding subtracted",
        kernel=FORWARD,
        find="(h_in + pad_h - k_h * dil_h) // stride_h",
        replace="(h_in - pad_h - k_h * dil_h) // stride_h",
        says="row h_in of the image is row h_in + pad_h of the padded image",
    ),
    Mutant(
        name="beyond the blocks",
        kernel=FORWARD,
        find="if h_even and 0 <= h_out < H_out",
        replace="if h_even and h_out < H_out",
        says="a negative row of blocks does not exist; Python reads the last one instead",
    ),
    Mutant(
        name="gradient without stride",
        kernel=BACKWARD_X,
        find="h_out * stride_h",
        replace="h_out",
        says="block h_out begins at row h_out * stride_h - pad_h",
    ),
    Mutant(
        name="gradient out of the padding",
        kernel=BACKWARD_X,
        find="if 0 <= h_in < H_in and",
        replace="if h_in < H_in and",
        says="an element of a block that lies in the padding was not used: its gradient is zero",
    ),
]
