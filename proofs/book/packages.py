"""Packages for the browser from npm and PyPI, fetched once and kept in `_build`."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from sphinx.errors import ConfigError

__all__ = ["bring_mathjax", "bring_playground"]

MATHJAX, FONT = "mathjax@4.1.3", "@mathjax/mathjax-tex-font@4.1.3"
# Pyodide's version, Python's and the platform of the wheels belong together
PYODIDE = "pyodide@314.0.7"
PYTHON, PLATFORM = "3.14", "pyemscripten_2026_0_wasm32"
WHEELS = ("sympy==1.14.0", "mpmath==1.3.0", "python-flint==0.9.0")
RUNTIME = (
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)


def bring_mathjax(folder: Path) -> None:
    """Put MathJax into a folder, so that a page asks no other host for it."""
    names = ("tex-svg-nofont.js", "a11y/assistive-mml.js")
    unpacked(MATHJAX, folder, {name: name for name in names})
    unpacked(FONT, folder / "mathjax-tex-font", {"svg.js": "svg.js"})


def bring_playground(folder: Path, root: Path) -> None:
    """Put Python for the browser into a folder, and all that it imports, compiled, in one file."""
    unpacked(PYODIDE, folder / "python", {name: name for name in RUNTIME})
    wheels = folder.parents[1] / "wheels"
    if len(list(wheels.glob("*.whl"))) < len(WHEELS):
        command = ["download", "--no-deps", "--only-binary=:all:", "--implementation", "cp"]
        command += ["--python-version", PYTHON, "--abi", "cp" + PYTHON.replace(".", "")]
        pip(*command, "--platform", PLATFORM, "--dest", str(wheels), *WHEELS)
    for old in wheels.glob("exactflow-*.whl"):
        old.unlink()
    with tempfile.TemporaryDirectory() as scratch:  # a copy: building leaves files in the source
        copy = Path(scratch) / "source"
        copy.mkdir()
        for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(root / name, copy)
        for name in ("exactflow", "proofs"):
            shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("book"))
        pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(copy))
    pack(sorted(wheels.glob("*.whl")), folder)


def pack(wheels: list[Path], folder: Path) -> None:
    """Compile wheels by the Python that runs them, into site.zip, unless that was done."""
    script = Path(__file__).with_name("pack.mjs")
    held = hashlib.sha256(PYODIDE.encode() + script.read_bytes())
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:  # by content: a wheel is built anew each time
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                held.update(f"{entry.filename} {entry.CRC}\n".encode())
    stamp = folder / "site.txt"
    if stamp.exists() and stamp.read_text() == held.hexdigest():
        return
    python = (folder / "python" / "pyodide.mjs").as_uri()
    run([tool("node"), str(script), python, str(folder / "site.zip"), *map(str, wheels)])
    stamp.write_text(held.hexdigest())


def unpacked(package: str, folder: Path, files: dict[str, str]) -> None:
    """Put files of an npm package into a folder, if they are not there."""
    stamp = folder / "package.txt"
    if stamp.exists() and stamp.read_text() == package:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        run([tool("npm"), "pack", "--silent", package], cwd=scratch)
        (archive,) = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as tar:
            for source, target in files.items():
                (folder / target).parent.mkdir(exist_ok=True)
                with tar.extractfile(f"package/{source}") as stream:
                    (folder / target).write_bytes(stream.read())
    stamp.write_text(package)


def tool(name: str) -> str:
    """Return the path of a program."""
    found = shutil.which(name)
    if found is None:
        raise ConfigError(f"expected {name} on the path, for the book: install it, then again")
    return found


def pip(*arguments: str) -> None:
    """Run pip, quietly."""
    run([sys.executable, "-m", "pip", arguments[0], "--quiet", *arguments[1:]])


def run(command: list[str], cwd: str | None = None) -> None:
    """Run a command; end with what it printed if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
