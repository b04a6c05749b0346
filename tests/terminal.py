"""A terminal for tests, and what was written to it."""

import contextlib
import os
import subprocess
import sys

import pytest

POSIX = pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")


@contextlib.contextmanager
def on_terminal(*arguments, **options):
    """Run Python with a terminal as stderr; yield the process, and our end of the terminal."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, *map(str, arguments)]
    options.setdefault("env", os.environ | {"TERM": "xterm"})
    with subprocess.Popen(command, **options | {"stderr": theirs}) as process:
        os.close(theirs)
        yield process, ours


def written_to(terminal):
    """Read a terminal to its end: Linux says so by an error."""
    parts = []
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 1 << 16):
            parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode().replace("\r\n", "\n")
