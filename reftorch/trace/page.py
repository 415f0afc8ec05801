"""The step viewer as one HTML file, which needs no other file and makes no request to any host.

`viewer/terms.js`, `viewer/viewer.js` and `viewer/viewer.css` are the viewer itself, for any page: `stepViewer(element, recording)`.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from .recording import Recording

VIEWER = Path(__file__).parent / "viewer"


def page(recording: Recording, title: str | None = None) -> str:
    """HTML that steps through `recording`; the title is by default the kernel's name."""
    parts = {
        "title": html.escape(title or recording.kernel),
        "style": (VIEWER / "viewer.css").read_text(encoding="utf-8"),
        "script": "".join((VIEWER / name).read_text(encoding="utf-8") for name in ("terms.js", "viewer.js")),
        "recording": recording.to_json().replace("<", "\\u003c"),  # a "</script>" in it must not end the script
    }
    template = (VIEWER / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)
