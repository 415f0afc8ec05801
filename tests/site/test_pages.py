"""Pages: symbols marked, examples run, and anything wrong an error with file and line."""

import html.parser
import pickle
import re

import numpy as np
import pytest
from markdown.extensions.toc import slugify

from reftorch.site import build, document, fresh, links, recordings, sections
from reftorch.site.errors import SiteError
from reftorch.site.highlight import highlighted, listing
from reftorch.site.mathematics import mark, parts, to_html
from reftorch.site.page import Page
from reftorch.site.segment import segment
from reftorch.step.components import PACKAGE, components

GOOD = '''r"""Twice.

## Forward

$$y_i = 2 x_i$$

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$, $y$ | `x`, `y` | any | in, out |

## Worked example

>>> 1 + 1
2
"""


@njit
def twice_forward_cpu(x, y):
    for i in prange(x.size):
        y[i] = 2 * x[i]


@cuda.jit
def twice_forward_cuda(x, y):
    i = cuda.grid(1)
    y[i] = 2 * x[i]


def twice(x):
    """Twice.

    >>> 2 * 21
    42
    """
    return 2 * x
'''


@pytest.fixture
def page(tmp_path, monkeypatch, formulas):
    monkeypatch.setattr("reftorch.site.page.PACKAGE", tmp_path / "package")

    def page(text):
        file = tmp_path / "twice.py"
        file.write_text(text)
        return Page(file).markdown()

    return page


# -------------------------------------------------------------------------------------------------------- what is wrong
@pytest.mark.parametrize(
    "old, new, line, says",
    [
        ("2 x_i$$", r"\frac{2 x_i$$", 5, "bad formula: KaTeX parse error"),
        ("2 x_i$$", r"\nosuch x_i$$", 5, "bad formula"),
        (">>> 1 + 1\n2", ">>> 1 + 1\n3", 15, "Got:\n    2"),
        (">>> 2 * 21\n    42", ">>> 2 * 21\n    43", 35, "Got:\n    42"),
        ("`x`, `y` |", "`x` |", 11, "2 symbols and 1 variables"),
        ("`x`, `y` |", "`x`, `z` |", 11, "no kernel has the variable z"),
        ("$x$, $y$", "$x$, $q$", 11, "no formula above has the symbol q"),
        ("2 x_i$$", "2 x_i$$\n\n$$y\n= \\frac{2$$", 7, "bad formula"),
    ],
)
def test_what_is_wrong_is_an_error_with_its_line(page, old, new, line, says):
    assert old in GOOD
    with pytest.raises(SiteError) as caught:
        page(GOOD.replace(old, new))
    assert caught.value.file.name == "twice.py" and says in caught.value.text
    assert caught.value.line == line


@pytest.mark.parametrize(
    "bad, says", [("Bad: $\\frac{x$.", "5: bad formula"), ("```pycon\n>>> 1 + 1\n3\n```", "6: .*Got:\n    2")]
)
def test_what_is_wrong_in_the_guide_is_an_error_with_its_line(tmp_path, monkeypatch, formulas, bad, says):
    (tmp_path / "guide.md").write_text(f"# Guide\n\nGood: $x$.\n\n{bad}\n")
    monkeypatch.setattr(build, "DOCS", tmp_path)
    with pytest.raises(SiteError, match=f"(?s)guide.md:{says}"):
        build.prose.__wrapped__()


def test_pages_of_a_new_python(made):
    """The same pages as in this process, which checks their examples, too."""
    assert made["navigation"] == build.navigation() and 'class="rt-viewer"' in made["prose"]["index.md"]
    assert set(addresses(made["navigation"])) <= {*made["pages"], *made["prose"]}
    assert len(made["pages"]) > len(components())
    few = {"nn/activation/relu.md": "", "nn/module.md": "Module", "nn/convolution/conv2d.md": ""}
    jobs = [(PACKAGE / path.replace(".md", ".py"), title, True) for path, title in few.items()]
    assert dict(zip(few, build._in_processes(build._page, jobs, 1))) == {path: made["pages"][path] for path in few}


