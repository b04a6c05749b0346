"""What a person sees of a flow at the terminal."""

from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from exactflow.cli.common import say
from exactflow.flows.display import magnitude, scale_text
from exactflow.flows.flow import CouplingFlow

NARROW = 60
"""Below this many columns, the table of layers has one blank between its columns."""


def flow_record(flow: CouplingFlow) -> dict[str, Any]:
    """Return what the table of a flow over QQ shows, for JSON."""
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


def print_flow(
    flow: CouplingFlow, title: str, seconds: float, verdict: str, pads: tuple[int, ...]
) -> None:
    """Print the layers as a table, and below it what a reader of the layers has to know.

    Parameters
    ----------
    flow, title : what is shown, and of which matrix.
    seconds, verdict : how long it took, and what the check said.
    pads : as `pads_of` returns them.
    """
    console = Console()
    gap = 1 if console.width >= NARROW else 0
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, gap))
    table.show_edge = table.pad_edge = False
    for name in ("", "moves", "scale", "nonzeros", "bits", "largest"):
        side: Literal["left", "right"] = "left" if name in ("moves", "scale") else "right"
        table.add_column(name, justify=side, no_wrap=name != "scale")
    for i, layer in enumerate(flow, 1):
        cells = i, layer.moves, scale_text(layer), layer.nnz, layer.bits, magnitude(layer.magnitude)
        table.add_row(*map(str, cells))
    console.print(table)
    if flow.order:
        say(f"order: the layers act on the coordinates as listed: {list(flow.order)}")
    print_repairs(flow, pads)
    print(f"method: {flow.method}, {flow.depth} layers")
    print(f"time: factored and checked in {seconds:.3g} s")
    print(f"verdict: {verdict}")


def print_repairs(flow: CouplingFlow, pads: tuple[int, ...] = (), how_near: str = "") -> None:
    """Print what was done to the orientation."""
    if pads:
        say(
            f"pads: feed zeros to coordinates {pads[0]} and {pads[1]}; zeros come out there"
            + how_near
        )
    for coordinate in flow.flips:
        say(f"orientation: det < 0; coordinate {coordinate} is negated before layer 1")
