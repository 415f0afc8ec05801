"""The step viewer as a page of its own, and its script, run by Node with a stand-in for the browser's document."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from reftorch.kernel import cuda
from reftorch.trace import Recording, record, record_cuda
from reftorch.trace.page import VIEWER, page


def add(x, y):
    for i in range(x.size):
        y[i] += x[i]  # "</script>" & <b>


@cuda.jit
def reverse(x, y):
    tile = cuda.shared.array(2, np.float32)
    i = cuda.grid(1)
    tile[cuda.threadIdx.x] = x[i]
    cuda.syncthreads()
    y[i] = tile[1 - cuda.threadIdx.x]


def recording():
    return record(add, np.array([1.0, 2]), np.array([10.0, 20]))


def test_the_page_holds_the_recording_and_asks_for_nothing_else():
    text = page(recording(), title="a < b")
    (held,) = re.findall(r'<script type="application/json" id="recording">(.*?)</script>', text, re.DOTALL)
    assert Recording.from_json(held) == recording()
    assert "<title>a &lt; b" in text and text.count("</script>") == 2 and "{{" not in text
    assert not re.findall(r"(?:src|href|url|import|fetch)\s*[=(]\s*[\"']?(?!#)\w", text)
    assert "http" not in text.replace("http-equiv", "")


def test_saved_by_its_ending(tmp_path):
    recording().save(tmp_path / "run.html")
    assert (tmp_path / "run.html").read_text(encoding="utf-8") == page(recording())


DOCUMENT = """
class Element {
  constructor(tag) { this.tag = tag; this.children = []; this.classes = new Set(); this.dataset = {}; this.listeners = {}; }
  set className(names) { this.classes = new Set(names.split(" ").filter(Boolean)); }
  get classList() {
    return { add: name => this.classes.add(name), remove: (...names) => names.forEach(name => this.classes.delete(name)),
             toggle: (name, on) => on ? this.classes.add(name) : this.classes.delete(name) };
  }
  append(...parts) { this.children.push(...parts); }
  replaceChildren() { this.children = []; }
  get textContent() { return this.children.map(part => part instanceof Element ? part.textContent : part).join(""); }
  set textContent(text) { this.children = [String(text)]; }
  setAttribute(name, value) { this[name] = value; }
  addEventListener(name, listener) { this.listeners[name] = listener; }
  dispatchEvent(event) { this.said = event.detail; }
  all(name) {
    const inner = this.children.filter(part => part instanceof Element);
    return [...inner.filter(part => part.classes.has(name)), ...inner.flatMap(part => part.all(name))];
  }
}
globalThis.document = { createElement: tag => new Element(tag) };
globalThis.Option = class { constructor(text, value) { Object.assign(this, { text, value }); } };
globalThis.ResizeObserver = class { observe() {} };
const root = new Element("div");
"""


def run_viewer(recording, script):
    """What `script`, which has `root` and `viewer`, logs as JSON."""
    source = "".join((VIEWER / name).read_text(encoding="utf-8") for name in ("terms.js", "viewer.js"))
    start = f"const recording = {recording.to_json()};\nconst viewer = stepViewer(root, recording);\n"
    program = source + DOCUMENT + start + f"console.log(JSON.stringify((() => {{ {script} }})()));"
    done = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
SHOWN = """
  const names = kind => root.all(kind).map(box => box.dataset.name);
  const shown = () => [root.all("sv-now").map(l => l.textContent.slice(2).trim()), root.all("sv-changed").map(c => c.textContent),
                       names("sv-read"), names("sv-written"), [...viewer.cells]];
