"""Code as HTML: one element per line, with its line number in the file, its own address, and the symbols marked."""

from __future__ import annotations

import html
from collections.abc import Collection

from pygments.lexers import PythonLexer
from pygments.token import STANDARD_TYPES, Name, Token

from .segment import Function

# by line (from 1) and column (from 0): the target of a name's link, and a title or ""
Links = dict[tuple[int, int], tuple[str, str]]


def address(function: Function) -> str:
    """The part of a line's address that names its function: "conv2d-forward-cpu"."""
    return function.name.replace("_", "-").replace(".", "-") or "file"


def highlighted(lines: list[str]) -> list[list[tuple]]:
    """The tokens of a whole file, by line. So highlighting is right for strings of several lines, too."""
    rows: list[list[tuple]] = [[]]
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens("\n".join(lines)):
        for i, part in enumerate(text.split("\n")):
            if i:
                rows.append([])
            if part:
                rows[-1].append((kind, part))
    return rows


def listing(
    function: Function,
    rows: list[list[tuple]],
    symbols: Collection[str],
    tinted: Collection[int] = (),
    links: Links | None = None,
) -> str:
    """The lines of a function as HTML. `symbols`: variables to mark, in kernels; `tinted`: lines that differ from the twin's."""
    marked = symbols if function.device else ()
    lines = []
    for number in range(function.first, function.last + 1):
        if number in function.docstring_lines:
            continue
        at = f"{address(function)}-L{number - function.first + 1 if function.name else number}"
        css = "rt-line rt-differs" if number in tinted else "rt-line"
        place = f'<a class="rt-no" tabindex="-1" href="#{at}" aria-label="line {number}">{number}</a>'
        indent, code = _line(rows[number - 1], number, marked, links or {})
        deep = f' style="--i:{indent}"' if indent else ""  # the indent of its second part if the line is broken
        lines.append(f'<span class="{css}" id="{at}"{deep}>{place}<code>{code}</code></span>')
    return f'<pre class="rt-code" tabindex="0" data-function="{function.name}">' + "\n".join(lines) + "</pre>"


def _line(row: list[tuple], number: int, symbols: Collection[str], links: Links) -> tuple[int, str]:
    """The indent of a line, and its HTML."""
    parts, column = [], 0
    text = "".join(text for _, text in row)
    indent = len(text) - len(text.lstrip(" "))
    for kind, text in row:
        shown = _token(kind, text, symbols)
        name = number, column + text.startswith("@")  # a decorator and its @ are one token
        if name in links and kind in Name:
            to, title = links[name]
            about = f' title="{html.escape(title)}"' if title else ""
            shown = f'<a href="{to}"{about}>{shown}</a>'
        if column < indent:
            spaces = text[: indent - column]
            shown = f"<i>{spaces}</i>" + _token(kind, text[len(spaces) :], symbols)
        parts.append(shown)
        column += len(text)
    return indent, "".join(parts)


def _token(kind: Token, text: str, symbols: Collection[str]) -> str:
    escaped = html.escape(text, quote=False)
    if text in symbols and kind in Name:
        return f'<span data-sym="{text}">{escaped}</span>'
    while kind not in STANDARD_TYPES:
        kind = kind.parent
    css = STANDARD_TYPES[kind]
    return f'<span class="{css}">{escaped}</span>' if css and css not in ("n", "w", "p") else escaped
