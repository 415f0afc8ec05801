"""`reftorch new nn/activation/softsign`: the three files of a new component, to be filled in.

The skeleton is that of an elementwise layer, and of another kind the command says which file of the section to copy from instead.
Whatever is to be replaced is called TODO, which is a name that Python does not know: until the last one is gone kernels do not
compile, tests do not start, and the site is not built. A TODO in prose fails the house tests.
"""

from __future__ import annotations

import argparse
import difflib
import json
import keyword
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class ScaffoldError(ValueError):
    """The new component cannot be begun; the message says why."""


def main(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    try:
        written = create(options.component, options.class_name)
    except ScaffoldError as error:
        print(f"reftorch: error: {error}", file=sys.stderr)
        return 2
    name = written[0].stem
    print("\n".join(str(file.relative_to(ROOT)) for file in written))
    if not options.component.strip("/").startswith(("nn/activation/", "reftorch/nn/activation/")):
        print(f"\nThe skeleton is that of an elementwise layer. {_other_model(written[0].parent, written[0])}")
    print("\nReplace every TODO in them, and name what is new in nn/__init__.py and nn/functional.py. Then:")
    print(f"  pytest -k {name}\n  reftorch step {name}\n  reftorch docs")
    return 0


def create(component: str, class_name: str = "", root: Path = ROOT) -> list[Path]:
    """Write the component file, its tests and its mutants; returns their paths. None is written if one is there already.

    Args:
        component: section and name, as "nn/activation/softsign".
        class_name: the module's; if it is empty, that of the documented module with this name, or one made from it.
        root: the folder with `reftorch/` and `tests/`.

    Raises:
        ScaffoldError: no such section, a name that is not one, or files that are there.
    """
    section, _, name = component.strip("/").removesuffix(".py").removeprefix("reftorch/").rpartition("/")
    _check_section(section, root)
    if not (_is_name(name) and name == name.lower()):
        raise ScaffoldError(
            f"{name!r} is no name for a component: wanted is one as leaky_relu, which names file and function"
        )
    class_name = class_name or _documented_class(name, root)
    if not _is_name(class_name):
        raise ScaffoldError(f"{class_name!r} is no name for a class: wanted is one as LeakyReLU")
    files = {
        root / "reftorch" / section / f"{name}.py": "component.txt",
        root / "tests" / section / f"test_{name}.py": "tests.txt",
        root / "reftorch" / "course" / "mutants" / section / f"{name}.py": "mutants.txt",
    }
    there = [file for file in files if file.exists()]
    if there:
        found = ", ".join(str(file.relative_to(root)) for file in there)
        raise ScaffoldError(
            f"nothing was written, for there is already {found}: choose another name, or edit what is there"
        )
    words = {"name": name, "class": class_name, "function": "".join(map(_capital, name.split("_"))) + "Function"}
    for file, template in files.items():
        text = (HERE / template).read_text(encoding="utf-8")
        for word, meaning in words.items():
            text = text.replace("{{" + word + "}}", meaning)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    return list(files)


def _other_model(section: Path, new: Path) -> str:
    """Which files of the section show the kernels, arguments and tests of its kind."""
    models = [
        file.name
        for file in sorted(section.glob("*.py"))
        if file != new and "@njit" in file.read_text(encoding="utf-8")
    ]
    if not models:
        return "No other file of this section has kernels yet: docs/guide/adding.md says what other kinds of kernels look like."
    return f"Kernels, arguments and tests of this section's kind are in {', '.join(models[:3])}: take them from there."


def sections(root: Path = ROOT) -> list[str]:
    """The sections that a layer can be in: the packages below nn/."""
    return sorted(f"nn/{file.parent.name}" for file in (root / "reftorch" / "nn").glob("*/__init__.py"))


def _is_name(text: str) -> bool:
    """Whether Python takes it for a name: `class` is none."""
    return text.isidentifier() and not keyword.iskeyword(text)


def _check_section(section: str, root: Path) -> None:
    known = sections(root)
    if not (known and (root / "tests").is_dir()):
        raise ScaffoldError(
            f"{root} is no copy of the sources: a new component is begun in one, installed with pip install -e"
        )
    if section in known:
        return
    near = difflib.get_close_matches(section, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"wanted is SECTION/NAME, and the sections are {', '.join(known)}."
    if section.startswith("nn/"):
        hint += f" A new section begins with reftorch/{section}/__init__.py, whose docstring says what it holds."
    raise ScaffoldError(f"there is no section {section!r}: {hint}")


def _documented_class(name: str, root: Path) -> str:
    """LeakyReLU for leaky_relu: the documented module with the same letters, or else each word with a capital."""
    file = root / "docs" / "data" / "components.json"
    rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    letters = name.replace("_", "")
    for full, *_ in rows:
        last = full.rpartition(".")[2]
        if full == f"torch.nn.{last}" and last.lower() == letters and last != last.lower():
            return last
    return "".join(map(_capital, name.split("_")))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
