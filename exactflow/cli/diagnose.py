"""``exactflow diagnose``: a table of facts about a trained model, which a script makes."""

import argparse
import contextlib
import shutil
import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from runpy import run_path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from exactflow.cli import common
from exactflow.errors import (
    InvalidInputError,
    hint_at_similar_name,
    join_names,
    require,
    safe_error_message,
)
from exactflow.files.atomic import prefixing_content_errors_with_file_name, read_file_or_stdin
from exactflow.files.tensors import read_array_and_dtype

if TYPE_CHECKING:
    from torch import Tensor


EXAMPLES = (
    "exactflow diagnose script.py:model batch.npy",
    "exactflow diagnose script.py:make_model batch.npy --fail-above 1e-3",
)
EXIT_CODES = {
    0: "the table is printed, and no measured error exceeds --fail-above",
    1: "a measured error exceeds --fail-above",
    3: "the process of the script ended without a result",
}


def add_arguments(command: argparse.ArgumentParser) -> None:
    model = "name of a model in a script, or of a function that returns one"
    command.add_argument("model", metavar="SCRIPT.py:MODEL", help=model)
    command.add_argument("x", metavar="X.npy", help="file of a batch of inputs")
    command.add_argument("--key", metavar="NAME", help="name of the array in the file")
    command.add_argument(
        "--context", metavar="C.npy", help="file of conditions, one for each input of the batch"
    )
    draws = "draw N latents for the opposite direction (default: 256)"
    command.add_argument("--draws", metavar="N", type=int, default=256, help=draws)
    rows = "skip Jacobians of more than N rows (default: 256)"
    command.add_argument("--jacobian-rows", metavar="N", type=int, default=256, help=rows)
    out = command.add_argument_group("output")
    fail = "exit with 1 if an error of inputs, of draws or of a log-determinant is larger"
    out.add_argument("--fail-above", metavar="ERROR", type=float, help=fail)
    common.add_json_and_quiet_options(out, "print one JSON object in place of the table")


def run(arguments: argparse.Namespace) -> int:
    """Print the table of facts; return 1 if an error in it exceeds --fail-above, else 0."""
    require("torch", "torch", "a whole model")
    from exactflow.interop.diagnosis import diagnose
    from exactflow.interop.diagnosis.result import ERRORS

    bound = arguments.fail_above
    if bound is not None and not bound >= 0:
        raise InvalidInputError(f"expected a bound >= 0 for --fail-above, got {bound}")
    script, name = _split_script_argument(arguments.model)
    x = _read_tensor(arguments.x, arguments.key)
    context = None if arguments.context is None else _read_context(arguments.context)
    with _running_script_with_model(script, name) as model:
        found = diagnose(
            model, x, context=context, draws=arguments.draws, jacobian_rows=arguments.jacobian_rows
        )
    fault = None if bound is None else found.find_worst_fault(dict.fromkeys(ERRORS, bound))
    if arguments.json:
        print(found.to_json())
    elif not arguments.quiet:
        print(found.table(width=max(shutil.get_terminal_size().columns, 24)))
    if fault is not None:
        print(fault, file=sys.stderr)
    return 0 if fault is None else 1


def _read_tensor(path: str, key: str | None = None) -> "Tensor":
    """Return an array in a file as a tensor; `key` is its name, for a file of several arrays."""
    import torch

    data = read_file_or_stdin(path)
    with prefixing_content_errors_with_file_name(path):
        values, dtype = read_array_and_dtype(data, Path(path).suffix.lower(), key)
        try:
            return torch.from_numpy(values.astype(values.dtype.newbyteorder("=")))
        except TypeError:
            raise InvalidInputError(
                f"expected an array of a type that PyTorch has, got {dtype}: convert it by "
                "array.astype('float64')"
            ) from None


def _read_context(path: str) -> "Tensor":
    """Return the only array in a file as a tensor."""
    try:
        return _read_tensor(path)
    except InvalidInputError as error:
        if "(--key)" not in str(error):
            raise
        raise InvalidInputError(
            f"{Path(path).name}: expected a file of one array as --context, got several: --key is "
            "about X.npy, so write the conditions to a file of their own by np.save"
        ) from None


def _split_script_argument(argument: str) -> tuple[str, str]:
    """Return the two parts of an argument SCRIPT.py:MODEL. Raise `InvalidInputError` for another
    argument, or if SCRIPT.py is no file.
    """
    file, _, name = argument.rpartition(":")
    script = Path(file)
    if not name or script.suffix != ".py":
        hint, same_module = "", file.replace(".", "/") + ".py"
        if {script.suffix, Path(name).suffix} & {".pt", ".pth", ".safetensors"}:
            hint = (
                ": the file of a checkpoint has no code, so write a script that makes the model "
                "and loads the checkpoint by model.load_state_dict"
            )
        elif name and Path(same_module).is_file():
            hint = f": did you mean {same_module}:{name}?"
        raise InvalidInputError(
            "expected SCRIPT.py:MODEL, a script and the name of a model in it, got "
            f"{argument!r}{hint}"
        )
    if not script.is_file():
        found = "is not a file" if script.exists() else "does not exist"
        raise InvalidInputError(f"the script {file!r} {found}: pass the path of a script")
    return file, name


@contextlib.contextmanager
def _running_script_with_model(file: str, name: str) -> Iterator[Any]:
    """Run a script, and yield the model with this name in the script.

    Until the context ends, the output of the script and of the model goes to stderr, and modules
    are imported from the folder of the script.
    """
    before = sys.argv, list(sys.path)
    sys.argv, sys.path = [file], [str(Path(file).resolve().parent), *sys.path]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield _run_script_and_make_model(file, name)
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as stop:
        # passed on, it could end the command with exit code 1, which means refuted
        remedy = "pass a model that runs without sys.exit"
        if not isinstance(stop, SystemExit):
            remedy = "remove what raises it"
        raise InvalidInputError(
            f"the model ended Python ({type(stop).__name__}: {safe_error_message(stop)}): {remedy}"
        ) from None
    finally:
        sys.argv, sys.path[:] = before


def _run_script_and_make_model(file: str, name: str) -> Any:
    """Run a script, and return its object `name`. If this object is a function or a class, call it
    and return the result.
    """
    try:
        values = run_path(file, run_name="<model>")
        if name.partition(".")[0] in values:
            made = attrgetter(name)(SimpleNamespace(**values))
            return made() if isinstance(made, type | FunctionType) else made
        names = [x for x, value in values.items() if x[0] != "_" and type(value) is not ModuleType]
        found = hint_at_similar_name(name, names, f"it makes {join_names(names) or 'nothing'}")
    except Exception as error:
        found = f": {type(error).__name__}: {safe_error_message(error)}"
    raise InvalidInputError(f"the script {file!r} does not make {name!r}{found}")