def test_an_error_of_another_process_has_its_line():
    error = pickle.loads(pickle.dumps(SiteError("relu.py", 3, "wrong")))
    assert (error.file, error.line, error.text, str(error)) == ("relu.py", 3, "wrong", "relu.py:3: wrong")


def test_parameters_that_an_example_draws_are_the_same_in_each_build():
    runs = [recordings.runs(components()["transformer_encoder_layer"]) for _ in range(2)]
    drawn = [[given[1] for kernel, _, _, given in run if kernel.__name__ == "linear_forward_cpu"] for run in runs]
    assert drawn[0] and all(map(np.array_equal, *drawn))


def addresses(navigation):
    """Where the entries of the navigation lead to."""
    for entry in navigation:
        for target in entry.values() if isinstance(entry, dict) else [entry]:
            yield from addresses(target) if isinstance(target, list) else [target]


def test_what_is_wrong_for_a_new_python(monkeypatch, tmp_path):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho relu.py:3: wrong >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(script))
    with pytest.raises(RuntimeError, match="^relu.py:3: wrong$"):
        fresh.made()


def test_what_is_right_is_none(page):
    made = page(GOOD)
    assert "# twice" in made and "## Forward" in made and 'id="twice-forward-cpu-L3"' in made


# -------------------------------------------------------------------------------------------------------------- symbols
@pytest.mark.parametrize(
    "tex, wanted",
    [
        ("x + x_h", r"{\htmlData{sym=x}{x}} + x_h"),
        (r"\max(x)", r"\max({\htmlData{sym=x}{x}})"),
        (r"\text{x} x", r"\text{x} {\htmlData{sym=x}{x}}"),
        ("c_{out} c", r"{\htmlData{sym=c_out}{c_{out}}} {\htmlData{sym=c}{c}}"),
        (
            r"\frac{\partial L}{\partial x}[c]",
            r"{\htmlData{sym=grad_x}{\frac{\partial L}{\partial x}}}[{\htmlData{sym=c}{c}}]",
        ),
        (r"\sum_c", r"\sum_{\htmlData{sym=c}{c}}"),
    ],
)
def test_symbols_in_formulas(tex, wanted, formulas):
    symbols = [("x", "x"), ("c", "c"), ("c_{out}", "c_out"), (r"\frac{\partial L}{\partial x}", "grad_x")]
    assert mark(tex, symbols) == wanted


def test_an_index_that_is_a_word_is_not_made_of_symbols():
    symbols = [(letter, letter) for letter in "ijn"]
    assert mark(r"W_{in} + w_{ni}", symbols) == r"W_{in} + w_{{\htmlData{sym=n}{n}}{\htmlData{sym=i}{i}}}"
    assert mark(r"g_{norm} n", symbols) == r"g_{norm} {\htmlData{sym=n}{n}}"


def test_formulas_beside_each_other_can_stand_below_each_other(formulas):
    """Each is a display of its own, unless the gap is inside brackets or an environment."""
    assert parts(r"a = 1, \qquad b = \frac{1}{2} \qquad c") == ["a = 1,", r"b = \frac{1}{2}", "c"]
    for whole in (
        r"\left( a \qquad b \right)",
        r"\begin{aligned} a \qquad b \end{aligned}",
        r"\text{a \qquad b}",
        r"a \quad b",
    ):
        assert parts(whole) == [whole]
    made = to_html(r"$$x = 1 \qquad y = 2$$", PACKAGE / "a.py", 1, [("x", "x"), ("y", "y")])
    assert made.count('<span class="rt-formulas">') == 1 and made.count('class="tex tex-display"') == 2
    with pytest.raises(SiteError, match=":3: bad formula"):
        to_html("one\n\n$$x = 1 \\qquad \\frac{y$$", PACKAGE / "a.py", 1)


