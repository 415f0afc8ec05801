r"""Formulas: `$...$` and `$$...$$` in Markdown become HTML and MathML, by KaTeX, while the site is built.

A formula is converted in two steps. `MathExtension` writes `<span class="tex" data-tex="...">` with the LaTeX as its text, so that the
search index has the formula once. Later, `render` replaces it by KaTeX's HTML. `MathExtension` already checks each formula with KaTeX, so
that wrong LaTeX fails with file and line.
"""

from __future__ import annotations

import functools
import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.util import AtomicString

from .errors import SiteError

DOCS = Path(__file__).parents[2] / "docs"
KATEX = DOCS / "node_modules" / "katex" / "dist"
WORKER = (
    DOCS / "node_modules" / "iframe-worker" / "shim" / "index.js"
)  # lets the search run on pages opened from a folder
PLACE = re.compile(r'<span class="tex( tex-display)?" data-tex="([^"]*)">[^<]*</span>')


class BadFormula(ValueError):
    """KaTeX cannot parse the formula; the message is KaTeX's."""

    tex = ""  # the formula's LaTeX

    def line(self, text: str) -> int:
        """The line of the formula in `text`, counted from 0."""
        found = re.search(r"\s+".join(map(re.escape, self.tex.split())), text)
        return text.count("\n", 0, found.start()) if found else 0


# ------------------------------------------------------------------------------------------------------------ KaTeX
def install() -> None:
    """Install KaTeX and the package for the search, in the versions of the lock file, if they are missing.

    Raises:
        RuntimeError: there is no Node.js, or its npm failed.
    """
    if (KATEX / "katex.min.js").exists() and WORKER.exists():
        return
    done = subprocess.run(
        [_program("npm"), "ci", "--no-audit", "--no-fund", "--silent"],
        cwd=DOCS,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"},
    )
    if done.returncode:
        raise RuntimeError(
            f"npm ci in {DOCS} failed, so KaTeX, which renders the formulas, is missing: {done.stderr.strip()}"
        )


