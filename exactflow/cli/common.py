"""What the commands share: the file that goes in, the certificate that comes out."""

import argparse
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exactflow.errors import InvalidInputError

if TYPE_CHECKING:
    from rich.status import Status

    from exactflow.files.matrices import MatrixFile
    from exactflow.flows.flow import CouplingFlow

__all__ = [
    "advice",
    "check_output",
    "halves_arguments",
    "output_arguments",
    "partition",
    "partition_argument",
    "printing_arguments",
    "read",
    "reading_arguments",
    "search_arguments",
    "search_options",
    "status",
    "wants_text",
    "write_flow",
]


def reading_arguments(command: argparse.ArgumentParser) -> None:
    """Add what says how a matrix is read from a file."""
    group = command.add_argument_group("how the matrix is read")
    group.add_argument(
        "--key", metavar="NAME", help="which array of a .npz, .safetensors or .pt file"
    )
    group.add_argument("--transpose", action="store_true", help="for weights on row vectors")


def search_arguments(command: argparse.ArgumentParser, methods: Sequence[str]) -> None:
    """Add how float layers are found."""
    command.add_argument(
        "--method", choices=methods, default="auto", help="the construction (default: auto)"
    )
    command.add_argument("--seed", type=int, default=0, help="of the search (default: 0)")


def halves_arguments(command: argparse.ArgumentParser, orientations: Sequence[str]) -> None:
    """Add which coordinates are which, and what is done where det < 0."""
    group = command.add_argument_group("coordinates")
    partition_argument(group)
    group.add_argument(
        "--orientation",
        choices=orientations,
        default="error",
        help="what is done where det < 0 (default: error)",
    )


def search_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what `search_arguments` and `halves_arguments` were told."""
    names = "method", "orientation", "partition", "seed"
    return {name: getattr(arguments, name) for name in names}


def partition_argument(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--partition", type=partition, metavar="P,Q", help="sizes of the halves, or a 0/1 mask"
    )


def output_arguments(command: argparse.ArgumentParser, metavar: str, purpose: str) -> None:
    """Add the file that is written, and what is printed; `wants_text` obeys the latter."""
    group = command.add_argument_group("what comes out")
    group.add_argument("-o", "--output", metavar=metavar, help=purpose)
    printing_arguments(group, "one JSON object in the place of the text")


def printing_arguments(group: argparse._ArgumentGroup, json_help: str) -> None:
    form = group.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=json_help)
    form.add_argument(
        "-q", "--quiet", action="store_true", help="errors only; the exit code says the rest"
    )


def wants_text(arguments: argparse.Namespace, **record: Any) -> bool:
    """Return whether the text is asked for; print the record as JSON where that is."""
    if arguments.json:
        print(json.dumps({"output": arguments.output} | record))
    return not (arguments.json or arguments.quiet)


def partition(text: str) -> list[int]:
    """Read "2,3" as sizes and "0,1,0,1" or "0101" as a mask."""
    return [int(part) for part in (text.split(",") if "," in text else text)]


def read(arguments: argparse.Namespace) -> "MatrixFile":
    from exactflow.files.matrices import read_matrix

    return read_matrix(arguments.file, key=arguments.key, transpose=arguments.transpose)


def status(text: str) -> "Status":
    """Return a context in which a terminal shows what is being done."""
    from exactflow.parallel import steady_console

    return steady_console().status(text)


def check_output(arguments: argparse.Namespace, certificate_only: bool = False) -> None:
    """Raise `InvalidInputError`, before the work, for a file that cannot be written, or that is the
    matrix itself.
    """
    from exactflow.files.arrays import ARRAY_SUFFIXES, array_writer
    from exactflow.files.atomic import check_place

    path = Path(arguments.output)
    suffix = path.suffix.lower()
    if certificate_only and suffix != ".json":
        raise InvalidInputError(f"expected .json (a certificate) as output, got {str(path)!r}")
    if suffix not in (".json", *ARRAY_SUFFIXES):
        raise InvalidInputError(
            f"expected .json (a certificate) or {', '.join(ARRAY_SUFFIXES)} (float64 layers) as "
            f"output, got {str(path)!r}"
        )
    check_place(path)
    if arguments.file and os.path.realpath(arguments.file) == os.path.realpath(path):
        raise InvalidInputError(f"expected an output beside the matrix, got its file {str(path)!r}")
    if suffix != ".json":
        array_writer(path)


def write_flow(
    flow: "CouplingFlow",
    arguments: argparse.Namespace,
    source: "MatrixFile",
    seed: int | None = None,
    subject: str = "target",
    **claim: Any,
) -> str:
    """Write a certificate about the source, which the stand-alone checker must accept first; or the
    layers as float64 arrays where the suffix says so. Return a line on it.

    Parameters
    ----------
    flow, arguments, source : what was found, what was asked for, and of which matrix.
    seed : of the search, for the record.
    subject : what the matrix is in the certificate, "target" or "covariance".
    claim : the other keywords of `exactflow.files.certificate.certificate_text`.

    Raises
    ------
    VerificationError
        The checker refutes the claim; nothing is written.
    """
    from exactflow.files.arrays import write_arrays
    from exactflow.files.atomic import write_bytes
    from exactflow.files.certificate import accepted, certificate_text

    output = arguments.output
    if Path(output).suffix.lower() != ".json":
        write_arrays(flow, output)
        return f"layers: {output}, float64, equal to the exact ones\n"
    name = Path(arguments.file).name if arguments.file else "demo"
    provenance: dict[str, object]
    provenance = {"source": name, "dtype": source.dtype, "sha256": source.sha256}
    provenance |= {"transposed": True} if arguments.transpose else {}
    provenance |= {} if seed is None else {"seed": seed}
    provenance |= claim.get("provenance", {})
    claim |= {subject: source.matrix, "provenance": provenance}
    data, said = accepted(certificate_text(flow, **claim))
    write_bytes(output, data)
    return f"certificate: {output}; the checker: {said}\n{advice(arguments)}\n"


def advice(arguments: argparse.Namespace) -> str:
    """Return the line with the command that checks a certificate against the file it is about."""
    words = ["exactflow", "check", arguments.output]
    words += ["--target", arguments.file] if arguments.file else []
    words += ["--key", arguments.key] if arguments.key else []
    words += ["--transpose"] if arguments.transpose else []
    return f"next: {shlex.join(words)}"
