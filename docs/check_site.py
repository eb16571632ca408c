"""Looks at every page of the built site in Chromium, and tells what is wrong with it.

    python docs/check_site.py [docs/_build/html]

Links and anchors that lead nowhere, pictures without a text, requests to elsewhere, pages wider than
1280 or 390 pixels, figures whose text is smaller than 9 pixels at 390, messages in the console,
reference pages without an example. Ends with 1 if anything was found.
"""

from __future__ import annotations

import os
import re
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from browser import NARROW, WIDE, chromium, resize, served

Seen = dict[str, Any]
SMALLEST = 9.0  # pixels
PIXELS = 96 / 72  # in a point

LOOK = """
const all = (what, f) => [...document.querySelectorAll(what)].map(f);
return {
  ids: all("[id]", e => e.id).concat(all("a[name]", e => e.name)),
  links: all("a[href]", e => e.getAttribute("href")).concat(all("iframe[src]", e => e.getAttribute("src"))),
  silent: all("img:not([alt]), article img[alt^='plot '], img[alt='']:not(.sphx-glr-thumbcontainer img), svg[role=img]:not([aria-label]):not([aria-hidden=true]), iframe:not([title])",
              e => e.outerHTML.slice(0, 120)),
  requests: performance.getEntriesByType("resource").map(e => e.name),
  examples: document.querySelectorAll("article .highlight .gp").length,
};
"""
FIGURES = """
return [...document.querySelectorAll("article img:not(.sphx-glr-thumbcontainer img)")].map(
  e => [new URL(e.src).pathname, e.getBoundingClientRect().width / e.naturalWidth]);
"""
OVERFLOW = """
const most = document.documentElement.clientWidth, wide = document.documentElement.scrollWidth;
const page = e => e.matches("html, body, .bd-article-container");  // these are not to scroll sideways
const scrolls = e => { for (let p = e.parentElement; p && !page(p); p = p.parentElement)
  if (["auto", "scroll"].includes(getComputedStyle(p).overflowX)) return true;
  return false; };
const lost = [...document.querySelectorAll("article *, .prev-next-area *")]
  .filter(e => e.getBoundingClientRect().right > most + 1 && !scrolls(e))
  .map(e => `cut off: <${e.tagName.toLowerCase()}> ${e.textContent.slice(0, 60)}`);
return [...(wide > most ? [`${wide} pixels wide`] : []), ...lost.slice(-2)];
"""


def look(
    driver: Any, root: str, folder: Path, name: str, widths: list[int]
) -> tuple[Seen, list[str]]:
    """What a page holds, and what is wrong with it by itself; the window has the first width."""
    driver.get(root + name)
    found = []
    for width in widths:
        if width != widths[0]:
            resize(driver, width)
        found += [f"at {width}: {what}" for what in driver.execute_script(OVERFLOW)]
        if width == NARROW:
            found += small_text(folder, driver.execute_script(FIGURES))
    seen = driver.execute_script(LOOK)
    found += [f"picture without a text: {tag}" for tag in seen["silent"]]
    found += [
        f"request to {url}" for url in seen["requests"] if not url.startswith((root, "data:"))
    ]
    if name.startswith("reference/generated/") and not seen["examples"]:
        found.append("no example")
    found += [
        f"console: {entry['message']}"
        for entry in driver.get_log("browser")
        if entry["level"] in {"WARNING", "SEVERE"}
    ]
    return seen, found


def small_text(folder: Path, figures: list[tuple[str, float]]) -> list[str]:
    """Figures whose letters, as large as the figure is shown, are too small to read."""
    found = []
    for address, scale in figures:
        path = folder / unquote(address).lstrip("/")
        if path.suffix != ".svg":
            found.append(f"at {NARROW}: {path.name} is no drawing: its text cannot be measured")
        elif (size := letters(path) * scale) < SMALLEST:
            found.append(f"at {NARROW}: text of {size:.1f} pixels in {path.name}")
    return found


@cache
def letters(path: Path) -> float:
    """Pixels of the smallest text in a drawing of matplotlib's; indices and powers go with theirs.

    Text is drawn as outlines of 100 units to its size in points, scaled down and turned upright.
    """
    scales = re.findall(r"scale\(([\d.]+) -[\d.]+\)", path.read_text(encoding="utf-8"))
    return min((100 * PIXELS * float(scale) for scale in scales), default=float("inf"))


def look_at_all(root: str, folder: Path, names: list[str]) -> list[tuple[Seen, list[str]]]:
    """Pages in one browser. Each begins at the width at which the one before ended: changing it
    takes as long as half a page.
    """
    answers, widths = [], [WIDE, NARROW]
    with chromium() as driver:
        resize(driver, WIDE)
        for name in names:
            answers.append(look(driver, root, folder, name, widths))
            widths = widths[::-1]
    return answers


def dead_links(root: str, folder: Path, seen: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Links within the site to files or anchors that are not there."""
    dead = defaultdict(list)
    for name, page in seen.items():
        for link in dict.fromkeys(page["links"]):
            address, anchor = urldefrag(urljoin(root + name, link))
            if not address.startswith(root):
                continue
            target = unquote(address.removeprefix(root)) or "index.html"
            missing = not (folder / target).is_file()
            if missing or (
                anchor and target in seen and unquote(anchor) not in seen[target]["ids"]
            ):
                dead[name].append(f"dead link: {link}")
    return dead


def main(folder: Path) -> int:
    """Look at all pages; the number of findings."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    names = [name for name in names if not name.startswith("_")]
    if not names:
        sys.exit(f"{folder} holds no page. Run `make docs` first.")
    findings: dict[str, list[str]] = defaultdict(list)
    browsers = os.cpu_count() or 1
    shares = [names[start::browsers] for start in range(browsers)]
    seen = {}
    with served(folder) as root, ThreadPoolExecutor(browsers) as pool:
        answers = pool.map(lambda share: look_at_all(root, folder, share), shares)
        for share, looked in zip(shares, answers, strict=True):
            for name, (page, wrong) in zip(share, looked, strict=True):
                seen[name], findings[name] = page, wrong
        for name, dead in dead_links(root, folder, seen).items():
            findings[name] += dead
    for name, found in sorted(findings.items()):
        for line in found:
            print(f"{name}: {line}")
    count = sum(map(len, findings.values()))
    print(f"{len(names)} pages at {WIDE} and {NARROW} pixels: {count} findings")
    return count


if __name__ == "__main__":
    built = Path(__file__).parent / "_build" / "html"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else built) > 0)
