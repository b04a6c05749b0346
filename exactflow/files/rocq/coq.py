"""Coq, run on a theorem that we wrote.

The library is compiled from its source each time, in the file of the theorem: what somebody left in
a cache, or on Coq's path, may give its words another meaning.
"""

import os
import shutil
import subprocess
from pathlib import Path

from exactflow.errors import InvalidInputError

LIMIT = 3600
"""Seconds that coqc is given for a file."""
PACKAGES = "Coq 8.20 with MathComp 2.3 (on Debian: apt-get install coq libcoq-mathcomp-algebra)"


def compiler() -> list[str]:
    """Return the compiler: Rocq 9 calls it `rocq compile`, and may have no coqc."""
    return ["coqc"] if shutil.which("coqc") or not shutil.which("rocq") else ["rocq", "compile"]


def require_coqc() -> None:
    """Raise `InvalidInputError` where neither coqc nor rocq is installed."""
    if shutil.which(compiler()[0]) is None:
        raise InvalidInputError(f"expected coqc or rocq on the PATH, got none: install {PACKAGES}")


def coqc(source: Path) -> tuple[int | None, str]:
    """Compile a file: the exit code, None if time was up, and what was printed."""
    try:
        done = subprocess.run(
            [*compiler(), "-q", "-w", "none", source],
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
