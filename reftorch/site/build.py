"""All pages of the site, and the files that they need: for MkDocs, or written into a folder for another generator."""

from __future__ import annotations

import functools
import multiprocessing
import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from .. import nn
from ..course.assignment import ready
from ..course.pages import FRONT, course_page
from ..step.components import PACKAGE, components
from ..trace.page import VIEWER
from . import all_reduce, examples, links, lists, live, mathematics, pictures, recordings, sections
from .about import about
from .mathematics import DOCS, to_html
from .page import Page

__all__ = ["PACKAGE", "assets", "generate", "navigation", "pages", "prose", "render"]

CONTAINERS = {
    "nn/module.py": "Module",
    "nn/state_dict.py": "State dict",
    "nn/containers/sequential.py": "Sequential",
    "nn/containers/module_list.py": "ModuleList",
    "nn/containers/module_dict.py": "ModuleDict",
    "nn/containers/parameter_list.py": "ParameterList",
    "nn/containers/parameter_dict.py": "ParameterDict",
}
PLUMBING = {
    "kernel.py": "Kernels and devices",
    "tensor.py": "Tensor",
    "autograd/ladder.py": "The tape on one screen",
    "autograd/function.py": "Function",
    "autograd/node.py": "The nodes of the tape",
    "autograd/backward.py": "The backward pass",
}
LADDERS = {
    "fast/ladder/matmul.py": "Matrix product",
    "fast/ladder/conv2d.py": "Convolution",
    "fast/ladder/attention.py": "Attention",
    "fast/ladder/matmul_cuda.py": "Matrix product on CUDA",
    "fast/ladder/conv2d_cuda.py": "Convolution on CUDA",
}
GUIDES = {
    "guide/kernels.md": "How to read a kernel",
    "guide/tape.md": "The tape",
    "guide/shapes.md": "Shape calculator",
    "guide/stepping.md": "Stepping in a debugger",
    "guide/training.md": "Training: digits and dates",
    "guide/gpu.md": "On a GPU and without one",
    "guide/all-reduce.md": "How an all-reduce works",
    "guide/adding.md": "Adding a component",
}
COURSE = {
    "course.md": "Assignments",
    "guide/course-student.md": "For students",
    "guide/course-instructor.md": "For instructors",
}
TIMELINE = r"^\[\[timeline\]\]$"
GRAPH = r"^\[\[graph (\w+)\]\]$"
STEP = r"^\[\[(step|all-reduce) (\w+)(?: at (.+))?\]\]$"


@functools.cache
def pages(processes: int = 1) -> dict[str, str]:
    """Every generated page as Markdown, by its path in the site. The pages of files are made in so many processes.

    Raises:
        SiteError: a formula, an example or a symbol is wrong; with file and line.
    """
    files: dict[str, tuple[Path, str, bool]] = {path: (file, "", False) for path, file in links.helpers().items()}
    for path, title in {**CONTAINERS, **PLUMBING, **LADDERS, **_of_the_course()}.items():
        files[_md(path)] = (PACKAGE / path, title, True)
    for component in components().values():
        files[sections.address(component)] = (component.file, "", True)
    made = dict(zip(files, _in_processes(_page, list(files.values()), processes)))
    for folder, inside in sections.sections().items():
        made[f"{folder}/index.md"] = lists.section(folder, inside)
    made["nn/containers/index.md"] = _containers()
    made["notation.md"] = lists.notation(components())
    made["benchmarks.md"] = lists.benchmarks()
    made["coverage.md"] = lists.coverage(made)
    made["functions.md"] = lists.functional(made)
    made["about.md"] = about()
    return made


def _in_processes(function: Callable[[Any], str], jobs: list[Any], processes: int) -> list[str]:
    """The results of a function for each job, in their order."""
    if processes == 1:
        return [function(job) for job in jobs]
    context = multiprocessing.get_context(
        "spawn"
    )  # a copy of this process could hold locks of threads that it does not have
    with ProcessPoolExecutor(processes, context, _begin, (Page.checks_examples,)) as pool:
        return list(pool.map(function, jobs))


def _begin(checks_examples: bool) -> None:
    Page.checks_examples = checks_examples


def _page(job: tuple[Path, str, bool]) -> str:
    return Page(*job).markdown()


def _of_the_course() -> dict[str, str]:
    """Files that were written for an assignment: their paths, and the assignments' titles."""
    return {one.component: one.title for one in ready() if one.component.startswith("course/")}


def _containers() -> str:
    """The page of the containers. They have no kernels, so its table has no column for them."""
    lines = ["# Containers", "", (nn.containers.__doc__ or "").strip(), "", "| file | in a sentence |", "|---|---|"]
    for path, title in CONTAINERS.items():
        target = _md(path).removeprefix("nn/containers/") if "containers" in path else f"../{Path(_md(path)).name}"
        summary = Page(PACKAGE / path).summary().removeprefix(f"{title}: ")
        lines.append(f"| [{title}]({target}) | {summary} |")
    return "\n".join(lines) + "\n"


