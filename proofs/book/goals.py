"""The formal proofs with their goals and messages, where Rocq and SerAPI are installed."""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sphinx.errors import ConfigError

__all__ = ["write_goals"]

ICON = '<link rel="icon" href="../_static/icon.svg">'
ELSEWHERE = re.compile(r'<link [^>]*href="https://[^>]*>')


def write_goals(folder: Path, rocq: Path, names: list[str]) -> bool:
    """Write a page for each file, in which every sentence shows its goals; say whether it could.

    Alectryon asks Rocq for them, which takes minutes: pages of the same sources are kept.
    """
    if shutil.which("coqc") is None or shutil.which("sertop") is None:
        return False
    sources = {name: (rocq / f"{name}.v").read_bytes() for name in names}
    digest = hashlib.sha256(b"\0".join(sources.values())).hexdigest()
    stamp = folder / "sources.txt"
    if stamp.exists() and stamp.read_text() == digest:
        return True
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, source in sources.items():
            (Path(scratch) / f"{name}.v").write_bytes(source)
            run(["coqc", "-w", "none", "-Q", ".", "exactflow", f"{name}.v"], scratch)
            command = [sys.executable, "-m", "alectryon", "--frontend", "coq"]
            command += ["--backend", "webpage", "-Q", ".", "exactflow", f"{name}.v"]
            run([*command, "-o", f"{name}.html"], scratch)
            page = (Path(scratch) / f"{name}.html").read_text(encoding="utf-8")
            page = ELSEWHERE.sub("", page).replace("<head>", f"<head>{ICON}", 1)
            (folder / f"{name}.html").write_text(page, encoding="utf-8")
        for asset in ("alectryon.css", "alectryon.js", "pygments.css"):
            shutil.copy(Path(scratch) / asset, folder)
    stamp.write_text(digest)
    return True


def run(command: list[str], folder: str) -> None:
    """Run a command; end with what it printed if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
