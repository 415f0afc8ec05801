"""A component file as a page: Markdown headings with blocks of HTML between them."""

from __future__ import annotations

import difflib
import doctest
import html
import re
from pathlib import Path

import markdown

from ..step.components import PACKAGE, components
from . import document, lists, recordings
from .errors import SiteError
from .highlight import address, highlighted, listing
from .mathematics import BadFormula, MathExtension
from .segment import Block, Function, Segments, segment

EXTENSIONS = ["tables", "fenced_code", "codehilite", "sane_lists", "attr_list"]
OPTIONS = {"codehilite": {"guess_lang": False}}


class Page:
    """A file of the package on its way to Markdown."""

    def __init__(self, file: Path):
        self.segments: Segments = segment(file)
        self.symbols = document.symbols(self.segments)
        self.rows = highlighted(self.segments.lines)
        self.source = file.relative_to(PACKAGE.parent)
        self.component = next((c for c in components().values() if c.file == file), None)

    # -------------------------------------------------------------------------------------------------- the whole
    def markdown(self) -> str:
        """The page."""
        parts = ["---", "hide: [toc]", "---", f"# {self.title()}", ""]  # the rows need the room
        for section in document.sections(self.segments):
            if section.heading == "Worked example":
                self._check_example(section)
            text = _fenced(section.text) if section.heading == "Worked example" else section.text
            if section.heading:
                parts += [f"## {section.heading}", ""]
            parts += [self._html(text, section.line, self._css(section.heading)), ""]
            if section.heading == "Worked example" and self.component:
                parts += ["### Step by step", "", recordings.viewer(self.component), ""]
        if self.component:
            names = {function.name for block in self.segments.blocks for function in block.functions}
            parts += ["## Agreement with PyTorch", "", lists.agreement(names), ""]
        if self.source.parts[1:3] == ("fast", "ladder"):
            parts += [lists.rungs(self.segments.file.stem), ""]
        parts += ["## Source", "", self._file_line(), "", self._all_rows(), ""]
        return "\n".join(parts)

    def title(self) -> str:
        """The class of the file, or else its name."""
        classes = [f.name for b in self.segments.blocks for f in b.functions if self._is_public_class(f)]
        return classes[-1] if self.component and classes else self.segments.file.stem

    def _is_public_class(self, function: Function) -> bool:
        line = self.segments.lines[function.first - 1 :][: function.last - function.first + 1]
        is_class = any(text.startswith("class ") for text in line[:3])
        return is_class and not function.name.startswith("_") and not function.name.endswith("Function")

    def summary(self) -> str:
        """The first line of the docstring."""
        return self.segments.docstring.partition("\n")[0].rstrip(".")

    @staticmethod
    def _css(heading: str) -> str:
        return "rt-text rt-symbols" if heading == "Symbols" else "rt-text"

    def _file_line(self) -> str:
        name = self.component.name if self.component else self.segments.file.stem
        text = f"`{self.source.as_posix()}`, as it is run."
        if self.component:
            text += f" In a debugger: `reftorch step {name}`."
        return text

    # -------------------------------------------------------------------------------------------------- text
    def _html(self, text: str, line: int, css: str = "rt-text") -> str:
        """Markdown of the file as HTML; `line` is where it stands there, for errors."""
        pairs = [(s.tex, s.variable) for s in self.symbols]
        extensions = [*EXTENSIONS, MathExtension(symbols=pairs)]
        try:
            made = markdown.markdown(text, extensions=extensions, extension_configs=OPTIONS)
        except BadFormula as error:
            raise SiteError(self.segments.file, line + _line_of(text, str(error)), f"bad formula: {error}") from None
        return f'<div class="{css}">\n{made}\n</div>'

    def _check_example(self, section: document.Section) -> None:
        """Run it: its output must be what the file says."""
        test = doctest.DocTestParser().get_doctest(
            section.text, {}, "example", str(self.segments.file), section.line - 1
        )
        said: list[str] = []
        runner = doctest.DocTestRunner(verbose=False)
        if runner.run(test, out=said.append).failed:
            found = re.search(r"line (\d+)", "".join(said))
            raise SiteError(self.segments.file, int(found[1]) if found else section.line, "".join(said).strip())

    # -------------------------------------------------------------------------------------------------- rows
    def _all_rows(self) -> str:
        return '<div class="rt-rows">\n' + "\n".join(self._row(block) for block in self.segments.blocks) + "\n</div>"

    def _row(self, block: Block) -> str:
        """Notes on the left, code on the right."""
        notes, line = block.notes, block.notes_line
        docstring = block.functions[0].docstring
        if docstring and not block.is_kernel:
            text = document.markdown_of_docstring(docstring)
            notes, line = (notes + "\n\n" + text, line) if notes else (text, block.functions[0].docstring_lines.start)
        notes = re.sub(r"^(#+) ", r"##\1 ", notes, flags=re.MULTILINE)  # the page has two levels above
        left = self._html(notes, line, "rt-notes") if notes.strip() else '<div class="rt-notes"></div>'
        return f'<section class="rt-row">{left}<div class="rt-side">{self._code(block)}</div></section>'

    def _code(self, block: Block) -> str:
        variables = {symbol.variable for symbol in self.symbols}
        if len(block.functions) == 1:
            return self._titled(block.functions[0], listing(block.functions[0], self.rows, variables))
        tinted = self._differences(*block.functions)
        name = address(block.functions[0])
        parts = [f'<div class="rt-twins" data-twins="{name}">']
        for i, function in enumerate(block.functions):
            checked = " checked" if i == 0 else ""
            key = f"{name}-{function.device}"
            parts.append(
                f'<input type="radio" name="twins-{name}" id="tab-{key}" data-device="{function.device}"{checked}>'
                f'<label for="tab-{key}">{function.device.upper()}</label>'
            )
        for function, lines in zip(block.functions, tinted):
            code = self._titled(function, listing(function, self.rows, variables, lines))
            parts.append(f'<div class="rt-twin" data-device="{function.device}">{code}</div>')
        return "".join(parts) + "</div>"

    def _titled(self, function: Function, code: str) -> str:
        name = html.escape(function.name or self.source.name)
        return (
            f'<div class="rt-head"><span>{name}</span><button type="button" class="rt-copy" '
            f'title="Copy">Copy</button></div>{code}'
        )

    def _differences(self, first: Function, second: Function) -> list[set[int]]:
        """The lines of twins that the other has not, however far they are indented."""
        stripped = [[line.strip() for line in self.segments.lines[f.first - 1 : f.last]] for f in (first, second)]
        found: list[set[int]] = [set(), set()]
        matcher = difflib.SequenceMatcher(None, stripped[0], stripped[1], autojunk=False)
        for tag, a0, a1, b0, b1 in matcher.get_opcodes():
            if tag != "equal":
                found[0].update(range(first.first + a0, first.first + a1))
                found[1].update(range(second.first + b0, second.first + b1))
        return found


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
    return "\n".join([*lines, "```"] if inside else lines)


def _line_of(text: str, message: str) -> int:
    """How far down in the text the formula begins that the message ends with."""
    start = message.rpartition(": ")[2].split(" ")[0]
    before = text.partition(start)[0]
    return before.count("\n")
