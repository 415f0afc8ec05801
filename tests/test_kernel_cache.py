"""Compiled kernels on disk: when they are compiled again, what happens to damaged files, and which folders are used."""

import ast
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
import warnings

import pytest

import house
import reftorch
from reftorch import kernel_cache
from reftorch.fast import dots
from reftorch.kernel import SERIAL, njit
from reftorch.nn.activation import relu

PACKAGE = pathlib.Path(reftorch.__file__).parent


def run_python(code, folder, **environment):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder,
        env={**os.environ, "REFTORCH_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ------------------------------------------------------------------------------------------------------------ the key
def test_cache_does_not_go_stale_when_a_helper_changes(tmp_path):
    """A kernel is compiled and cached with a helper of `fast/`; the helper changes; the next process must see it."""
    shutil.copytree(PACKAGE, tmp_path / "reftorch", ignore=shutil.ignore_patterns("__pycache__", "nbi", "nbc"))
    helper = tmp_path / "reftorch" / "fast" / "helper_of_this_test.py"
    helper.parent.mkdir(exist_ok=True)
    user = """
        import sys, reftorch
        from reftorch.kernel import SERIAL, njit
        from reftorch.fast.helper_of_this_test import helper
        import kernel_of_this_test
        print(kernel_of_this_test.kernel(1.0), kernel_of_this_test.kernel.stats.cache_hits)
    """
    (tmp_path / "kernel_of_this_test.py").write_text(
        "from reftorch.kernel import SERIAL, njit\nfrom reftorch.fast.helper_of_this_test import helper\n\n\n"
        "@njit(**SERIAL)\ndef kernel(x):\n    return helper(x)\n"
    )
    declared = "from reftorch.kernel import SERIAL, njit\n\n\n@njit(**SERIAL)\ndef helper(x):\n    return x + {}\n"
    helper.write_text(declared.format(1))
    assert run_python(user, tmp_path)[:3] == "2.0"
    hits = run_python(user, tmp_path)
    assert hits.startswith("2.0") and "Counter({" in hits  # the second process loads it
    helper.write_text(declared.format(2))
    assert run_python(user, tmp_path)[:3] == "3.0"


def test_both_forms_are_kept_in_the_cache_apart(tmp_path):
    (tmp_path / "kernel_of_this_test.py").write_text(
        "import numba\nfrom reftorch.kernel import PARALLEL, njit, prange\n\n\n"
        "@njit(**PARALLEL)\ndef kernel(y):\n    for i in prange(y.size):\n        y[i] = numba.get_thread_id()\n"
    )
    use = """
        import numba, numpy as np
        from kernel_of_this_test import kernel
        from reftorch.threads import on_one_thread
        numba.get_num_threads()  # starts them
        forms = dict(parallel=kernel, serial=on_one_thread(kernel))
        for name in NAMES:
            forms[name](y := np.zeros(1000))
            print(name, len(set(y)), "threads", sum(forms[name].stats.cache_hits.values()), "loaded", end="; ")
    """

    def run(*names):
        code = use.replace("NAMES", str(names))
        return run_python(code, tmp_path, PYTHONPATH=f"{tmp_path}:{PACKAGE.parent}", NUMBA_NUM_THREADS="2")

    parallel, serial = "parallel 2 threads {} loaded;", "serial 1 threads {} loaded;"
    assert run("parallel", "serial") == f"{parallel} {serial}".format(0, 0)
    assert run("parallel", "serial") == f"{parallel} {serial}".format(1, 1)
    assert run("serial", "parallel") == f"{serial} {parallel}".format(1, 1)


def test_an_edit_elsewhere_keeps_the_kernels(tmp_path):
    """A kernel's key is its file and the files of helpers that it imports, not all files."""
    names = set(kernel_cache.sources(str(PACKAGE / "nn" / "activation" / "relu.py")))
    assert names == {"nn/activation/relu.py"}
    names = set(kernel_cache.sources(str(PACKAGE / "fast" / "dots.py")))
    assert {"fast/dots.py", "fast/registers.py", "fast/workers.py"} <= names and "fast/softmax.py" not in names
    assert kernel_cache.sources(str(tmp_path / "not there.py")) == {}


def declared(function, **options):
    return kernel_cache.declaration(function, {**SERIAL, **options})


def a_function(x):
    return x + 1


def another_function(x):
    return x + 2


def test_options_code_and_flags_are_part_of_the_key(monkeypatch):
    before = declared(a_function)
    assert before == declared(a_function) != declared(a_function, parallel=True)
    another_function.__qualname__ = a_function.__qualname__
    assert declared(another_function) != before
    for flag in ("NUMBA_BOUNDSCHECK", "NUMBA_OPT"):
        with monkeypatch.context() as patch:
            patch.setenv(flag, "1")
            assert declared(a_function) != before
    assert declared(a_function) == before


def test_the_tile_is_part_of_the_key_where_kernels_use_it(monkeypatch):
    reference, fast_form = relu.relu_forward_cpu.py_func, dots.dot_rows_share.py_func
    before = declared(reference), declared(fast_form)
    monkeypatch.setenv("REFTORCH_TILE", "other")
    assert declared(reference) == before[0] and declared(fast_form) != before[1]


def test_what_a_function_has_enclosed_is_part_of_the_key():
    def add(number):
        return lambda x: x + number

    assert declared(add(1)) == declared(add(1)) != declared(add(2))


def test_a_kernel_without_a_file_is_compiled_but_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_cache, "folder", lambda: tmp_path)
    space = {}
    exec(compile("def entered(x):\n    return x + 1\n", "<prompt>", "exec"), space)
    kernel = njit(**SERIAL)(space["entered"])
    assert kernel(1) == 2 and not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------------------------- the files
