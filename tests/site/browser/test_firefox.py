"""The site in Firefox, where that is installed: pages, the step viewer and the live example work there as in Chromium.

Firefox is driven by its own protocol, Marionette: JSON over a socket, so nothing else has to be installed.
"""

import itertools
import json
import shutil
import socket
import subprocess
import time

import pytest

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
CONV2D = "nn/convolution/conv2d.html"
STEPS = "document.querySelector('.rt-viewer').steps"
SETTINGS = {  # no page but those of the test, no request to a host
    "marionette.port": 0,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}


class Marionette:
    """A connection to a Firefox that was started with `--marionette`."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.numbers = itertools.count(1)
        self._message()  # who is there
        self.call("WebDriver:NewSession", {})

    def call(self, name, parameters):
        sent = json.dumps([0, next(self.numbers), name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(sent), sent))
        _, _, error, result = self._message()
        assert error is None, error
        return result

    def _message(self):
        """The length in digits, a colon, and so many bytes of JSON."""
        digits = b""
        while not digits.endswith(b":"):
            digits += self._bytes(1)
        return json.loads(self._bytes(int(digits[:-1])))

    def _bytes(self, count):
        found = b""
        while len(found) < count:
            more = self.socket.recv(count - len(found))
            assert more, "Firefox closed the connection"
            found += more
        return found

    def go(self, url):
        self.call("WebDriver:Navigate", {"url": url})

    def run(self, script):
        """What `return ...` gives; a promise is waited for."""
        return self.call("WebDriver:ExecuteScript", {"script": script, "args": []})["value"]

    def wait(self, condition, seconds=20):
        """Until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not self.run(f"return Boolean({condition})"):
            assert time.monotonic() < end, condition
            time.sleep(0.05)

    def errors(self):
        """What scripts of pages have thrown since this was last called."""
        self.call("Marionette:SetContext", {"value": "chrome"})
        found = self.run("""
            const said = Services.console.getMessageArray().filter(one => one instanceof Ci.nsIScriptError
                && one.category === 'content javascript' && !(one.flags & Ci.nsIScriptError.warningFlag));
            Services.console.reset();
            return said.map(one => `${one.sourceName}:${one.lineNumber}: ${one.errorMessage}`);""")
        self.call("Marionette:SetContext", {"value": "content"})
        return found


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    if FIREFOX is None:
        pytest.skip("no Firefox here: apt-get install firefox-esr")
    profile = tmp_path_factory.mktemp("firefox")
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in SETTINGS.items()]
    (profile / "user.js").write_text("".join(lines))
    command = [FIREFOX, "--headless", "--marionette", "--remote-allow-system-access", "--no-remote"]
    running = subprocess.Popen(
        [*command, "--profile", str(profile)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        file, end = profile / "MarionetteActivePort", time.monotonic() + 60
        while not (file.exists() and file.read_text().strip()):
            assert running.poll() is None and time.monotonic() < end, "Firefox did not start"
            time.sleep(0.1)
        yield Marionette(int(file.read_text()))
    finally:
        running.terminate()
        running.wait(30)


@pytest.fixture
def visit(firefox, site):
    """visit(path): Firefox at a page of the site, from its folder; an error in a script fails the test."""
    firefox.errors()

    def open_page(path):
        firefox.go((site / path).as_uri())
        return firefox

    yield open_page
    assert firefox.errors() == []


def test_an_error_in_a_script_is_seen(firefox, site):
    firefox.go((site / "index.html").as_uri())
    firefox.errors()
    firefox.run("setTimeout(() => { throw new Error('made for the test') })")
    firefox.wait("true")
    assert any("made for the test" in error for error in firefox.errors())


@pytest.mark.parametrize(
    "path", ["index.html", CONV2D, "nn/loss/ctc_loss.html", "guide/tape.html", "guide/shapes.html", "notation.html"]
)
def test_pages_have_their_width_and_no_line_is_cut(visit, path):
    page = visit(path)
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    cut = "[...document.querySelectorAll('.rt-code, .highlight code')].filter(code => code.scrollWidth > code.clientWidth)"
    assert page.run(f"return {cut}.map(code => code.textContent.slice(0, 80))") == []


def test_formulas_and_pictures_are_drawn(visit):
    page = visit(CONV2D)
    for part in (".katex-html", ".rt-picture text", ".rt-line code"):
        assert page.run(f"return document.querySelector('{part}').getBoundingClientRect().height") > 5


def test_the_viewer_steps_to_the_kernels_result(visit):
    """10 + 1 * x[h, w] - x[h + 1, w + 1] of the worked example."""
    page = visit(CONV2D)
    page.wait("document.querySelector('.rt-viewer .sv-array')")
    cells = "[...[...document.querySelectorAll('.rt-viewer .sv-array')].at(-1).querySelectorAll('td')].map(td => td.textContent)"
    key = "document.querySelector('.rt-viewer .step-viewer').dispatchEvent(new KeyboardEvent('keydown', {key: '%s', bubbles: true}))"
    assert page.run(f"return {cells}") == ["·"] * 4
    page.run(key % "End")
    assert page.run(f"return {cells}") == ["6", "6", "6", "15"]
    page.run(key % "Home")
    page.run(key % "ArrowRight")
    assert page.run(f"return {cells}") == ["·"] * 4


def test_a_changed_loop_is_run(visit):
    page = visit(CONV2D)
    page.run("document.querySelector('.rt-live').click()")
    page.wait("document.querySelector('.lv-text')")
    page.run("""const text = document.querySelector('.lv-text');
        text.value = text.value.replace('acc = bias[c_out]', 'acc = bias[c_out] * 2');
        text.dispatchEvent(new Event('input', {bubbles: true}));""")
    cells = "[...document.querySelector('.lv-out .lv-array').querySelectorAll('td')].map(td => td.textContent)"
    page.wait(f"{cells}.join() === '16,16,16,25'")


def test_the_search_finds_a_component(visit):
    page = visit("index.html")
    page.run("""const field = document.querySelector('.md-search__input');
        field.focus(); field.value = 'MaxPool2d'; field.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true}));""")
    page.wait("document.querySelector(\".md-search-result__item a[href*='max_pool2d']\")")
