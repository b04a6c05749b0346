"""The commands: arguments and body of each.

A body imports what it needs when it runs, so that no command waits for what another one uses.
"""

import argparse
import os
import shlex
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exactflow.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    from rich.status import Status

    from exactflow.files.matrices import MatrixFile
    from exactflow.flows.flow import LinearFlow

__all__ = ["COMMANDS"]

DEMO_CHANNELS = 12
_SYMBOLS = (
    "where U = [[S, X], [0, I]] and L = [[I, 0], [Y, S]] are layers, with S = I if additive, words "
    "are products from left to right, M = [[A, B], [C, D]], and M^-1 = [[a, b], [c, d]]"
)


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
    add = command.add_argument
    add("certificates", nargs="+", metavar="CERT.json", help="certificates, - for stdin")
    add("--target", metavar="FILE", help="the matrix that all of them must be about")
    _reading_arguments(command)
    add("--within", metavar="BOUND", help="demand that no entry differs by more: 1e-12 or p/q")
    add("--quick", action="store_true", help="test equalities at random vectors only")
    add("--json", action="store_true", help="one JSON object per certificate")
    add("--jobs", type=int, default=1, metavar="N", help="check N certificates at once")


def _depth_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.depth import DEPTH_SCALES

    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument("--scales", choices=DEPTH_SCALES, default="additive")
    command.add_argument(
        "-o", "--output", metavar="CERT.json", help="write a certificate of both sides, checked"
    )
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
        "-o", "--output", metavar="CERT.json", help="a certificate that the layers are as near"
    )
    _reading_arguments(command)


