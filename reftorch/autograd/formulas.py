"""Finds the formulas of a step of the backward pass in the docstrings that state them, and writes them as text for a terminal."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .function import Function


def formulas(function: type[Function]) -> list[str]:
    """The formulas of a Function's gradients, one per line; empty if no docstring states any.

    A component has them in its file, below "## Gradients"; tensor arithmetic in the class's docstring, as "y = a b;  da = b dy".
    """
    document = getattr(sys.modules.get(function.__module__), "__doc__", None) or ""
    section = document.partition("\n## Gradients\n")[2].partition("\n## ")[0]
    if section:
        found = re.findall(r"\$\$(.+?)\$\$", section, re.DOTALL)
        return [line for formula in found for line in plain_text(formula).splitlines()]
    slope = _slope(function)
    if slope:
        return [slope]
    document = inspect.getdoc(function) if _has_own(function) else None
    first = (document or "").partition("\n")[0].rstrip(".")
    return [part for part in re.split(r";  ?|,  ", first) if part.startswith(("d", "D"))] or ([first] if first else [])


def _has_own(function: type[Function]) -> bool:
    """Whether the docstring is of this Function, not the one that all inherit."""
    from .function import Function

    return inspect.getdoc(function) != inspect.getdoc(Function)


def _slope(function: type[Function]) -> str:
    """`slope = lambda x: ...` in the class, as a formula."""
    if not hasattr(function, "slope"):
        return ""
    for cls in function.__mro__:
        if "slope" not in vars(cls):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
        except (OSError, SyntaxError):
            return ""
        for node in ast.walk(tree):
            if isinstance(node, ast.Lambda):
                text = ast.unparse(node.body).replace("*", "·").replace("math.", "")
                return f"dx = ({text}) dy" if isinstance(node.body, (ast.BinOp, ast.UnaryOp)) else f"dx = {text} dy"
    return ""


def place(function: type[Function]) -> str:
    """Where the gradient is computed: "reftorch/nn/activation/relu.py:123"."""
    backward = inspect.unwrap(function.backward)
    code = getattr(backward, "__code__", None)
    if code is None:
        return ""
    inside = code.co_filename.replace("\\", "/").rpartition("/reftorch/")
    return f"{'reftorch/' + inside[2] if inside[1] else inside[2]}:{code.co_firstlineno}"


# --------------------------------------------------------------------------------------------------- TeX to plain text
SIGNS = {
    "partial": "∂", "sum": "Σ", "prod": "Π", "cdot": "·", "times": "×", "le": "≤", "ge": "≥", "ne": "≠", "in": "∈", "pm": "±",
    "infty": "∞", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "leftarrow": "←", "to": "→", "odot": "⊙",
    "ldots": "…", "cdots": "…",
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "varepsilon": "ε", "epsilon": "ε", "theta": "θ", "lambda": "λ",
    "mu": "μ", "nu": "ν", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "omega": "ω",
    "Delta": "Δ", "Phi": "Φ", "Sigma": "Σ", "left": "", "right": "", "qquad": "\n", "quad": "   ", "big": "", "Big": "",
}  # fmt: skip
ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}
SPACES = {",", ";", " ", ":", "!"}


def plain_text(tex: str) -> str:
    r"""A formula as text: `\frac{\partial L}{\partial x_i}` becomes "∂L/∂x_i"; `\qquad` begins a new line."""
    tokens = re.findall(r"\\[A-Za-z]+|\\.|\s+|.", tex, re.DOTALL)
    text = _Reader(tokens).upto(None)
    lines = [re.sub(r"\s+", " ", line).strip(" ,") for line in text.split("\n")]
    return "\n".join(re.sub(r" ([,;.)\]⌋⌉])", r"\1", re.sub(r"([(\[⌊⌈∂]) ", r"\1", line)) for line in lines if line)


class _Reader:
    """Reads TeX tokens from left to right."""

    def __init__(self, tokens: list[str]):
        self.tokens = tokens

    def upto(self, end: str | None) -> str:
        text = ""
        while self.tokens and self.tokens[0] != end:
            text += self.one()
        if self.tokens:
            self.tokens.pop(0)
        return text

    def group(self) -> str:
        """The argument of a command: {...} or one token."""
        while self.tokens and self.tokens[0].isspace():
            self.tokens.pop(0)
        return self.one() if self.tokens else ""

    def one(self) -> str:
        token = self.tokens.pop(0)
        if token == "{":
            return self.upto("}")
        if token in "_^":
            return self.script(token)
        if token.isspace():
            return " "  # a line break in the source is a space, `\qquad` is a line break
        if not token.startswith("\\"):
            return token
        return self.command(token[1:])

    def command(self, name: str) -> str:
        if name == "frac":
            return f"{_closed(self.group())}/{_closed(self.group())}"
        if name == "sqrt":
            return f"√{_closed(self.group(), always=True)}"
        if name in ("text", "mathrm", "operatorname"):
            return self.group()
        if name in ACCENTS:
            return self.group() + ACCENTS[name]
        if name == "begin":
            return self.cases() if self.group() == "cases" else ""
        if name in ("sum", "prod"):
            return self.sum(SIGNS[name])
        if name in SPACES:
            return " "
        return SIGNS.get(name, name)

    def script(self, mark: str) -> str:
        text = self.group()
        return f"{mark}{text}" if re.fullmatch(r"\w+", text) else f"{mark}({text})"

    def sum(self, sign: str) -> str:
        """The sum's range in brackets behind it: Σ(c = 0..C - 1)."""
        ends = {"_": "", "^": ""}
        while self.tokens and self.tokens[0] in ends:
            mark = self.tokens.pop(0)
            ends[mark] = self.group().strip()
        below, above = ends["_"], ends["^"]
        return f"{sign}({below}{'..' + above if above else ''}) " if below else f"{sign} "

    def cases(self) -> str:
        """The lines of a choice, one after the other: "{a if x > 0, 0 otherwise}"."""
        text = self.upto("\\end")
        self.group()
        rows = [" ".join(row.replace("&", " ").split()) for row in text.split("\\")]
        return "{" + ", ".join(row for row in rows if row) + "}"


def _closed(text: str, always: bool = False) -> str:
    """Text that can stand beside a slash."""
    return f"({text})" if always or re.search(r"[ +\-·/]", text.replace("∂ ", "∂")) else text
