"""The page that says what this is: sources, version, licence, how to cite it, where the statements come from, feedback.

What may change stands in one place each: the version in the package, the authors in `CITATION.cff`, the address for feedback in
`mkdocs.yml`, whose hosts differ.
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

The site is made of the files of the package: the page of a component shows its whole file, and the line above the source names
it. [Adding a component](guide/adding.md) says how to change them.

## Version and licence

This is version {version}. It may be used, changed and passed on under the {license} licence; the file `LICENSE` has its text.

## How to cite it

```bibtex
{bibtex}
```

`CITATION.cff`, beside `LICENSE`, says the same in a form that programs read.

## Where the statements come from

- Names, arguments, defaults and shapes are those of PyTorch {torch}. The tests compare each component with it: outputs,
  gradients, errors and printed forms. Where PyTorch's documentation and its behaviour differ, the behaviour counts.
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
    """Where a reader may write to: `feedback` under `extra` in mkdocs.yml."""
    address = _extra().get("feedback")
    if address:
        return f"Mistakes, questions, and what was hard to read: <{address}>."
    return (
        "This copy of the site names no address. Whoever hosts it sets one in `mkdocs.yml`: `feedback` under `extra`, a URL or "
        "`mailto:` and an address."
    )


def _extra() -> dict:
    """`extra` of mkdocs.yml, whose other parts have tags that are MkDocs's own."""
    lines = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nextra:\n")[2].splitlines()
    block = itertools.takewhile(lambda line: line.startswith(" "), lines)
    return yaml.safe_load("\n".join(block)) or {}
