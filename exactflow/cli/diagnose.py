"""A table of facts on a model, from the user's own script, and data from files."""

import argparse
import contextlib
import shutil
import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from runpy import run_path
from types import FunctionType, SimpleNamespace
from typing import Any

from exactflow.cli import common
from exactflow.errors import InvalidInputError, require, said
from exactflow.files.atomic import named, read_bytes
from exactflow.files.tensors import read_array


def add_arguments(command: argparse.ArgumentParser) -> None:
    model = "a model in a script, or a function that makes it"
    command.add_argument("model", metavar="SCRIPT.py:MODEL", help=model)
    command.add_argument("x", metavar="X.npy", help="a batch of data")
    command.add_argument("--key", metavar="NAME", help="which array of the file")
    command.add_argument("--draws", metavar="N", type=int, default=256, help="latents to draw")
    rows = "the most rows of a Jacobian that is computed (default: 256)"
    command.add_argument("--jacobian-rows", metavar="N", type=int, default=256, help=rows)
    out = command.add_argument_group("what comes out")
    common.printing_arguments(out, "one JSON object in the place of the table")


def run(arguments: argparse.Namespace) -> int:
    """Print the facts, and return 0 whatever they are."""
    require("torch", "torch", "whole models")
    import torch

    from exactflow.interop.diagnosis import diagnose

    data = read_bytes(arguments.x)
    with named(arguments.x):
        x, _ = read_array(data, Path(arguments.x).suffix.lower(), arguments.key)
    with _imported(arguments.model) as model:
        found = diagnose(
            model,
            torch.from_numpy(x.copy()),
            draws=arguments.draws,
            jacobian_rows=arguments.jacobian_rows,
        )
    if arguments.json:
        print(found.to_json())
    elif not arguments.quiet:
        print(found.table(width=max(shutil.get_terminal_size().columns, 24)))
    return 0


@contextlib.contextmanager
def _imported(source: str) -> Iterator[Any]:
    """Run a script, and yield what it names.

    What the script prints goes to stderr, and its folder is where it finds its modules, as long as
    the model is used.
    """
    file, _, name = source.rpartition(":")
    script = Path(file).resolve()
    if not name or script.suffix != ".py" or not script.is_file():
        raise InvalidInputError(f"expected SCRIPT.py:MODEL, a file and a name, got {source!r}")
    before = sys.argv, list(sys.path)
    sys.argv, sys.path = [file], [str(script.parent), *sys.path]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield _made(file, name)
    except SystemExit as stop:  # a model that ends the process must not end it in a 1
        raise InvalidInputError(
            f"expected a model that runs, got SystemExit: {said(stop)}"
        ) from None
    finally:
        sys.argv, sys.path[:] = before


def _made(file: str, name: str) -> Any:
    """Take what a script names, or what the function makes that it names."""
    try:
        made = attrgetter(name)(SimpleNamespace(**run_path(file, run_name="<model>")))
        return made() if isinstance(made, type | FunctionType) else made
    except Exception as error:
        says = f"expected a script that makes {name!r}, got {type(error).__name__}: {said(error)}"
        raise InvalidInputError(says) from None
