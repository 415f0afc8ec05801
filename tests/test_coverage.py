"""The documented names of PyTorch: each can be imported and called, or is on the list of those that are not there yet."""

import inspect
import json
from pathlib import Path

import pytest

from reftorch.site.names import look_up

FILE = Path(__file__).parents[1] / "docs" / "data" / "components.json"
DOCUMENTED = [name for name, _, documented in json.loads(FILE.read_text(encoding="utf-8")) if documented]
NOT_YET: set[str] = set()
ATTRIBUTES = {"torch.nn.Module.training", "torch.nn.Module.dump_patches"}  # values, which cannot be called


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_documented_name_is_there(name):
    found = look_up(name)
    if name in NOT_YET:
        assert found is None, f"{name} is there now: take it off the list NOT_YET"
    else:
        assert found is not None, f"{name} is documented, but reftorch does not have it"
        assert name in ATTRIBUTES or callable(found) or inspect.isdatadescriptor(found)


def test_the_list_of_absent_names_names_documented_ones():
    assert NOT_YET <= set(DOCUMENTED)
