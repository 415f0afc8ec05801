"""Runs the command in an empty folder."""

import pytest


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """Runs `reftorch train ARGUMENTS` in an empty folder; returns exit code, output, error output."""
    import numba  # not above: the conftest.py of all tests first decides what CUDA is

    from reftorch import cli

    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        try:
            code = cli.main(["train", *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    yield run
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
