"""Pages: symbols marked, examples run, and anything wrong an error with file and line."""

import html.parser
import inspect
import json
import re

import pytest

from reftorch.site import build, document, fresh, lists, names, sections
from reftorch.site.errors import SiteError
from reftorch.site.highlight import highlighted, listing
from reftorch.site.mathematics import mark
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


def test_a_bad_formula_of_the_guide_is_an_error_with_its_line(tmp_path, monkeypatch, formulas):
    (tmp_path / "guide.md").write_text("# Guide\n\nGood: $x$.\n\nBad: $\\frac{x$.\n")
    monkeypatch.setattr(build, "DOCS", tmp_path)
    with pytest.raises(SiteError, match="guide.md:5: bad formula"):
        build.prose.__wrapped__()


def test_pages_of_a_new_python(formulas):
    """The same pages, without the examples checked."""
    made = fresh.made(quick=True)
    assert made["navigation"] == build.navigation() and 'class="rt-viewer"' in made["prose"]["index.md"]
    assert set(made["pages"]) == set(build.pages())


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


# ------------------------------------------------------------------------------------------------------------- symbols
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


def test_symbols_in_code_are_names_in_kernels():
    found = segment(PACKAGE / "nn/activation/relu.py")
    rows = highlighted(found.lines)
    kernel = next(f for b in found.blocks for f in b.functions if f.device == "cpu")
    text = listing(kernel, rows, {"x", "y"})
    assert '<span data-sym="y">y</span>[i]' in text.replace('<span class="p">', "")
    other = next(f for b in found.blocks for f in b.functions if f.name == "relu")
    assert "data-sym" not in listing(other, rows, {"x", "input"})


@pytest.mark.parametrize("component", components().values(), ids=lambda component: component.name)
def test_every_symbol_is_lit_in_a_formula_and_in_the_code(component, formulas):
    page = Page(component.file)
    made = page.markdown()
    formula = "".join(re.findall(r'data-tex="([^"]*)"', made))
    for symbol in page.symbols:
        assert f"sym={symbol.variable}}}" in formula and f'data-sym="{symbol.variable}"' in made, symbol


# --------------------------------------------------------------------------------------------------------------- pages
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
def test_each_line_of_the_file_has_one_address(component, formulas):
    made = Page(component.file).markdown()
    found = Ids(made)
    assert len(set(found.ids)) == len(found.ids) and set(found.links) <= set(found.ids)
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


def test_pages_without_mkdocs(tmp_path, formulas):
    written = build.generate(tmp_path)
    assert tmp_path / "nn/convolution/conv2d.md" in written
    text = (tmp_path / "nn/convolution/conv2d.md").read_text()
    assert 'class="katex"' in text and 'class="tex' not in text
    assert (tmp_path / "assets/katex/katex.min.css").stat().st_size > 10_000
    linked = re.findall(r"url\((fonts/[^)]+\.woff2)\)", (tmp_path / "assets/katex/katex.min.css").read_text())
    assert linked and all((tmp_path / "assets/katex" / font).exists() for font in linked)
    assert "$" not in re.sub(r"`[^`]*`", "", (tmp_path / "notation.md").read_text())


def test_navigation_names_pages_that_are_there(formulas):
    def paths(items):
        for item in items:
            inside = list(item.values())[0] if isinstance(item, dict) else item
            yield from paths(inside) if isinstance(inside, list) else [inside]

    there = {*build.pages(), *(str(file.relative_to(build.DOCS)) for file in build._prose())}
    named = list(paths(build.navigation()))
    assert set(named) == there and len(named) == len(set(named))


# --------------------------------------------------------------------------------------------------------------- lists
def test_coverage_counts_what_is_there():
    text = lists.coverage(build.pages())
    assert "- **[torch.nn.Conv2d](nn/convolution/conv2d.md)**" in text and "- torch.nn.Transformer: not yet" in text
    assert "- **[torch.nn.functional.relu](nn/activation/relu.md)**" in text
    assert "- **[torch.nn.Module.zero_grad](nn/module.md)**" in text  # a method: the page of its class
    assert "- **torch.nn.Conv2d**" in lists.coverage({})
    assert re.search(r"^(\d+) of the 326 documented names", text, re.MULTILINE)
    assert int(re.search(r"(\d+) of the 326", text)[1]) == text.count("- **")