@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A way to compile and run one kernel anew, as a new process does: gives its result and how often it was loaded."""
    monkeypatch.setattr(kernel_cache, "folder", lambda: tmp_path)

    def run(x=1.0):
        kernel = njit(**SERIAL)(a_function)
        return kernel(x), sum(kernel.stats.cache_hits.values())

    return run


def test_a_second_process_loads_it(kept, tmp_path):
    assert kept() == (2.0, 0) and kept() == (2.0, 1)
    assert kept(1) == (2, 0) and kept(1) == (2, 1)
    files = [file.name for file in tmp_path.iterdir()]
    assert len(files) == 2 and all(name.startswith("test_kernel_cache.a_function-") for name in files)


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:20], lambda b: b[:-1], lambda b: b"garbage" * 100])
def test_a_damaged_file_is_compiled_anew(kept, tmp_path, damage):
    kept()
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert kept() == (2.0, 0)
    assert kept() == (2.0, 1) and [file] == list(tmp_path.iterdir())


def test_a_file_that_does_not_unpickle_is_compiled_anew(kept, tmp_path):
    kept()
    (file,) = tmp_path.iterdir()
    content = b"whole, but no pickle"
    file.write_bytes(kernel_cache.hashlib.sha256(content).digest() + content)
    assert kept() == (2.0, 0) and kept() == (2.0, 1)


def test_a_full_disk_is_told_once(kept, tmp_path, monkeypatch):
    def write_bytes(path, content):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kernel_cache, "_warned", False)
    monkeypatch.setattr(pathlib.Path, "write_bytes", write_bytes)
    with pytest.warns(RuntimeWarning, match="cannot be kept.*No space left.*Set REFTORCH_CACHE_DIR") as told:
        assert kept() == (2.0, 0) and kept() == (2.0, 0)
    assert len(told) == 1 and not list(tmp_path.iterdir())


def test_old_files_are_deleted(kept, tmp_path, monkeypatch):
    where = tmp_path / "kernels"
    monkeypatch.setattr(kernel_cache, "folder", lambda: where)
    old, recent = where / "old.nbc", where / "recent.nbc"
    older_version, recent_version = tmp_path / "kernels-0000", tmp_path / "kernels-1111"
    for made in (where, older_version, recent_version):
        made.mkdir()
    old.touch(), recent.touch()
    os.utime(old, (0, 0)), os.utime(older_version, (0, 0))
    assert kept() == (2.0, 0)
    assert not old.exists() and recent.exists() and not older_version.exists() and recent_version.exists()


def test_a_file_in_use_is_not_old(kept, tmp_path):
    kept()
    (file,) = tmp_path.iterdir()
    os.utime(file, (0, 0))
    assert kept() == (2.0, 1) and file.stat().st_mtime > 1e9


# --------------------------------------------------------------------------------------------------------- the folder
@pytest.fixture
def folder(tmp_path, monkeypatch):
    """`kernel_cache.folder`, asked again, with these two places."""
    chosen, temporary = tmp_path / "chosen", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("REFTORCH_CACHE_DIR", str(chosen))
    monkeypatch.setattr(kernel_cache.tempfile, "gettempdir", lambda: str(temporary))
    monkeypatch.setattr(kernel_cache, "_warned", False)
    return kernel_cache.folder.__wrapped__


def test_the_chosen_folder_is_closed_to_others(folder, tmp_path):
    where = folder()
    assert where == tmp_path / "chosen" / "kernels"
    assert os.name == "nt" or where.stat().st_mode & 0o777 == 0o700


def test_temporary_files_are_the_second_choice(folder, tmp_path):
    (tmp_path / "chosen").write_text("a file where a folder should be")
    assert folder().parent.parent == tmp_path / "temporary"


def test_no_folder_at_all_is_told_once(folder, tmp_path):
    (tmp_path / "chosen").write_text("")
    (tmp_path / "temporary").rmdir()
    (tmp_path / "temporary").write_text("")
    with pytest.warns(RuntimeWarning, match="cannot be kept.*chosen.*temporary"):
        assert folder() is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert folder() is None


posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="this system has no owners of this kind")


@posix
@pytest.mark.parametrize("whose", ["chosen", "chosen/kernels"])
def test_a_folder_of_another_account_is_not_used(folder, tmp_path, monkeypatch, whose):
    (tmp_path / "chosen" / "kernels").mkdir(parents=True)
    real, theirs = pathlib.Path.stat, tmp_path / whose

    def stat(path, **options):
        found = list(real(path, **options))
        if path == theirs:
            found[4] = os.getuid() + 1
        return os.stat_result(found)

    monkeypatch.setattr(pathlib.Path, "stat", stat)
    assert folder().parent.parent == tmp_path / "temporary"
    monkeypatch.setattr(kernel_cache.tempfile, "gettempdir", lambda: "/dev/null")
    with pytest.warns(RuntimeWarning, match=f"{theirs} belongs to another account"):
        assert folder() is None


@posix
def test_a_folder_that_others_may_write_to_is_not_used(folder, tmp_path):
    where = tmp_path / "chosen" / "kernels"
    where.mkdir(parents=True)
    where.chmod(0o770)
    assert folder().parent.parent == tmp_path / "temporary"
    where.chmod(0o755)
    assert folder() == where


@posix
def test_a_folder_that_cannot_be_written_is_not_used(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: "chosen" not in str(path))
    assert folder().parent.parent == tmp_path / "temporary"


def test_import_makes_no_file(tmp_path):
    use = "import reftorch, reftorch.nn.functional as F, reftorch.fast.matmul; F.conv2d, F.linear, F.cross_entropy"
    run_python(use, PACKAGE.parent, REFTORCH_CACHE_DIR=str(tmp_path / "cache"), TMPDIR=str(tmp_path))
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------- where helpers come from
ALLOWED = ("reftorch.kernel", "math", "numpy", "numba")


def covered(path):
    """The modules whose text is part of the key of this file's kernels."""
    return {"reftorch." + name.removesuffix(".py").replace("/", ".") for name in kernel_cache.sources(str(path))}


def foreign_names(source, known=()):
    """Names that kernels of this source take from files that are not part of the cache key."""
    imported = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module = "reftorch" if node.level else (node.module or "")
            imported |= {alias.asname or alias.name: module for alias in node.names}
        elif isinstance(node, ast.Import):
            imported |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names}
    used = set()
    for node in house.kernels(source).values():
        own = {argument.arg for argument in node.args.args}  # an argument may have the name of something imported
        used |= {inner.id for part in node.body for inner in ast.walk(part) if isinstance(inner, ast.Name)} - own
    return sorted(name for name in used & set(imported) if imported[name] not in (*ALLOWED, *known))


def test_kernels_take_helpers_only_from_files_that_the_cache_key_covers():
    sources = [path for path in PACKAGE.rglob("*.py") if "njit" in path.read_text()]
    assert len(sources) > 8
    for path in sources:
        assert foreign_names(path.read_text(), covered(path)) == [], path


def test_the_rule_about_helpers_can_fail():
    source = "from reftorch.nn.x import helper\n\n@njit\ndef k(x):\n    x[0] = helper(1)\n"
    assert foreign_names(source) == ["helper"]
