"""Options of several commands, and functions that read a matrix and write a certificate."""

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
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
"""Names of the options of `add_method_partition_orientation_options`, as keywords of `factor`."""


def add_matrix_file_argument(
    command: argparse.ArgumentParser, name_in_help: str = "matrix", **options: Any
) -> None:
    """Add the argument FILE, the file of a matrix; the help calls the matrix `name_in_help`."""
    formats = ".npy, .npz, .json, .csv, .txt, .safetensors or .pt; - reads stdin"
    text = f"file of the {name_in_help}: {formats}"
    command.add_argument("file", metavar="FILE", help=text, **options)


def add_method_partition_orientation_options(
    command: argparse.ArgumentParser, methods: Sequence[str], orientations: Sequence[str]
) -> None:
    """Add the options --method, --partition and --orientation."""
    command.add_argument(
        "--method", choices=methods, default="auto", help="use this construction (default: auto)"
    )
    add_partition_and_orientation_options(command, orientations)


def add_partition_and_orientation_options(
    command: argparse.ArgumentParser, orientations: Sequence[str]
) -> None:
    """Add the options --partition and --orientation."""
    add_partition_option(command).add_argument(
        "--orientation",
        choices=orientations,
        default="error",
        help="repair for a negative determinant (default: error)",
    )