def test_symbols_in_code_are_names_in_kernels():
    found = segment(PACKAGE / "nn/activation/relu.py")
    rows = highlighted(found.lines)
    kernel = next(f for b in found.blocks for f in b.functions if f.device == "cpu")
    text = listing(kernel, rows, {"x", "y"})
    assert '<span data-sym="y">y</span>[i]' in text.replace('<span class="p">', "")
    other = next(f for b in found.blocks for f in b.functions if f.name == "relu")
    assert "data-sym" not in listing(other, rows, {"x", "input"})


@pytest.mark.parametrize("component", components().values(), ids=lambda component: component.name)
def test_every_symbol_is_lit_in_a_formula_and_in_the_code(component, pages):
    made = pages[sections.address(component)]
    formula = "".join(re.findall(r'data-tex="([^"]*)"', made))
    for symbol in document.symbols(segment(component.file)):
        assert f"sym={symbol.variable}}}" in formula and f'data-sym="{symbol.variable}"' in made, symbol


# ---------------------------------------------------------------------------------------------------------------- pages
class Ids(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"][1:]] if given.get("href", "").startswith("#") else []


@pytest.mark.parametrize("component", components().values(), ids=lambda component: component.name)
def test_each_line_of_the_file_has_one_address(component, pages):
    made = pages[sections.address(component)]
    found = Ids(made)
    headings = {
        slugify(heading, "-") for heading in re.findall(r"^## (.*)$", made, re.MULTILINE)
    }  # the generator's own ids
    assert len(set(found.ids)) == len(found.ids) and set(found.links) <= {*found.ids, *headings}
    numbers = {int(n) for n in re.findall(r'aria-label="line (\d+)"', made)}
    cut = segment(component.file)
    shown = {
        n for b in cut.blocks for f in b.functions for n in range(f.first, f.last + 1) if n not in f.docstring_lines
    }
    assert numbers == shown


def test_twins_differ_only_where_they_are_tinted():
    cut = segment(PACKAGE / "nn/convolution/conv2d.py")
    block = next(b for b in cut.blocks if b.functions[0].name == "conv2d_forward_cpu")
    page = Page(cut.file)
    tinted = page._differences(*block.functions)
    same = [
        [cut.lines[n - 1].strip() for n in range(f.first, f.last + 1) if n not in lines]
        for f, lines in zip(block.functions, tinted)
    ]
    assert same[0] == same[1] and len(same[0]) > 10 and all(tinted)


def test_pages_without_mkdocs(tmp_path, pages, monkeypatch):
    monkeypatch.setattr(build, "pages", lambda: pages)
    written = build.generate(tmp_path)
    assert tmp_path / "nn/convolution/conv2d.md" in written
    text = (tmp_path / "nn/convolution/conv2d.md").read_text()
    assert 'class="katex"' in text and 'class="tex' not in text
    assert (tmp_path / "assets/katex/katex.min.css").stat().st_size > 10_000
    linked = re.findall(r"url\((fonts/[^)]+\.woff2)\)", (tmp_path / "assets/katex/katex.min.css").read_text())
    assert linked and all((tmp_path / "assets/katex" / font).exists() for font in linked)
    assert "$" not in re.sub(r"`[^`]*`", "", (tmp_path / "notation.md").read_text())


def test_navigation_names_pages_that_are_there(pages):
    def paths(items):
        for item in items:
            inside = list(item.values())[0] if isinstance(item, dict) else item
            yield from paths(inside) if isinstance(inside, list) else [inside]

    there = {*pages, *(str(file.relative_to(build.DOCS)) for file in build._prose())}
    named = list(paths(build.navigation()))
    assert set(named) <= there and len(named) == len(set(named))
    assert there - set(named) <= set(links.helpers())  # links in code lead to these
