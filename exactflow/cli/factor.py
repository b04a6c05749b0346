"""``exactflow factor``: write a matrix as a product of affine coupling layers."""

import argparse
import time
from hashlib import sha256
from pathlib import Path
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from exactflow.cli import common
from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_square_matrix
from exactflow.files.matrices import MatrixFile
from exactflow.flows.display import (
    describe_scales_by_nonunit_count,
    format_three_significant_digits_or_empty,
)
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.orientation import pad_coordinates_or_empty
from exactflow.flows.verification import Verification
from exactflow.linear.factor import METHODS, ORIENTATIONS, factor

EXAMPLES = ("exactflow factor --demo", "exactflow factor matrix.csv -o certificate.json")
EXIT_CODES = {0: "the layers equal the matrix"}

DEMO_CHANNELS = 12

NARROW = 60
"""On a console of fewer columns, one blank separates the columns of the table of layers."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    common.add_matrix_file_argument(command, nargs="?")
    command.add_argument(
        "--demo",
        action="store_true",
        help="factor a random 1x1 convolution of the size of Glow's, by default with a flip",
    )
    common.add_method_partition_orientation_options(command, METHODS, ORIENTATIONS)
    common.add_reading_output_printing_options(
        command, "write a certificate, or the layers as float64 to .npz, .safetensors or .pt"
    )
    command.set_defaults(orientation=None)  # so that --demo sees whether the option is given


def run(arguments: argparse.Namespace) -> int:
    source, name = _read_or_draw_named_matrix(arguments)
    common.check_output_path(arguments)
    start, d = time.perf_counter(), source.matrix.shape[0]
    options = common.get_attributes(arguments, *common.CONSTRUCTION)
    options["orientation"] = arguments.orientation or ("flip" if arguments.demo else "error")
    flow = factor(source.matrix, **options)
    seconds = time.perf_counter() - start
    pads = pad_coordinates_or_empty(flow.partition, d)
    verdict = str(Verification(flow))  # this does not check the flow, which `factor` has verified
    written = common.write_output_if_asked_and_describe(flow, arguments, source)
    if arguments.json:
        facts = {"file": name, "dtype": source.dtype, "pads": pads, "seconds": round(seconds, 3)}
        common.print_json_with_output_name(
            arguments.output, facts | common.flow_summary_record(flow) | {"verdict": verdict}
        )
    if common.wants_text(arguments):
        _print_layers_and_verdict(
            flow, f"{name}: {d} x {d}, {source.dtype}", seconds, verdict, pads
        )
        print(end=written)
    return 0


def _read_or_draw_named_matrix(arguments: argparse.Namespace) -> tuple[MatrixFile, str]:
    """Return the matrix to factor, read from FILE or drawn for --demo, and a name for it."""
    if arguments.demo == bool(arguments.file):
        raise InvalidInputError("expected either a FILE or --demo: try `exactflow factor --demo`")
    if arguments.demo and (arguments.key is not None or arguments.transpose):
        raise InvalidInputError("--key and --transpose say how to read a FILE: leave out --demo")
    if not arguments.demo:
        return common.read_matrix_file(arguments), Path(arguments.file).name
    import numpy as np

    gaussian = np.random.default_rng(0).standard_normal((DEMO_CHANNELS, DEMO_CHANNELS))
    # a random orthogonal matrix, by which Glow initialises its convolutions
    weight = np.linalg.qr(gaussian)[0].astype(np.float32)
    digest = sha256(weight.tobytes()).hexdigest()
    return MatrixFile(as_square_matrix(weight), str(weight.dtype), digest), "demo"


def _print_layers_and_verdict(
    flow: CouplingFlow, title: str, seconds: float, verdict: str, pad_coordinates: tuple[int, ...]
) -> None:
    """Print the layers as a table. Below it, print the method, the time and the verdict.

    An order of coordinates, flips and pads are printed, too, if there are any.
    """
    console = Console()
    gap = 1 if console.width >= NARROW else 0
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, gap))
    table.show_edge = table.pad_edge = False
    for name in ("", "moves", "scale", "nonzeros", "bits", "largest"):
        side: Literal["left", "right"] = "left" if name in ("moves", "scale") else "right"
        table.add_column(name, justify=side, no_wrap=name != "scale")
    for i, layer in enumerate(flow, 1):
        largest = format_three_significant_digits_or_empty(layer.magnitude)
        scales = describe_scales_by_nonunit_count(layer)
        cells = i, layer.moves, scales, layer.nnz, layer.bits, largest
        table.add_row(*map(str, cells))
    console.print(table)
    if flow.order:
        common.print_wrapped_lines(
            f"order: the layers act on the coordinates as listed: {list(flow.order)}"
        )
    common.print_orientation_repair(flow, pad_coordinates)
    print(f"method: {flow.method}, {flow.depth} layers")
    print(f"time: factored and checked in {seconds:.3g} s")
    print(f"verdict: {verdict}")
