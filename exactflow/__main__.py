"""``exactflow`` and ``python -m exactflow``: the command line as a process of its own."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper

from exactflow.errors import DiedError

__all__ = ["main"]


def main() -> int:
    """Run the command line; a signal ends the process at once, wherever the computation is.

    Python's own handler of Ctrl-C waits for the end of the library call that is running, which
    may take minutes; a whole file is written, or none, either way.
    """
    for name in ("SIGINT", "SIGPIPE"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    if isinstance(sys.stdout, TextIOWrapper):  # None where it is closed
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no Unicode
    from exactflow import cli

    runs_a_script = sys.argv[1:2] in (["prove"], ["diagnose"])
    code = cli.reported(lambda: _watched(cli.main)) if runs_a_script else cli.main()
    try:
        print(end="", flush=True)
        print(end="", file=sys.stderr, flush=True)
    except OSError:  # reported already; trying again at the end would change the exit code
        os._exit(code)
    return code


def _watched(work: Callable[[], int]) -> int:
    """Work in a child process, for a script may end it with a 0; then `DiedError` is raised."""
    if not hasattr(os, "fork"):
        return work()
    reading, writing = os.pipe()
    parent, child = os.getpid(), os.fork()
    if not child:
        from exactflow.files.parallel import end_with

        threading.Thread(target=end_with, args=[parent], daemon=True).start()
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
    raise DiedError(f"expected a verdict, got the end of the process, with exit code {ended}")


if __name__ == "__main__":
    sys.exit(main())
