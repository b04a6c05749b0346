"""What a person sees of a flow at the terminal."""

from typing import Any

import mpmath
import sympy
from rich.console import Console
from rich.table import Table

from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling

__all__ = ["flow_record", "magnitude", "print_flow"]


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
                "scales_not_1": sum(s != layer.field.one for s in layer.scale_elements),
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
    """Print the layers as a table, and below it what a reader of the layers has to know."""
    table = Table(title=title, title_justify="left")
    for name in ("layer", "moves", "scale", "nonzeros", "bits", "largest magnitude"):
        table.add_column(name, justify="left" if name in ("moves", "scale") else "right")
    for i, layer in enumerate(flow, 1):
        table.add_row(
            str(i),
            layer.moves,
            _scale(layer),
            str(layer.nnz),
            str(layer.bits),
            magnitude(layer.magnitude),
        )
    Console().print(table)
    if flow.order:
        print(f"order: the layers act on the coordinates as listed: {list(flow.order)}")
    if pads:
        print(f"pads: feed zeros to coordinates {pads[0]} and {pads[1]}; zeros come out there")
    for coordinate in flow.flips:
        print(f"orientation: det < 0; coordinate {coordinate} is negated before layer 1")
    print(f"method: {flow.method}, {flow.depth} layers")
    print(f"time: factored and checked in {seconds:.3g} s")
    print(f"verdict: {verdict}")


def _scale(layer: LinearCoupling) -> str:
    """Return how many entries of the scale are not one."""
    changed = sum(s != layer.field.one for s in layer.scale_elements)
    return f"{changed} of {len(layer.scale_elements)} not 1" if changed else "1"


def magnitude(value: sympy.Rational) -> str:
    """Return a positive rational of any size with three digits."""
    with mpmath.workdps(15):
        return mpmath.nstr(mpmath.mpf(int(value.p)) / int(value.q), 3)
