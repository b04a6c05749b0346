"""The command line: `COMMANDS` names its commands, each a module of that name.

A command's module has ``add_arguments(parser)`` and ``run(arguments)``, which returns the exit
code. It is imported when its command runs: no command waits for what another needs. The modules
of this room export nothing: its faces are `main` and the shell.

Exit codes: 0 done or verified, 1 refuted and nothing else, 2 bad input, usage or an error on the
way, 3 incomplete, 130 interrupted. Of several files: 1 where one is refuted, else 2, else 3.
"""

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

from exactflow.errors import ExactFlowError, InvalidInputError, ProcessDiedError, printable
from exactflow.files.progress_line import show_progress
from exactflow.files.version import __version__

COMMANDS = {
    "factor": "a matrix in, at most six coupling layers out",
    "check": "verify a certificate",
    "depth": "how few layers, and why not fewer",
    "explain": "the proof on one matrix, step by step",
    "theorems": "what is proved, and a try of it on a matrix",
    "balance": "float64 layers of small norm, certified within",
    "whiten": "two layers that whiten, and generate, a Gaussian",
    "prove": "run proof scripts: one table, a row a claim",
    "diagnose": "what a trained model does with x there and back, layer by layer",
    "export": "a certificate as a theorem for Rocq",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every foreseen error is one line on stderr."""
    return reported(lambda: _run(sys.argv[1:] if argv is None else list(argv)))


def reported(work: Callable[[], int]) -> int:
    """Return the exit code of some work, or that of its error, which is one line on stderr."""
    trace = ""
    try:
        code = work()
        print(end="", flush=True)
        return code
    except KeyboardInterrupt:
        message, code = "interrupted", 130
    except ExactFlowError as error:
        message, code = f"error: {error}", 3 if isinstance(error, ProcessDiedError) else 2
    except MemoryError:
        message, code = "error: expected enough memory for this matrix, got to the end of it", 2
    except RecursionError:
        message, code = "error: expected input that is not nested as deeply", 2
    except OSError as error:
        message, code = f"error: {error}", 2
    except Exception:  # a defect of exactflow: it must not end in 1, which says refuted
        trace = traceback.format_exc()
        message, code = "error: this is a defect of exactflow: please report it, with the input", 2
    with suppress(OSError):  # stderr may be full: the exit code says it
        print(f"{trace}exactflow: {printable(message)}", file=sys.stderr)
    return code


class _ArgumentParser(argparse.ArgumentParser):
    """A parser whose errors are printable."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _run(argv: list[str]) -> int:
    name = argv[0] if argv else ""
    if not name.startswith("-") and name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else "exactflow --help says what they do"
        raise InvalidInputError(
            f"expected one of {', '.join(COMMANDS)}, got {repr(name) if name else 'none'}: {hint}"
        )
    with show_progress(name):
        try:
            arguments = parser(name).parse_args(argv)
        except SystemExit as stop:  # of --help and --version, or of wrong usage
            return int(stop.code or 0)
        return arguments.run(arguments)


def parser(*chosen: str) -> argparse.ArgumentParser:
    """Return the parser of the whole command line; only chosen commands have their arguments."""
    whole = _ArgumentParser(
        prog="exactflow", description="Exact factorization into affine coupling layers."
    )
    whole.add_argument("--version", action="version", version=f"exactflow {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        if name in chosen:
            module = import_module(f"exactflow.cli.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return whole
