"""Every page at five widths: nothing is wider than the window, no line of code is cut, what scrolls can be reached by the keyboard, and
twins stand side by side only where both fit."""

import pytest

WIDTHS = (1920, 1400, 1280, 390, 360)
FAULTS = """async () => {
    if (document.readyState !== 'complete') await new Promise(done => addEventListener('load', done));   // tables have their frames
    await new Promise(requestAnimationFrame);   // what follows a change of the width has been done
    const shown = element => element.getClientRects().length > 0, box = element => element.getBoundingClientRect();
    const faults = [], wide = document.documentElement.scrollWidth;
    if (wide > innerWidth) faults.push(`the page has ${wide} pixels`);
    for (const code of [...document.querySelectorAll('.rt-code')].filter(shown)) {
        const { left, right } = box(code), name = code.dataset.function || 'file';
        if (left < 0 || right > innerWidth) faults.push(`${name} reaches from ${left} to ${right}`);
        if (code.scrollWidth > code.clientWidth) faults.push(`a line of ${name} is cut off`);
    }
    for (const code of [...document.querySelectorAll('.sv-code')].filter(shown))
        if (code.scrollWidth > code.clientWidth) faults.push(`the viewer cuts off a line: ${code.querySelector('.sv-file').textContent}`);
    for (const code of [...document.querySelectorAll('.highlight code')].filter(shown))
        if (code.scrollWidth > code.clientWidth) faults.push(`an example is cut off: ${code.textContent.slice(0, 60)}`);
    const scrolls = '.katex-display, .md-typeset__scrollwrap, .md-content :is(figure, table, pre)';
    for (const wide of [...document.querySelectorAll(scrolls)].filter(shown))
        if (wide.scrollWidth > wide.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(wide).overflowX) && wide.tabIndex < 0
            && !wide.querySelector('a, button, input, select, [tabindex="0"]')) faults.push(`no key scrolls ${wide.outerHTML.slice(0, 80)}`);
    const high = line => box(line).height / parseFloat(getComputedStyle(line).lineHeight);
    for (const twins of [...document.querySelectorAll('.rt-twins')].filter(shown)) {
        const beside = [...twins.querySelectorAll('.rt-twin')].filter(shown);
        const broken = beside.flatMap(twin => [...twin.querySelectorAll('.rt-line')].filter(line => high(line) > 1.5));
        if (!beside.length) faults.push(`${twins.dataset.twins} shows no twin`);
        if (beside.length > 1 && broken.length) faults.push(`${broken[0].id} is broken to stand beside its twin`);
    }
    return faults;
}"""


def test_the_faults_are_found(visit, served):
    """What the test below looks for, made: each is seen."""
    page = visit(served + "/nn/convolution/conv2d.html", 390)
    assert page.evaluate(FAULTS) == []
    page.add_style_tag(content=".md-typeset .rt-line code { white-space: pre; }")
    assert any("a line of conv2d" in fault for fault in page.evaluate(FAULTS))
    page.add_style_tag(content=".sv-line { white-space: pre; }")
    assert any("the viewer cuts off" in fault for fault in page.evaluate(FAULTS))
    page.add_style_tag(content=".md-typeset .highlight pre > code { white-space: pre; }")
    assert any("an example is cut off" in fault for fault in page.evaluate(FAULTS))
    page.add_style_tag(content=".md-typeset__scrollwrap { width: 100px; }")
    page.evaluate(
        "document.querySelectorAll('.md-typeset__scrollwrap').forEach(frame => frame.removeAttribute('tabindex'))"
    )
    assert any("no key scrolls" in fault for fault in page.evaluate(FAULTS))
    page.add_style_tag(content=".rt-twins.rt-twins > .rt-twin { display: block !important; }")
    page.add_style_tag(content=".md-typeset .rt-line code { white-space: pre-wrap; }")
    assert any("is broken to stand beside" in fault for fault in page.evaluate(FAULTS))
    page.add_style_tag(content=".md-content { min-width: 500px; }")
    assert any("the page has" in fault for fault in page.evaluate(FAULTS))


@pytest.mark.parametrize("part", range(4))
def test_nothing_is_cut_at_any_width(visit, site, part):
    """All pages; each is loaded once and then made narrower, while the next one is loaded in another window."""
    files = sorted(site.rglob("*.html"))[part::4]
    assert len(files) > 60
    windows = [visit((site / "index.html").as_uri(), WIDTHS[0], search=False) for _ in range(2)]
    for page in windows:  # pages load faster without the letters of formulas
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.send("Network.setBlockedURLs", {"urls": ["*.woff2"]})
    found = {}
    load(windows[0], files[0])
    for number, file in enumerate(files):
        page, other = windows[number % 2], windows[1 - number % 2]
        for following in files[number + 1 : number + 2]:
            load(other, following)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 1000})
            faults = page.evaluate(FAULTS)
            if faults:
                found[file.relative_to(site).as_posix(), width] = faults[:3]
        assert page.url == file.as_uri()
    assert not found


def load(page, file):
    """Begins to; the test waits where it looks at the page."""
    page.set_viewport_size({"width": WIDTHS[0], "height": 1000})
    page.goto(file.as_uri(), wait_until="commit")


def test_a_broken_line_goes_on_further_in(visit, served):
    """So the eye sees that it is no new statement; the steps of the indentation stay in order on a phone, too."""
    page = visit(served + "/nn/convolution/conv2d.html", 390)
    lines = page.evaluate("""() => [...document.querySelectorAll('[data-function=conv2d_forward_cpu] .rt-line')].map(line => {
        const range = document.createRange(), code = line.querySelector('code');
        range.selectNodeContents(code);
        const words = [...range.getClientRects()].filter(part => part.width > 1), first = words[0].top;
        const indent = code.querySelector('i') ? code.querySelector('i').getBoundingClientRect().right : words[0].left;
        return [indent, ...words.filter(part => part.top > first + 8).map(part => part.left)];
    })""")
    broken = [line for line in lines if len(line) > 1]
    assert len(broken) > 3 and all(min(rest) > start for start, *rest in broken)
    assert len({round(start) for start, *_ in lines}) >= 6


def test_names_lead_to_their_definitions(visit, address):
    """From the call to the kernel on the same page, to the fast form on its page, and from a word of Numba's to the guide."""
    page = visit(address + "/nn/convolution/conv2d.html")
    code = page.locator("[data-function=conv2d_forward_cpu]")
    assert "machine code" in code.locator("a", has_text="njit").get_attribute("title")
    assert page.locator(".rt-code a[href$='kernels.html#prange']").count() == 1  # where it first is
    page.locator(".rt-line code a[href='#conv2d-forward-cpu-L2']").first.click()
    page.wait_for_function("document.querySelector(':target').textContent.includes('def conv2d_forward_cpu')")
    page.locator(".rt-line code a", has_text="conv2d_backward_weight").and_(
        page.locator("[href*='fast/']")
    ).first.click()
    page.wait_for_function("document.querySelector(':target')?.textContent.includes('def conv2d_backward_weight')")
    assert "/fast/conv2d_weight.html" in page.url
