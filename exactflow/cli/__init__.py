"""The command line: `GROUPS` names the commands, and each command is a module of this package.

A command's module has ``add_arguments(parser)``, ``run(arguments)``, which returns the exit code,
`EXAMPLES`, and `EXIT_CODES` with their meanings. It is imported when its command runs, so that no
command waits for the imports of another. The modules of this package export nothing: they are used
through `main` and the shell.

Exit codes: 0 done or verified, 1 refuted (never an error), 2 malformed input, wrong usage or
another error, 3 incomplete, 130 interrupted. Of several files: 1 if one is refuted, else 2, else 3.
"""

import argparse
import re
import sys
import traceback
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from exactflow.errors import (
    ExactFlowError,
    InvalidInputError,
    OrientationError,
    ProcessDiedError,
    SingularMatrixError,
    hint_at_similar_name,
    printable,
)
from exactflow.files.progress_line import show_progress
from exactflow.files.version import __version__

GROUPS = {
    "matrices": {
        "factor": "factor a matrix into affine coupling layers, exactly",
        "depth": "find the least number of layers, and prove that fewer are impossible",
        "explain": "print the proof of a factorization, step by step",
        "balance": "approximate a matrix by float64 layers of small norm, with a certified error",
        "whiten": "build two layers that whiten a Gaussian; their inverse generates it",
    },
    "trained models": {
        "diagnose": "measure layer by layer how well a trained model inverts itself"
    },
    "certificates": {
        "check": "verify certificates by the stand-alone checker",
        "export": "write a certificate as a theorem for Rocq",
    },
    "theorems and proofs": {
        "theorems": "list the theorems, or try one of them on a matrix",
        "prove": "run proof scripts, and print one table with a row for each claim",
    },
}
"""The commands with their purposes, in the groups of ``exactflow --help``."""

COMMANDS = {name: purpose for group in GROUPS.values() for name, purpose in group.items()}

EXIT_CODES = {
    0: "done, or verified",
    1: "refuted",
    2: "malformed input, wrong usage or another error",
    3: "incomplete: neither verified nor refuted",
    130: "interrupted",
}
"""The exit codes of all commands, and their meanings; each module names those of its command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every foreseen error is one line on stderr."""
    return run_reporting_errors(lambda: _run_command(sys.argv[1:] if argv is None else list(argv)))


def run_reporting_errors(work: Callable[[], int]) -> int:
    """Return the exit code of `work`; if `work` raises an error, print it to stderr, and return the
    exit code of the error.

    The traceback is also printed if the error is a defect of exactflow.
    """
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
        message, code = "error: the memory does not suffice for this input", 2
    except RecursionError:
        message, code = "error: the input is nested too deeply", 2
    except OSError as error:
        message, code = f"error: {error}", 2
    except Exception:  # left to Python, it ends with exit code 1, which means refuted
        trace = traceback.format_exc()
        message, code = "error: this is a defect of exactflow: please report it, with the input", 2
    with suppress(OSError):  # even if stderr cannot be written, return the exit code of the error
        print(f"{trace}exactflow: {printable(message)}", file=sys.stderr)
    return code


class ArgumentParser(argparse.ArgumentParser):
    """A parser that raises `InvalidInputError` for wrong usage. The message suggests a similar name
    of an option or of a choice, or points to the help.
    """

    def error(self, message: str) -> NoReturn:
        hint = "" if message.endswith("?") else f": `{self.prog} --help` describes all arguments"
        raise InvalidInputError(f"{message}{hint}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = list(map(str, action.choices))
            hint = hint_at_similar_name(value, names)
            told = f"expected one of {', '.join(names)}, got {value!r}{hint}"
            raise argparse.ArgumentError(action, told)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            hint = hint_at_similar_name(rest[0], self._option_string_actions)
            self.error(f"{self.prog} has no argument {rest[0]!r}{hint}")
        return found, rest


def _run_command(argv: list[str]) -> int:
    name = argv[0] if argv else ""
    if not name.startswith("-") and name not in COMMANDS:
        hint = hint_at_similar_name(name, COMMANDS, "`exactflow --help` describes them")
        raise InvalidInputError(
            f"expected one of {', '.join(COMMANDS)}, got {repr(name) if name else 'none'}{hint}"
        )
    with show_progress(name):
        try:
            arguments = make_parser(name).parse_args(argv)
        except SystemExit:  # raised by the parser after --help and --version
            return 0
        try:
            return arguments.run(arguments)
        except ExactFlowError as error:
            text = _write_keywords_as_options(str(error), vars(arguments))
            is_about_matrix = isinstance(error, SingularMatrixError | OrientationError)
            if is_about_matrix and (file := getattr(arguments, "file", None)):
                text = f"{'stdin' if file == '-' else Path(file).name}: {text}"
            error.args = (text,)
            raise


def _write_keywords_as_options(text: str, option_names: Container[str]) -> str:
    """Rewrite method='x' in an error text as --method x if `option_names` contains "method".

    >>> _write_keywords_as_options("use method='auto' or scales='nonzero'", {"method"})
    "use --method auto or scales='nonzero'"
    """

    def write_match_as_option(match: re.Match[str]) -> str:
        if match[1] not in option_names:
            return match[0]
        return f"--{match[1].replace('_', '-')} {match[2]}"

    return re.sub(r"\b([a-z_]+)='([^']*)'", write_match_as_option, text)


def make_parser(*commands_with_arguments: str) -> argparse.ArgumentParser:
    """Return the parser of the command line with all commands.

    Only `commands_with_arguments` have their arguments; the modules of the other commands are not
    imported.
    """
    groups = [_format_help_section(f"{title}:", names) for title, names in GROUPS.items()]
    whole = ArgumentParser(
        prog="exactflow",
        usage="exactflow [-h] [--version] COMMAND ...",
        description="Exact computation with affine coupling flows.\n"
        "Help about a command, with examples: exactflow COMMAND --help",
        epilog="\n\n".join([*groups, _format_help_section("exit codes:", EXIT_CODES)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument(
        "--version", action="version", version=f"exactflow {__version__}", help="show the version"
    )
    commands = whole.add_subparsers(
        required=True, prog="exactflow", metavar="COMMAND", help=argparse.SUPPRESS
    )
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(
            name, description=purpose, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name in commands_with_arguments:
            module = import_module(f"exactflow.cli.{name}")
            module.add_arguments(command)
            examples = "\n".join(f"  {line}" for line in module.EXAMPLES)
            codes = {code: EXIT_CODES[code] for code in (0, 2)} | module.EXIT_CODES
            exit_codes = _format_help_section("exit codes:", dict(sorted(codes.items())))
            command.epilog = f"examples:\n{examples}\n\n{exit_codes}"
            command.set_defaults(run=module.run)
    return whole


def _format_help_section(title: str, rows: Mapping[str, str] | Mapping[int, str]) -> str:
    """Return a section of a help text: the title, and then one line for each row."""
    width = max(len(str(name)) for name in rows)
    return "\n".join([title, *(f"  {name!s:{width}}  {text}" for name, text in rows.items())])
