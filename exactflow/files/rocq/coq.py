"""Coq, run on theorems that we wrote: their library, compiled once, and then the theorem.

The compiled library is in the user's cache, in a folder named by a hash of its sources, of Coq's
version and of its compiled files; a folder appears there as a whole, or not at all.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from exactflow.errors import InvalidInputError
from exactflow.exact.progress import stage
from exactflow.files.atomic import interruptible
from exactflow.files.rocq.writing import LIBRARY, text

LIMIT = 3600
"""Seconds that coqc is given for a file."""
PACKAGES = "Coq 8.20 with MathComp 2.3 (on Debian: apt-get install coq libcoq-mathcomp-algebra)"


@interruptible()  # Ctrl-C ends coqc, too, and its folder
def library() -> Path:
    """The folder of the library, compiled if it is not in the cache; else `InvalidInputError`."""
    if shutil.which("coqc") is None:
        raise InvalidInputError(f"expected coqc on the PATH, got none: install {PACKAGES}")
    folder = cache_folder().parent / "certificates" / _key()
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True)
    except OSError as error:
        raise InvalidInputError(
            f"expected a cache that can be written (XDG_CACHE_HOME), got {error}"
        ) from None
    stage(f"compiling the library of {len(LIBRARY)} files for Rocq: a minute or two, only once")
    with place as scratch:
        for name in LIBRARY:
            source = Path(scratch, f"{name}.v")
            source.write_text(text(name), "utf-8")
            code, printed = coqc(source, Path(scratch))
            if code != 0:
                raise InvalidInputError(
                    f"expected {PACKAGES}, got one that does not compile {name}.v of the library "
                    f"(exit code {code}): {' '.join(printed.split())[-300:]}"
                )
        with suppress(OSError):  # another process was faster
            os.rename(scratch, folder)
    return folder


def coqc(source: Path, library: Path) -> tuple[int | None, str]:
    """Compile a file: the exit code, None if time was up, and what was printed."""
    try:
        done = subprocess.run(
            ["coqc", "-q", "-w", "none", "-Q", library, "exactflow.certificates", source],
            cwd=source.parent,
            env={"HOME": str(source.parent), **os.environ},  # without one, coqc prints a warning
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout.decode("utf-8", "replace")


def cache_folder() -> Path:
    """The folder of compiled files: below the user's cache, if there is one."""
    places = [os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache")]
    return Path(next(filter(os.path.isabs, places), os.devnull), "exactflow", "rocq")


def _key() -> str:
    """A hash of all that a compiled library comes from."""
    told = [_told("--version"), *map(text, LIBRARY)]
    for path in sorted(Path(_told("-where").strip()).rglob("*.vo")):
        found = path.stat()
        told.append(f"{path} {found.st_size} {found.st_mtime_ns}")
    return hashlib.sha256("\0".join(told).encode()).hexdigest()[:32]


def _told(option: str) -> str:
    return subprocess.run(["coqc", option], capture_output=True, text=True, check=False).stdout
