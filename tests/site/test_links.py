"""Names in code: what each stands for is found without running a file, and every link of the built site leads somewhere."""

import html
import posixpath
import re
import urllib.parse

import pytest

from reftorch.site import links
from reftorch.site.highlight import highlighted, listing
from reftorch.site.page import Page
from reftorch.site.segment import segment
from reftorch.step.components import PACKAGE

TEXT = '''"""A file."""

import math

from reftorch.kernel import cuda, njit, on, prange
from reftorch.nn.activation.relu import relu as short
from reftorch.nn.arguments import pair

SIZE = 4


class Base:
    def inherited(self):
        return SIZE


class Layer(Base):
    """ä"""

    def forward(self, pair=None):
        made = "ä" if pair else helper(SIZE)
        return self.inherited() + self.forward(made) + self.missing


@njit
def helper(x):
    return math.pi if x else prange(x)


@njit
def other(SIZE):
    def pair():
        return 1

    return pair() + SIZE
'''


@pytest.fixture
def found(monkeypatch):
    """The links of TEXT, by line and the name there."""
    file = PACKAGE / "nn" / "a_file_of_a_test.py"
    read = type(file).read_text
    monkeypatch.setattr(type(file), "read_text", lambda path, **how: TEXT if path == file else read(path, **how))
    lines = TEXT.splitlines()
    made = links.links(file)
    return {(n, re.match(r"\w+", lines[n - 1][column:])[0]): to for (n, column), to in made.items()}


def line_of(text):
    return 1 + TEXT[: TEXT.index(text)].count("\n")


def test_names_of_the_same_file(found):
    made = line_of('made = "ä"')
    assert found[made, "helper"] == ("#helper-L2", "")  # behind a letter of two bytes
    assert found[made, "SIZE"][0] == f"#file-L{line_of('SIZE = 4')}"
    assert found[line_of("class Layer"), "Base"][0] == "#Base-L1"


def test_methods_also_inherited_ones(found):
    line = line_of("return self.inherited")
    assert found[line, "inherited"][0] == "#Base-L2" and found[line, "forward"][0] == "#Layer-L4"
    assert (line, "missing") not in found


def test_imports_are_followed_to_the_definition(found):
    pages = {name: to for (line, name), (to, _) in found.items() if 5 <= line <= 7}
    assert pages["pair"].startswith("arguments.html#pair-L") and pages["on"].startswith("../kernel.html#on-L")
    assert pages["relu"].startswith("activation/relu.html#relu-L")


def test_variables_are_no_links(found):
    made, inside = line_of('made = "ä"'), line_of("return pair() + SIZE")
    assert (made, "pair") not in found and not [key for key in found if key[0] == inside]


def test_words_of_numba_are_explained_once(found):
    words = {name: (line, to, title) for (line, name), (to, title) in found.items() if title}
    assert {name: line for name, (line, _, _) in words.items()} == {
        "njit": line_of("@njit"),
        "prange": line_of("return math.pi"),
    }
    assert words["prange"][1] == "../guide/kernels.html#prange" and "same time" in words["prange"][2]


def test_a_decorator_is_a_link():
    """Its `@` and its name are one token."""
    file = PACKAGE / "nn/activation/relu.py"
    cut = segment(file)
    kernel = next(f for block in cut.blocks for f in block.functions if f.device == "cpu")
    first = listing(kernel, highlighted(cut.lines), (), links=links.links(file)).partition("</code>")[0]
    assert re.search(
        r'<a href="../../guide/kernels.html#njit" title="[^"]*machine code[^"]*"><span class="nd">@njit<', first
    )


def test_a_component_says_which_kernels_run():
    found = {
        name: Page(PACKAGE / f"nn/{name}.py").markdown()
        for name in ("pooling/max_pool2d", "activation/relu", "containers/sequential")
    }
    assert (
        'fast forms run by default: <a href="../../fast/max_pool.html#max-pool-forward-L1"><code>max_pool_forward<'
        in found["pooling/max_pool2d"]
    )
    assert "These kernels run by default" in found["activation/relu"]
    assert not [words for words in ("fast forms", "run by default") if words in found["containers/sequential"]]


def test_all_that_a_component_calls_of_the_fast_forms_is_listed():
    """Also what does not take the reference kernel, but not a question whether a fast form pays."""
    wanted = {
        "transformer/attention": ["attention_forward", "attention_backward"],
        "activation/rrelu": ["slopes_of"],
        "dropout/alpha_dropout": ["drop_planes", "scale_planes"],
        "padding/constant_pad": ["framed", "constant_pad_forward", "unframed", "constant_pad_backward_x"],
        "utils/clip_grad": ["euclidean", "limit"],
    }
    assert {name: list(links.fast_forms(PACKAGE / f"nn/{name}.py")) for name in wanted} == wanted
    clipped = Page(PACKAGE / "nn/utils/clip_grad.py").markdown()
    assert "their reference forms run" in clipped and "reference kernels below" not in clipped


def test_every_link_of_the_site_leads_somewhere(site):
    """To a file that is there, and to an element of it."""
    texts = {file: file.read_text(encoding="utf-8") for file in site.rglob("*.html")}
    places = {file: set(re.findall(r'\bid="([^"]+)"', text)) for file, text in texts.items()}
    broken, met = set(), 0
    for file, text in texts.items():
        if file.name == "404.html":  # may be shown at any address, and starts from the root
            continue
        for link in set(re.findall(r'<a\b[^>]*?\bhref="([^"]+)"', text)):
            path, _, place = urllib.parse.unquote(html.unescape(link)).partition("#")
            if re.match(r"\w+:", path):
                continue
            met += 1
            target = (
                site / posixpath.normpath(posixpath.join(file.parent.relative_to(site).as_posix(), path))
                if path
                else file
            )
            if not target.exists() or (place and target in places and place not in places[target]):
                broken.add((file.name, link))
    assert met > 10_000 and not broken
