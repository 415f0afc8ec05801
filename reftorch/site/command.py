"""`reftorch docs`: serve the site, or build it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from .errors import SiteError

ROOT = Path(__file__).parents[2]


def main(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    if not (ROOT / "mkdocs.yml").exists():
        print(
            "reftorch: error: the site is built from a copy of the sources, with mkdocs.yml beside reftorch/",
            file=sys.stderr,
        )
        return 2
    try:
        import mkdocs  # noqa: F401

        from . import build
    except ImportError as error:
        print(f"reftorch: error: {error.name} is missing: pip install -e '.[docs]'", file=sys.stderr)
        return 2
    if options.act == "pages":
        return _pages(build, options)
    act = ["build", "--strict"] if options.act == "build" else ["serve", "--open"]
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "mkdocs", *act], cwd=ROOT)
    if options.act == "build" and not done.returncode:
        print(
            f"{ROOT / 'site'}: {sum(1 for _ in (ROOT / 'site').rglob('*.html'))} pages in {time.perf_counter() - start:.1f} s"
        )
    return done.returncode


def _pages(build, options: argparse.Namespace) -> int:
    """Write only the Markdown pages, for another generator than MkDocs."""
    try:
        written = build.generate(Path(options.to))
    except (SiteError, RuntimeError) as error:
        print(f"reftorch: error: {error}", file=sys.stderr)
        return 1
    print(f"{options.to}: {len(written)} files")
    return 0
