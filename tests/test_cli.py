"""The command line from outside: help, versions, wrong options, `reftorch doctor`."""

import argparse
import functools
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import reftorch
from reftorch import cli, doctor

ROOT = Path(reftorch.__file__).parents[1]


def command(*arguments, **environment):
    """Run `python -m reftorch` with `arguments`; a variable set to None is taken out of the environment."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    env = {name: value for name, value in env.items() if value is not None}
    call = [sys.executable, "-m", "reftorch", *arguments]
    return subprocess.run(call, capture_output=True, text=True, env=env, timeout=120)


def exits(capsys, *arguments):
    """Exit code, output and error output of `reftorch ARGUMENTS`, in this process."""
    try:
        code = cli.main(arguments)
    except SystemExit as stop:
        code = stop.code
    return code, *capsys.readouterr()


def test_version(capsys):
    assert exits(capsys, "--version") == (0, f"reftorch {reftorch.__version__}\n", "")


def test_help_names_every_option_and_shows_examples(capsys):
    code, text, _ = exits(capsys, "--help")
    assert code == 0 and "train" in text and "doctor" in text
    code, text, _ = exits(capsys, "train", "--help")
    options = "data limit model epochs batch-size lr momentum seed device threads load save plot".split()
    assert all(f"--{option} " in text for option in options)
    assert "examples:" in text and "(default: 0.02)" in text and "sequences" in text
    assert re.findall(r"None", text) == []
    assert exits(capsys, "doctor", "--help")[0] == 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "COMMAND"),
        (["fly"], "fly"),
        (["train", "--epochs", "-1"], "argument --epochs: expected a whole number of at least 0, found '-1'"),
        (["train", "--epochs", "2.5"], "found '2.5'"),
        (["train", "--batch-size", "0"], "argument --batch-size: expected a whole number of at least 1, found '0'"),
        (["train", "--lr", "0"], "argument --lr: expected a number above 0, found '0'"),
        (["train", "--lr", "nan"], "found 'nan'"),
        (["train", "--lr", "inf"], "found 'inf'"),
        (["train", "--lr", "fast"], "found 'fast'"),
        (["train", "--momentum", "1"], "argument --momentum: expected a number at least 0 and below 1, found '1'"),
        (["train", "--momentum", "-0.1"], "found '-0.1'"),
        (["train", "--seed", "-1"], "argument --seed: expected a whole number from 0 to 4294967295, found '-1'"),
        (["train", "--seed", "4294967296"], "found '4294967296'"),
        (["train", "--threads", "0"], "--threads: expected a whole number of at least 1, found '0'"),
        (["train", "--limit", "0"], "--limit: expected a whole number of at least 1, found '0'"),
        (["train", "--device", "tpu"], "tpu"),
        (["train", "--epoch", "3"], "--epoch"),  # no guessing at shortened names
        (["train", "extra"], "invalid choice: 'extra'"),
        (["train", "sequences", "extra"], "extra"),
        (["train", "sequences", "--model", "gru"], "argument --model: invalid choice: 'gru'"),
    ],
)
def test_wrong_options(capsys, arguments, words):
    code, _, errors = exits(capsys, *arguments)
    assert code == 2 and words in errors and "usage: reftorch" in errors


@pytest.mark.parametrize("low, high, good, bad", [(0, 9, "9", "10"), (1, None, "1", "0")])
def test_whole(low, high, good, bad):
    assert cli.whole(low, high)(good) == int(good)
    with pytest.raises(argparse.ArgumentTypeError, match=bad):
        cli.whole(low, high)(bad)


def test_ctrl_c_before_the_training(capsys, monkeypatch):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "main", lambda: interrupted(None))
    code, _, errors = exits(capsys, "doctor")
    assert code == 130 and "nothing was written" in errors


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="POSIX's signals")
def test_ctrl_c_while_it_starts(tmp_path):
    """Also in the midst of the imports: one line. A program of one's own that imports reftorch keeps Python's traceback."""
    (tmp_path / "numba.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time\ntime.sleep(9)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    for call, lines in (["-m", "reftorch", "doctor"], 1), (["-c", "import reftorch"], 5):
        heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a job in the background ignores it
        done = subprocess.run(
            [sys.executable, *call],
            capture_output=True,
            text=True,
            env=env,
            cwd=tmp_path,
            timeout=120,
            preexec_fn=heard,
        )
        said = done.stderr.strip().splitlines()
        assert (len(said) == 1) == (lines == 1) and len(said) >= lines, done.stderr
        assert said[-1] == ("Interrupted: nothing was written." if lines == 1 else "KeyboardInterrupt")
        assert done.returncode == (130 if lines == 1 else -2)


def test_a_missing_package_is_named(capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "reftorch.train", raising=False)
    for name in [name for name in sys.modules if name.startswith(("reftorch.train.", "rich"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    code, _, errors = exits(capsys, "train")
    assert code == 2 and "rich" in errors and "pip install rich" in errors


def test_python_m_reftorch():
    done = command("--version")
    assert (done.returncode, done.stdout) == (0, f"reftorch {reftorch.__version__}\n")


def test_importing_the_command_line_imports_no_command():
    code = "import sys, reftorch.cli; print([m for m in sys.modules if m.split('.')[0] in UNWANTED])"
    code = code.replace("UNWANTED", "('rich', 'matplotlib', 'safetensors', 'torch')")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout == "[]\n", done.stderr


# --------------------------------------------------------------------------------------------- reftorch doctor
def test_doctor_without_cuda():
    done = command("doctor", NUMBA_ENABLE_CUDASIM=None, CUDA_VISIBLE_DEVICES="", NUMBA_OPT="2")
    assert done.returncode == 0, done.stdout + done.stderr
    for package in ("python", "numpy", "numba", "llvmlite", "rich", "safetensors", "matplotlib"):
        assert re.search(rf"^  {package} +\d+\.\d+", done.stdout, re.M)
    assert re.search(r"^  threads +[1-9]", done.stdout, re.M)
    assert re.search(r"^  layer +(omp|tbb|workqueue)$", done.stdout, re.M)
    assert re.search(r"^  device +none$", done.stdout, re.M)
    assert re.search(r"^  why +\w+", done.stdout, re.M)
    assert re.search(r"^  folder +.*kernels$", done.stdout, re.M)
    assert re.search(r"^  NUMBA_OPT +2$", done.stdout, re.M)
    assert "cannot tell" not in done.stdout and done.stderr == ""


def test_doctor_on_the_simulator():
    done = command("doctor", NUMBA_ENABLE_CUDASIM="1")
    assert done.returncode == 0
    assert "simulator" in done.stdout and "NUMBA_ENABLE_CUDASIM is set" in done.stdout


def test_doctor_runs_where_reftorch_cannot_be_imported(tmp_path):
    """A broken numba: the file itself still answers the rest."""
    (tmp_path / "numba.py").write_text("raise RuntimeError('this numba is broken')")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    call = [sys.executable, doctor.__file__]
    done = subprocess.run(call, capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 1
    assert "cannot be imported: RuntimeError: this numba is broken" in done.stdout
    assert "numba: python -m pip install --force-reinstall numba" in done.stdout
    assert re.search(r"^  numpy +\d", done.stdout, re.M) and "Traceback" not in done.stderr


def test_doctor_names_what_is_missing(capsys, monkeypatch):
    known = doctor.version
    monkeypatch.setattr(doctor, "version", lambda name: None if name == "safetensors" else known(name))
    assert doctor.main() == 1
    assert "safetensors: python -m pip install safetensors" in capsys.readouterr().out


def fake_gpu(**changes):
    context = SimpleNamespace(get_memory_info=lambda: (2**30, 4 * 2**30))
    device = SimpleNamespace(name=b"Abacus 9000", compute_capability=(9, 0))
    parts = dict(
        get_current_device=lambda: device,
        current_context=lambda: context,
        runtime=SimpleNamespace(get_version=lambda: (13, 0)),
    )
    return SimpleNamespace(**{**parts, **changes})


def test_doctor_describes_a_gpu(monkeypatch):
    monkeypatch.setattr("reftorch.kernel.cuda_kind", lambda: "device")
    monkeypatch.setattr("reftorch.kernel.cuda", fake_gpu())
    lines = dict(doctor.cuda([]))
    assert lines["device"] == "Abacus 9000, compute capability 9.0"
    assert lines["memory"] == "1.0 of 4.0 GiB free" and lines["runtime"] == "13.0"


@pytest.mark.gpu
def test_doctor_on_a_gpu():
    done = command("doctor", NUMBA_ENABLE_CUDASIM=None)
    assert done.returncode == 0
    assert re.search(r"^  device +.+, compute capability \d+\.\d+$", done.stdout, re.M)
    assert re.search(r"^  memory +.* GiB free$", done.stdout, re.M)


@pytest.mark.parametrize(
    "numba_cuda, number, words",
    [
        (SimpleNamespace(reason=RuntimeError("no libnvvm")), 0, "cannot be imported: RuntimeError: no libnvvm"),
        (SimpleNamespace(), 0, "no GPU"),
        (SimpleNamespace(cuda_error=lambda: "CUDA_ERROR_X"), 1, "CUDA_ERROR_X"),
        (SimpleNamespace(), 1, "is_available() is False"),
    ],
)
def test_doctor_says_why_there_is_no_cuda(monkeypatch, numba_cuda, number, words):
    monkeypatch.setattr("reftorch.kernel.cuda_kind", lambda: "absent")
    monkeypatch.setattr("reftorch.kernel.cuda", numba_cuda)
    monkeypatch.setattr(doctor, "gpus", lambda: (number, "a driver"))
    monkeypatch.setattr(doctor, "version", lambda package: None)
    lines = dict(doctor.cuda([]))
    assert lines["device"] == "none" and words in lines["why"]
    assert ("numba-cuda[cu13]" in lines.get("remedy", "")) == (number > 0)
