"""The commands: arguments and body of each.

A body imports what it needs when it runs, so that no command waits for what another one uses.
"""

import argparse
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from exactflow.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np

    from exactflow.files.matrices import MatrixFile
    from exactflow.flows.flow import CouplingFlow

__all__ = ["COMMANDS"]

DEMO_CHANNELS = 12


def _factor_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.factorization import METHODS, ORIENTATIONS

    command.add_argument("file", nargs="?", metavar="FILE", help=".npy, .npz, .json, .csv ..")
    command.add_argument("--demo", action="store_true", help="a Glow-sized convolution, no file")
    command.add_argument(
        "-o",
        "--output",
        metavar="CERT.json",
        help="write a certificate; or the layers as float64, to .npz, .safetensors or .pt",
    )
    command.add_argument("--method", choices=METHODS, default="auto")
    command.add_argument("--orientation", choices=ORIENTATIONS, default="error")
    command.add_argument(
        "--partition", type=_partition, metavar="P,Q", help="sizes of the halves, or a 0/1 mask"
    )
    _reading_arguments(command)


def _check_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("certificate", metavar="CERT.json", help="a certificate, - for stdin")
    command.add_argument("--target", metavar="FILE", help="the matrix that it must be about")


def _depth_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.depth import SCALES

    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument("--scales", choices=SCALES, default="additive")
    _reading_arguments(command)


def _balance_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.balancing import METHODS, ORIENTATIONS

    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument("--layers", type=int, metavar="K", help="default: six or eleven")
    command.add_argument("--method", choices=METHODS, default="auto")
    command.add_argument("--orientation", choices=ORIENTATIONS, default="error")
    command.add_argument(
        "--partition", type=_partition, metavar="P,Q", help="sizes of the halves, or a 0/1 mask"
    )
    command.add_argument("--seed", type=int, default=0)
    command.add_argument(
        "-o", "--output", metavar="CERT.json", help="a certificate of the layers' own product"
    )
    _reading_arguments(command)


def _export_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.files.export import FORMATS

    command.add_argument("certificate", metavar="CERT.json")
    command.add_argument("--to", choices=(*FORMATS, "torch"), required=True)
    command.add_argument("-o", "--output", metavar="FILE", help="default: standard output")


def _reading_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--key", help="which array of a .npz, .safetensors or .pt file")
    command.add_argument("--transpose", action="store_true", help="for weights on row vectors")


def _partition(text: str) -> list[int]:
    """Read "2,3" as sizes and "0,1,0,1" or "0101" as a mask."""
    return [int(part) for part in (text.split(",") if "," in text else text)]


def _factor(arguments: argparse.Namespace) -> int:
    from exactflow.cli.report import print_flow
    from exactflow.factorization import factor
    from exactflow.flows.verification import verify
    from exactflow.targets import with_pads

    source, name = _source(arguments)
    if arguments.output:
        _check_output(arguments.output)
    d = source.matrix.shape[0]
    start = time.perf_counter()
    with _status(f"factoring {d} x {d}"):
        flow = factor(
            source.matrix,
            arguments.method,
            arguments.orientation,
            partition=arguments.partition,
        )
        factored = time.perf_counter()
        padded = flow.dimension > d
        target = with_pads(source.matrix, flow.partition[0] - 1) if padded else source.matrix
        verdict = verify(flow, target)
    seconds = factored - start, time.perf_counter() - factored
    if arguments.output:
        _write_flow(flow, arguments.output, source, name)
    print_flow(flow, f"{name}: {d} x {d}, {source.dtype}", seconds, str(verdict), padded)
    if arguments.output:
        print(_written(arguments.output))
    return 0


def _status(text: str):
    """Return a context in which a terminal shows what is being done."""
    from rich.console import Console

    return Console(stderr=True).status(text)


def _check_output(output: str) -> None:
    """Refuse, before the work, a file that cannot be written."""
    from exactflow.files.arrays import ARRAY_SUFFIXES
    from exactflow.files.atomic import check_place

    path = Path(output)
    if path.suffix.lower() not in (".json", *ARRAY_SUFFIXES):
        raise InvalidInputError(
            f"expected .json (a certificate) or {', '.join(ARRAY_SUFFIXES)} (float64 layers) as "
            f"output, got {path.name!r}"
        )
    check_place(path)


def _write_flow(
    flow: "CouplingFlow", output: str, source: "MatrixFile", name: str, more: dict | None = None
) -> None:
    """Write a certificate, or the layers as float64 arrays where the suffix says so."""
    from exactflow.files.arrays import write_arrays
    from exactflow.files.certificate import write_certificate

    if _is_certificate(output):
        provenance = {"source": name, "dtype": source.dtype, "sha256": source.sha256}
        write_certificate(flow, output, provenance | (more or {}))
    else:
        write_arrays(flow, output)