"""


@needs_node
def test_the_viewer_shows_what_each_line_did():
    before, at, back = run_viewer(
        recording(),
        SHOWN
        + "viewer.show(0); const all = [shown()]; for (const s of [2, 1]) { viewer.show(s); all.push(shown()); } return all;",
    )
    assert before[0][0].endswith("def add(x, y):") and before[4] == [1, 2, 10, 20]
    assert at[0][0].endswith('y[i] += x[i]  # "</script>" & <b>') and at[1] == []
    assert (at[2], at[3], at[4]) == (["x[0]", "y[0]"], ["y[0]"], [1, 2, 11, 20])
    assert back[1] == ["i = 0"] and back[4] == [1, 2, 10, 20]


@needs_node
def test_the_viewer_ends_with_what_was_computed():
    x, y = np.arange(4, dtype=np.float32), np.empty(4, np.float32)
    cuda_recording = record_cuda(reverse, 2, 2, x, y)
    steps = len(cuda_recording.steps)
    cells, threads = run_viewer(
        cuda_recording,
        "const threads = []; for (let s = 0; s < recording.steps.length; s++) {"
        " viewer.show(s); threads.push(root.all('sv-thread').map(t => t.textContent)[0]); } return [viewer.cells, threads];",
    )
    wanted = [value for known in cuda_recording.arrays for value in cuda_recording.final(known.name)]
    assert cells == wanted and len(threads) == steps
    assert threads[0] == "thread 0 of block 0" and threads[-1] == "thread 1 of block 1"


def sums(x, y):
    K = x.shape[1]
    for i in range(y.size):
        total = 0
        for k in range(K):
            total += x[i, k]
        y[i] = total


@needs_node
def test_the_viewer_begins_in_the_loop_and_says_what_a_step_does():
    script = """
      const said = () => [viewer.at, root.all("sv-said")[0].textContent, root.all("sv-fixed")[0].textContent];
      const first = said();
      viewer.show(5);
      return [first, said()];
    """
    (first, _, fixed), (_, last, _) = run_viewer(recording(), script)
    assert first == 2 and fixed == ""
    line = add.__code__.co_firstlineno + 1
    assert last == f"Line {line}: for i in range(x.size):."
    (at, said, _), _ = run_viewer(recording(), script)
    assert said.startswith(f"Line {line + 1}: y[i] += x[i]") and said.endswith(
        ". Reads y[0] = 10, x[0] = 1. Writes y[0] = 11."
    )


@needs_node
def test_the_viewer_marks_the_element_in_work_and_what_it_reads():
    x, y = np.arange(6.0).reshape(2, 3), np.zeros(2)
    made = record(sums, x, y)
    script = """
      const names = kind => root.all(kind).map(box => box.dataset.name);
      const first = [names("sv-work"), names("sv-window")];
      viewer.show(recording.steps.length - 3);
      return [first, [names("sv-work"), names("sv-window")], root.all("sv-fixed")[0].textContent];
    """
    first, last, fixed = run_viewer(made, script)
    assert first == [["y[0]"], ["x[0, 0]", "x[0, 1]", "x[0, 2]"]]
    assert last == [["y[1]"], ["x[1, 0]", "x[1, 1]", "x[1, 2]"]]
    assert fixed == "K = 3"


@needs_node
def test_keys_and_clicks():
    script = """
      viewer.show(0);
      const at = [], press = (key, target = root) => {
        root.listeners.keydown({ key, target, preventDefault() {} });
        at.push(viewer.at);
      };
      "ArrowRight ArrowRight ArrowDown ArrowUp End ArrowRight ArrowLeft Home ArrowLeft".split(" ").forEach(key => press(key));
      root.all("sv-line")[2].onclick();
      at.push(viewer.at);
      return at;
    """
    assert run_viewer(recording(), script) == [1, 2, 4, 2, 5, 5, 4, 0, 0, 2]


@needs_node
def test_the_line_with_its_numbers():
    """Of `y[i] += x[i]`: the indices, and what was there before and after."""
    script = """
      const said = name => root.all(name).map(part => part.textContent)[0], all = [];
      for (const step of [2, 4]) { viewer.show(step); all.push([said("sv-where"), said("sv-numbers")]); }
      return all;
    """
    assert run_viewer(recording(), script) == [
        ["y[i=0]  x[i=0]", "y[0] = 10 + 1 = 11"],
        ["y[i=1]  x[i=1]", "y[1] = 20 + 2 = 22"],
    ]


@needs_node
def test_cells_that_a_symbol_addresses():
    script = """
      const lit = () => root.all("sv-lit").map(part => part.dataset.name || part.children[0].children[0]), all = [];
      for (const [step, name] of [[2, "i"], [4, "i"], [4, "x"], [4, "size"]]) { viewer.show(step); viewer.light([name]); all.push(lit()); }
      return all;
    """
    assert run_viewer(recording(), script) == [["x[0]", "y[0]"], ["x[1]", "y[1]"], ["x"], []]


@needs_node
def test_one_thread_of_a_block():
    """Stepping then goes from step to step of that thread; what the others wrote in between is there."""
    x, y = np.arange(4, dtype=np.float32), np.empty(4, np.float32)
    cuda_recording = record_cuda(reverse, 2, 2, x, y)
    script = """
      viewer.choose(3);
      const press = key => root.listeners.keydown({ key, target: root, preventDefault() {} }), seen = [];
      press("Home");
      for (let before = -1; viewer.at !== before; press("ArrowRight")) {
        before = viewer.at;
        seen.push([root.all("sv-thread")[0].textContent, root.all("sv-now")[0].children[1].textContent.trim(), before]);
      }
      return [seen, viewer.cells];
    """
    seen, cells = run_viewer(cuda_recording, script)
    assert {thread for thread, _, _ in seen} == {"thread 1 of block 1"}
    lines = [line for _, line, _ in seen]
    assert lines == [line.strip() for line in cuda_recording.functions[0].source if not line.startswith("@")]
    assert [step for *_, step in seen] == sorted({step for *_, step in seen}) and cells[4:8] == [1, 0, 3, 2]
