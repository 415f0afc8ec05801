"""The shared vocabulary: what many components have in common has one symbol and one meaning on all pages.

A component adds only what is special to it. A variable that stands here has one of these symbols, with or without the index i
of an element, and its meaning begins with these words.
"""

import re
from typing import NamedTuple


class Word(NamedTuple):
    symbols: str  # separated by blanks
    meaning: str  # a regular expression for its beginning


def window(axis: str, size: str) -> dict[str, Word]:
    """The words for one axis of a window or a filter: `window("h", "row")`."""
    several = rf"({size}s|(planes, )?rows and columns)"
    within = rf"that (covers|reaches) {size} \${axis}_{{in}}"
    return {
        f"K_{axis}": Word(f"K_{axis}", rf"{size}s of a (window|filter|block)"),
        f"stride_{axis}": Word(f"s_{axis}", rf"{several} from one "),
        f"pad_{axis}": Word(f"p_{axis}", rf"({size}s of padding|(planes|rows) of padding (above|in front),)"),
        f"dil_{axis}": Word(f"d_{axis}", rf"{several} from one "),
        f"{axis}_in": Word(f"{axis}_in", rf"{size} of the (input|image)|element of the input|input feature"),
        f"{axis}_out": Word(f"{axis}_out", rf"{size} of (the output|blocks)|element of the output|output feature"),
        f"{axis}_start": Word(rf"a_{axis}", rf"first {size} of a window"),
        f"{axis}_end": Word(rf"b_{axis}", rf"first {size} of a window, and the first one behind it"),
        f"{axis}_first": Word(f"f_{axis} a_{axis}", rf"first (and last )?window\b.* {within}"),
        f"{axis}_last": Word(f"g_{axis} b_{axis}", rf"(first (and last )?|last )window\b.* {within}"),
    }


WORDS = {
    "x": Word("x", r"input\b"),
    "y": Word("y", r"output\b"),
    "weight": Word("W w", r"weight\b"),
    "bias": Word("b", r"bias\b"),
    "target": Word("t y", r"target: "),
    "loss": Word("l", r"(loss|share) of each .*before"),
    "grad_x": Word(r"\frac\partialL\partialx", r"gradient of the loss for \$x\$"),
    "grad_y": Word(r"\frac\partialL\partialy g", r"gradient of the loss for \$y\$"),
    "grad_weight": Word(r"\frac\partialL\partialW \frac\partialL\partialw", r"gradient of the loss for \$[Ww]\$"),
    "grad_bias": Word(r"\frac\partialL\partialb", r"gradient of the loss for \$b\$"),
    "grad_loss": Word("g", r"gradient of the reduced loss for each "),
    "c_in": Word("c_in", r"input channel|channel of the input"),
    "c_out": Word("c_out", r"output channel|channel of the output"),
    "l_in": Word("l_in", r"position in the input"),
    "l_out": Word("l_out", r"position in the output"),
    "groups": Word("G", r"number of groups"),
    "x_hat": Word(r"\hatx", r"normalized input"),
    "eps": Word(r"\varepsilon", r""),
    "param": Word(r"\theta", r"the parameter"),
    "lr": Word(r"\gamma", r"learning rate|factor of all steps"),
    "weight_decay": Word(r"\lambda", r"strength of the pull"),
    **window("d", "plane"),
    **window("h", "row"),
    **window("w", "column"),
}

OWNERS = {
    "x": {"x", "ids"},
    "W": {"weight"},
    r"\varepsilon": {"eps", "EPS"},
    r"\hatx": {"x_hat"},
}  # symbols of these alone


def bare(symbol: str) -> str:
    r"""A symbol without blanks, braces and its index i: `x_{i}` is x, `\hat{x}` and `\hat x` are \hatx."""
    return re.sub(r"_i$", "", re.sub(r"[{} ]", "", symbol))


def complaints(rows: list[list[str]]) -> list[str]:
    """What the rows of a table of symbols say differently from the shared vocabulary."""
    found = []
    for cell, names, _, meaning in rows:
        symbols = [
            bare(part) for formula in re.findall(r"\$([^$]+)\$", cell) for part in re.split(r",(?![^{]*\})", formula)
        ]
        variables = re.findall(r"`([A-Za-z_]\w*)", names)
        for symbol, variable in zip(symbols, variables, strict=False):
            word = WORDS.get(variable)
            if word and symbol not in word.symbols.split():
                found.append(f"`{variable}` is ${symbol}$ here, elsewhere one of {word.symbols}")
            if word and len(variables) <= 2 and not re.match(word.meaning, meaning):
                found.append(f"`{variable}` means {meaning!r} here; wanted: {word.meaning}")
            if symbol in OWNERS and variable not in OWNERS[symbol]:
                found.append(f"${symbol}$ is `{variable}` here; it stands for {sorted(OWNERS[symbol])} alone")
        for variable in variables:
            if (
                variable.startswith("grad_")
                and len(variables) == 1
                and not re.match(r"gradient of the|running mean", meaning)
            ):
                found.append(f"`{variable}` means {meaning!r}; wanted: gradient of the loss for ...")
    return found
