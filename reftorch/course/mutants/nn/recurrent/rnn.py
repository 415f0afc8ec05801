"""Classic mistakes in RNN."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="the state is not carried on",
        kernel="rnn_forward",
        find="copy(h[:n], out[rows])",
        replace="pass",
        says="the next step starts from the new state: keep it",
    ),
    Mutant(
        name="the state of the last time only",
        kernel="rnn_forward",
        find="copy(h[:n], out[rows])",
        replace="h = out[rows].copy()",
        says="a sequence that has ended keeps its state: replace only the first n rows",
    ),
    Mutant(
        name="reverse direction from the start",
        kernel="rnn_forward",
        find="time_steps(batch_sizes, reverse)",
        replace="time_steps(batch_sizes, False)",
        says="the second direction reads from the last time to the first",
    ),
    Mutant(
        name="only the own output",
        kernel="rnn_backward",
        find="add(grad_y[rows], grad_h[:n])",
        replace="grad_y[rows]",
        says="the state is an input of the next step, too: add the gradient from there",
    ),
    Mutant(
        name="forwards through time",
        kernel="rnn_backward",
        find="reversed(time_steps(batch_sizes, reverse))",
        replace="time_steps(batch_sizes, reverse)",
        says="the gradient goes back through time: from the last step to the first",
    ),
    Mutant(
        name="transposed weight",
        kernel="rnn_backward",
        find="Product(weight_hh)",
        replace="Product(weight_hh.t())",
        says="forward multiplies by the transposed weight, so backward multiplies by the weight itself",
    ),
]
