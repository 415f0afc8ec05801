"""Cutting files into blocks: what is code, what is a note, what belongs together."""

import textwrap

import pytest

from reftorch.site.errors import SiteError
from reftorch.site.segment import segment

AWKWARD = r'''
"""What it is. # no comment

## Forward
"""

import os
HASH = "# not a comment"
TEXT = """
# nor this
"""


# ## Kernels
# of $x$
#
#     indented
@njit(
    **PARALLEL
)
def double_forward_cpu(x, y):
    # inside: not a note of its own
    for i in prange(x.size):
        def nested():
            return "#"
        y[i] = 2 * x[i]


@cuda.jit
def double_forward_cuda(x, y):
    i = cuda.grid(1)


# Not about the class: an empty line follows.

# About the class.
@final
class Double:
    """A class."""

    # a comment
    def __init__(self): pass


@cuda.jit
def alone_cuda(x): pass

async def last(): return 1  # at the end of a line
'''


@pytest.fixture
def cut(tmp_path):
    def cut(text):
        file = tmp_path / "file.py"
        file.write_text(textwrap.dedent(text).lstrip("\n"))
        return segment(file)

    return cut


def test_blocks(cut):
    found = cut(AWKWARD)
    assert found.docstring.startswith("What it is. # no comment") and found.docstring_line == 1
    names = [[f.name for f in block.functions] for block in found.blocks]
    assert names == [[""], ["double_forward_cpu", "double_forward_cuda"], ["Double"], ["alone_cuda"], ["last"]]
    assert [f.device for f in found.blocks[1].functions] == ["cpu", "cuda"] and found.blocks[1].is_kernel
    assert not found.blocks[2].is_kernel


def test_notes_are_the_comments_right_above(cut):
    found = cut(AWKWARD)
    notes = [block.notes for block in found.blocks]
    assert notes == ["", "## Kernels\nof $x$\n\n    indented", "About the class.", "", ""]
    lines = found.lines
    assert lines[found.blocks[1].notes_line - 1] == "# ## Kernels"


def test_lines_cover_each_function_with_its_decorators(cut):
    found = cut(AWKWARD)
    cpu, cuda = found.blocks[1].functions
    assert found.lines[cpu.first - 1] == "@njit(" and found.lines[cpu.last - 1] == "        y[i] = 2 * x[i]"
    assert found.lines[cuda.first - 1] == "@cuda.jit"
    statements = found.blocks[0].functions[0]
    assert found.lines[statements.first - 1] == "import os" and found.lines[statements.last - 1] == '"""'
    double = found.blocks[2].functions[0]
    assert [found.lines[n - 1].strip() for n in double.docstring_lines] == ['"""A class."""']


CLASS = '''
class Twice:
    """What it is."""

    factor = 2

    def bare(self): pass

    # -------------------------------------------------- reading
    @property
    def size(self):
        """How large."""
        return 1  # not a note

    @size.setter
    def size(self, value):
        """Set it."""

    def also_bare(self):
        pass
        # of the body

    # What it does,
    # in two lines.
    def run(self): return "# no note"

    last = 1


# Of the function.
def after(): pass
'''


def test_a_class_with_notes_inside_is_shown_in_parts(cut):
    found = cut(CLASS)
    parts = [(b.functions[0].name, b.notes, b.functions[0].docstring) for b in found.blocks]
    assert parts == [
        ("Twice", "", "What it is."),
        ("Twice.size", "## Reading", "How large."),
        ("Twice.size-2", "", "Set it."),
        ("Twice.run", "What it does,\nin two lines.", ""),
        ("after", "Of the function.", ""),
    ]
    ends = [found.lines[b.functions[0].last - 1].strip() for b in found.blocks]
    assert ends == [
        "def bare(self): pass",
        "return 1  # not a note",
        "# of the body",
        "last = 1",
        "def after(): pass",
    ]


def test_a_class_with_few_notes_stays_whole(cut):
    assert [b.functions[0].name for b in cut(CLASS.replace('"""Set it."""', "pass")).blocks] == ["Twice", "after"]


def test_twins_have_one_name(cut):
    found = cut("@njit\ndef a_cpu(x): pass\n\n@cuda.jit\ndef b_cuda(x): pass\n")
    assert [[f.name for f in block.functions] for block in found.blocks] == [["a_cpu"], ["b_cuda"]]


def test_a_file_without_docstring_or_code(cut):
    assert cut("").blocks == [] and cut("x = 1\n").docstring == ""


def test_what_is_not_python_is_named_with_its_line(cut):
    with pytest.raises(SiteError, match=r"file.py:2: not Python"):
        cut("x = 1\ndef f(:\n")
