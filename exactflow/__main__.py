"""``exactflow`` and ``python -m exactflow``: the command line as a process of its own."""

import os
import signal
import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line; a signal ends the process at once, wherever the computation is.

    Python's own handler of Ctrl-C waits for the end of the library call that is running, which
    may take minutes; a whole file is written, or none, either way.
    """
    for name in ("SIGINT", "SIGPIPE"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    from exactflow import cli

    code = cli.main()
    try:
        print(end="", flush=True)
    except OSError:  # reported already; trying again at the end would change the exit code
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
