"""How the site is built: `make docs`, warnings are errors, nothing is fetched from the network."""

from __future__ import annotations

import inspect
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

from figures import STYLE  # noqa: E402  (found in _ext)

import sparse_tconv  # noqa: E402  (found beside this folder, installed or not)

project = "sparse_tconv"
author = "sparse_tconv developers"
copyright = author  # noqa: A001  (Sphinx's word)
version = release = sparse_tconv.__version__

extensions = [
    "explorers",
    "mathml",
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "used_in",
]
exclude_patterns = ["_build", "_ext", "gallery", "pictures"]
templates_path = ["_templates"]
default_role = "code"

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3

# The public objects, under the names by which a user imports them.
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's Parameters say more
numpydoc_show_class_members = False

# Pictures of the pages: scripts that are run when the page is built.
plot_basedir = str(HERE / "pictures")
plot_formats = ["svg"]
plot_rcparams = STYLE
plot_apply_rcparams = True
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = False

sphinx_gallery_conf = {
    "examples_dirs": ["gallery"],
    "gallery_dirs": ["auto_gallery"],
    "filename_pattern": r"/plot_",
    "reset_modules": ("figures.restyle",),
    "image_scrapers": ("figures.drawings",),
    # PyTorch is no part of the extra: its page is there if it is.
    "ignore_pattern": r"__init__\.py" if find_spec("torch") else r"plot_.*_torch\.py",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "ignore_repr_types": r"matplotlib|'list'",
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
}

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "sparse_tconv"
html_favicon = "_static/matrix.png"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["explorer.js"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "performance": [], "design": []}


def escape_stars(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Shapes are written ``(C_in, *size)`` as in Python; a lone star is emphasis to docutils, and the
    initial with which a reference begins is an item of a list.
    """
    for number, line in enumerate(lines):
        line = re.sub(r"^( *\.\. \[[^]]+\] )(?=[A-Z]\. )", r"\1\\", line)
        lines[number] = line
        if not line.lstrip().startswith((">>>", "...")):
            pieces = line.split("``")  # every second one is literal
            pieces[::2] = [re.sub(r"(?<=[( ])\*(?=\w)", r"\\*", piece) for piece in pieces[::2]]
            lines[number] = "``".join(pieces)


def own_signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str, answer: str
) -> tuple[str, str] | None:
    """Operators inherit ``__new__(cls, *args, **kwargs)`` from SciPy; show what they take."""
    if what != "class" or signature != "(*args, **kwargs)":
        return None
    found = inspect.signature(obj)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    return str(inspect.Signature(bare)), answer


def setup(app: Sphinx) -> None:
    """Hook in after numpydoc, which works at priority 500."""
    app.connect("autodoc-process-signature", own_signature, priority=400)
    app.connect("autodoc-process-docstring", escape_stars, priority=900)
