"""A matrix in, at most six coupling layers out."""

import argparse
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from exactflow.cli import common
from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_matrix
from exactflow.files.matrices import MatrixFile
from exactflow.flows.display import describe_scales, format_magnitude
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.orientation import pads_of
from exactflow.flows.verification import Verification
from exactflow.linear.factor import METHODS, ORIENTATIONS, factor

DEMO_CHANNELS = 12

NARROW = 60
"""Below this many columns, the table of layers has one blank between its columns."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", nargs="?", metavar="FILE", help=".npy, .npz, .json, .csv ..")
    command.add_argument("--demo", action="store_true", help="a Glow-sized convolution, no file")
    common.construction_arguments(command, METHODS, ORIENTATIONS)
    common.matrix_arguments(
        command,
        "CERT.json",
        "write a certificate; or the layers as float64, to .npz, .safetensors or .pt",
    )


def run(arguments: argparse.Namespace) -> int:
    source, name = _source(arguments)
    common.check_output(arguments)
    start, d = time.perf_counter(), source.matrix.shape[0]
    flow = factor(source.matrix, **common.fields(arguments, *common.CONSTRUCTION))
    seconds = time.perf_counter() - start
    pads = pads_of(flow.partition, d)
    verdict = str(Verification(flow))  # factor has composed it
    written = common.write(flow, arguments, source)

    def record() -> dict[str, Any]:
        told = {"file": name, "dtype": source.dtype, "pads": pads, "seconds": round(seconds, 3)}
        return told | common.flow_record(flow) | {"verdict": verdict}

    if common.wants_text(arguments, record):
        _print_flow(flow, f"{name}: {d} x {d}, {source.dtype}", seconds, verdict, pads)
        print(end=written)
    return 0


def _source(arguments: argparse.Namespace) -> tuple[MatrixFile, str]:
    """Return the matrix to factor and its name."""
    if arguments.demo == bool(arguments.file):
        raise InvalidInputError("expected either a FILE or --demo: exactflow factor --demo")
    if not arguments.demo:
        return common.read(arguments), Path(arguments.file).name
    import numpy as np

    arguments.orientation = "flip"
    gaussian = np.random.default_rng(0).standard_normal((DEMO_CHANNELS, DEMO_CHANNELS))
    weight = np.linalg.qr(gaussian)[0].astype(np.float32)  # as Glow initialises its convolutions
    digest = sha256(weight.tobytes()).hexdigest()
    return MatrixFile(as_matrix(weight), str(weight.dtype), digest), "demo"


def _print_flow(
    flow: CouplingFlow, title: str, seconds: float, verdict: str, pads: tuple[int, ...]
) -> None:
    """Print the layers as a table, with notes for their reader below: how long it took, what the
    check said, and which coordinates are pads.
    """
    console = Console()
    gap = 1 if console.width >= NARROW else 0
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, gap))
    table.show_edge = table.pad_edge = False
    for name in ("", "moves", "scale", "nonzeros", "bits", "largest"):
        side: Literal["left", "right"] = "left" if name in ("moves", "scale") else "right"
        table.add_column(name, justify=side, no_wrap=name != "scale")
    for i, layer in enumerate(flow, 1):
        largest = format_magnitude(layer.magnitude)
        cells = i, layer.moves, describe_scales(layer), layer.nnz, layer.bits, largest
        table.add_row(*map(str, cells))
    console.print(table)
    if flow.order:
        common.say(f"order: the layers act on the coordinates as listed: {list(flow.order)}")
    common.print_repairs(flow, pads)
    print(f"method: {flow.method}, {flow.depth} layers")
    print(f"time: factored and checked in {seconds:.3g} s")
    print(f"verdict: {verdict}")
