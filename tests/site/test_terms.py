"""What the step viewer reads out of a line of a kernel: `reftorch/trace/viewer/terms.js`, run by Node.js."""

import json
import subprocess

import pytest

from reftorch.site import mathematics
from reftorch.trace.page import VIEWER

# A line, the variables before it, cells by the text of the element, and after it: what is shown.
SCRIPT = """
const { line, variables, now, cells, after, arrays, taken } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const list = stepTerms.tokens(line).filter(token => token.kind !== "comment"), old = name => variables[name];
const array = name => arrays.includes(name) ? name : undefined, elements = stepTerms.elements(list, old, array);
const at = element => `${element.name}[${element.indices.map(index => stepTerms.value(index, old))}]`;
console.log(JSON.stringify({
  elements: elements.map(at),
  says: stepTerms.computed(list, elements, {
    old, now: name => now[name], before: e => cells[at(e)], after: e => after[at(e)], moved: name => name in now, taken,
    write: value => value === true ? "True" : value === false ? "False" : String(value) }),
}));
"""


@pytest.fixture(scope="module")
def read():
    try:
        node = mathematics._program("node")
    except RuntimeError as error:
        pytest.skip(str(error))
    script = (VIEWER / "terms.js").read_text(encoding="utf-8") + SCRIPT

    def read(line, variables=(), now=(), cells=(), after=(), arrays=("x", "y"), taken=None):
        given = {"line": line, "variables": dict(variables), "now": dict(now), "cells": dict(cells)}
        given |= {"after": dict(after), "arrays": list(arrays), "taken": taken}
        done = subprocess.run([node, "-e", script], input=json.dumps(given), capture_output=True, text=True)
        assert not done.returncode, done.stderr
        return json.loads(done.stdout)

    return read


@pytest.mark.parametrize(
    "index, value",
    [
        ("n", "2"),
        ("n + 1", "3"),
        ("n - 1 - 1", "0"),
        ("-n + 3", "1"),
        ("(n + 1) * 2", "6"),
        ("7 // n * 2", "6"),
        ("-7 // n", "-4"),  # as Python divides
        ("-7 % 3", "2"),
        ("n * 2 + k % 2", "5"),
        ("f(n)", "null"),  # it is not known what a call gives
        ("z", "null"),
        ("n if k else 0", "null"),
    ],
)
def test_index_arithmetic_is_pythons(read, index, value):
    found = read(f"y[{index}] = acc", {"n": 2, "k": 1})["elements"]
    assert found == [f"y[{'' if value == 'null' else value}]"]


@pytest.mark.parametrize(
    "line, elements",
    [
        ("acc += x[n, (n + 1) * 2] * y[0]", ["x[2,6]", "y[0]"]),
        ("s = 'x[0]'  # y[1]", []),  # a string and a comment
        ("x.shape[0]", []),
        ("a.x[0]", []),
        ("params[k][n] -= lr", ["params[1][2]"]),
        ("y[x[n]] = 1", ["y[]", "x[2]"]),
        ("y[n", []),
    ],
)
def test_elements(read, line, elements):
    assert read(line, {"n": 2, "k": 1}, arrays=("x", "y", "params[1]"))["elements"] == elements


@pytest.mark.parametrize(
    "line, given, says",
    [
        ("h = a * s - p", dict(variables={"a": 1, "s": 2, "p": 0}, now={"h": 2}), "h = 1 * 2 - 0 = 2"),
        (
            "acc += x[0] * a",
            dict(variables={"acc": 3, "a": 2}, cells={"x[0]": 4}, now={"acc": 11}),
            "acc = 3 + 4 * 2 = 11",
        ),
        (
            "acc -= x[0] + a",
            dict(variables={"acc": 3, "a": 2}, cells={"x[0]": 4}, now={"acc": -3}),
            "acc = 3 - (4 + 2) = -3",
        ),
        ("acc *= a + 1", dict(variables={"acc": 3, "a": 2}, now={"acc": 9}), "acc = 3 * (2 + 1) = 9"),
        ("y[n] = a", dict(variables={"n": 1, "a": 5}, after={"y[1]": 5}), "y[1] = 5"),
        ("y[n] += a", dict(variables={"n": 1, "a": 5}, cells={"y[1]": 2}, after={"y[1]": 7}), "y[1] = 2 + 5 = 7"),
        ("e = a == 2", dict(variables={"a": 2}, now={"e": True}), "e = (2 == 2) = True"),
        (
            "d = a if first else b",
            dict(variables={"a": 2, "b": 3, "first": False}, now={"d": 3}),
            "d = (2 if False else 3) = 3",
        ),
        ("y[0] = math.exp(a)", dict(variables={"a": 0}, after={"y[0]": 1}), "y[0] = math.exp(0) = 1"),
        ("zero = x.dtype.type(0)", dict(now={"zero": 0}), ""),  # no number to put in
        ("N, C = x.shape", dict(now={"N": 1, "C": 2}), ""),
        ("for k in range(K):", dict(variables={"K": 3}, now={"k": 1}), "k = 1 in range(3)"),
        ("for k in range(K):", dict(variables={"K": 3, "k": 2}), "range(3) is over"),
        ("for i in prange(x.size):", dict(now={"i": 4}), "i = 4"),
        ("if 0 <= h < H:", dict(variables={"h": -1, "H": 3}, taken=False), "0 <= -1 < 3: False"),
        ("if 0 <= h < H:", dict(variables={"h": 1, "H": 3}, taken=True), "0 <= 1 < 3: True"),
        ("if 0 <= h < H:", dict(variables={"h": 1, "H": 3}), "0 <= 1 < 3"),
        ("return", {}, ""),
        ("f(x, axis=a)", dict(variables={"a": 1}), ""),  # the sign in brackets assigns nothing
    ],
)
def test_lines_with_numbers(read, line, given, says):
    assert read(line, **given)["says"] == says
