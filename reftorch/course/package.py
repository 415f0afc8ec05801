"""Writes an autograder for Gradescope: a zip with setup.sh, run_autograder, the assignment, and the source of reftorch."""

from __future__ import annotations

import importlib.metadata
import shlex
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from reftorch.serialize import write_whole

from .assignment import PACKAGE, Assignment

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SETUP = """\
#!/usr/bin/env bash
# Gradescope runs this once, as root, when the autograder is built.
set -euo pipefail
root=${AUTOGRADER_ROOT:-/autograder}
python=${AUTOGRADER_PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "reftorch needs Python 3.10 or newer, found $("$python" --version): choose a newer base image" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    apt-get update
    apt-get install -y python3-venv
fi
"$python" -m venv "$root/venv"
"$root/venv/bin/pip" install -r "$root/source/requirements.txt"
# reftorch is pure Python: it is copied, so no build tools are needed
cp -R "$root/source/reftorch" "$("$root/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
"""

RUN = """\
#!/usr/bin/env bash
# Gradescope runs this for every submission.
root=${{AUTOGRADER_ROOT:-/autograder}}
mkdir -p "$root/results"
chmod 700 "$root/source" "$root/results"
if [ "$(id -u)" = 0 ]; then  # submissions do not run as root
    export REFTORCH_COURSE_USER=${{REFTORCH_COURSE_USER-nobody}}
fi
export REFTORCH_SITE={site}
exec "$root/venv/bin/python" -I -m reftorch.course.gradescope "$root"{seed}
"""


def package(assignment: Assignment, out: Path, seed: int | None = None, site: str = "") -> None:
    """Write the autograder of `assignment` to the zip file `out`. The same input gives the same bytes.

    `site` is the address of reftorch's pages, for links in the feedback. Raises FileError if `out` cannot be written.
    """
    write_whole(out, lambda draft: _fill(draft, assignment, seed, site))


def _fill(draft: Path, assignment: Assignment, seed: int | None, site: str) -> None:
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "setup.sh", SETUP.encode(), 0o755)
        run = RUN.format(seed="" if seed is None else f" --seed {seed}", site=shlex.quote(site))
        _add(archive, "run_autograder", run.encode(), 0o755)
        text = assignment.file.read_text(encoding="utf-8")
        if assignment.only and "only" not in tomllib.loads(text):  # chosen by the name, as in relu:cpu
            text = f'only = "{assignment.only}"\n{text}'
        _add(archive, f"assignment/{assignment.file.name}", text.encode())
        _add(archive, "requirements.txt", "".join(f"{line}\n" for line in requirements()).encode())
        for file in sources():
            _add(archive, f"reftorch/{file.relative_to(PACKAGE).as_posix()}", file.read_bytes())


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = zipfile.ZipInfo(name)  # dated 1980, so that the zip does not depend on the clock
    entry.external_attr = (0o100000 | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def sources() -> Iterator[Path]:
    """The files of the package, in order, without caches of Python and files of editors."""
    for file in sorted(PACKAGE.rglob("*")):
        inside = file.relative_to(PACKAGE).parts
        if file.is_file() and "__pycache__" not in inside and not any(part.startswith(".") for part in inside):
            yield file


def requirements() -> list[str]:
    """The requirements of reftorch for pip: from pyproject.toml in a checkout, otherwise from the installed package."""
    project = PACKAGE.parent / "pyproject.toml"
    if project.is_file():
        about = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        if about.get("name") == "reftorch":
            return about["dependencies"]
    return [line for line in importlib.metadata.requires("reftorch") or [] if "extra ==" not in line]
