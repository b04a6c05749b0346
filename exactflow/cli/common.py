"""Options, input and output common to all commands: a matrix is read, a certificate written."""

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from exactflow.errors import InvalidInputError
from exactflow.exact.progress import report_stage
from exactflow.files.progress_line import is_terminal

if TYPE_CHECKING:
    from exactflow.files.matrices import MatrixFile
    from exactflow.flows.flow import CouplingFlow


CONSTRUCTION = "method", "orientation", "partition"
"""What `construction_arguments` are told, as `factor` takes it."""


def construction_arguments(
    command: argparse.ArgumentParser, methods: Sequence[str], orientations: Sequence[str]
) -> None:
    """Add the options of a construction: halves, orientation, and the rest."""
    command.add_argument(
        "--method", choices=methods, default="auto", help="the construction (default: auto)"
    )
    group = command.add_argument_group("coordinates")
    partition_argument(group)
    orientation_argument(group, orientations)


def orientation_argument(group: argparse._ActionsContainer, orientations: Sequence[str]) -> None:
    group.add_argument(
        "--orientation",
        choices=orientations,
        default="error",
        help="what is done where det < 0 (default: error)",
    )


def partition_argument(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--partition", type=partition, metavar="P,Q", help="sizes of the halves, or a 0/1 mask"
    )


def partition(text: str) -> list[int]:
    """Read "2,3" as sizes and "0,1,0,1" or "0101" as a mask."""
    return [int(part) for part in (text.split(",") if "," in text else text)]


def matrix_arguments(command: argparse.ArgumentParser, metavar: str, purpose: str) -> None:
    """Add the options for input and output; `wants_text` obeys the latter."""
    reading_arguments(command)
    group = command.add_argument_group("what comes out")
    group.add_argument("-o", "--output", metavar=metavar, help=purpose)
    printing_arguments(group, "one JSON object in the place of the text")


def reading_arguments(command: argparse.ArgumentParser) -> None:
    """Add the options for reading a matrix from a file."""
    group = command.add_argument_group("how the matrix is read")
    group.add_argument(
        "--key", metavar="NAME", help="which array of a .npz, .safetensors or .pt file"
    )
    group.add_argument("--transpose", action="store_true", help="for weights on row vectors")


def printing_arguments(group: argparse._ArgumentGroup, json_help: str) -> None:
    form = group.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=json_help)
    form.add_argument(
        "-q", "--quiet", action="store_true", help="errors only; the exit code says the rest"
    )


def backend_argument(command: argparse._ActionsContainer) -> None:
    """Add the option for where work in parallel is done; its name is one of joblib's."""
    command.add_argument(
        "--backend",
        metavar="NAME",
        help="where the jobs run: a backend of joblib, or dask, whose scheduler is at "
        "DASK_SCHEDULER_ADDRESS (default: processes here)",
    )


def fields(value: object, *names: str) -> dict[str, Any]:
    """Return some attributes by their names: of arguments for a function, of a value for JSON."""
    return {name: getattr(value, name) for name in names}


def wants_text(arguments: argparse.Namespace, record: Callable[[], dict[str, Any]]) -> bool:
    """Whether text is to be printed; with --json, print the record instead."""
    if arguments.json:
        print(json.dumps({"output": arguments.output} | record()))
    return not (arguments.json or arguments.quiet)


def say(*sentences: object) -> None:
    """Print sentences, each on a line of its own; a terminal gets no word broken."""
    for sentence in map(str, sentences):
        if is_terminal(sys.stdout):
            width = shutil.get_terminal_size().columns
            sentence = fill(sentence, width, subsequent_indent="  ", break_long_words=False)
        print(sentence)


