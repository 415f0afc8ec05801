"""Classic mistakes in RNN."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="the state is not carried on",
        kernel="rnn_forward",
        find="h[:n] = y[rows]",
        replace="pass",
        says="the next step starts from the new state: keep it",
    ),
    Mutant(
        name="the state of the last time only",
        kernel="rnn_forward",
        find="h[:n] = y[rows]",
        replace="h = y[rows].clone()",
        says="a sequence that has ended keeps its state: replace the first n rows only",
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
        find="grad_y[rows] + grad_h[:n]",
        replace="grad_y[rows]",
        says="the state acts on the next step too: that gradient has to be added",
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
        find="matmul(grad_a[rows], weight_hh)",
        replace="matmul(grad_a[rows], weight_hh.t())",
        says="forward multiplies by the transposed weight, so backward multiplies by the weight itself",
    ),
]
