"""Puts the repository's Markdown files into the site.

A page that consists of `{{ README.md }}` becomes that file. Its links are those of the repository:
pictures and pages of the site keep theirs, other files have no page here and lose the link.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "results/README.md": "results.md",
    "attention_fer/pretrained/fer-small/fer2013.md": "fer-small.md",
}
_FILE = re.compile(r"^\{\{ (\S+) \}\}$", flags=re.M)
_LINK = re.compile(r"(!?)\[((?:[^][]|\[[^][]*\])*)\]\(([^)\s]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replaces `{{ FILE }}` by the content of a file of the repository, and links to such files."""
    markdown = _FILE.sub(lambda found: included(found[1]), markdown)
    for path, page in PAGES.items():
        markdown = markdown.replace(f"](../{path}", f"]({page}")
    return markdown


def included(name: str) -> str:
    """Content of a Markdown file of the repository, with the links of the site."""
    return _LINK.sub(_link, (ROOT / name).read_text(encoding="utf-8"))


def _link(found: re.Match[str]) -> str:
    picture, text, target = found.groups()
    path, sign, anchor = target.removeprefix("../").partition("#")
    if not path or re.match(r"[a-z]+:", path):
        return found[0]
    if path in PAGES:
        return f"{picture}[{text}]({PAGES[path]}{sign}{anchor})"
    if path.startswith("docs/"):
        return f"{picture}[{text}]({path.removeprefix('docs/')}{sign}{anchor})"
    return text