def flow_record(flow: "CouplingFlow") -> dict[str, Any]:
    """The table of a flow over QQ as a record for JSON."""
    from exactflow.flows.display import magnitude

    return {
        "dimension": flow.dimension,
        "partition": list(flow.partition),
        "depth": flow.depth,
        "method": flow.method,
        "flips": list(flow.flips),
        "order": list(flow.order),
        "layers": [
            {
                "moves": layer.moves,
                "scales_not_1": sum(s != 1 for s in layer.scale_elements),
                "nonzeros": layer.nnz,
                "bits": layer.bits,
                "largest_magnitude": magnitude(layer.magnitude),
            }
            for layer in flow
        ],
    }


def print_repairs(flow: "CouplingFlow", pads: tuple[int, ...] = (), how_near: str = "") -> None:
    """Print the flips or pads by which the orientation was repaired."""
    if pads:
        say(
            f"pads: feed zeros to coordinates {pads[0]} and {pads[1]}; zeros come out there"
            + how_near
        )
    for coordinate in flow.flips:
        say(f"orientation: det < 0; coordinate {coordinate} is negated before layer 1")


def read(arguments: argparse.Namespace) -> "MatrixFile":
    from exactflow.files.matrices import read_matrix

    return read_matrix(arguments.file, key=arguments.key, transpose=arguments.transpose)


def check_output(arguments: argparse.Namespace, arrays: bool = True) -> None:
    """Refuse, before the work, an output that is no certificate, no file of `arrays`, no place."""
    if arguments.output is None:
        return
    from exactflow.files.arrays import ARRAY_SUFFIXES, select_writer

    kinds = {"a certificate": (".json",)} | ({"float64 layers": ARRAY_SUFFIXES} if arrays else {})
    check_writable(arguments.output, kinds, arguments.file or "")
    if not arguments.output.lower().endswith(".json"):
        select_writer(arguments.output)


def check_writable(path: str, kinds: Mapping[str, Sequence[str]], *inputs: str | Path) -> None:
    """Raise `InvalidInputError`, before the work, for an output with another suffix than those of
    its `kinds`, that cannot be written, or that is one of the inputs.
    """
    from exactflow.files import atomic

    if kinds and Path(path).suffix.lower() not in chain(*kinds.values()):
        said = " or ".join(f"{', '.join(suffixes)} ({kind})" for kind, suffixes in kinds.items())
        raise InvalidInputError(f"expected {said} as output, got {path!r}")
    atomic.check_writable(path)
    if os.path.realpath(path) in map(os.path.realpath, inputs):
        raise InvalidInputError(f"expected an output beside the input, got its file {path!r}")


def write(result: Any, arguments: argparse.Namespace, source: "MatrixFile") -> str:
    """Write a result, and return a line about it; "" without an output.

    It is a certificate about the source, which the stand-alone checker must accept first, or by the
    suffix the layers as float64 arrays.

    Raises `VerificationError` where the checker refutes the claim; nothing is written then.
    """
    output = arguments.output
    if output is None:
        return ""
    from exactflow.files.store import save, write_claim

    if Path(output).suffix.lower() != ".json":
        save(result, output)
        return f"layers: {output}, float64, equal to the exact ones\n"
    name = Path(arguments.file).name if arguments.file else "demo"
    provenance: dict[str, object]
    provenance = {"source": name, "dtype": source.dtype, "sha256": source.sha256}
    provenance |= {"transposed": True} if arguments.transpose else {}
    provenance |= {"seed": arguments.seed} if hasattr(arguments, "seed") else {}
    report_stage("the checker")
    said = write_claim(result, output, source.matrix, provenance)
    return f"certificate: {output}; the checker: {said}\n{advice(arguments)}\n"


def advice(arguments: argparse.Namespace) -> str:
    """Return the line with the command that checks a certificate against the file it is about."""
    words = ["exactflow", "check", arguments.output]
    words += ["--target", arguments.file] if arguments.file else []
    return f"next: {shlex.join([*words, *_reading_words(arguments)])}"


def _reading_words(arguments: argparse.Namespace) -> list[str]:
    """Return the words that say how the matrix is read."""
    key = ["--key", arguments.key] if arguments.key else []
    return key + ["--transpose"] * arguments.transpose
