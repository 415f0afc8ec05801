"""Classic mistakes in embedding."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="rows counted from one",
        kernel="embedding_forward_cpu",
        find="weight[ids[n], d]",
        replace="weight[ids[n] - 1, d]",
        says="ids count from 0: the id 2 chooses the third row",
    ),
    Mutant(
        name="position as row",
        kernel="embedding_forward_cpu",
        find="weight[ids[n], d]",
        replace="weight[n % weight.shape[0], d]",
        says="the id at a position chooses the row, not the position itself",
    ),
    Mutant(
        name="last one wins",
        kernel="embedding_backward_weight_cpu",
        find="total += grad_y[order[k], d]",
        replace="total = grad_y[order[k], d]",
        says="a row that is chosen several times gets the sum of the gradients, not the last one",
    ),
    Mutant(
        name="unsorted positions",
        kernel="embedding_backward_weight_cpu",
        find="grad_y[order[k], d]",
        replace="grad_y[k, d]",
        says="k is an index into the sorted positions; order[k] is the position whose gradient belongs to the row",
    ),
    Mutant(
        name="frequency over all ids",
        kernel="embedding_backward_weight_cpu",
        find="grad_y.dtype.type(start[v + 1] - start[v])",
        replace="grad_y.dtype.type(order.size)",
        says="the sum is divided by how often this row was chosen, not by the number of all ids",
    ),
]