def _program(name: str) -> str:
    """The path of Node.js or its npm: on the PATH, or beside this Python, where the `docs` extra installs them."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise RuntimeError(f"found no {name}: formulas need Node.js, which comes with pip install 'reftorch[docs]'")
    return found


@functools.cache
def _node() -> subprocess.Popen:
    """One process of Node.js that renders all formulas: it reads one line and writes one line for each."""
    install()
    command = [_program("node"), str(DOCS / "katex.js")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")


@functools.cache
def katex(tex: str, display: bool) -> str:
    """HTML with MathML.

    Raises:
        BadFormula: the LaTeX is wrong.
    """
    node = _node()
    assert node.stdin is not None and node.stdout is not None
    node.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
    node.stdin.flush()
    answer = json.loads(node.stdout.readline())
    if "error" in answer:
        raise BadFormula(answer["error"])
    return answer["html"]


def render(text: str) -> str:
    """The page with every formula rendered."""
    return PLACE.sub(lambda found: katex(html.unescape(found[2]), bool(found[1])), text)


# ---------------------------------------------------------------------------------------------------------- symbols
SPLIT = re.compile(r"\\(?:text|mathrm|operatorname|begin|end)\s*\{[^}]*\}|\\[A-Za-z]+|\\.|.", re.DOTALL)


INDEX = re.compile(r"_\{([A-Za-z]{2,})\}")
WORDS = ("in", "out", "max", "min")  # indices that are words: their letters are not symbols


def mark(tex: str, symbols: Iterable[tuple[str, str]]) -> str:
    """Wrap each symbol, given as (LaTeX, variable), in `\\htmlData`. If two symbols begin alike, the longer one is taken."""
    longest = sorted(symbols, key=lambda pair: -len(pair[0]))
    known = {written for written, _ in longest}
    marked, at = "", 0
    while at < len(tex):
        index = INDEX.match(tex, at)
        if index and (index[1] in WORDS or not known.issuperset(index[1])):
            marked += index[0]
            at = index.end()
            continue
        for written, variable in longest:
            if tex.startswith(written, at) and not _goes_on(written, tex[at + len(written) :]):
                marked += rf"{{\htmlData{{sym={variable}}}{{{written}}}}}"  # in braces, so that it can be an index
                at += len(written)
                break
        else:
            piece = SPLIT.match(tex, at)
            assert piece is not None
            marked += piece[0]
            at = piece.end()
    return marked


def _goes_on(written: str, rest: str) -> bool:
    """Whether the text after it makes it another symbol: as x in x_h, or in a command."""
    if rest.startswith("_"):
        return True
    return written[-1].isalpha() and bool(re.search(r"\\[A-Za-z]*$", written)) and rest[:1].isalpha()


# --------------------------------------------------------------------------------------------------------- Markdown
class _Formula(InlineProcessor):
    def __init__(self, pattern: str, display: bool, symbols: list[tuple[str, str]]):
        super().__init__(pattern)
        self.display, self.symbols = display, symbols

    def handleMatch(self, m: re.Match, data: str) -> tuple[ElementTree.Element, int, int]:  # type: ignore[override]
        tex = " ".join(m[1].split())
        places = [self._place(part, tex) for part in (parts(tex) if self.display else [tex])]
        if len(places) == 1:
            return places[0], m.start(0), m.end(0)
        several = ElementTree.Element("span", {"class": "rt-formulas"})
        several.extend(places)
        return several, m.start(0), m.end(0)

    def _place(self, tex: str, whole: str) -> ElementTree.Element:
        marked = mark(tex, self.symbols)
        try:
            katex(marked, self.display)
        except BadFormula as error:
            error.tex = whole
            raise
        place = ElementTree.Element("span", {"class": "tex tex-display" if self.display else "tex", "data-tex": marked})
        place.text = AtomicString(tex)
        return place


OPENS, CLOSES = r"(?<!\\)\{|\\begin\b|\\left\b", r"(?<!\\)\}|\\end\b|\\right\b"


def parts(tex: str) -> list[str]:
    r"""The formulas that stand beside each other, with \qquad between them: on a narrow page one can go below the other."""
    found = [part.strip() for part in re.split(r"\\qquad(?![A-Za-z])", tex)]
    apart = all(len(re.findall(OPENS, part)) == len(re.findall(CLOSES, part)) for part in found)
    return found if all(found) and apart else [tex]


class MathExtension(Extension):
    """`$...$` and `$$...$$`, but not in code. `symbols`: pairs of LaTeX and variable to mark."""

    def __init__(self, **options: Any):
        self.config = {"symbols": [[], "pairs (LaTeX, variable)"]}
        super().__init__(**options)

    def extendMarkdown(self, md: Any) -> None:
        symbols = self.getConfig("symbols")
        md.inlinePatterns.register(_Formula(r"\$\$((?:.|\n)+?)\$\$", True, symbols), "math display", 186)
        md.inlinePatterns.register(_Formula(r"(?<!\\)\$([^$\s](?:[^$]*[^$\s])?)\$", False, symbols), "math", 185)


def makeExtension(**options: Any) -> MathExtension:
    """The function that Python-Markdown calls to load the extension."""
    return MathExtension(**options)


EXTENSIONS = ["tables", "fenced_code", "codehilite", "sane_lists", "attr_list"]
OPTIONS = {"codehilite": {"guess_lang": False, "css_class": "highlight"}}


def to_html(text: str, file: Path, line: int, symbols: Collection[tuple[str, str]] = ()) -> str:
    """Markdown that stands at `line` of `file` as HTML, with these symbols (LaTeX, variable) marked in its formulas.

    Raises:
        SiteError: a formula is wrong.
    """
    try:
        extensions = [*EXTENSIONS, MathExtension(symbols=list(symbols))]
        return markdown.markdown(text, extensions=extensions, extension_configs=OPTIONS)
    except BadFormula as error:
        raise SiteError(file, line + error.line(text), f"bad formula: {error}") from None
