"""Flows in the arithmetic of their input: mpmath at its current precision, or float64, vectorised.

One fold serves every arithmetic: entries are elements of QQ, mpmath numbers or rows of floats, and
`convert` maps the rational weights to numbers of that kind.
"""

from collections.abc import Callable, Iterator, Sequence

import mpmath
import numpy as np

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import format_short
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.nonlinear.layer import PiecewiseCoupling
from exactflow.nonlinear.piecewise import to_element, to_float, to_mpf

__all__ = ["evaluate", "inexact_entries", "is_inexact", "orbit", "run"]

Numbers = list  # of elements of QQ, of mpf, or of float64 arrays: the entries of a vector


def evaluate(flow, x):
    """Return the image of `x` under a flow over QQ, in the arithmetic of `x`.

    Every weight is rounded once, to that arithmetic. The inverse is
    ``evaluate(flow.inverse(), y)``.

    Parameters
    ----------
    flow : a `CouplingFlow` or `PiecewiseFlow` with rational weights, on d coordinates.
    x : d numbers at least one of which is an ``mpf`` (a list, or a column of mpmath): computed
        at the current precision of mpmath, and returned as a list. Or a NumPy array of floats
        of shape (d,) or (d, N): computed in float64, and returned in the same shape.

    Raises
    ------
    InvalidInputError
        A wrong shape, or exact numbers: use `CouplingFlow.forward` for those.

    Examples
    --------
    >>> from exactflow import CouplingFlow, LinearCoupling
    >>> layer = LinearCoupling((1, 1), "second", [["1/3"]])
    >>> evaluate(CouplingFlow([layer]), np.array([[3.0, 6.0], [0.0, 1.0]]))
    array([[3., 6.],
           [1., 3.]])
    >>> with mpmath.workdps(30):
    ...     print(evaluate(CouplingFlow([layer]), [mpmath.mpf(1), 0])[1])
    0.333333333333333333333333333333
    """
    entries, convert = inexact_entries(x, flow.dimension)
    with np.errstate(all="ignore"):
        if isinstance(flow, CouplingFlow):
            y = _run_linear(flow, entries, convert)
        else:
            y = run(flow.layers, entries, flow.partition[0], convert)
    return np.stack(y).reshape(x.shape) if isinstance(x, np.ndarray) else y


def _run_linear(flow: CouplingFlow, entries: Numbers, convert: Callable) -> Numbers:
    """Return the entries after the flips and the layers, which see them in the flow's order."""
    order = flow.order or range(flow.dimension)
    signed = [-entries[i] if i in flow.flips else entries[i] for i in order]
    image = dict(zip(order, run(flow.layers, signed, flow.partition[0], convert), strict=True))
    return [image[i] for i in range(flow.dimension)]


def is_inexact(x) -> bool:
    """Return whether `x` is an array of floats, or has an ``mpf`` among its entries."""
    if isinstance(x, np.ndarray):
        return x.dtype.kind == "f"
    return isinstance(x, list | tuple | mpmath.matrix) and any(
        isinstance(entry, mpmath.mpf) for entry in x
    )


def inexact_entries(x, dimension: int) -> tuple[Numbers, Callable]:
    """Return the d entries of `x`, and the map from elements of QQ to their arithmetic."""
    floats = isinstance(x, np.ndarray)
    if not is_inexact(x) or (floats and x.ndim not in (1, 2)):
        raise InvalidInputError(
            "expected an array of floats with one or two axes, or numbers with an mpf among them, "
            f"got {format_short(x)}: exact numbers go to flow.forward"
        )
    if len(x) != dimension:
        raise InvalidInputError(
            f"expected {dimension} coordinates (along the first axis), got {len(x)}"
        )
    if floats:
        return list(x.astype(float).reshape(dimension, -1)), to_float
    mixed = (entry if isinstance(entry, mpmath.mpf) else to_element(entry) for entry in x)
    return [to_mpf(entry) for entry in mixed], to_mpf


def run(layers: Sequence, entries: Numbers, p: int, convert: Callable) -> Numbers:
    """Return the entries after the layers; `convert` maps elements of QQ to their arithmetic."""
    first, second = entries[:p], entries[p:]
    for layer in layers:
        first, second = _step(layer, first, second, convert)
    return [*first, *second]


def orbit(layers: Sequence, entries: Numbers, p: int, convert: Callable) -> Iterator[tuple]:
    """Yield every layer with the half that it keeps."""
    first, second = entries[:p], entries[p:]
    for layer in layers:
        yield layer, second if layer.moves == "first" else first
        first, second = _step(layer, first, second, convert)


def _step(layer, first: Numbers, second: Numbers, convert: Callable) -> tuple[Numbers, Numbers]:
    """Return both halves after one layer."""
    moved, kept = (first, second) if layer.moves == "first" else (second, first)
    if isinstance(layer, PiecewiseCoupling):
        value = layer.conditioner.at if convert is to_element else layer.conditioner
        shift = value(kept[layer.reads])
    else:
        shift = _linear_shift(layer, kept, convert)
    scales = map(convert, layer.scale_elements)
    moved = [s * entry + t for s, entry, t in zip(scales, moved, shift, strict=True)]
    return (moved, second) if layer.moves == "first" else (first, moved)


def _linear_shift(layer: LinearCoupling, kept: Numbers, convert: Callable) -> Numbers:
    if not layer.field.is_QQ:
        raise InvalidInputError(f"expected rational weights, got weights in {layer.field}")
    return [
        sum((convert(t) * x for t, x in zip(row, kept, strict=True) if t), 0 * kept[0])
        for row in layer.shift_matrix.to_dense().to_list()
    ]
