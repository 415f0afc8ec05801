"""axe on every page, at two widths: nothing serious or critical.

Pages are made of the same parts, and axe is slow. So one page stays open, with styles and axe, and takes the body of file after file.
Parts with a structure that was there before (elements, attributes, where there is text) are taken out before axe looks, for it takes a
millisecond for an element; and so is what then has nothing new in it. Contrast is measured once for each style of text: element, class,
size, weight, colour, and what is behind it. That the keyboard reaches what scrolls is tested in `test_layout.py`. Scripts do not run in
these bodies: what they make is looked at on a page of each kind, in `test_component_page.py`, and the live example in `test_live.py`.
"""

import re

import pytest

BEFORE = """() => {
    const kinds = new Set(), shells = new Set(), styles = new Set(), numbers = new Map();
    const open = new Set((   // into these it looks; of all others it takes all or nothing
        'BODY MAIN ARTICLE SECTION DIV NAV ASIDE HEADER FOOTER UL OL LI TABLE TBODY TR TD DETAILS FIGURE PRE CODE P SPAN').split(' '));
    const valued = /^(class|role|type|tabindex|hidden|style|scope|lang|open|disabled|aria-(?!label$).*)$/;   // a name has to be there

    function kind(element) {   // a number for its structure: of a table of a hundred rows as of one with two
        const parts = [...element.children].map(kind).sort().filter((one, i, all) => one !== all[i - 1]), shell = [element.tagName];
        if ([...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) shell.push('text');
        for (const { name, value } of element.attributes) shell.push(valued.test(name) ? `${name}=${value}` : name + !value.trim());
        const key = `${element.shell = shell.join()} ${parts}`;
        if (!numbers.has(key)) numbers.set(key, numbers.size);
        return element.kind = numbers.get(key);
    }
    const seen = (set, key) => set.has(key) || !set.add(key);
    function thin(element, above = '') {   // a first row is missed where it is not
        const place = `${above} ${element.tagName}.${element.className}`;
        for (const child of [...element.children]) {
            const needed = child.tagName === 'LABEL' || (child === element.firstElementChild && /^T/.test(element.tagName));
            child.known = seen(kinds, `${place} ${child.kind}`);
            if (child.known && !needed) child.remove();
            else if (open.has(child.tagName)) {
                thin(child, place);
                if (seen(shells, `${place} ${child.shell}`) && !needed && !child.firstElementChild) child.remove();   // nothing new in it
            }
        }
    }
    function behind(element, known) {   // what the text stands on, as far as styles tell
        if (!element || known.has(element)) return known.get(element) ?? '';
        const { backgroundColor, backgroundImage, opacity } = getComputedStyle(element);
        const solid = backgroundColor.startsWith('rgb(') && opacity === '1';
        known.set(element, `${backgroundColor} ${backgroundImage} ${opacity}` + (solid ? '' : behind(element.parentElement, known)));
        return known.get(element);
    }
    function mark() {   // the first text in each style
        const known = new Map(), texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        let fresh = 0, last;
        while (texts.nextNode()) {
            const element = texts.currentNode.parentElement;
            if (element === last || !texts.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
            const { color, fontSize, fontWeight } = getComputedStyle(last = element);
            const style = [element.tagName, element.className, color, fontSize, fontWeight, behind(element, known)].join();
            if (!styles.has(style)) { styles.add(style); element.setAttribute('data-measured', ''); fresh++; }
        }
        return fresh;
    }
    const apart = ['color-contrast', 'scrollable-region-focusable'];
    const serious = axe._audit.rules.filter(rule => rule.enabled && !rule.tags.includes('experimental')
        && ['serious', 'critical'].includes(rule.impact) && !apart.includes(rule.id)).map(rule => rule.id);
    const told = ({ violations }) => violations.flatMap(rule => rule.nodes.slice(0, 3).map(node => `${rule.id}: ${node.html.slice(0, 200)}`));
    const quick = { resultTypes: ['violations'], elementRef: false };
    window.look = async body => {
        document.body.innerHTML = body;
        for (const formula of document.querySelectorAll('.katex')) formula.textContent = 'x';   // of KaTeX's markup axe says nothing to us
        for (const other of document.querySelectorAll('body :is(script, style, template, link, .md-header)')) other.remove();
        kind(document.body);
        thin(document.body);
        for (const label of document.querySelectorAll('label')) if (label.known && !label.control) label.remove();   // its field is gone
        const found = mark() ? told(await axe.run({ include: [['[data-measured]']] }, { ...quick, runOnly: ['color-contrast'] })) : [];
        for (const measured of document.querySelectorAll('[data-measured]')) measured.removeAttribute('data-measured');
        return document.body.firstElementChild ? found.concat(told(await axe.run(document, { ...quick, runOnly: serious }))) : found;
    };
}"""
FAULTS = """<img src="a.png"><p><a href="b.html"></a></p><p style="color: #aaa; background: #bbb">pale</p>
<label>c</label><input type="text"><ul><li><a href="c.html">c</a></li><p>d</p></ul>"""


@pytest.mark.parametrize("width, scheme", [(1400, "light"), (390, "dark")])
def test_axe_finds_nothing_serious_on_any_page(visit, site, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    page = visit((site / "index.html").as_uri(), width, scheme, search=False, errors=False)
    page.add_style_tag(content="*, ::before, ::after { transition: none !important; }")
    page.evaluate(f"() => {{ {axe.Axe().axe_script} }}")
    page.evaluate(BEFORE)
    found, files = {}, sorted(site.rglob("*.html"))
    assert len(files) > 300
    for file in files:
        said = page.evaluate("look", body(file))
        if said:
            found[file.relative_to(site).as_posix()] = said[:5]
    assert not found
    spoilt = body(site / "nn/convolution/conv2d.html").replace("</article>", f"{FAULTS}</article>")
    seen = {line.partition(":")[0] for line in page.evaluate("look", spoilt)}
    assert seen == {"image-alt", "link-name", "color-contrast", "label", "list"}, (
        "after so many pages, a fault is found"
    )


def body(file):
    text = file.read_text(encoding="utf-8")
    assert re.search(r"<html[^>]* lang=.*<title>[^<]+</title>", text, re.DOTALL), file
    return re.search(r"<body[^>]*>(.*)</body>", text, re.DOTALL)[1]
