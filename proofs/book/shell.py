"""Commands in the guides, as a reader would type them: what they print, and how they end."""

import os
import shlex
import subprocess
import sys

__all__ = ["shell"]


def shell(command: str, code: int = 0) -> None:
    """Run a command of this environment's Python; print it and its output.

    It must end with the exit code that the guide says.
    """
    words = shlex.split(command)
    words[:1] = {
        "python": [sys.executable],
        "exactflow": [sys.executable, "-m", "exactflow"],
        "pytest": [sys.executable, "-m", "pytest"],
    }[words[0]]
    done = subprocess.run(
        words,
        env=os.environ | {"COLUMNS": "96", "NO_COLOR": "1", "FORCE_COLOR": "", "TERM": "dumb"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(f"$ {command}\n{done.stdout}", end="")
    if code:
        print(f"exit code {done.returncode}")
    if done.returncode != code:
        raise RuntimeError(f"{command}: expected exit code {code}, got {done.returncode}")
