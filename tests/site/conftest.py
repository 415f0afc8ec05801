import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def formulas():
    """KaTeX, which the tests that ask for it need."""
    from reftorch.site import mathematics  # not above: the conftest.py of all tests first decides what CUDA is

    try:
        mathematics.install()
        mathematics.katex("x", False)
    except RuntimeError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def site(tmp_path_factory, formulas):
    """The folder of the built site. `REFTORCH_BUILT_SITE=folder` names one that has been built already, as `reftorch docs build` does."""
    if "REFTORCH_BUILT_SITE" in os.environ:
        return Path(os.environ["REFTORCH_BUILT_SITE"]).resolve()
    pytest.importorskip("material", reason="pip install -e '.[docs]' brings what builds the site")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    env = {key: value for key, value in os.environ.items() if key != "NUMBA_ENABLE_CUDASIM"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def made(formulas):
    """Navigation, pages and prose, as the site gets them. Made once, by several processes, for all tests that look at pages.

    Worked examples are not compared with what they say: this is done where the site is built, and in tests/test_house.py.
    `REFTORCH_KEEP_PAGES=file` in the environment of `reftorch docs build` writes them to a file, `REFTORCH_KEPT_PAGES=file` reads it here.
    """
    if "REFTORCH_KEPT_PAGES" in os.environ:
        return json.loads(Path(os.environ["REFTORCH_KEPT_PAGES"]).read_text(encoding="utf-8"))
    from reftorch.site import fresh

    return fresh.made(quick=True)


@pytest.fixture(scope="session")
def pages(made):
    """All generated pages as Markdown, by their path in the site."""
    return made["pages"]
