"""A table of facts on a model, from the user's own script, and data from files."""

import argparse
import contextlib
import shutil
import sys
import traceback
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from runpy import run_path
from types import FunctionType, SimpleNamespace
from typing import Any

from exactflow.cli import common
from exactflow.errors import InvalidInputError, require
from exactflow.files.atomic import named, read_bytes
from exactflow.files.tensors import read_array


def add_arguments(command: argparse.ArgumentParser) -> None:
    model = "a model in a script, or a function that makes it"
    command.add_argument("model", metavar="SCRIPT.py:MODEL", help=model)
    data = "a batch of data; latents of several scales: a file each"
    command.add_argument("x", nargs="+", metavar="X.npy", help=data)
    add = command.add_argument_group("what is read").add_argument
    add("--start", choices=("data", "latents"), default="data", help="what X is (default: data)")
    add("--context", metavar="FILE", help="a condition for each member of the batch")
    add("--classes", metavar="FILE", help="the class of each member")
    add("--key", metavar="NAME", help="which array of the files of X")
    out = command.add_argument_group("what comes out")
    common.printing_arguments(out, "one JSON object in the place of the table")


def run(arguments: argparse.Namespace) -> int:
    """Print the facts, and return 0 whatever they are."""
    require("torch", "torch", "whole models")
    from exactflow.interop.diagnosis import diagnose

    x = [_tensor(path, arguments.key) for path in arguments.x]
    given = arguments.context, arguments.classes
    context, y = (None if path is None else _tensor(path) for path in given)
    batch = x[0] if len(x) == 1 else x
    with _imported(arguments.model) as model:
        found = diagnose(model, batch, start=arguments.start, context=context, y=y)
    if arguments.json:
        print(found.to_json())
    elif not arguments.quiet:
        print(found.table(width=max(shutil.get_terminal_size().columns, 24)))
    return 0


def _tensor(path: str, key: str | None = None) -> Any:
    import torch

    data = read_bytes(path)
    with named(path):
        array, _ = read_array(data, Path(path).suffix.lower(), key)
    return torch.from_numpy(array.copy())


@contextlib.contextmanager
def _imported(source: str) -> Iterator[Any]:
    """Run a script, and yield what it names.

    What the script prints goes to stderr, and its folder is where it finds its modules, as long as
    the model is used.
    """
    file, _, name = source.rpartition(":")
    if not file or not name:
        raise InvalidInputError(f"expected SCRIPT.py:MODEL, got {source!r}: where, and which name")
    script = Path(file).resolve()
    if script.suffix != ".py" or not script.is_file():
        raise InvalidInputError(f"expected a Python script, got {file!r}")
    if script.stem in sys.modules:
        raise InvalidInputError(f"expected a script whose name no module has, got {script.name!r}")
    before = sys.argv, list(sys.path)
    sys.argv, sys.path = [file], [str(script.parent), *sys.path]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield _made(file, script.stem, name)
    except SystemExit as stop:  # a model that ends the process must not end it in a 1
        raise InvalidInputError(f"expected a model that runs, got SystemExit: {stop}") from None
    finally:
        sys.argv, sys.path[:] = before


def _made(file: str, module: str, name: str) -> Any:
    """Take what a script names, or what the function makes that it names."""
    try:
        made = attrgetter(name)(SimpleNamespace(**run_path(file, run_name=module)))
        return made() if isinstance(made, type | FunctionType) else made
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f", line {f.lineno}" for f in frames if f.filename == file]
        reason = traceback.format_exception_only(error)[-1].partition(": ")[2]
        raise InvalidInputError(
            f"expected a script that makes {name!r}, got {type(error).__name__} from "
            f"{Path(file).name}{''.join(lines[-1:])}: {reason.rstrip()}"
        ) from None
