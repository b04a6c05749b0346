"""A matrix in, at most six coupling layers out."""

import argparse
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from exactflow.cli.common import (
    check_output,
    halves_arguments,
    output_arguments,
    read,
    reading_arguments,
    status,
    wants_text,
    write_flow,
)
from exactflow.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np

    from exactflow.files.matrices import MatrixFile

__all__ = ["add_arguments", "demo_weight", "run"]

DEMO_CHANNELS = 12


def add_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.factorization import METHODS, ORIENTATIONS

    command.add_argument("file", nargs="?", metavar="FILE", help=".npy, .npz, .json, .csv ..")
    command.add_argument("--demo", action="store_true", help="a Glow-sized convolution, no file")
    command.add_argument(
        "--method",
        choices=METHODS,
        default="auto",
        help="the construction (default: auto, the first that applies)",
    )
    halves_arguments(command, ORIENTATIONS)
    reading_arguments(command)
    output_arguments(
        command,
        "CERT.json",
        "write a certificate; or the layers as float64, to .npz, .safetensors or .pt",
    )


def run(arguments: argparse.Namespace) -> int:
    from exactflow.cli.report import flow_record, print_flow
    from exactflow.factorization import factor
    from exactflow.factorization.estimate import LONG
    from exactflow.flows.orientation import pads_of
    from exactflow.flows.verification import Verification

    source, name = _source(arguments)
    if arguments.output:
        check_output(arguments)
    d = source.matrix.shape[0]
    if d >= LONG and arguments.partition is None and not arguments.quiet:
        _announce(source, arguments.method)
    start = time.perf_counter()
    with status(f"factoring {d} x {d}"):
        flow = factor(
            source.matrix,
            method=arguments.method,
            orientation=arguments.orientation,
            partition=arguments.partition,
        )
    seconds = time.perf_counter() - start
    pads = pads_of(flow.partition, d)
    verdict = Verification(flow)  # factor has composed it
    written = write_flow(flow, arguments, source, pads=pads) if arguments.output else ""
    record = {"file": name, "dtype": source.dtype, "pads": pads, "seconds": round(seconds, 3)}
    if wants_text(arguments, **record, **flow_record(flow), verdict=str(verdict)):
        print_flow(flow, f"{name}: {d} x {d}, {source.dtype}", seconds, str(verdict), pads)
        print(end=written)
    return 0


def _announce(source: "MatrixFile", method: str) -> None:
    """Say about how long it takes, if that is long."""
    from exactflow.factorization.estimate import estimated_seconds

    with status("estimating the time"):
        seconds = estimated_seconds(source.matrix, method=method)
    if seconds is not None and seconds > 2:
        text = f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
        print(f"exactflow: exact layers take about {text}, those of balance less", file=sys.stderr)


def _source(arguments: argparse.Namespace) -> tuple["MatrixFile", str]:
    """Return the matrix to factor and its name."""
    from exactflow.exact.coerce import as_matrix
    from exactflow.files.matrices import MatrixFile

    if arguments.demo == bool(arguments.file):
        raise InvalidInputError("expected either a FILE or --demo: exactflow factor --demo")
    if not arguments.demo:
        return read(arguments), Path(arguments.file).name
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
