"""The formal proofs with their goals and messages, where Rocq and SerAPI are installed."""

import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path

from proofs.rocq.build import Compiled, build, run

__all__ = ["has_tools", "write_goals"]

ICON = '<link rel="icon" href="../_static/icon.svg">'
ELSEWHERE = re.compile(r'<link [^>]*href="https://[^>]*>')
ASSETS = ("alectryon.css", "alectryon.js", "pygments.css")


def has_tools() -> bool:
    """Return whether goals can be written."""
    return shutil.which("coqc") is not None and shutil.which("sertop") is not None


def write_goals(folder: Path, rocq: Path, jobs: int) -> None:
    """Write a page for each file, in which every sentence shows its goals, `jobs` pages at once.

    Alectryon asks Rocq for them, which takes minutes: what comes of the same files is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(jobs) as pool:
        files = list(build(rocq, Path(scratch), jobs=jobs))
        list(pool.map(partial(write_page, folder), files))


def write_page(folder: Path, file: Compiled) -> None:
    """Write the page of a compiled file, which ends with the file's key, if it is not there."""
    page, made = folder / f"{file.target.stem}.html", file.target.with_suffix(".html")
    end = f"<!-- {file.key}, Alectryon {version('alectryon')} -->\n"
    if page.exists() and page.read_text(encoding="utf-8").endswith(end):
        return
    command = [sys.executable, "-m", "alectryon", "--frontend", "coq", "--backend", "webpage"]
    command += ["-Q", ".", "exactflow", file.source, "-o", made.name]
    run(*command, folder=made.parent)
    text = ELSEWHERE.sub("", made.read_text(encoding="utf-8"))
    for asset in ASSETS:
        shutil.copy(made.parent / asset, folder)
    page.write_text(text.replace("<head>", f"<head>{ICON}", 1) + end, encoding="utf-8")
