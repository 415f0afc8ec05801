"""Classic mistakes in bags of embeddings."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="share forgotten",
        kernel="embedding_bag_forward_cpu",
        find="share[n] * weight[ids[n], d]",
        replace="weight[ids[n], d]",
        says="each row is multiplied by its share: 1 / count for the mean, or its own weight",
    ),
    Mutant(
        name="one id too many",
        kernel="embedding_bag_forward_cpu",
        find="range(first[b], first[b + 1])",
        replace="range(first[b], min(first[b + 1] + 1, ids.size))",
        says="the bag ends before the first id of the next one",
    ),
    Mutant(
        name="last one wins",
        kernel="embedding_bag_backward_weight_cpu",
        find="total += share",
        replace="total = share",
        says="a row that is chosen several times gets the sum of the gradients, not the last one",
    ),
    Mutant(
        name="gradient of another bag",
        kernel="embedding_bag_backward_weight_cpu",
        find="grad_y[bag[order[k]], d]",
        replace="grad_y[bag[k], d]",
        says="the gradient is that of the bag of position order[k], not of position k",
    ),
    Mutant(
        name="share without its row",
        kernel="embedding_bag_backward_share_cpu",
        find="weight[ids[n], d]",
        replace="weight[bag[n], d]",
        says="the derivative with respect to a share is the row that its id chose",
    ),
    Mutant(
        name="maximum starts at zero",
        kernel="embedding_bag_max_forward_cpu",
        find="n == first[b] or weight[ids[n], d] > y[b, d]",
        replace="weight[ids[n], d] > y[b, d]",
        says="the maximum starts with the row of the first id: if all numbers are negative, it is negative",
    ),
    Mutant(
        name="last winner wins",
        kernel="embedding_bag_max_backward_weight_cpu",
        find="+= grad_y[b, d]",
        replace="= grad_y[b, d]",
        says="a row that has the maximum of two bags gets the sum of both gradients",
    ),
]
