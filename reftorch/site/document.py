"""The module docstring of a component: its sections, and its symbols table."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import SiteError
from .segment import Segments

ROW = re.compile(r"\|(.+)\|(.+)\|(.+)\|(.+)\|$")


@dataclass
class Section:
    """A part of the docstring; the first has no heading."""

    heading: str
    text: str
    line: int  # in the file, of the text


@dataclass
class Symbol:
    """A row of the symbols table, one symbol of it."""

    tex: str
    variable: str
    range: str
    meaning: str
    line: int  # in the file


def sections(file: Segments) -> list[Section]:
    """The docstring, cut at its `## ` headings."""
    found = [Section("", "", file.docstring_line)]
    for i, line in enumerate(file.docstring.splitlines()):
        if line.startswith("## "):
            found.append(Section(line[3:].strip(), "", file.docstring_line + i + 1))
        else:
            found[-1].text += line + "\n"
    return found


def symbols(file: Segments) -> list[Symbol]:
    """What the table below "## Symbols" says, a symbol each: a row with several is taken apart.

    Raises:
        SiteError: a row has not as many symbols as variables.
    """
    found = []
    for section in sections(file):
        if section.heading != "Symbols":
            continue
        for i, line in enumerate(section.text.splitlines()):
            row = ROW.match(line)
            if row is None or "`" not in row[2]:
                continue
            variables = re.findall(r"`(\w+)`", row[2])
            written = _parts(row[1].strip().strip("$"))
            if len(written) != len(variables):
                text = f"a row with {len(written)} symbols and {len(variables)} variables: {line}"
                raise SiteError(file.file, section.line + i, text)
            for tex, variable in zip(written, variables):
                found.append(Symbol(tex, variable, row[3].strip(), row[4].strip(), section.line + i))
    return found


def _parts(tex: str) -> list[str]:
    """What commas separate, but for those in brackets."""
    parts, depth = [""], 0
    for letter in tex:
        depth += (letter in "[({") - (letter in "])}")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip(" $") for part in parts]


def markdown_of_docstring(text: str) -> str:
    """A function's docstring as Markdown: `Args:` and its like become headings of lists, `>>>` becomes code."""
    lines: list[str] = []
    listing = in_code = False
    for line in text.splitlines():
        heading = re.match(r"(Args|Raises|Returns|Attributes|Shapes|Shape):\s*(.*)", line)
        if in_code and not line.strip():
            lines += ["```", ""]
            in_code = False
        elif line.startswith((">>> ", "... ")) and not in_code:
            lines += ["", "```pycon", line]
            in_code = True
        elif in_code:
            lines.append(line)
        elif heading:
            lines += ["", f"**{heading[1]}.** {heading[2]}", ""]
            listing = not heading[2]
        elif listing and re.match(r"    \S", line):
            name, colon, rest = line.strip().partition(":")
            lines.append(f"- `{name}`:{rest}" if colon else f"- {name}")
        elif listing and line.startswith("     "):
            lines.append(f"  {line.strip()}")
        else:
            listing = listing and bool(line.strip()) and line.startswith(" ")
            lines.append(line)
    return "\n".join([*lines, "```"] if in_code else lines)
