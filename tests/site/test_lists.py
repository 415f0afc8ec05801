"""What stands around the rows: lists of all that there is, measurements, arguments, neighbours, assignments."""

import inspect
import json
import re

import pytest

from reftorch import nn
from reftorch.nn import Module
from reftorch.site import build, document, gallery, lists, names, pictures, sections
from reftorch.site.page import Page
from reftorch.site.segment import segment
from reftorch.step.components import PACKAGE, components


def test_coverage_counts_what_is_there(pages):
    text = lists.coverage(pages)
    assert "- **[torch.nn.Conv2d](nn/convolution/conv2d.md)**" in text
    for name in re.findall(r"^- torch\.nn\.(\w+): not yet$", text, re.MULTILINE):
        assert not hasattr(nn, name), name
    for name in ("Conv2d", "Transformer", "LSTM"):
        assert (f"- torch.nn.{name}: not yet" in text) != hasattr(nn, name)
    assert "- **[torch.nn.functional.relu](nn/activation/relu.md)**" in text
    assert "- **[torch.nn.Module.zero_grad](nn/module.md)**" in text  # a method: the page of its class
    assert "- **torch.nn.Conv2d**" in lists.coverage({})
    assert re.search(r"^(\d+) of the 326 documented names", text, re.MULTILINE)
    counts = [
        tuple(map(int, row))
        for row in re.findall(r"^\| \[[^|]*\]\(#[\w-]+\) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    ]
    assert sum(there for there, _ in counts) == int(re.search(r"(\d+) of the 326", text)[1]) == text.count("- **")
    assert sum(of for _, of in counts) == 326


def test_functions_are_where_they_live(pages):
    """Each exported function is linked to its line, and what is missing is said."""
    import reftorch.nn.functional as F

    text = lists.functional(pages)
    for name in F.__all__:
        assert text.count(f"`{name}`") >= 1, name
    assert (
        "| [`conv2d`](nn/convolution/conv2d.md#conv2d-L1) | Convolve images with filters | [Conv2d](nn/convolution/conv2d.md) |"
        in text
    )
    assert "| [`pad`](nn/padding/pad.md#pad-L1) |" in text
    without_pages = lists.functional({})
    assert "| `pad` |" in without_pages and "| `nn/padding/pad.py` |" in without_pages
    wanted = {parts[-1] for parts in (name.split(".") for name, _, documented in lists._specification() if documented)}
    missing = re.search(r"^Not yet: (.*)\.$", text, re.MULTILINE)
    assert not missing or all(name.strip(" `") in wanted - set(F.__all__) for name in missing[1].split(","))


def test_the_page_of_a_section(pages):
    text = pages["nn/activation/index.md"]
    assert text.startswith("# Activation\n\nActivations: functions applied to each element")
    assert "| [ReLU](relu.md) | The rectified linear unit" in text and "`backward_weight`" in text
    assert "[ReLU](relu.md):\n\n$$y_i = \\max(0, x_i)$$" in text.partition("## What varies")[2]
    common = text.partition("## What is common")[2].partition("## What varies")[0]
    (row,) = [line for line in common.splitlines() if line.startswith("| $y_i$ | `y` | output |")]
    assert "[LeakyReLU](leaky_relu.md)" in row and "[ReLU](relu.md)" in row
    alone = next((f for f, inside in sections.sections().items() if len(inside) == 1), None)
    assert alone is None or "What varies" not in pages[f"{alone}/index.md"]


@pytest.mark.parametrize("folder", ["nn/activation", "nn/normalization", "nn/pooling", "nn/linear"])
def test_cards_help_to_choose(folder):
    """A card for each component of the section: a link, when to use it, and a picture where it has one."""
    inside = sections.sections()[folder]
    text = "\n".join(gallery.gallery(folder, inside))
    assert text.count('<div class="rt-card" markdown>') == len(inside) and text.count("<div") == text.count("</div>")
    for component in inside:
        assert f"**{sections.link(component, f'{folder}/index.md')}**" in text and gallery.use(component) in text
    assert text.count("<svg ") >= sum(pictures.family(component) is not None for component in inside)
    assert gallery.gallery("nn/activation", inside[:1]) == []


def test_cards_say_what_a_curve_is_like():
    traits = {
        name: pictures.traits(components()[name])
        for name in ("relu", "gelu", "tanh", "softplus", "hardswish", "linear", "hardshrink", "celu", "prelu")
    }
    assert traits["relu"] == "0 to ∞, monotone, the slope jumps"
    assert traits["gelu"] == "-0.17 to ∞, not monotone, smooth"
    assert traits["tanh"] == "-1 to 1, monotone, smooth"
    assert traits["softplus"] == "0 to ∞, monotone, smooth"
    assert traits["hardswish"] == "-0.38 to ∞, not monotone, the slope jumps"
    assert traits["linear"] == ""
    assert traits["hardshrink"] == "-∞ to ∞, monotone, it jumps"
    assert traits["celu"] == "-2 to ∞, monotone, smooth, with alpha=2.0"
    assert traits["prelu"] == "-∞ to ∞, monotone, the slope jumps, the slope is learned"
    assert gallery.cost(components()["relu"]) == "one comparison per element"
    assert gallery.use(components()["relu"]).startswith("Use it when there is no reason to choose another activation;")


def test_notation_has_every_symbol():
    text = lists.notation(components())
    for component in components().values():
        for symbol in document.symbols(segment(component.file)):
            assert f"| ${symbol.tex}$ | `{symbol.variable}` |" in text


def test_docstrings_as_markdown():
    made = document.markdown_of_docstring(">>> print()\n<BLANKLINE>\n>>> 1\n1\n")
    assert "```pycon\n>>> print()\n\n>>> 1\n1\n```" in made
    made = document.markdown_of_docstring(
        "Sum.\n\nArgs:\n    x: what\n        goes in\n\nRaises:\n    ValueError: none\n\n>>> 1\n1\n"
    )
    assert "**Args.**" in made and "- `x`: what\n  goes in" in made and "- `ValueError`: none" in made
    assert "```pycon\n>>> 1\n1\n```" in made


# --------------------------------------------------------------------------------------------------- around a component
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
    assert (
        "**Shapes:** `input` (N, C_in, H_in, W_in)" in text
        and "| `NotImplementedError` | a dtype without a kernel: float16" in text
    )
    assert all(len(line) <= 100 for line in text.partition("```\n")[0].splitlines())


def test_a_layer_without_arguments_shows_none():
    class Half(Module):
        """Half of it."""

    assert names.call("torch.nn.Half", Half) == "torch.nn.Half()"
    assert names.call("relu", components()["relu"].module().relu) == "relu(input, inplace=False)"
    layer = names.public(components()["transformer_encoder_layer"])["torch.nn.TransformerEncoderLayer"]
    assert "activation=relu," in names.call("TransformerEncoderLayer", layer)
    assert "| `activation` | `relu` |" in names.entry("TransformerEncoderLayer", layer)


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
def test_every_component_says_what_can_be_called(component, pages):
    made = pages[sections.address(component)]
    if names.public(component):
        order = [
            "Worked example",
            "Forward",
            "Symbols",
            "Source",
            "Arguments, shapes, errors",
            "Agreement with PyTorch",
        ]
        order = [heading for heading in order if component.kernels or heading not in ("Symbols", "Forward")]
        places = [made.index(f"\n## {heading}\n") for heading in [*order, "Speed", "Neighbours"]]
        assert places == sorted(places)
    for full in names.public(component):
        assert f"\n### {full.rpartition('.')[2]}\n" in made
    assert '<nav class="rt-contents"' in made and "\n## Neighbours\n" in made


@pytest.mark.parametrize(
    "name, title",
    [
        ("conv2d", "Conv2d"),
        ("softmax", "Softmax"),  # Softmax2d is there, too
        ("reflection_pad", "ReflectionPad1d, 2d, 3d"),
        ("constant_pad", "ConstantPad1d, 2d, 3d, ZeroPad1d, 2d, 3d"),
        ("interpolate", "Upsample, UpsamplingNearest2d, UpsamplingBilinear2d"),
        ("one_hot", "one_hot"),
        ("normalization/normalize", "normalize"),
    ],
)
def test_a_page_is_called_what_a_reader_looks_for(name, title):
    assert sections.title(components()[name]) == title


def test_no_two_pages_have_the_same_title():
    titles = sorted(map(sections.title, components().values()))
    assert len(set(titles)) == len(titles)


def test_sections_and_neighbours_are_in_the_documentations_order():
    every = [c.name for inside in sections.sections().values() for c in inside]
    assert sorted(every) == sorted(components())
    order = [
        every.index(name)
        for name in ("conv2d", "max_pool2d", "leaky_relu", "relu", "batch_norm1d", "linear", "mse_loss")
    ]
    assert order == sorted(order)
    place = every.index("relu")
    text = sections.neighbours(components()["relu"])
    assert f"- Before it: {sections.link(components()[every[place - 1]], 'nn/activation/relu.md')}" in text
    others = [c for c in sections.sections()["nn/activation"] if c.name != "relu"]
    assert len(others) >= 2
    also = ", ".join(sections.link(other, "nn/activation/relu.md") for other in others)
    assert f"- Also in Activation: {also}" in text
    assert "- Before it: " not in sections.neighbours(components()[every[0]])
    assert "- After it: " not in sections.neighbours(components()[every[-1]])


def test_the_assignment_that_uses_a_component(monkeypatch):
    class Asked:
        title, name = "The rectified linear unit", "relu"

    asked = {"nn/activation/relu.py": [Asked], "nn/module.py": [Asked, Asked]}
    monkeypatch.setattr(sections, "assignments_of", lambda file: asked.get(file, []))
    relu, linear = (components()[name] for name in ("relu", "linear"))
    link = "[The rectified linear unit](../../course.md) (`relu`)"
    assert f"- Assignment: {link}" in sections.neighbours(relu).splitlines()
    assert "Assignment" not in sections.neighbours(linear)
    assert f"Assignment: {link.replace('../../', '../')}, " in Page(PACKAGE / "nn/module.py", "Module").markdown()


def test_every_assignment_leads_to_a_page(pages):
    found = set(re.findall(r"^\| `\w+` \| \[[^]]*\]\(([^)]*)\)", build.prose()["course.md"], re.MULTILINE))
    assert "nn/activation/relu.md" in found and "course/components/own_function.md" in found
    assert found <= set(pages)


def test_links_into_the_file():
    cut = segment(PACKAGE / "nn/convolution/conv2d.py")
    text = sections.functions(cut)
    assert "[`conv2d_output_size`](#conv2d-output-size-L1) · " in text
    assert "[`conv2d_forward_cpu`](#conv2d-forward-cpu-L1)" in text and "_cuda" not in text


def test_contents_lead_to_the_headings(pages):
    made = pages["nn/convolution/conv2d.md"]
    contents = re.search(r'<nav class="rt-contents".*?</nav>', made)[0]
    links = re.findall(r'<a href="#([\w-]+)">([^<]*)</a>', contents)
    assert [text for _, text in links] == re.findall(r"^## (.*)$", made, re.MULTILINE)
    assert ("arguments-shapes-errors", "Arguments, shapes, errors") in links


def test_questions_hide_their_answers(pages):
    """A question opens its answer; what Python answers there is a listing."""
    made = pages["nn/convolution/conv2d.md"].partition("\n## Questions\n")[2].partition("\n## ")[0]
    found = re.findall(r"<details><summary>(.*?)</summary>(.*?)</details>", made, re.DOTALL)
    assert 3 <= len(found) <= 5 and "parameters does" in found[0][0] and "4785" in found[0][1]
    assert made.count("<strong>") == 0 and "<blockquote>" not in made and made.count("<div") == made.count("</div>")


def test_formulas_go_with_their_kernels(pages):
    """The viewer gets the formulas above each kernel, for the kernel and its twin."""
    made = pages["nn/convolution/conv2d.md"]
    found = re.findall(
        r'<div class="rt-formula" data-kernels="([^"]*)" data-search-exclude hidden>(.*?)</div>', made, re.DOTALL
    )
    assert [kernels for kernels, _ in found] == [
        f"conv2d_{part}_cpu conv2d_{part}_cuda"
        for part in ("forward", "backward_x", "backward_weight", "backward_bias")
    ]
    assert "sym=h_in}" in found[0][1] and "sym=grad_weight}" in found[2][1]


# --------------------------------------------------------------------------------------------------------- measurements
def test_what_was_not_measured_is_said_to_be_absent(monkeypatch, tmp_path):
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(lists, "DOCS", tmp_path)
    assert "No run has been saved yet." in lists.benchmarks() and lists.rungs("matmul").startswith("Not measured")
    assert lists.agreement({"relu"}) == "Not measured.\n" and lists.speed({"ReLU"}) == "Not measured.\n"


MEASURED = {"date": "2026-01-02T03", "machine": {"processor": "abacus", "gpu": None}, "threads": 2, "device": "cpu"}
MEASURED["versions"] = {"numba": "1", "torch": None}


def test_the_reference_kernels_stand_beside_the_fast_ones(monkeypatch, tmp_path):
    """In the table of the latest run, and only what was measured on the same machine with as many threads."""
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(lists, "DOCS", tmp_path)

    def run(kernels, *rows, **changed):
        return {**MEASURED, "kernels": kernels, "rows": list(rows), **changed}

    def row(case, seconds, ratio):
        times = {
            "seconds": {"median": seconds},
            "torch_seconds": {"median": seconds * ratio},
            "ratio": {"median": ratio},
        }
        return {"component": "Linear", "case": case, "direction": "both", "share": None, "limit": None, **times}

    def said(*runs):
        (tmp_path / "data" / "benchmarks.json").write_text(json.dumps(runs))
        return lists.speed({"Linear"})

    fast = run("fast", row("small", 0.002, 1.5), row("large", 0.004, 0.5))
    slow = run("reference", row("small", 0.02, 0.15))
    older = run("fast", row("small", 9.0, 1.0), date="2025-01-02T03", threads=1)
    alone = said(older, fast, run("reference", row("small", 5.0, 1.0), threads=1))
    assert "| small | 2 ms | 3 ms | 1.50 |" in alone and "eference" not in alone and "9 s" not in alone
    both = said(fast, slow, older)
    assert "| case | reftorch | PyTorch | ratio | reference | its ratio |" in both and "another run" not in both
    assert "| small | 2 ms | 3 ms | 1.50 | 20 ms | 0.15 |" in both and "| large | 4 ms | 2 ms | 0.50 |  |  |" in both
    later = said(fast, {**slow, "date": "2026-02-03T04"})
    assert "another run: 2026-02-03, abacus, 2 threads, numba 1." in later and "| 20 ms | 0.15 |" in later
    assert said(slow) == "Not measured.\n"


def test_what_was_measured_is_shown(monkeypatch, tmp_path):
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(lists, "DOCS", tmp_path)
    spread = {"median": 0.002, "low": 0.001, "high": 0.003}
    row = {"component": "Linear", "case": "LeNet", "direction": "both", "seconds": spread, "share": 0.5, "limit": "L2"}
    rows = [{**row, "torch_seconds": spread, "ratio": {"median": r, "low": r, "high": r}} for r in (0.5, 2.0, 2.0)]
    row |= {"torch_seconds": None, "ratio": None}
    rows.append(row)
    about = MEASURED
    run = {**about, "kernels": "fast", "rows": rows}
    (tmp_path / "data" / "benchmarks.json").write_text(json.dumps([run]))
    assert lists.speed({"ReLU"}) == "Not measured.\n" and lists.speed({"Linear"}).count("| LeNet |") == 4
    text = lists.benchmarks()
    assert "2026-01-02, abacus, 2 threads, numba 1." in text and "| Linear | 1.26 |" in text
    assert "| case | reftorch |" in text, "component and direction are the same in all rows"
    assert text.count("| LeNet | 2 ms | 2 ms |") == 3 and "| LeNet | 2 ms |  |  | 50% of L2 |" in text
    (tmp_path / "data" / "benchmarks.json").write_text(
        json.dumps([{**run, "rows": [*rows, {**row, "direction": "step"}]}])
    )
    assert "| case | direction | reftorch |" in lists.benchmarks()
    rung = {
        "rung": "formula",
        "function": "reftorch.fast.ladder.matmul:formula",
        "seconds": spread,
        "gflops": 1.5,
        "share": 0.02,
    }
    slow = {**rung, "rung": "slow", "seconds": {**spread, "median": 2.5}}
    (tmp_path / "data" / "ladder.json").write_text(
        json.dumps({**about, "peak_gflops": 75.2, "ladders": [{"size": "8 x 8", "rungs": [rung, slow]}]})
    )
    assert "numba 1. 8 x 8; the measured peak is 75 GFLOP/s." in lists.rungs("matmul")
    assert "| slow | 2.5 s | 1.5 | 2.0% |" in lists.rungs("matmul")
    assert "| formula | 2 ms | 1.5 | 2.0% |" in lists.rungs("matmul") and "Not measured" in lists.rungs("conv2d")
    far = {"component": "relu", "dtype": "float32", "cases": 3, "forward": 0.0, "backward": 1.25e-7}
    (tmp_path / "data" / "agreement.json").write_text(json.dumps({"torch": "9", "date": "today", "components": [far]}))
    assert "| `relu` | float32 | 3 | 0 | 1.2e-07 |" in lists.agreement({"relu"})
    assert lists.agreement({"conv2d"}) == "Not measured.\n"
    far["backward"] = None
    (tmp_path / "data" / "agreement.json").write_text(json.dumps({"torch": "9", "date": "today", "components": [far]}))
    assert "| `relu` | float32 | 3 | 0 |  |" in lists.agreement({"relu"})
