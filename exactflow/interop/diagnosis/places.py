"""What moves numbers about: slices, splits, masks and indices, as PyTorch has them."""

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np

from exactflow.interop.diagnosis.arithmetic import Array, number

__all__ = [
    "copied",
    "diagonal",
    "expanded",
    "filled",
    "indexed",
    "kept",
    "padded",
    "parts",
    "put",
    "selected",
    "sliced",
    "sorted",
    "squeezed",
    "triangle",
]


def sorted(x: Array, dim: int, descending: bool) -> tuple[Array, None]:
    ordered = np.sort(x, axis=dim)
    return (np.flip(ordered, dim) if descending else ordered), None


def sliced(x: Array, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Array:
    size = x.shape[dim]
    cut = slice(start, None if end is None or end > size else end, step)
    return x[(*[slice(None)] * (dim % x.ndim), cut)]


def selected(x: Array, dim: int, index: int) -> Array:
    place: Any = (*[slice(None)] * (dim % x.ndim), index, ...)
    return x[place]


def parts(x: Array, size: Any, dim: int = 0) -> list[Array]:
    total = x.shape[dim]
    sizes = size if isinstance(size, (list, tuple)) else [size] * -(-total // size)
    return np.split(x, np.cumsum(sizes)[:-1].tolist(), axis=dim)


def expanded(x: Array, sizes: Sequence[int], **_: Any) -> Array:
    shape = (1,) * (len(sizes) - x.ndim) + x.shape
    return np.broadcast_to(x, [n if s == -1 else s for s, n in zip(sizes, shape, strict=True)])


def squeezed(x: Array, dim: Any = None) -> Array:
    axes = range(x.ndim) if dim is None else dim if isinstance(dim, (list, tuple)) else [dim]
    return np.squeeze(x, axis=tuple(a for a in axes if x.shape[a] == 1))


def padded(x: Array, widths: Sequence[int], value: Any = 0) -> Array:
    pairs = list(zip(widths[::2], widths[1::2], strict=True))[::-1]
    if min(widths) < 0:
        raise NotImplementedError
    places = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    return np.pad(x, places, constant_values=number(float(value)))


def diagonal(x: Array) -> Array:
    n = x.shape[-1]
    return np.where(np.eye(n, dtype=bool), x[..., None], mpmath.mpf(0))


def triangle(x: Array, k: int, lower: bool) -> Array:
    """Return x where the diagonal k or below is kept, or what is above; zeros elsewhere."""
    rows, columns = x.shape[-2:]
    return np.where((np.tri(rows, columns, k) > 0) == lower, x, mpmath.mpf(0))


def indexed(x: Array, indices: Sequence[Array | None]) -> Array:
    return x[tuple(slice(None) if i is None else i for i in indices)]


def put(x: Array, indices: Sequence[Array | None], values: Array, add: bool = False) -> Array:
    y = x.copy()
    key = tuple(slice(None) if i is None else i for i in indices)
    y[key] = y[key] + values if add else values
    return y


def filled(x: Array, mask: Array, value: Any) -> Array:
    return np.where(mask, np.asarray(number(value), dtype=object), x)


def kept(x: Array, *_: Any, **__: Any) -> Array:
    return x


def copied(x: Array, *_: Any, **__: Any) -> Array:
    return x.copy()
