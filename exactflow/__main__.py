"""``exactflow`` and ``python -m exactflow``: the command line as a process of its own."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from exactflow.errors import ProcessDiedError


def main(told: str | None = None) -> int:
    """Run the command line; a signal ends the process at once, wherever the computation is.

    Python's own handler of Ctrl-C waits for the end of the library call that is running, which
    may take minutes; a whole file is written, or none, either way. Of the process that runs a
    script where there is no fork, `told` is the file that gets the exit code.
    """
    for name in ("SIGINT", "SIGPIPE"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    if isinstance(sys.stdout, TextIOWrapper):  # None where it is closed
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no Unicode
    from exactflow import cli

    runs_a_script = told is None and sys.argv[1:2] == ["diagnose"]
    code = cli.run_reporting_errors(lambda: _watched(cli.main)) if runs_a_script else cli.main()
    if told is not None:
        Path(told).write_text(str(code), "utf-8")
    try:
        print(end="", flush=True)
        print(end="", file=sys.stderr, flush=True)
    except OSError:  # reported already; trying again at the end would change the exit code
        os._exit(code)
    return code


def _watched(work: Callable[[], int]) -> int:
    """Work in a child process. Raise `ProcessDiedError` if it ends before it tells its verdict."""
    if not hasattr(os, "fork"):
        return _spawned()
    reading, writing = os.pipe()
    parent, child = os.getpid(), os.fork()
    if not child:
        from exactflow.files.parallel import exit_with_parent

        threading.Thread(target=exit_with_parent, args=[parent], daemon=True).start()
        code = work()
        os.write(writing, bytes([code]))
        return code
    os.close(writing)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.set_blocking(reading, False)
    with suppress(BlockingIOError):  # what the script left behind may hold the other end
        if said := os.read(reading, 1):
            return said[0]
    if ended < 0:
        os.kill(os.getpid(), -ended)
    raise ProcessDiedError(
        f"expected a verdict, got the end of the process, with exit code {ended}"
    )


def _spawned() -> int:
    """Work in a new process, which says in a file how it ended."""
    import subprocess
    from tempfile import TemporaryDirectory

    child = "import sys; from exactflow.__main__ import main; sys.exit(main(sys.argv.pop(1)))"
    with TemporaryDirectory() as folder:
        told = Path(folder, "code")
        command = [sys.executable, "-P", "-c", child, str(told), *sys.argv[1:]]
        ended = subprocess.run(command, check=False).returncode
        if told.exists():
            return int(told.read_text("utf-8"))
    raise ProcessDiedError(
        f"expected a verdict, got the end of the process, with exit code {ended}"
    )


if __name__ == "__main__":
    sys.exit(main())
