"""einsum: sums of products, written by the indices of each tensor.

    y = einsum("ik,kj->ij", a, b)        y[i, j] = sum over k of a[i, k] b[k, j]

An index that is not in the result is summed over; one that occurs twice in a tensor takes the diagonal; "..." stands for all
dimensions that are not named. Two tensors at a time become a stack of matrix products.
"""

from __future__ import annotations

import math
from typing import Any

from ..tensor import Tensor

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def einsum(equation: Any, *operands: Any) -> Tensor:
    """The sum of products that the equation describes.

    Args:
        equation: indices of each operand, separated by commas, and after "->" those of the result, in its order. Without
            "->" these are the indices that occur once, in alphabetical order.
        operands: tensors, or one list of them. Also `einsum(a, [0, 1], b, [1, 2], [0, 2])`, without an equation.

    Raises:
        RuntimeError: the equation does not fit the tensors.
        ValueError: there is no tensor.
    """
    if isinstance(equation, Tensor):
        equation, operands = _from_lists((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum(): must specify the equation string and at least one operand")
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise RuntimeError(
            f"einsum(): the equation {equation!r} has {len(terms)} terms, but {len(operands)} operands were given"
        )
    parsed = [_indices(term, x.ndim, equation) for term, x in zip(terms, operands)]
    result = _result(right, parsed, equation) if arrow else _implicit(parsed)
    _check_extents(parsed, operands)
    y, have = _diagonals(operands[0], parsed[0])
    for k in range(1, len(operands)):
        x, indices = _diagonals(operands[k], parsed[k])
        later = {index for term in parsed[k + 1 :] for index in term} | set(result)
        y, have = _product(y, have, x, indices, later)
    rest = tuple(d for d, index in enumerate(have) if index not in result)
    y = y.sum(rest) if rest else y
    have = [index for index in have if index in result]
    return y.permute([have.index(index) for index in result])


def _from_lists(given: tuple) -> tuple[str, tuple]:
    """The equation of `einsum(a, [0, 1], b, [1, 2], [0, 2])`, and its operands."""
    lists = [given[i + 1] for i in range(0, len(given) - 1, 2)]
    texts = ["".join("..." if i is Ellipsis else LETTERS[i] for i in indices) for indices in lists]
    result = "->" + "".join("..." if i is Ellipsis else LETTERS[i] for i in given[-1]) if len(given) % 2 else ""
    return ",".join(texts) + result, given[0 : len(given) - len(given) % 2 : 2]


def _indices(term: str, ndim: int, equation: str) -> list:
    """The index of each dimension: letters, and numbers that count from the end for those of "..."."""
    head, dots, tail = term.partition("...")
    for letter in head + tail:
        if letter not in LETTERS:
            raise RuntimeError(f"einsum(): invalid subscript given: {letter!r} in {equation!r}, subscripts are letters")
    unnamed = ndim - len(head + tail)
    if unnamed < 0 or (unnamed and not dots):
        raise RuntimeError(
            f"einsum(): the number of subscripts in {term!r} does not match the {ndim} dimensions of its operand"
        )
    return [*head, *range(-unnamed, 0), *tail]


def _result(text: str, parsed: list, equation: str) -> list:
    head, dots, tail = text.partition("...")
    unnamed = max([sum(isinstance(index, int) for index in term) for term in parsed]) if dots else 0
    wanted = [*head, *range(-unnamed, 0), *tail]
    known = {index for term in parsed for index in term}
    for index in wanted:
        if wanted.count(index) > 1:
            raise RuntimeError(f"einsum(): output subscript {index} appears more than once in {equation!r}")
        if index not in known:
            raise RuntimeError(
                f"einsum(): output subscript {index} does not appear in the equation's operands: {equation!r}"
            )
    return wanted


def _implicit(parsed: list) -> list:
    found = [index for term in parsed for index in term]
    unnamed = sorted({index for index in found if isinstance(index, int)})
    return [*unnamed, *(letter for letter in LETTERS if found.count(letter) == 1)]


def _check_extents(parsed: list, operands: Any) -> None:
    extents: dict[Any, int] = {}
    for term, x in zip(parsed, operands):
        for index, n in zip(term, x.shape):
            before = extents.setdefault(index, n)
            if n not in (before, 1) and before != 1:
                raise RuntimeError(
                    f"einsum(): subscript {index} has size {n} for operand of shape {list(x.shape)}, which does not "
                    f"broadcast with previously seen size {before}"
                )
            extents[index] = max(before, n) if n else 0


def _diagonals(x: Tensor, indices: list) -> tuple[Tensor, list]:
    """The tensor with each index once: of one that occurs twice, the elements where both are equal."""
    for index in dict.fromkeys(indices):
        while indices.count(index) > 1:
            first = indices.index(index)
            second = indices.index(index, first + 1)
            if x.shape[first] != x.shape[second]:
                raise RuntimeError(f"einsum(): subscript {index} is repeated, for extents that differ: {list(x.shape)}")
            x = x.diagonal(0, first, second)
            indices = [other for d, other in enumerate(indices) if d not in (first, second)] + [index]
    return x, indices


def _product(a: Tensor, a_indices: list, b: Tensor, b_indices: list, later: set) -> tuple[Tensor, list]:
    """a times b, summed over the indices that both have and nothing later needs."""
    a, a_indices = _summed(a, a_indices, later | set(b_indices))
    b, b_indices = _summed(b, b_indices, later | set(a_indices))
    both = [index for index in a_indices if index in b_indices]
    extent = {i: max(a.shape[a_indices.index(i)], b.shape[b_indices.index(i)]) for i in both}
    a = a.expand([extent.get(index, n) for index, n in zip(a_indices, a.shape)])
    b = b.expand([extent.get(index, n) for index, n in zip(b_indices, b.shape)])
    stacked, summed = [i for i in both if i in later], [i for i in both if i not in later]
    a_alone, b_alone = [i for i in a_indices if i not in both], [i for i in b_indices if i not in both]
    a_order = [a_indices.index(i) for i in stacked + a_alone + summed]
    b_order = [b_indices.index(i) for i in stacked + summed + b_alone]
    n, m = len(stacked), len(a_alone)
    a, b = a.permute(a_order), b.permute(b_order)
    shape = (*a.shape[: n + m], *b.shape[n + len(summed) :])
    inner = math.prod(a.shape[n + m :])
    rows, columns, stack = math.prod(a.shape[n : n + m]), math.prod(shape[n + m :]), math.prod(shape[:n])
    if summed:
        y = a.reshape(stack, rows, inner).bmm(b.reshape(stack, inner, columns))
    else:
        y = a.reshape(stack, rows, 1) * b.reshape(stack, 1, columns)
    return y.reshape(shape), stacked + a_alone + b_alone


def _summed(x: Tensor, indices: list, needed: set) -> tuple[Tensor, list]:
    """The tensor summed over the indices that nothing else has."""
    rest = tuple(d for d, index in enumerate(indices) if index not in needed)
    return (x.sum(rest), [index for index in indices if index in needed]) if rest else (x, indices)
