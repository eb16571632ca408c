"""Links from each page of the reference to the pages and examples that use it, and back."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from uses import in_page, in_script

REFERENCE, GALLERY = "reference/generated/", "auto_gallery/"


def collect(app: Sphinx, env: object) -> None:
    """What each page uses, when all pages are known."""
    documented = [name for name in app.env.found_docs if name.startswith(REFERENCE)]
    known = {name.removeprefix(REFERENCE) for name in documented}
    app.names_used = {
        page: names
        for page in sorted(app.env.found_docs)
        if page not in documented and (names := uses(Path(app.srcdir), page, known))
    }


def uses(root: Path, page: str, known: set[str]) -> list[str]:
    """The documented names in the source of a page."""
    script, text = root / f"{page}.py", root / f"{page}.md"
    if page.startswith(GALLERY) and script.is_file():
        return in_script(script.read_text(encoding="utf-8"), known)
    return in_page(text.read_text(encoding="utf-8"), known) if text.is_file() else []


def extend(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Append the links to a page."""
    name = page.removeprefix(REFERENCE)
    if page.startswith(REFERENCE):
        users = [user for user, names in app.names_used.items() if name in names]
        links = [(user, nodes.Text(app.env.titles[user].astext())) for user in users]
        append(app, doctree, page, "Used in", links)
    else:
        names = app.names_used.get(page, [])
        links = [(REFERENCE + each, nodes.literal(text=short(each))) for each in names]
        append(app, doctree, page, "In the reference", links)


def short(name: str) -> str:
    """A documented name as prose writes it."""
    return name.removeprefix("sparse_tconv.")


def append(
    app: Sphinx, doctree: nodes.document, page: str, title: str, links: list[tuple[str, nodes.Node]]
) -> None:
    """A title and a list of links, at the end of a page."""
    if not links:
        return
    box = nodes.container(classes=["used-in"])
    box += nodes.rubric(title, title)
    items = nodes.bullet_list()
    for target, text in links:
        address = app.builder.get_relative_uri(page, target)
        link = nodes.reference("", "", text, internal=True, refuri=address)
        items += nodes.list_item("", nodes.paragraph("", "", link))
    box += items
    (next(doctree.findall(nodes.section), doctree)).append(box)


def setup(app: Sphinx) -> dict[str, bool]:
    """Hook in when all pages are read, and when each is written."""
    app.connect("env-updated", collect)
    app.connect("doctree-resolved", extend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