def add_partition_option(command: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the option --partition, and return the group of options that it begins."""
    group = command.add_argument_group("coordinates")
    group.add_argument(
        "--partition",
        type=_parse_partition_or_mask,
        metavar="P,Q",
        help="sizes of the halves, or a mask such as 0101 (default: halves of nearly one size)",
    )
    return group


def _parse_partition_or_mask(text: str) -> list[int]:
    """Parse two sizes, "2,3", or a mask, "0,1,0,1" or "0101", as integers."""
    try:
        return [int(part) for part in (text.split(",") if "," in text else text)]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected sizes such as 2,3 or a mask such as 0101, got {text!r}"
        ) from None


def add_seed_option(command: argparse._ActionsContainer, what_is_seeded: str) -> None:
    """Add the option --seed."""
    text = f"seed of the {what_is_seeded} (default: 0)"
    command.add_argument("--seed", type=int, default=0, metavar="N", help=text)


def add_reading_output_printing_options(command: argparse.ArgumentParser, output_help: str) -> None:
    """Add the options --key, --transpose, --output, --json and --quiet."""
    add_key_and_transpose_options(command)
    group = command.add_argument_group("output")
    group.add_argument("-o", "--output", metavar="CERT.json", help=output_help)
    add_json_and_quiet_options(group, "print one JSON object in place of the text")


def add_key_and_transpose_options(command: argparse.ArgumentParser) -> None:
    """Add the options --key and --transpose, for reading a matrix from a file."""
    group = command.add_argument_group("input")
    group.add_argument(
        "--key", metavar="NAME", help="name of the array in a .npz, .safetensors or .pt file"
    )
    group.add_argument(
        "--transpose", action="store_true", help="transpose it: for weights that act on row vectors"
    )


def add_json_and_quiet_options(group: argparse._ArgumentGroup, json_help: str) -> None:
    """Add the options --json and --quiet."""
    form = group.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=json_help)
    form.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def add_jobs_and_backend_options(
    command: argparse._ActionsContainer, jobs_help: str, default_jobs: int | None
) -> None:
    """Add the options --jobs and --backend, which say how to run jobs in parallel."""
    command.add_argument(
        "-j", "--jobs", type=int, default=default_jobs, metavar="N", help=jobs_help
    )
    command.add_argument(
        "--backend",
        metavar="NAME",
        help="run the jobs on this backend of joblib, or on dask, whose scheduler is at "
        "DASK_SCHEDULER_ADDRESS (default: processes on this machine)",
    )


def get_attributes(value: object, *names: str) -> dict[str, Any]:
    """Return a dictionary name -> attribute of `value`, for the given names."""
    return {name: getattr(value, name) for name in names}


def wants_text(arguments: argparse.Namespace) -> bool:
    """Whether neither --json nor --quiet is given."""
    return not (arguments.json or arguments.quiet)


def print_json_with_output_name(output: str | None, record: Mapping[str, Any]) -> None:
    """Print a record and the name of the output file as one JSON object."""
    print(json.dumps({"output": output} | dict(record)))


def print_wrapped_lines(*sentences: object) -> None:
    """Print each sentence on a line of its own; on a terminal, wrap lines between words."""
    for sentence in map(str, sentences):
        if is_terminal(sys.stdout):
            width = shutil.get_terminal_size().columns
            sentence = fill(sentence, width, subsequent_indent="  ", break_long_words=False)
        print(sentence)


def flow_summary_record(flow: "CouplingFlow") -> dict[str, Any]:
    """Return facts about a flow over QQ and about each layer of the flow, for JSON."""
    from exactflow.flows.display import format_three_significant_digits_or_empty

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
                "largest_magnitude": format_three_significant_digits_or_empty(layer.magnitude),
            }
            for layer in flow
        ],
    }


def print_orientation_repair(
    flow: "CouplingFlow", pads: tuple[int, ...] = (), end_of_pads_sentence: str = ""
) -> None:
    """Print the flips or pads of the flow, if any, which repair a negative determinant."""
    if pads:
        print_wrapped_lines(
            f"pads: feed zeros to coordinates {pads[0]} and {pads[1]}; zeros come out there"
            + end_of_pads_sentence
        )
    for coordinate in flow.flips:
        print_wrapped_lines(
            f"orientation: det < 0; coordinate {coordinate} is negated before layer 1"
        )


def read_matrix_file(arguments: argparse.Namespace, **options: Any) -> "MatrixFile":
    """Read the matrix from the file `arguments.file`, with the options --key and --transpose. The
    other `options` are those of `as_square_matrix`.
    """
    from exactflow.files.matrices import read_square_matrix

    named = get_attributes(arguments, "key", "transpose")
    return read_square_matrix(arguments.file, **named, **options)


def check_output_path(arguments: argparse.Namespace, allows_arrays: bool = True) -> None:
    """Raise an error unless the file --output can be written. Each command calls this before it
    computes.

    The output must differ from the input, and needs the suffix of a certificate or, if
    `allows_arrays`, of a file of arrays.
    """
    output = arguments.output
    if output is None:
        return
    from exactflow.files import atomic
    from exactflow.files.arrays import ARRAY_SUFFIXES, select_encoder

    atomic.check_writable(output)
    kinds = {"a certificate": (".json",)} | (
        {"float64 layers": ARRAY_SUFFIXES} if allows_arrays else {}
    )
    if Path(output).suffix.lower() not in chain(*kinds.values()):
        allowed = " or ".join(f"{', '.join(suffixes)} ({kind})" for kind, suffixes in kinds.items())
        raise InvalidInputError(f"expected a file of suffix {allowed} as output, got {output!r}")
    check_output_is_not_input(output, arguments.file)
    if not output.lower().endswith(".json"):
        select_encoder(output)


def check_output_is_not_input(output: str, input_file: str | None) -> None:
    """Raise `InvalidInputError` if the output is the file that the command reads."""
    if os.path.realpath(output) == os.path.realpath(input_file or ""):
        raise InvalidInputError(f"the output {output!r} is the input: choose another file")


def write_output_if_asked_and_describe(
    result: Any, arguments: argparse.Namespace, source: "MatrixFile"
) -> str:
    """Write a result to the file --output, if it is given, and return lines about this file.

    Without --output nothing is written, and the text is empty.

    A file with the suffix .json is a certificate about the source, which the stand-alone checker
    must accept first; another file contains the layers as float64 arrays.

    Raises `VerificationError` if the checker refutes the claim; then nothing is written.
    """
    output = arguments.output
    if output is None:
        return ""
    from exactflow.files.store import save, write_accepted_flow_certificate

    if Path(output).suffix.lower() != ".json":
        save(result, output)
        return f"layers: {output}, float64, equal to the exact ones\n"
    provenance = provenance_of_source(arguments, source)
    provenance |= {"transposed": True} if arguments.transpose else {}
    provenance |= {"seed": arguments.seed} if hasattr(arguments, "seed") else {}
    report_stage("the checker")
    verdict = write_accepted_flow_certificate(result, output, source.matrix, provenance)
    return (
        f"certificate: {output}; its quick check: {verdict}\n{suggest_check_command(arguments)}\n"
    )


def provenance_of_source(arguments: argparse.Namespace, source: "MatrixFile") -> dict[str, object]:
    """Return facts about the file of a matrix for its certificate: name, type and digest."""
    name = Path(arguments.file).name if arguments.file else "demo"
    return {"source": name, "dtype": source.dtype, "sha256": source.sha256}


def suggest_check_command(arguments: argparse.Namespace) -> str:
    """Return a line with the command that checks the certificate against the matrix file."""
    words = ["exactflow", "check", arguments.output]
    words += ["--target", arguments.file] if arguments.file else []
    words += [] if arguments.key is None else ["--key", arguments.key]
    words += ["--transpose"] * arguments.transpose
    return f"next: {shlex.join(words)}"