def _md(path: str) -> str:
    """The path of a file's page."""
    return path.removesuffix(".py") + ".md"


def navigation() -> list[Any]:
    """The navigation, as MkDocs takes it."""
    inside = [
        {sections.section_title(folder): [f"{folder}/index.md", *map(sections.address, found)]}
        for folder, found in sections.sections().items()
    ]
    containers = {"Containers": ["nn/containers/index.md", *({title: _md(path)} for path, title in CONTAINERS.items())]}
    plumbing = [{title: _md(path)} for path, title in PLUMBING.items()]
    ladders = [{title: _md(path)} for path, title in LADDERS.items()]
    course = [
        *({title: path} for path, title in COURSE.items()),
        {"Written for the course": [{title: _md(path)} for path, title in _of_the_course().items()]},
    ]
    return [
        {"Home": "index.md"},
        {"Guide": [{title: path} for path, title in GUIDES.items()]},
        {"Components": [containers, *inside]},
        {"Functions": "functions.md"},
        {"How it works": plumbing},
        {"Performance": [{"Benchmarks": "benchmarks.md"}, *ladders]},
        {"Course": course},
        {"Notation": "notation.md"},
        {"Coverage": "coverage.md"},
        {"About": "about.md"},
    ]


def assets() -> dict[str, Path]:
    """Files that are copied unchanged: path in the site, and source."""
    mathematics.install()
    found = {f"assets/{name}": VIEWER / name for name in ("terms.js", "viewer.js", "viewer.css")}
    found |= {f"assets/live/{file.name}": file for file in sorted(live.SCRIPTS.iterdir())}
    found["assets/katex/katex.min.css"] = mathematics.KATEX / "katex.min.css"
    found["assets/iframe-worker.js"] = mathematics.WORKER
    for font in sorted((mathematics.KATEX / "fonts").glob("*.woff2")):
        found[f"assets/katex/fonts/{font.name}"] = font
    return found


@functools.cache
def prose() -> dict[str, str]:
    """The pages of the guide by their path in the site. Some lines are replaced:

    `[[step conv2d]]` and `[[all-reduce ring]]` by a step viewer; `[[step conv2d at acc +=]]` by one that begins at the first run of that
    line; `[[graph layers]]` by a computation graph; `[[timeline]]` by the recorded training step. The course's page gets the tables of
    the assignments.

    Raises:
        SiteError: a formula or an example is wrong; with file and line.
    """
    made = {}
    for file in _prose():
        text = course_page() if file == FRONT else file.read_text(encoding="utf-8")
        to_html(text, file, 1)
        if Page.checks_examples:
            examples.check(text, file, 1)
        text = re.sub(GRAPH, _graph, examples.shown(text), flags=re.MULTILINE)
        text = re.sub(TIMELINE, _timeline, text, flags=re.MULTILINE)
        made[file.relative_to(DOCS).as_posix()] = re.sub(STEP, _stepped, text, flags=re.MULTILINE)
    return made


def _stepped(found: re.Match) -> str:
    if found[1] == "all-reduce":
        return recordings.viewer_of(all_reduce.recorded(found[2]))
    return recordings.viewer(components()[found[2]], found[3] or "")


def _timeline(found: re.Match) -> str:
    drawn = pictures.timeline.picture()
    if not drawn:
        return "Not recorded yet: `reftorch bench --ranks 2 --save` records it."
    return pictures.framed(drawn, pictures.timeline.CAPTION)


def _graph(found: re.Match) -> str:
    return pictures.framed(pictures.tape.picture(found[1]), pictures.tape.GRAPHS[found[1]][1])


def render(output: str) -> str:
    """A finished page with its formulas rendered. This is done after the search index has been made."""
    return mathematics.render(output)


def generate(folder: Path) -> list[Path]:
    """Write all pages as Markdown with rendered formulas, and the files that they need, without MkDocs. Returns their paths."""
    written = []
    for path, text in {**prose(), **pages()}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_math_in_prose(render(text)), encoding="utf-8")
        written.append(target)
    for path, source in {**assets(), **{f"assets/{f.name}": f for f in (DOCS / "assets").iterdir()}}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
        written.append(target)
    return written


def _prose() -> list[Path]:
    return [file for file in sorted(DOCS.rglob("*.md")) if "node_modules" not in file.parts]


def _math_in_prose(text: str) -> str:
    """A table row or sentence in Markdown with its formulas rendered; code is not changed."""
    pieces = re.split(r"(```.*?```|`[^`\n]*`|<script.*?</script>|<div.*?\n</div>)", text, flags=re.DOTALL)
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(r"(?<![\\$])\$([^$\s](?:[^$\n]*[^$\s])?)\$", _inline, pieces[i])
    return "".join(pieces)


def _inline(found: re.Match) -> str:
    return mathematics.katex(found[1], False)
