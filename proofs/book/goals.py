"""The formal proofs with their goals and messages, where Rocq and SerAPI are installed."""

import hashlib
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

from proofs.rocq.build import Compiled, build, project, run

__all__ = ["has_tools", "write_goals"]

HEAD = """<head><link rel="icon" href="../_static/icon.svg">
<link rel="stylesheet" href="../_static/goals.css">
<script>document.documentElement.dataset.theme = localStorage.getItem("theme");</script>"""
BODY = """<body><header><p><a href="../formal/{name}.html">{name}.v in the book</a></p>
<h1>{name}.v, with goals</h1>
<p>Each sentence shows what is left to prove after it, under the pointer or at a click. Ctrl and the
arrows up and down lead from one to the next.</p></header>"""
LOADED = re.compile(
    r'<blockquote class="alectryon-message">(?:Serlib plugin:|\[Loading ML file).*?</blockquote>',
    re.DOTALL,
)
ELSEWHERE = re.compile(r'<link [^>]*href="https://[^>]*>')
LOGGER = logging.getLogger("sphinx.goals")  # a child of Sphinx's, which prints it
ASSETS = ("alectryon.css", "alectryon.js", "pygments.css")


def has_tools() -> bool:
    """Whether the tools that write goals are installed."""
    return shutil.which("coqc") is not None and shutil.which("sertop") is not None


def write_goals(folder: Path, root: Path, jobs: int, names: str) -> None:
    """Write a page for each file whose name is like `names`; each sentence shows its goals.

    Alectryon asks Rocq for them, which takes minutes, `jobs` pages at once: what comes of the same
    files is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(jobs) as pool:
        files = list(build(root, Path(scratch), jobs=jobs))
        words = project(root).places
        places = [str(Path(scratch, word)) if "/" in word else word for word in words]
        pages = {
            pool.submit(write_page, folder, file, places): file.source
            for file in files
            if fnmatchcase(Path(file.source).stem, names)
        }
        for count, page in enumerate(as_completed(pages), 1):
            page.result()
            LOGGER.info("goals of the formal proofs: %d of %d, %s", count, len(pages), pages[page])


def write_page(folder: Path, file: Compiled, places: Sequence[str]) -> None:
    """Write the page of a compiled file, which ends with the file's key, if it is not there."""
    page, made = folder / f"{file.target.stem}.html", file.target.with_suffix(".html")
    frame = hashlib.sha256((HEAD + BODY).encode()).hexdigest()[:16]
    end = f"<!-- {file.key}, Alectryon {version('alectryon')}, {frame} -->\n"
    if page.exists() and page.read_text(encoding="utf-8").endswith(end):
        return
    command = [sys.executable, "-m", "alectryon", "--frontend", "coq", "--backend", "webpage"]
    source = Path(file.source).name
    command += ["--no-header", *places, source, "-o", made.name]
    run(*command, folder=made.parent)
    text = LOADED.sub("", ELSEWHERE.sub("", made.read_text(encoding="utf-8")))
    text = text.replace("<head>", HEAD, 1).replace("<body>", BODY.format(name=page.stem), 1)
    for asset in ASSETS:
        shutil.copy(made.parent / asset, folder)
    page.write_text(text + end, encoding="utf-8")
