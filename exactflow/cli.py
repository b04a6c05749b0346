"""The command line: ``exactflow factor``, ``check``, ``depth`` and ``export``.

Exit codes: 0 done or verified, 1 refuted, 2 bad input or usage, 3 incomplete.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import mpmath
import numpy as np
import sympy
from rich.console import Console
from rich.table import Table

from exactflow import checker
from exactflow.arrayio import ARRAY_SUFFIXES, write_arrays
from exactflow.balancing import METHODS as BALANCE_METHODS
from exactflow.balancing import balance
from exactflow.certificate import read_certificate, write_bytes, write_certificate
from exactflow.coerce import as_matrix
from exactflow.coupling import CouplingFlow
from exactflow.depth import SCALES, minimal_depth
from exactflow.errors import ExactFlowError, InvalidInputError
from exactflow.export import FORMATS, export
from exactflow.factorization import METHODS, ORIENTATIONS, factor
from exactflow.interop import state_dict_bytes
from exactflow.matrixio import MatrixFile, read_matrix
from exactflow.targets import with_pads
from exactflow.verification import verify

__all__ = ["main"]

DEMO_CHANNELS = 12


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every foreseen error is one line on stderr."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except ExactFlowError as error:
        print(f"exactflow: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("exactflow: interrupted; nothing was written", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="exactflow", description="Exact factorization into affine coupling layers."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("factor", help="a matrix in, at most six coupling layers out")
    command.set_defaults(command=_factor)
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
    command.add_argument("--key", help="which array of a .npz, .safetensors or .pt file")
    command.add_argument("--transpose", action="store_true", help="for weights on row vectors")

    command = commands.add_parser("check", help="verify a certificate")
    command.set_defaults(command=_check)
    command.add_argument("certificate", metavar="CERT.json", help="a certificate, - for stdin")
    command.add_argument("--target", metavar="FILE", help="the matrix that it must be about")

    command = commands.add_parser("depth", help="how few layers, and why not fewer")
    command.set_defaults(command=_depth)
    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument("--scales", choices=SCALES, default="additive")
    command.add_argument("--key", help="which array of a .npz, .safetensors or .pt file")
    command.add_argument("--transpose", action="store_true", help="for weights on row vectors")

    command = commands.add_parser("balance", help="float64 layers of small norm, certified within")
    command.set_defaults(command=_balance)
    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument("--layers", type=int, metavar="K", help="default: six or eleven")
    command.add_argument("--method", choices=BALANCE_METHODS, default="auto")
    command.add_argument("--orientation", choices=ORIENTATIONS, default="error")
    command.add_argument(
        "--partition", type=_partition, metavar="P,Q", help="sizes of the halves, or a 0/1 mask"
    )
    command.add_argument("--seed", type=int, default=0)
    command.add_argument(
        "-o", "--output", metavar="CERT.json", help="a certificate of the layers' own product"
    )
    command.add_argument("--key", help="which array of a .npz, .safetensors or .pt file")
    command.add_argument("--transpose", action="store_true", help="for weights on row vectors")

    command = commands.add_parser("export", help="a certificate's flow for another system")
    command.set_defaults(command=_export)
    command.add_argument("certificate", metavar="CERT.json")
    command.add_argument("--to", choices=(*FORMATS, "torch"), required=True)
    command.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    return parser


def _partition(text: str) -> list[int]:
    """Read "2,3" as sizes and "0,1,0,1" or "0101" as a mask."""
    return [int(part) for part in (text.split(",") if "," in text else text)]


def _factor(arguments: argparse.Namespace) -> int:
    source, name = _source(arguments)
    if arguments.output:
        _check_output(Path(arguments.output))
    d = source.matrix.shape[0]
    start = time.perf_counter()
    with Console(stderr=True).status(f"factoring {d} x {d}"):
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
    _print_flow(flow, f"{name}: {d} x {d}, {source.dtype}", seconds, str(verdict), padded)
    if arguments.output:
        _write_flow(flow, arguments.output, source, name)
    return 0


def _check_output(path: Path) -> None:
    """Refuse, before the work, a place where nothing can be written."""
    if not path.absolute().parent.is_dir():
        raise InvalidInputError(f"expected a file in a folder that exists, got {str(path)!r}")
    if path.suffix.lower() not in (".json", *ARRAY_SUFFIXES):
        raise InvalidInputError(
            f"expected .json (a certificate) or {', '.join(ARRAY_SUFFIXES)} (float64 layers) as "
            f"output, got {path.name!r}"
        )


def _write_flow(
    flow: CouplingFlow, output: str, source: MatrixFile, name: str, more: dict | None = None
) -> None:
    """Write a certificate, or the layers as float64 arrays where the suffix says so."""
    if Path(output).suffix.lower() in ARRAY_SUFFIXES:
        write_arrays(flow, output)
        print(f"layers: {output}, float64, equal to the exact ones")
        return
    provenance = {"source": name, "dtype": source.dtype, "sha256": source.sha256}
    write_certificate(flow, output, provenance | (more or {}))
    print(f"certificate: {output} (exactflow check {output})")


def _source(arguments: argparse.Namespace) -> tuple[MatrixFile, str]:
    """Return the matrix to factor and its name."""
    if arguments.demo == bool(arguments.file):
        raise InvalidInputError("expected either a FILE or --demo: exactflow factor --demo")
    if not arguments.demo:
        read = read_matrix(arguments.file, arguments.key, arguments.transpose)
        return read, Path(arguments.file).name
    arguments.orientation = "flip"
    weight = demo_weight()
    matrix = as_matrix(weight)
    return MatrixFile(matrix, str(weight.dtype), sha256(weight.tobytes()).hexdigest()), "demo"


def demo_weight() -> np.ndarray:
    """Return a float32 weight of shape (12, 12) as Glow initialises its 1x1 convolutions: the
    orthogonal factor of a Gaussian matrix.
    """
    gaussian = np.random.default_rng(0).standard_normal((DEMO_CHANNELS, DEMO_CHANNELS))
    return np.linalg.qr(gaussian)[0].astype(np.float32)


def _print_flow(
    flow: CouplingFlow, title: str, seconds: tuple[float, float], verdict: str, padded: bool
) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("layer", "moves", "scale", "nonzeros", "bits", "largest magnitude"):
        table.add_column(name, justify="left" if name in ("moves", "scale") else "right")
    for i, layer in enumerate(flow, 1):
        table.add_row(
            str(i),
            layer.moves,
            "1" if layer.is_additive else "det in one entry",
            str(layer.nnz),
            str(layer.bits),
            _magnitude(layer.magnitude),
        )
    Console().print(table)
    if flow.order:
        print(f"order: the layers act on the coordinates as listed: {list(flow.order)}")
    if padded:
        p, d = flow.partition[0], flow.dimension
        print(f"pads: feed zeros to coordinates {p - 1} and {d - 1}; zeros come out there")
    for coordinate in flow.flips:
        print(f"orientation: det < 0; coordinate {coordinate} is negated before layer 1")
    print(f"method: {flow.method}, {flow.depth} layers")
    print(f"time: factored and checked in {seconds[0]:.3g} s, checked again in {seconds[1]:.3g} s")
    print(f"verdict: {verdict}")


def _magnitude(value: sympy.Rational) -> str:
    """Return a positive rational of any size with three digits."""
    with mpmath.workdps(15):
        return mpmath.nstr(mpmath.mpf(int(value.p)) / int(value.q), 3)


def _check(arguments: argparse.Namespace) -> int:
    return checker.check_file(arguments.certificate, arguments.target)


def _depth(arguments: argparse.Namespace) -> int:
    matrix = read_matrix(arguments.file, arguments.key, arguments.transpose).matrix
    with Console(stderr=True).status(f"{matrix.shape[0]} x {matrix.shape[0]}"):
        answer = minimal_depth(matrix, arguments.scales)
    print(answer)
    return 0


def _balance(arguments: argparse.Namespace) -> int:
    if arguments.output:
        _check_output(Path(arguments.output))
    source = read_matrix(arguments.file, arguments.key, arguments.transpose)
    with Console(stderr=True).status("balancing"):
        result = balance(
            source.matrix,
            layers=arguments.layers,
            method=arguments.method,
            orientation=arguments.orientation,
            partition=arguments.partition,
            seed=arguments.seed,
        )
    print(result)
    for coordinate in result.flips:
        print(f"orientation: det < 0; coordinate {coordinate} is negated before layer 1")
    p, q = result.partition
    if p + q > source.matrix.shape[0]:
        print(f"pads: feed zeros to coordinates {p - 1} and {p + q - 1}; zeros come out there")
    inverse = "no certified bound for its inverse"
    if result.inverse_error.is_finite:
        inverse = f"its inverse within {_magnitude(result.inverse_error)}"
    print(
        f"certified within {_magnitude(result.error)}, {inverse}: the layers do not equal the "
        "matrix"
    )
    if arguments.output:
        provenance = {"seed": arguments.seed, "certified_within": str(result.error)}
        _write_flow(result.flow, arguments.output, source, Path(arguments.file).name, provenance)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    flow = read_certificate(arguments.certificate)
    if arguments.to == "torch":
        if not arguments.output:
            raise InvalidInputError("expected an output file (-o flow.pt) with --to torch")
        write_bytes(arguments.output, state_dict_bytes(flow))
        return 0
    text = export(flow, arguments.to)
    if arguments.output:
        write_bytes(arguments.output, text.encode())
    else:
        print(text, end="")
    return 0
