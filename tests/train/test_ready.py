"""The processes that compile ahead."""

import subprocess
import sys

import pytest

from reftorch.train import ready


def test_no_process_is_left_behind(monkeypatch):
    started, start = [], subprocess.Popen

    def one_process(command, **options):
        if started:
            raise OSError("no more processes")
        started.append(start([sys.executable, "-c", "import time; time.sleep(60)"], stdout=options["stdout"]))
        return started[0]

    monkeypatch.setattr(ready.subprocess, "Popen", one_process)
    with pytest.raises(OSError, match="no more processes"):
        ready._rehearse([["one"], ["another"]], lambda name: None)
    assert started[0].poll() is not None
