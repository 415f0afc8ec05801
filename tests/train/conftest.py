"""Runs the command in an empty folder."""

import pytest


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """Runs `reftorch train ARGUMENTS` in an empty folder; returns exit code, output, error output."""
    from reftorch import cli  # not above: the conftest.py of all tests first decides what CUDA is

    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        try:
            code = cli.main(["train", *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run
