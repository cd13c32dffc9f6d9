"""Check a built site: links between its pages lead somewhere, and nothing is fetched.

Run ``python docs/check_links.py docs/_build/html``. Links to other sites are text to
this check; scripts, styles and pictures from other sites are faults.

No library does it. linkchecker finds dead links and, by a plugin, dead anchors; but to
it what a page loads is a link like any other, which it either fetches or leaves out,
and it sees only the pages that others lead to.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src"}


class Page(HTMLParser):
    """What a page links to, what it loads, and which anchors it has."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.anchors = [], [], {"", "top"}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Note a tag's address and its anchor."""
        attrs = dict(attrs)
        self.anchors.add(attrs.get("id") or attrs.get("name") or "")
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        address = attrs.get(LOADS.get(tag))
        if address and attrs.get("rel") not in {"canonical", "search"}:
            self.loads.append(address)


def find_faults(site):
    """List what is wrong with the pages under a folder, a line for each."""
    paths = [path for path in site.rglob("*.html") if path.parent.name != "_static"]
    pages = {path: Page(path) for path in sorted(paths)}
    faults = []
    for path, page in pages.items():
        where = path.relative_to(site)
        faults += [f"{where}: loads {url}" for url in page.loads if _is_remote(url)]
        local = [url for url in page.links + page.loads if not _is_remote(url)]
        faults += [
            f"{where}: dead link {url}" for url in local if _is_dead(url, path, pages)
        ]
    return faults


def _is_remote(url):
    parts = urlsplit(url)
    return bool(parts.netloc) or parts.scheme not in {"", "data"}


def _is_dead(url, path, pages):
    parts = urlsplit(url)
    if parts.scheme == "data":
        return False
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if there.is_dir():
        there /= "index.html"
    if there not in pages:
        return not there.is_file()
    return unquote(parts.fragment) not in pages[there].anchors


if __name__ == "__main__":
    # no text, not even an empty one, is what makes the exit status 0
    sys.exit("\n".join(find_faults(Path(sys.argv[1]).resolve())) or None)
