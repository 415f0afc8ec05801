"""Classic mistakes in one-hot encoding."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="counted from one",
        kernel="one_hot_forward_cpu",
        find="x[n] == c",
        replace="x[n] == c + 1",
        says="classes are counted from 0: class 0 is the first element",
    ),
    Mutant(
        name="up to the class",
        kernel="one_hot_forward_cpu",
        find="x[n] == c",
        replace="x[n] >= c",
        says="only the element of the class is 1, not all elements up to it",
    ),
    Mutant(
        name="zeros and ones exchanged",
        kernel="one_hot_forward_cpu",
        find="1 if x[n] == c else 0",
        replace="0 if x[n] == c else 1",
        says="the element of the class is 1, all others are 0",
    ),
]