def test_functions_are_where_they_live():
    """Each exported function is linked to its line, and what is missing is said."""
    import reftorch.nn.functional as F

    text = lists.functional(build.pages())
    for name in F.__all__:
        assert text.count(f"`{name}`") >= 1, name
    assert (
        "| [`conv2d`](nn/convolution/conv2d.md#conv2d-L1) | Convolve images with filters | [Conv2d](nn/convolution/conv2d.md) |"
        in text
    )
    assert "| `pad` |" in text and "| nn/padding/pad.py |" in text
    missing = re.search(r"^Not yet: (.*)\.$", text, re.MULTILINE)[1]
    assert "`conv3d`" in missing and "`conv2d`" not in missing


def test_the_page_of_a_section():
    text = build.pages()["nn/activation/index.md"]
    assert text.startswith("# Activation\n\nActivations: functions applied to each element")
    assert "| [ReLU](relu.md) | The rectified linear unit" in text and "`backward_weight`" in text
    assert "[ReLU](relu.md):\n\n$$y_i = \\max(0, x_i)$$" in text.partition("## What varies")[2]
    assert "What varies" not in build.pages()["nn/pooling/index.md"]  # it is one component


def test_notation_has_every_symbol():
    text = lists.notation(components())
    for component in components().values():
        for symbol in document.symbols(segment(component.file)):
            assert f"| ${symbol.tex}$ | `{symbol.variable}` |" in text


def test_docstrings_as_markdown():
    made = document.markdown_of_docstring(
        "Sum.\n\nArgs:\n    x: what\n        goes in\n\nRaises:\n    ValueError: none\n\n>>> 1\n1\n"
    )
    assert "**Args.**" in made and "- `x`: what\n  goes in" in made and "- `ValueError`: none" in made
    assert "```pycon\n>>> 1\n1\n```" in made


# ----------------------------------------------------------------------------------------------- around a component
def test_what_can_be_called():
    """Arguments with the defaults that they have, shapes and errors, of module and function."""
    found = names.public(components()["conv2d"])
    assert list(found) == ["torch.nn.Conv2d", "torch.nn.functional.conv2d"]
    text = names.entry("torch.nn.Conv2d", found["torch.nn.Conv2d"])
    for parameter in inspect.signature(found["torch.nn.Conv2d"]).parameters.values():
        if parameter.name in ("device", "dtype"):
            continue
        shown = "" if parameter.default is inspect.Parameter.empty else f"`{parameter.default!r}`"
        assert f"| `{parameter.name}` | {shown} |" in text
    assert (
        "| `ValueError` | channels that the groups do not divide" in text and "**Attributes:** `weight` (C_out," in text
    )
    text = names.entry("torch.nn.functional.conv2d", found["torch.nn.functional.conv2d"])
    assert "torch.nn.functional.conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1," in text
    assert "**Shapes:** `input` (N, C_in, H_in, W_in)" in text and "| `NotImplementedError` | float16" in text
    assert all(len(line) <= 100 for line in text.partition("```\n")[0].splitlines())


def test_what_several_arguments_share():
    class Scale:
        """Scale.

        Shapes: input (*, C), output (*, C).

        Args:
            low, high: limits, a | b;
                both included.
        """

        def __init__(self, low=1, high=None):
            pass

    text = names.entry("Scale", Scale)
    assert "| `low, high` | `1`, `None` | limits, a \\| b; both included. |" in text
    assert r"**Shapes:** input (\*, C), output (\*, C)." in text  # the stars are no emphasis


@pytest.mark.parametrize("component", components().values(), ids=lambda component: component.name)
def test_every_component_says_what_can_be_called(component, formulas):
    made = Page(component.file).markdown()
    if names.public(component):
        assert made.index("## Forward") < made.index("## Arguments, shapes, errors") < made.index("## Symbols")
    for full in names.public(component):
        assert f"\n### {full.rpartition('.')[2]}\n" in made
    assert '<div class="rt-about" markdown>' in made and "\n## Neighbours\n" in made


def test_sections_and_neighbours_are_in_the_documentations_order():
    every = [c.name for inside in sections.sections().values() for c in inside]
    assert sorted(every) == sorted(components())
    order = [
        every.index(name)
        for name in ("conv2d", "max_pool2d", "leaky_relu", "relu", "batch_norm1d", "linear", "mse_loss")
    ]
    assert order == sorted(order)
    text = sections.neighbours(components()["relu"])
    assert (
        "- Before it: [PReLU](prelu.md)" in text
        and "- Also in Activation: [LeakyReLU](leaky_relu.md), [PReLU](prelu.md)" in text
    )
    assert "- Before it: " not in sections.neighbours(components()[every[0]])
    assert "- After it: " not in sections.neighbours(components()[every[-1]])


