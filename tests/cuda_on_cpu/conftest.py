"""What the tests of launches share."""

import pytest


@pytest.fixture(params=["any sizes", "these sizes"])
def form(request, monkeypatch):
    """Both forms of a kernel: for any sizes, and with the sizes of its arguments as constants."""
    from reftorch.cuda_on_cpu import launch  # not before Numba has its simulator

    monkeypatch.setitem(launch.__globals__, "COMPILE", -1 if request.param == "these sizes" else 1e9)
    monkeypatch.setitem(launch.__globals__, "LOOK", -1 if request.param == "these sizes" else 1e9)
    launch.__globals__["_times"].cache_clear()
    yield request.param
    launch.__globals__["_times"].cache_clear()
