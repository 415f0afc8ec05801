"""A component file as a page: Markdown headings with blocks of HTML between them."""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Iterable
from pathlib import Path

from markdown.extensions.toc import slugify
from pygments.token import Name

from ..step.components import PACKAGE, components
from . import document, examples, links, lists, names, pictures, recordings, sections
from .errors import SiteError
from .highlight import address, highlighted, listing
from .mathematics import to_html
from .segment import Block, Function, Segments, segment

CSS = {"Symbols": "rt-text rt-symbols", "Questions": "rt-text rt-questions"}


class Page:
    """Makes the page of a file of the package."""

    checks_examples = True

    def __init__(self, file: Path, title: str = "", searched: bool = True):
        self.searched = searched
        self.given_title = title
        self.segments: Segments = segment(file)
        self.symbols = document.symbols(self.segments)
        self.rows = highlighted(self.segments.lines)
        self.links = links.links(file)
        self.source = file.relative_to(PACKAGE.parent)
        self.component = next((c for c in components().values() if c.file == file), None)

    # -------------------------------------------------------------------------------------------------- the whole
    def markdown(self) -> str:
        """The page."""
        self._check_placeholders()
        self._check_symbols()
        if self.checks_examples:
            examples.check(self.segments.docstring, self.segments.file, self.segments.docstring_line)
        opening, choosing = self._opening()
        parts = self._parts()
        front = ["---", "hide: [toc]", *([] if self.searched else ["search: {exclude: true}"]), "---"]
        lines = [*front, f"# {self.title()}", "", opening, ""]  # the rows need the width
        if self.component:
            lines += [pictures.figure(self.component), "", choosing, "", _contents(parts), ""]
        for heading, text in parts.items():
            lines += [f"## {heading}", "", text, ""]
        return "\n".join(lines)

    def _opening(self) -> tuple[str, str]:
        """The beginning of the docstring in two parts, before and from "Use it when": a picture comes between them."""
        summary = document.sections(self.segments)[0]
        start = re.search(r"^Use it when ", summary.text, re.MULTILINE) if self.component else None
        if start is None:
            return self._html(summary.text, summary.line), ""
        before, after = summary.text[: start.start()], summary.text[start.start() :]
        return self._html(before, summary.line), self._html(after, summary.line + before.count("\n"))

    def _parts(self) -> dict[str, str]:
        """The page's text by heading, in this order: first the explanations, then the code, then the reference tables."""
        said = {section.heading: self._section(section) for section in document.sections(self.segments)[1:]}
        source = {"Source": f"{self._file_line()}\n\n{self._all_rows()}"}
        if not self.component:
            ladder = self.source.parts[1:3] == ("fast", "ladder")
            return {**said, **({"Measured": lists.rungs(self.segments.file.stem)} if ladder else {}), **source}
        known = {function.name for block in self.segments.blocks for function in block.functions}
        first = {heading: said.get(heading) for heading in ("Worked example", "Forward", "Gradients")}
        last = {
            "Symbols": said.get("Symbols"),
            **source,
            "Arguments, shapes, errors": self._interface(),
            "Questions": said.get("Questions"),
            "Agreement with PyTorch": lists.agreement(known),
            "Speed": lists.speed(known),
            "Differences": said.get("Differences"),
            "Neighbours": sections.neighbours(self.component),
        }
        between = {heading: text for heading, text in said.items() if heading not in {**first, **last}}
        return {heading: text for heading, text in {**first, **between, **last}.items() if text}

    def _section(self, section: document.Section) -> str:
        """A section of the docstring."""
        made = self._html(_fenced(section.text), section.line, CSS.get(section.heading, "rt-text"))
        if section.heading == "Worked example":
            viewer = recordings.viewer(self.component) if self.component else ""
            return f"{made}\n\n### Step by step\n\n{viewer}" if viewer else made
        return _answers_hidden(made) if section.heading == "Questions" else made

    def _interface(self) -> str:
        """Arguments, shapes and errors of the classes and functions, from their docstrings."""
        parts = []
        for place, thing in names.public(self.component).items() if self.component else ():
            name = place.rpartition(".")[2]
            line = next((f.first for b in self.segments.blocks for f in b.functions if f.name == name), 1)
            parts.append(f"### {name}\n\n{self._html(names.entry(place, thing), line, 'rt-text rt-entry')}\n")
        return "\n".join(parts)

    def _check_placeholders(self) -> None:
        """No text from `reftorch new` that asks to be replaced may be left."""
        for number, line in enumerate(self.segments.lines, 1):
            if self.component and re.search(r"\bTODO\b", line):
                raise SiteError(self.segments.file, number, f"something is still to be written: {line.strip()}")

    def _check_symbols(self) -> None:
        """Each symbol must be in a formula above its table, and its variable in a kernel."""
        kernels = [f for block in self.segments.blocks for f in block.functions if f.device]
        if not kernels:
            return
        names = {
            token for f in kernels for row in self.rows[f.first - 1 : f.last] for kind, token in row if kind in Name
        }
        formulas = "\n".join(re.findall(r"\$+([^$]+)\$+", self.segments.docstring.partition("\n## Symbols\n")[0]))
        for symbol in self.symbols:
            if symbol.variable not in names:
                raise SiteError(self.segments.file, symbol.line, f"no kernel has the variable {symbol.variable}")
            if symbol.tex not in formulas:
                raise SiteError(self.segments.file, symbol.line, f"no formula above has the symbol {symbol.tex}")

    def title(self) -> str:
        """The given title, or the class of the file, or else its name."""
        if self.given_title:
            return self.given_title
        return sections.title(self.component) if self.component else self.segments.file.stem

    def summary(self) -> str:
        """The first line of the docstring."""
        return self.segments.docstring.partition("\n")[0].rstrip(".")

    def _file_line(self) -> str:
        name = self.component.name if self.component else self.segments.file.stem
        text = f"`{self.source.as_posix()}`, as it is run."
        if self.component:
            step = f"{text} In a debugger: `reftorch step {name}`.{self._which_kernels()}"
            return f"{step}\n\n{sections.functions(self.segments)}"
        asked = sections.assignments(self.source.as_posix().partition("/")[2])
        return text + f" Assignment: {', '.join(asked)}." * bool(asked)

    def _which_kernels(self) -> str:
        """Whether the kernels of the file run by default, or fast forms in their place."""
        kernels = any(function.device == "cpu" for block in self.segments.blocks for function in block.functions)
        fast = ", ".join(
            f'<a href="{at}"><code>{name}</code></a>' for name, at in links.fast_forms(self.segments.file).items()
        )
        if not fast:
            return " These kernels run by default: there are no fast forms." if kernels else ""
        reference = 'inside `with reftorch.kernels("reference")`'
        if not kernels:
            return f" On a CPU, fast forms run by default: {fast}. In debug mode and {reference} their reference forms run."
        return (
            f" On a CPU, fast forms run by default: {fast}. The reference kernels below run in debug mode,"
            f" {reference}, and in cases that a fast form does not handle."
        )

    # -------------------------------------------------------------------------------------------------- text
    def _html(self, text: str, line: int, css: str = "rt-text") -> str:
        """Markdown of the file as HTML; `line` is its line in the file, for errors."""
        pairs = [(s.tex, s.variable) for s in self.symbols]
        return f'<div class="{css}">\n{to_html(text, self.segments.file, line, pairs)}\n</div>'

    # -------------------------------------------------------------------------------------------------- rows
    def _all_rows(self) -> str:
        return '<div class="rt-rows">\n' + "\n".join(self._row(block) for block in self.segments.blocks) + "\n</div>"

    def _row(self, block: Block) -> str:
        """Notes on the left, code on the right."""
        notes, line = block.notes, block.notes_line
        docstring = block.functions[0].docstring
        if docstring and not block.is_kernel:
            if self.checks_examples:
                examples.check(docstring, self.segments.file, block.functions[0].docstring_lines.start)
            text = document.markdown_of_docstring(docstring)
            notes, line = (notes + "\n\n" + text, line) if notes else (text, block.functions[0].docstring_lines.start)
        notes = re.sub(r"^(#+) ", r"##\1 ", notes, flags=re.MULTILINE)  # the page has two levels above
        left = self._html(notes, line, "rt-notes") if notes.strip() else '<div class="rt-notes"></div>'
        return f'<section class="rt-row">{left}<div class="rt-side">{self._code(block)}</div></section>'

    def _code(self, block: Block) -> str:
        variables = {symbol.variable for symbol in self.symbols}
        if len(block.functions) == 1:
            return self._titled(block.functions[0], listing(block.functions[0], self.rows, variables, links=self.links))
        tinted = self._differences(*block.functions)
        name = address(block.functions[0])
        tabs = {"cpu": "CPU", "cuda": "CUDA", "both": "Both"}
        columns = max(len(line) for f in block.functions for line in self.segments.lines[f.first - 1 : f.last])
        parts = [f'<div class="rt-twins" data-twins="{name}" data-columns="{columns}">']
        for key, label in tabs.items():
            checked = " checked" if key == "cpu" else ""
            parts.append(
                f'<input type="radio" name="twins-{name}" id="tab-{name}-{key}" data-device="{key}"{checked}>'
                f'<label for="tab-{name}-{key}">{label}</label>'
            )
        for function, lines in zip(block.functions, tinted):
            code = self._titled(function, listing(function, self.rows, variables, lines, self.links))
            parts.append(f'<div class="rt-twin" data-device="{function.device}">{code}</div>')
        return "".join(parts) + "</div>"

    def _titled(self, function: Function, code: str) -> str:
        name = html.escape(function.name or self.source.name)
        return (
            f'<div class="rt-head"><span>{name}</span><button type="button" class="rt-copy" '
            f'title="Copy">Copy</button></div>{code}'
        )

    def _differences(self, first: Function, second: Function) -> list[set[int]]:
        """The lines of each twin that the other one does not have; indents are ignored."""
        stripped = [[line.strip() for line in self.segments.lines[f.first - 1 : f.last]] for f in (first, second)]
        found: list[set[int]] = [set(), set()]
        matcher = difflib.SequenceMatcher(None, stripped[0], stripped[1], autojunk=False)
        for tag, a0, a1, b0, b1 in matcher.get_opcodes():
            if tag != "equal":
                found[0].update(range(first.first + a0, first.first + a1))
                found[1].update(range(second.first + b0, second.first + b1))
        return found


def _contents(headings: Iterable[str]) -> str:
    """The table of contents: a line that stays in view, or on a phone a list that opens."""
    links = "".join(f'<li><a href="#{slugify(heading, "-")}">{html.escape(heading)}</a></li>' for heading in headings)
    return (
        '<nav class="rt-contents" aria-label="On this page" data-search-exclude><details open>'
        f"<summary>On this page</summary><ul>{links}</ul></details></nav>"
    )


def _answers_hidden(text: str) -> str:
    """Each question in bold becomes a button that opens its answer."""
    first, *parts = re.split(r"<p><strong>(.*?)</strong></p>", text, flags=re.DOTALL)
    last = "</div>" if parts else ""
    pairs = [
        f"<details><summary>{q}</summary>{a.removesuffix(last)}</details>" for q, a in zip(parts[::2], parts[1::2])
    ]
    return "\n".join([first, *pairs, last])


def _fenced(text: str) -> str:
    """Doctests in fences, so that Markdown shows them as code."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith(">>> ") and not inside:
            lines += ["```pycon", line]
            inside = True
        elif inside and not line.strip():
            lines += ["```", ""]
            inside = False
        else:
            lines.append(line)
    return examples.shown("\n".join([*lines, "```"] if inside else lines))