def _is_certificate(output: str) -> bool:
    return Path(output).suffix.lower() == ".json"


def _written(output: str) -> str:
    """Return the line that says what `_write_flow` wrote."""
    if _is_certificate(output):
        return f"certificate: {output} (exactflow check {output})"
    return f"layers: {output}, float64, equal to the exact ones"


def _source(arguments: argparse.Namespace) -> tuple["MatrixFile", str]:
    """Return the matrix to factor and its name."""
    from exactflow.exact.coerce import as_matrix
    from exactflow.files.matrices import MatrixFile, read_matrix

    if arguments.demo == bool(arguments.file):
        raise InvalidInputError("expected either a FILE or --demo: exactflow factor --demo")
    if not arguments.demo:
        read = read_matrix(arguments.file, arguments.key, arguments.transpose)
        return read, Path(arguments.file).name
    arguments.orientation = "flip"
    weight = demo_weight()
    matrix = as_matrix(weight)
    return MatrixFile(matrix, str(weight.dtype), sha256(weight.tobytes()).hexdigest()), "demo"


def demo_weight() -> "np.ndarray":
    """Return a float32 weight of shape (12, 12) as Glow initialises its 1x1 convolutions: the
    orthogonal factor of a Gaussian matrix.
    """
    import numpy as np

    gaussian = np.random.default_rng(0).standard_normal((DEMO_CHANNELS, DEMO_CHANNELS))
    return np.linalg.qr(gaussian)[0].astype(np.float32)


def _check(arguments: argparse.Namespace) -> int:
    from exactflow import checker

    return checker.check_file(arguments.certificate, arguments.target)


def _depth(arguments: argparse.Namespace) -> int:
    from exactflow.depth import minimal_depth
    from exactflow.files.matrices import read_matrix

    matrix = read_matrix(arguments.file, arguments.key, arguments.transpose).matrix
    with _status(f"{matrix.shape[0]} x {matrix.shape[0]}"):
        answer = minimal_depth(matrix, arguments.scales)
    print(answer)
    return 0


def _balance(arguments: argparse.Namespace) -> int:
    from exactflow.balancing import balance
    from exactflow.cli.report import magnitude
    from exactflow.files.matrices import read_matrix

    if arguments.output:
        _check_output(arguments.output)
    source = read_matrix(arguments.file, arguments.key, arguments.transpose)
    with _status("balancing"):
        result = balance(
            source.matrix,
            layers=arguments.layers,
            method=arguments.method,
            orientation=arguments.orientation,
            partition=arguments.partition,
            seed=arguments.seed,
        )
    if arguments.output:
        provenance = {"seed": arguments.seed, "certified_within": str(result.error)}
        _write_flow(result.flow, arguments.output, source, Path(arguments.file).name, provenance)
    print(result)
    for coordinate in result.flips:
        print(f"orientation: det < 0; coordinate {coordinate} is negated before layer 1")
    p, q = result.partition
    if p + q > source.matrix.shape[0]:
        print(f"pads: feed zeros to coordinates {p - 1} and {p + q - 1}; zeros come out there")
    inverse = "no certified bound for its inverse"
    if result.inverse_error.is_finite:
        inverse = f"its inverse within {magnitude(result.inverse_error)}"
    print(
        f"certified within {magnitude(result.error)}, {inverse}: the layers do not equal the matrix"
    )
    if arguments.output:
        print(_written(arguments.output))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from exactflow.files.atomic import write_bytes
    from exactflow.files.certificate import read_certificate
    from exactflow.files.export import export

    flow = read_certificate(arguments.certificate)
    if arguments.to == "torch":
        if not arguments.output:
            raise InvalidInputError("expected an output file (-o flow.pt) with --to torch")
        from exactflow.interop import state_dict_bytes

        write_bytes(arguments.output, state_dict_bytes(flow))
        return 0
    text = export(flow, arguments.to)
    if arguments.output:
        write_bytes(arguments.output, text.encode())
    else:
        print(text, end="")
    return 0


COMMANDS = {
    "factor": ("a matrix in, at most six coupling layers out", _factor_arguments, _factor),
    "check": ("verify a certificate", _check_arguments, _check),
    "depth": ("how few layers, and why not fewer", _depth_arguments, _depth),
    "balance": ("float64 layers of small norm, certified within", _balance_arguments, _balance),
    "export": ("a certificate's flow for another system", _export_arguments, _export),
}
