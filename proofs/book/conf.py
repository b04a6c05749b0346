"""The book: ``python -m sphinx -W proofs/book site``.

Before Sphinx reads the pages, `staging` writes the generated ones (a notebook for each proof
script, the index of theorems, the formal proofs, the reference), `packages` fetches files for the
browser from npm and PyPI, and `papers` compiles LaTeX documents, if pdflatex is installed. While
Sphinx reads the pages and executes the scripts, `goals` steps through the formal proofs: through
all, or with ``-D goals_of=shears`` only through one file, which saves minutes. All of them write to
folders that Git ignores.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from joblib import cpu_count

BOOK = Path(__file__).parent
ROOT = BOOK.parent.parent
sys.path[:0] = [str(BOOK), str(ROOT)]
# the kernels that execute the scripts import `proofs.constructions` and `proofs.experiments`
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
os.environ["COLUMNS"] = "96"  # printed tables then fit on a page

import docstrings  # noqa: E402
import gallery  # noqa: E402
import goals  # noqa: E402
import links  # noqa: E402
import outputs  # noqa: E402
import packages  # noqa: E402
import papers  # noqa: E402
import staging  # noqa: E402

import exactflow  # noqa: E402

project = "exactflow"
author = copyright = "the authors of exactflow"
version = release = exactflow.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
exclude_patterns = ["_build", "extra"]
html_title = f"exactflow {release}"
html_theme = "furo"
html_static_path = ["_static", "_build/static"]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_extra_path = ["_build/extra", "extra"]
html_favicon = "_static/icon.svg"
html_copy_source = False
html_show_sphinx = False

mathjax_path = "mathjax/tex-svg-nofont.js"
# break lines that are too long; load nothing from another host
mathjax3_config = {
    "loader": {"paths": {"fonts": "[mathjax]"}},
    "output": {
        "font": "mathjax-tex",
        "displayOverflow": "linebreak",
        "linebreaks": {"inline": True, "width": "100%"},
    },
    "options": {
        "enableMenu": False,
        "menuOptions": {
            "settings": {"enrich": False, "speech": False, "braille": False, "assistiveMml": True}
        },
    },
}
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(BOOK / "_build" / "executed")
nb_execution_timeout = 900
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_render_markdown_format = "myst"

default_role = "code"
napoleon_custom_sections = [("Attributes", "params_style")]
autodoc_typehints = "none"
autodoc_member_order = "bysource"


def prepare_sources(app, config) -> None:
    """Write the generated pages and documents, fetch files for the browser, and start the goals."""
    staging.write_pages(BOOK, ROOT, config.goals_of)
    packages.bring_mathjax(BOOK / "_build" / "static" / "mathjax")
    packages.bring_playground(BOOK / "_build" / "extra" / "playground", ROOT)
    if papers.has_tools():
        papers.write_papers(BOOK / "_build" / "extra" / "papers")
    if goals.has_tools():
        start_goals(app, config.goals_of)


def start_goals(app, names: str) -> None:
    """Start to write the goals of the formal proofs; wait for them before pages are written."""
    pool, jobs = ThreadPoolExecutor(1), cpu_count()
    folder = BOOK / "_build" / "extra" / "goals"
    written = pool.submit(goals.write_goals, folder, ROOT, jobs, names)
    app.connect("write-started", lambda app, builder: written.result())


def setup(app) -> None:
    """Connect our handlers; docstrings are prepared before napoleon reads their sections."""
    app.add_config_value("goals_of", "*", "html", str)
    app.connect("config-inited", prepare_sources, priority=100)
    app.connect("autodoc-process-docstring", docstrings.prepare_docstring, priority=400)
    app.connect("autodoc-skip-member", docstrings.is_alias)
    app.connect("doctree-read", outputs.format_outputs)
    app.connect("doctree-read", links.link_names)
    app.connect("env-updated", links.add_aliases)
    app.connect("html-page-context", gallery.insert_pictures)
