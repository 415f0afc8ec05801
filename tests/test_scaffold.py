"""`reftorch new`: the skeleton has the structure that the house asks for, passes for nothing, and destroys nothing."""

import ast
import re
import shutil
from pathlib import Path

import pytest

import house
from reftorch import cli, scaffold
from reftorch.scaffold import ScaffoldError, create

ROOT = Path(__file__).parents[1]


@pytest.fixture
def root(tmp_path):
    """A project with one section, and relu in it."""
    for package in ("reftorch/nn/activation", "reftorch/nn/pooling", "reftorch/course/mutants/nn/activation"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text('"""A section."""\n')
    (tmp_path / "tests/nn/activation").mkdir(parents=True)
    (tmp_path / "docs/data").mkdir(parents=True)
    shutil.copy(ROOT / "docs/data/components.json", tmp_path / "docs/data")
    (tmp_path / "reftorch/nn/activation/relu.py").write_text("# by hand\n")
    return tmp_path


def files_of(root):
    return {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_three_files_that_are_python(root):
    written = create("nn/activation/softsign", root=root)
    assert [file.relative_to(root).as_posix() for file in written] == [
        "reftorch/nn/activation/softsign.py",
        "tests/nn/activation/test_softsign.py",
        "reftorch/course/mutants/nn/activation/softsign.py",
    ]
    for file in written:
        text = file.read_text()
        compile(text, file, "exec")
        assert "{{" not in text and re.search(r"\bTODO\b", text)
        assert max(map(len, text.splitlines())) <= 120


def test_the_component_has_the_houses_structure(root):
    text = create("nn/activation/softsign", root=root)[0].read_text()
    assert house.sections(ast.get_docstring(ast.parse(text))) == []
    assert house.symbols(text) == [] and house.names_and_order(text) == [] and house.sizes(text) == []
    kernels = house.kernels(text)
    assert list(kernels) == [f"softsign_{p}_{d}" for p in ("forward", "backward_x") for d in ("cpu", "cuda")]
    for name, cpu in kernels.items():
        if name.endswith("_cpu"):
            assert house.twins(cpu, kernels[name.removesuffix("cpu") + "cuda"]) == []
            assert "TODO" in {node.id for node in ast.walk(cpu) if isinstance(node, ast.Name)}


def test_nothing_passes_for_done(root):
    """Python stops at the name TODO: in the tests when they are collected, in the kernels when they run."""
    component, tests, mutants = create("nn/activation/softsign", root=root)
    with pytest.raises(NameError, match="TODO"):
        exec(compile(tests.read_text(), tests, "exec"), {"__name__": "skeleton"})
    names = {"__name__": "skeleton"}
    exec(compile(component.read_text(), component, "exec"), names)
    with pytest.raises(NameError, match="TODO"):
        import reftorch

        with reftorch.debug():
            names["softsign"](reftorch.ones(2))
    exec(compile(mutants.read_text(), mutants, "exec"), names)
    found = [mutant for mutant in names["MUTANTS"] if component.read_text().count(mutant.find) == 1]
    assert found == [], "a mutant of the skeleton must not fit its kernels"


def test_a_page_is_not_built_of_it(root, monkeypatch):
    from reftorch.site import page
    from reftorch.site.errors import SiteError
    from reftorch.step.components import Component

    file = create("nn/activation/softsign", root=root)[0]
    monkeypatch.setattr(page, "PACKAGE", root / "reftorch")
    made = page.Page(file)
    made.component = Component("softsign", file, ())
    with pytest.raises(SiteError, match=r"softsign.py:1: something is still to be written"):
        made.markdown()


@pytest.mark.parametrize(
    "name, wanted", [("leaky_relu", "LeakyReLU"), ("log_softmax", "LogSoftmax"), ("half_wave", "HalfWave")]
)
def test_the_class_is_called_as_documented(root, name, wanted):
    assert f"class {wanted}(Module)" in create(f"nn/activation/{name}", root=root)[0].read_text()
    assert "class Mine(Module)" in create("nn/activation/other", "Mine", root)[0].read_text()


@pytest.mark.parametrize(
    "there",
    [
        "reftorch/nn/activation/elu.py",
        "tests/nn/activation/test_elu.py",
        "reftorch/course/mutants/nn/activation/elu.py",
    ],
)
def test_nothing_is_overwritten(root, there):
    """One of the files is there: then none is written."""
    (root / there).write_text("# by hand\n")
    before = files_of(root)
    with pytest.raises(ScaffoldError, match=re.escape(there)):
        create("nn/activation/elu", root=root)
    assert files_of(root) == before


@pytest.mark.parametrize(
    "asked, says",
    [
        ("nn/activatoin/elu", "did you mean nn/activation"),
        ("elu", "SECTION/NAME, and the sections are nn/activation, nn/pooling"),
        ("optim/adam", "no section 'optim'"),
        ("nn/recurrent/gru", "reftorch/nn/recurrent/__init__.py, whose docstring"),
        ("nn/activation/ELU", "'ELU' is no name for a component"),
        ("nn/activation/", "no section 'nn'"),
        ("nn/activation/lambda", "'lambda' is no name for a component"),
        ("nn/activation/2d", "'2d' is no name for a component"),
        ("../x/nn/activation/elu", "no section"),
    ],
)
def test_what_cannot_be_begun_is_said(root, asked, says):
    before = files_of(root)
    with pytest.raises(ScaffoldError, match=re.escape(says)):
        create(asked, root=root)
    assert files_of(root) == before


def test_only_in_a_copy_of_the_sources(root):
    """Where the package is installed, there are components but no tests."""
    (root / "tests").rename(root / "elsewhere")
    with pytest.raises(ScaffoldError, match="is no copy of the sources"):
        create("nn/activation/elu", root=root)
    assert not (root / "tests").exists() and not (root / "reftorch/nn/activation/elu.py").exists()


def test_a_class_wants_a_name(root):
    with pytest.raises(ScaffoldError, match="'two words' is no name for a class"):
        create("nn/activation/elu", "two words", root)


def test_the_command(root, monkeypatch, capsys):
    monkeypatch.setattr(scaffold, "ROOT", root)
    monkeypatch.setattr(scaffold, "create", lambda component, name: create(component, name, root))
    assert cli.main(["new", "nn/activation/elu"]) == 0
    assert "reftorch/nn/activation/elu.py" in capsys.readouterr().out
    assert cli.main(["new", "nn/activation/elu"]) == 2
    assert "nothing was written" in capsys.readouterr().err


def test_no_skeleton_is_left():
    """Nowhere in components, their tests and their mutants is anything still to be written."""
    rooms = ["reftorch/nn", "reftorch/optim", "reftorch/transforms", "reftorch/course/mutants"]
    rooms += ["tests/nn", "tests/optim", "tests/transforms"]
    left = [f for room in rooms for f in (ROOT / room).rglob("*.py") if re.search(r"\bTODO\b", f.read_text())]
    assert not left