def _whiten_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a covariance matrix")
    command.add_argument("--layers", type=int, default=2, help="2 affine, or 3 additive")
    command.add_argument(
        "-o", "--output", metavar="CERT.json", help="a certificate of the flow that generates"
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
    from exactflow.flows.verification import Verification

    source, name = _source(arguments)
    if arguments.output:
        _check_output(arguments)
    d = source.matrix.shape[0]
    start = time.perf_counter()
    with _status(f"factoring {d} x {d}"):
        flow = factor(
            source.matrix,
            method=arguments.method,
            orientation=arguments.orientation,
            partition=arguments.partition,
        )
    seconds = time.perf_counter() - start
    pads = (flow.partition[0] - 1, d + 1) if flow.dimension > d else ()
    verdict = Verification(flow)  # factor has composed it
    written = _write_flow(flow, arguments, source, pads=pads) if arguments.output else ""
    print_flow(flow, f"{name}: {d} x {d}, {source.dtype}", seconds, str(verdict), pads)
    print(end=written)
    return 0


def _status(text: str) -> "Status":
    """Return a context in which a terminal shows what is being done."""
    from rich.console import Console

    return Console(stderr=True).status(text)


def _check_output(arguments: argparse.Namespace, certificate_only: bool = False) -> None:
    """Refuse, before the work, a file that cannot be written, or that is the matrix itself."""
    from exactflow.files.arrays import ARRAY_SUFFIXES, array_writer
    from exactflow.files.atomic import check_place

    path = Path(arguments.output)
    suffix = path.suffix.lower()
    if certificate_only and suffix != ".json":
        raise InvalidInputError(f"expected .json (a certificate) as output, got {path.name!r}")
    if suffix not in (".json", *ARRAY_SUFFIXES):
        raise InvalidInputError(
            f"expected .json (a certificate) or {', '.join(ARRAY_SUFFIXES)} (float64 layers) as "
            f"output, got {path.name!r}"
        )
    check_place(path)
    if arguments.file and os.path.realpath(arguments.file) == os.path.realpath(path):
        raise InvalidInputError(f"expected an output beside the matrix, got its file {str(path)!r}")
    if suffix != ".json":
        array_writer(path)


def _write_flow(
    flow: "LinearFlow",
    arguments: argparse.Namespace,
    source: "MatrixFile",
    seed: int | None = None,
    subject: str = "target",
    **claim: Any,
) -> str:
    """Write a certificate about the source, which the stand-alone checker must accept first; or the
    layers as float64 arrays where the suffix says so. Return a line on it.
    """
    from exactflow import checker
    from exactflow.errors import VerificationError
    from exactflow.files.arrays import write_arrays
    from exactflow.files.atomic import write_bytes
    from exactflow.files.certificate import certificate_text

    output = arguments.output
    if not _is_certificate(output):
        write_arrays(flow, output)
        return f"layers: {output}, float64, equal to the exact ones\n"
    name = Path(arguments.file).name if arguments.file else "demo"
    provenance: dict[str, object]
    provenance = {"source": name, "dtype": source.dtype, "sha256": source.sha256}
    provenance |= {"transposed": True} if arguments.transpose else {}
    provenance |= {} if seed is None else {"seed": seed}
    claim |= {subject: source.matrix, "provenance": provenance}
    data = certificate_text(flow, **claim).encode()
    report = checker.check(data, quick=True)
    if report.verdict is checker.Verdict.REFUTED:
        raise VerificationError("; ".join(report.lines))
    write_bytes(output, data)
    return f"certificate: {output}; the checker: {report.lines[-1][2:]}\n{_advice(arguments)}\n"


def _advice(arguments: argparse.Namespace) -> str:
    """Return the command that checks a certificate against the file that it is about."""
    words = ["exactflow", "check", arguments.output]
    words += ["--target", arguments.file] if arguments.file else []
    words += ["--key", arguments.key] if arguments.key else []
    words += ["--transpose"] if arguments.transpose else []
    return shlex.join(words)


def _is_certificate(output: str) -> bool:
    return Path(output).suffix.lower() == ".json"


def _source(arguments: argparse.Namespace) -> tuple["MatrixFile", str]:
    """Return the matrix to factor and its name."""
    from exactflow.exact.coerce import as_matrix
    from exactflow.files.matrices import MatrixFile

    if arguments.demo == bool(arguments.file):
        raise InvalidInputError("expected either a FILE or --demo: exactflow factor --demo")
    if not arguments.demo:
        return _read(arguments), Path(arguments.file).name
    arguments.orientation = "flip"
    weight = demo_weight()
    matrix = as_matrix(weight)
    return MatrixFile(matrix, str(weight.dtype), sha256(weight.tobytes()).hexdigest()), "demo"


def _read(arguments: argparse.Namespace) -> "MatrixFile":
    from exactflow.files.matrices import read_matrix

    return read_matrix(arguments.file, key=arguments.key, transpose=arguments.transpose)


def demo_weight() -> "np.ndarray":
    """Return a float32 weight of shape (12, 12) as Glow initialises its 1x1 convolutions: the
    orthogonal factor of a Gaussian matrix.
    """
    import numpy as np

    gaussian = np.random.default_rng(0).standard_normal((DEMO_CHANNELS, DEMO_CHANNELS))
    return np.linalg.qr(gaussian)[0].astype(np.float32)


def _check(arguments: argparse.Namespace) -> int:
    from exactflow.cli.checking import check_files

    return check_files(arguments)


def _depth(arguments: argparse.Namespace) -> int:
    from exactflow import depth_checker
    from exactflow.depth import minimal_depth
    from exactflow.files.depth_certificate import write_depth_certificate

    if arguments.output:
        _check_output(arguments, certificate_only=True)
    source = _read(arguments)
    with _status(f"{source.matrix.shape[0]} x {source.matrix.shape[0]}"):
        answer = minimal_depth(source.matrix, scales=arguments.scales)
    print(answer.count, *answer.obstructions, sep="\n  ")
    if answer.obstructions:
        print(_SYMBOLS)
    if not arguments.output:
        return 0
    if not answer.is_decided:
        print("exactflow: not decided, so there is no certificate of it", file=sys.stderr)
        return 3
    name = Path(arguments.file).name
    provenance = {"source": name, "dtype": source.dtype, "sha256": source.sha256}
    write_depth_certificate(answer, arguments.output, provenance)
    print(f"certificate: {arguments.output}\n{_advice(arguments)}")
    return depth_checker.check_file(arguments.output)


def _balance(arguments: argparse.Namespace) -> int:
    from exactflow.balancing import balance
    from exactflow.cli.report import magnitude

    if arguments.output:
        _check_output(arguments)
    source = _read(arguments)
    with _status("balancing"):
        result = balance(
            source.matrix,
            layers=arguments.layers,
            method=arguments.method,
            orientation=arguments.orientation,
            partition=arguments.partition,
            seed=arguments.seed,
        )
    p, q = result.partition
    pads = (p - 1, p + q - 1) if p + q > source.matrix.shape[0] else ()
    claim = {"within": result.error, "pads": pads}
    written = ""
    if arguments.output:
        written = _write_flow(result.flow, arguments, source, arguments.seed, **claim)
    print(result)
    for coordinate in result.flips:
        print(f"orientation: det < 0; coordinate {coordinate} is negated before layer 1")
    if pads:
        print(
            f"pads: feed zeros to coordinates {pads[0]} and {pads[1]}; zeros come out there, "
            "certified within as much"
        )
    inverse = "no certified bound for its inverse"
    if result.inverse_error.is_finite:
        inverse = f"its inverse within {magnitude(result.inverse_error)}"
    print(
        f"certified within {magnitude(result.error)}, {inverse}: the layers do not equal the matrix"
    )
    print(end=written)
    return 0


def _whiten(arguments: argparse.Namespace) -> int:
    from exactflow.cli.report import magnitude
    from exactflow.gaussian import whiten

    if arguments.output:
        _check_output(arguments)
    source = _read(arguments)
    with _status("whitening"):
        result = whiten(source.matrix, layers=arguments.layers)
    written, within = "", result.generator_error
    if arguments.output:
        claim = {"subject": "covariance", "within": within}
        written = _write_flow(result.generator, arguments, source, **claim)
    print(result)
    print(f"the inverse, rounded to floats, generates the covariance within {magnitude(within)}")
    print(end=written)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from exactflow.files.atomic import check_place, write_bytes
    from exactflow.files.certificate import read_certificate
    from exactflow.files.export import export
    from exactflow.interop import state_dict_bytes

    if arguments.output:
        check_place(arguments.output)
    elif arguments.to == "torch":
        raise InvalidInputError("expected an output file (-o flow.pt) with --to torch")
    flow = read_certificate(arguments.certificate)
    if arguments.to == "torch":
        content = state_dict_bytes(flow)
    elif arguments.to == "json":  # the claim itself, pads, bound and covariance included
        content = Path(arguments.certificate).read_bytes()
    else:
        content = export(flow, arguments.to).encode()
    if arguments.output:
        write_bytes(arguments.output, content)
    else:
        print(content.decode(), end="")
    return 0


COMMANDS = {
    "factor": ("a matrix in, at most six coupling layers out", _factor_arguments, _factor),
    "check": ("verify a certificate", _check_arguments, _check),
    "depth": ("how few layers, and why not fewer", _depth_arguments, _depth),
    "balance": ("float64 layers of small norm, certified within", _balance_arguments, _balance),
    "whiten": ("two layers that whiten, and generate, a Gaussian", _whiten_arguments, _whiten),
    "export": ("a certificate's flow for another system", _export_arguments, _export),
}
