"""A headless Chromium, and the built site both over HTTP and as files."""

import functools
import http.server
import shutil
import threading

import pytest

NO_SEARCH = (
    "Object.defineProperty(window, 'Worker', { get: () => class extends EventTarget { postMessage() {} }, set() {} })"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def browser():
    """Chromium, driven by Playwright."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    driver = pytest.importorskip("playwright.sync_api", reason="pip install playwright drives the browser")
    with driver.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def served(site):
    """The address of the site on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(params=["http", "file"])
def address(request):
    """Where the site begins: each test that asks for it runs over HTTP and from a folder."""
    return request.getfixturevalue("served") if request.param == "http" else request.getfixturevalue("site").as_uri()


@pytest.fixture
def visit(browser):
    """visit(url, width=1400, scheme="light"): the page; a request to another host or an error in a script fails the test.

    `search=False` for a test that soon leaves its pages: the search would still be reading its index, and fail. `errors=False` for one
    that empties a page: the theme's scripts miss what was there.
    """
    contexts, faults = [], []

    def open_page(url, width=1400, scheme="light", search=True, errors=True, **options):
        context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme, **options)
        context.set_default_timeout(120_000)  # milliseconds; the machine may be busy
        contexts.append(context)
        if not search:
            context.add_init_script(NO_SEARCH)
        page = context.new_page()
        own = (
            ("file:", "data:", "blob:") if url.startswith("file:") else ("/".join(url.split("/")[:3]), "data:", "blob:")
        )
        page.on("request", lambda asked: None if asked.url.startswith(own) else faults.append(asked.url))
        if errors:
            page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults
