"""The module docstring of a component: its sections, and its symbols table."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import examples
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
    """One symbol of a row of the symbols table."""

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
    """The symbols of the table below "## Symbols", one by one: a row with several symbols is split.

    Raises:
        SiteError: a row has different numbers of symbols and variables.
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


def first_formula(file: Segments) -> str:
    """The first display formula of the docstring, with its dollars; "" if there is none."""
    found = re.search(r"\$\$[^$]+\$\$", file.docstring)
    return found[0] if found else ""


def _parts(tex: str) -> list[str]:
    """The parts of a text between commas; commas in brackets do not separate."""
    parts, depth = [""], 0
    for letter in tex:
        depth += (letter in "[({") - (letter in "])}")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip(" $") for part in parts]


HEADING = re.compile(r"(Args|Raises|Returns|Attributes|Shapes|Shape):\s*(.*)")
Described = list[tuple[str, "str | list[tuple[str, str]]"]]


def described(text: str) -> Described:
    """A docstring in parts, each with its heading or "". A part is prose, or the pairs (name, description) of a list such as `Args:`.

    Examples are left out.
    """
    parts: Described = []
    for paragraph in re.split(r"\n\s*\n", _without_examples(text).strip()):
        for lines in filter(None, _at_headings(paragraph.splitlines())):
            heading = HEADING.match(lines[0])
            if heading and not heading[2] and len(lines) > 1:
                parts.append((heading[1], _pairs(lines[1:])))
            else:
                said = " ".join([heading[2] if heading else lines[0], *(line.strip() for line in lines[1:])])
                parts.append((heading[1] if heading else "", stars(said)))
    return parts


def _without_examples(text: str) -> str:
    """`>>>` and what follows it up to an empty line."""
    return re.sub(r"^ *>>> .*?(?:\n\s*\n|\Z)", "\n", text, flags=re.MULTILINE | re.DOTALL)


def _at_headings(lines: list[str]) -> list[list[str]]:
    """A paragraph, cut before each line that is a heading."""
    found: list[list[str]] = [[]]
    for line in lines:
        if HEADING.match(line) and found[-1]:
            found.append([])
        found[-1].append(line)
    return found


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    """`name: description`; the description may continue in lines with a larger indent."""
    pairs: list[tuple[str, str]] = []
    for line in lines:
        name, colon, rest = line.strip().partition(":")
        if pairs and (line.startswith("     ") or not colon):
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]} {stars(line.strip())}")
        else:
            pairs.append((name.strip("`"), stars(rest.strip())))
    return pairs


def stars(text: str) -> str:
    """The star of a shape, (N, *), is not emphasis in Markdown."""
    return re.sub(r"(?<=[(\s])\*(?=[,)])", r"\*", text)


def markdown_of_docstring(text: str) -> str:
    """A function's docstring as Markdown: `Args:` and its like become headings of lists, `>>>` becomes code."""
    lines: list[str] = []
    listing = in_code = False
    for line in text.splitlines():
        heading = HEADING.match(line)
        if in_code and not line.strip():
            lines += ["```", ""]
            in_code = False
        elif line.startswith((">>> ", "... ")) and not in_code:
            lines += ["", "```pycon", line]
            in_code = True
        elif in_code:
            lines.append(line)
        elif heading:
            lines += ["", f"**{heading[1]}.** {stars(heading[2])}".rstrip(), *[""] * (not heading[2])]
            listing = not heading[2]
        elif listing and re.match(r"    \S", line):
            name, colon, rest = line.strip().partition(":")
            lines.append(f"- `{name}`:{stars(rest)}" if colon else f"- {stars(name)}")
        elif listing and line.startswith("     "):
            lines.append(f"  {line.strip()}")
        else:
            listing = listing and bool(line.strip()) and line.startswith(" ")
            lines.append(stars(line))
    return examples.shown("\n".join([*lines, "```"] if in_code else lines))
