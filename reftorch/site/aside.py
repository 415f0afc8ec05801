"""Source code, which is HTML already, is set aside while MkDocs makes HTML of a page's Markdown.

Four fifths of a page's tags are in its source code. Markdown, MkDocs and its search would each parse all of them, and then leave them
as they are: source code is not in the search index. Its anchors stay, so that MkDocs checks the links to them.
"""

import re

CODE = re.compile(r'(<pre class="rt-code"[^>]*>)(.*?)(</pre>)', re.DOTALL)
ANCHOR = re.compile(r' id="[^"]*"')
PLACE = re.compile(r'(<pre class="rt-code"[^>]*>)(?:<a id="[^"]*"></a>)*(\d+)(</pre>)')


def set_aside(markdown: str) -> tuple[str, list[str]]:
    """The page with anchors and a number in place of each piece of source code, and the pieces."""
    pieces: list[str] = []

    def take(found: re.Match) -> str:
        anchors = "".join(f"<a{anchor}></a>" for anchor in ANCHOR.findall(found[2]))
        pieces.append(found[2])
        return f"{found[1]}{anchors}{len(pieces) - 1}{found[3]}"

    return CODE.sub(take, markdown), pieces


def put_back(output: str, pieces: list[str]) -> str:
    """The page's HTML with each piece in its place."""
    return PLACE.sub(lambda found: found[1] + pieces[int(found[2])] + found[3], output)