def test_the_assignment_that_uses_a_component(monkeypatch):
    class Asked:
        title, name = "The rectified linear unit", "relu"

    asked = {"nn/activation/relu.py": [Asked], "nn/module.py": [Asked, Asked]}
    monkeypatch.setattr(sections, "assignments_of", lambda file: asked.get(file, []))
    relu, linear = (components()[name] for name in ("relu", "linear"))
    link = "[The rectified linear unit](../../course.md) (`relu`)"
    assert f"- **Assignment** {link}" in sections.about(relu, segment(relu.file)).splitlines()
    assert "Assignment" not in sections.about(linear, segment(linear.file))
    assert f"Assignment: {link.replace('../../', '../')}, " in Page(PACKAGE / "nn/module.py", "Module").markdown()


def test_every_assignment_leads_to_a_page():
    found = set(re.findall(r"^\| `\w+` \| \[[^]]*\]\(([^)]*)\)", build.prose()["course.md"], re.MULTILINE))
    assert "nn/activation/relu.md" in found and "course/components/own_function.md" in found
    assert found <= set(build.pages())


def test_links_into_the_file():
    cut = segment(PACKAGE / "nn/convolution/conv2d.py")
    text = sections.about(components()["conv2d"], cut)
    assert f"[`reftorch/nn/convolution/conv2d.py`](#source), {len(cut.lines)} lines" in text
    assert "[`conv2d_forward_cpu`](#conv2d-forward-cpu-L1)" in text and "reftorch step conv2d`" in text


def test_formulas_go_with_their_kernels(formulas):
    """The viewer gets the formulas above each kernel, for the kernel and its twin."""
    made = Page(PACKAGE / "nn/convolution/conv2d.py").markdown()
    found = re.findall(
        r'<div class="rt-formula" data-kernels="([^"]*)" data-search-exclude hidden>(.*?)</div>', made, re.DOTALL
    )
    assert [kernels for kernels, _ in found] == [
        f"conv2d_{part}_cpu conv2d_{part}_cuda"
        for part in ("forward", "backward_x", "backward_weight", "backward_bias")
    ]
    assert "sym=h_in}" in found[0][1] and "sym=grad_weight}" in found[2][1]


# -------------------------------------------------------------------------------------------------------- measurements
def test_what_was_not_measured_is_said_to_be_absent(monkeypatch, tmp_path):
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(lists, "DOCS", tmp_path)
    assert "No run is kept here yet." in lists.benchmarks() and not lists.rungs("matmul").strip()
    assert lists.agreement({"relu"}) == "Not measured.\n" and lists.speed({"ReLU"}) == "Not measured.\n"


def test_what_was_measured_is_shown(monkeypatch, tmp_path):
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(lists, "DOCS", tmp_path)
    spread = {"median": 0.002, "low": 0.001, "high": 0.003}
    row = {"component": "Linear", "case": "LeNet", "direction": "both", "seconds": spread, "share": 0.5, "limit": "L2"}
    rows = [{**row, "torch_seconds": spread, "ratio": {"median": r, "low": r, "high": r}} for r in (0.5, 2.0, 2.0)]
    rows.append({**row, "torch_seconds": None, "ratio": None})
    about = {"date": "2026-01-02T03", "machine": {"processor": "abacus", "gpu": None}, "threads": 2, "device": "cpu"}
    run = {**about, "kernels": "fast", "versions": {"numba": "1", "torch": None}, "rows": rows}
    (tmp_path / "data" / "benchmarks.json").write_text(json.dumps([run]))
    assert lists.speed({"ReLU"}) == "Not measured.\n" and lists.speed({"Linear"}).count("| Linear |") == 4
    text = lists.benchmarks()
    assert "2026-01-02, abacus, 2 threads, numba 1." in text and "| Linear | 1.26 |" in text
    assert text.count("| Linear | LeNet | both | 2 ms | 2 ms |") == 3 and "| 2 ms |  |  | 50% of L2 |" in text
    rung = {
        "rung": "formula",
        "function": "reftorch.fast.ladder.matmul:formula",
        "seconds": spread,
        "gflops": 1.5,
        "share": 0.02,
    }
    (tmp_path / "data" / "ladder.json").write_text(json.dumps({**about, "ladders": [{"rungs": [rung]}]}))
    assert "| formula | 2 ms | 1.5 | 2.0% |" in lists.rungs("matmul") and not lists.rungs("conv2d").strip()
    far = {"component": "relu", "dtype": "float32", "cases": 3, "forward": 0.0, "backward": 1.25e-7}
    (tmp_path / "data" / "agreement.json").write_text(json.dumps({"torch": "9", "date": "today", "components": [far]}))
    assert "| `relu` | float32 | 3 | 0.0e+00 | 1.2e-07 |" in lists.agreement({"relu"})
    assert lists.agreement({"conv2d"}) == "Not measured.\n"
