"""The page "About": sources, version, licence, how to cite reftorch, how its statements are verified, feedback.

The version comes from the package, the authors from `CITATION.cff`, and the address for feedback from `mkdocs.yml`, where each host
sets it.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import yaml

import reftorch

ROOT = Path(__file__).parents[2]

TEXT = """# About

reftorch explains PyTorch's `torch.nn` by an implementation that is short enough to read.

## Where the sources are

The site is made from the files of the package. The page of a component shows its whole file, and the line above the source names
the file. [Adding a component](guide/adding.md) explains how to change a file.

## Version and licence

This is version {version}. You may use, change and distribute it under the {license} licence, whose text is in the file `LICENSE`.

## How to cite it

```bibtex
{bibtex}
```

`CITATION.cff`, beside `LICENSE`, has the same data in a machine-readable form.

## How the statements are verified

- Names, arguments, defaults and shapes are those of PyTorch {torch}. The tests compare each component with PyTorch: outputs,
  gradients, errors and printed forms. Where PyTorch's documentation and its behaviour differ, reftorch follows the behaviour.
- Gradients are derived on the page, and compared with finite differences.
- The numbers under [Benchmarks](benchmarks.md) and "Agreement with PyTorch" come from files in `docs/data`, which name the date,
  the processor and the versions of the run.

## Feedback

{feedback}
"""


def about() -> str:
    """The page, as Markdown."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    measured = json.loads((ROOT / "docs" / "data" / "agreement.json").read_text(encoding="utf-8"))
    return TEXT.format(
        version=reftorch.__version__,
        license=citation["license"],
        bibtex=bibtex(citation),
        torch=measured["torch"].partition("+")[0],
        feedback=feedback(),
    )


def bibtex(citation: dict) -> str:
    """The entry for a bibliography."""
    authors = " and ".join(f"{{{author['name']}}}" for author in citation["authors"])
    fields = {
        "title": f"{{{citation['title']}}}",
        "author": authors,
        "version": citation["version"],
        "year": str(citation["date-released"])[:4],
    }
    return "@software{reftorch,\n" + "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items()) + "}"


def feedback() -> str:
    """The address for feedback from readers: `feedback` under `extra` in mkdocs.yml."""
    address = _extra().get("feedback")
    if address:
        return f"Please report mistakes, questions, and sentences that were hard to read: <{address}>."
    return (
        "This copy of the site names no address. The host of the site can set one in `mkdocs.yml`: `feedback` under `extra`, a URL or "
        "`mailto:` and an address."
    )


def _extra() -> dict:
    """`extra` of mkdocs.yml. Other parts of the file have tags that only MkDocs can read."""
    lines = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nextra:\n")[2].splitlines()
    block = itertools.takewhile(lambda line: line.startswith(" "), lines)
    return yaml.safe_load("\n".join(block)) or {}
