"""A description of a page in one line, which search engines and links to the page show."""

from __future__ import annotations

import html
import re

LONGEST = 160  # characters; search engines cut off longer descriptions


def described(markdown: str) -> str:
    """The first paragraph of a page, without its markup; at most `LONGEST` characters, cut after a word."""
    text = re.sub(r"(?s:<(script|style|svg|nav|table)\b.*?</\1>|\A---.*?\n---\n)", "", markdown)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n|</p>", text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|<[^>]*>", r"\1", paragraph)
        plain = " ".join(html.unescape(re.sub(r"[`*$\\{}]", "", plain)).split())
        if re.match(r"[A-Z`]\w*\b.* ", plain):
            return plain if len(plain) <= LONGEST else plain[: LONGEST - 1].rpartition(" ")[0] + "…"
    return ""
