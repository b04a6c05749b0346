"""Completion of commands, options and files by a shell: its script, written by shtab."""

import argparse
from itertools import chain

from exactflow.errors import require

SHELLS = ("bash", "zsh", "tcsh")
FILES = {"certificate", "certificates", "file", "files", "model", "output", "target"}

_EXAMPLE = """for this session, and for all of bash:
  eval "$(exactflow completion bash)"
  exactflow completion bash > ~/.local/share/bash-completion/completions/exactflow"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = _EXAMPLE
    command.add_argument("shell", choices=SHELLS, help="the shell that is to complete")


def run(arguments: argparse.Namespace) -> int:
    shtab = require("shtab", "completion", "the completion of a shell")
    from exactflow.cli import COMMANDS, parser

    whole = parser(*COMMANDS)
    (commands,) = (a for a in whole._actions if isinstance(a, argparse._SubParsersAction))
    for action in chain.from_iterable(command._actions for command in commands.choices.values()):
        if action.dest in FILES:
            vars(action)["complete"] = shtab.FILE
        elif action.dest == "plot":
            vars(action)["complete"] = shtab.DIRECTORY
    print(shtab.complete(whole, arguments.shell))
    return 0
