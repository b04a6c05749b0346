"""Sums, products and inverses of arrays of mpmath numbers, as PyTorch's operations take them.

A product of matrices rounds each entry once.
"""

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np

from exactflow.interop.diagnosis.arithmetic import Array, each, number

__all__ = [
    "added",
    "batch_norm",
    "convolution",
    "inverted",
    "layer_norm",
    "mean",
    "norm",
    "products",
    "softmax",
    "solved",
    "summed",
    "triangular",
    "triangular_solve",
    "weight_norm",
]


def products(a: Array, b: Array) -> Array:
    """Return the product of two matrices, or of stacks of them."""
    if a.ndim == 3:
        return np.stack([products(x, y) for x, y in zip(a, b, strict=True)])
    columns = [list(column) for column in b.T]
    entries = [[mpmath.fdot(list(row), column) for column in columns] for row in a]
    return np.array(entries, dtype=object).reshape(len(a), b.shape[1])


def added(base: Array, a: Array, b: Array, *, beta: Any = 1, alpha: Any = 1) -> Array:
    product = products(a, b) if a.ndim > 1 and b.ndim > 1 else products(a, b[:, None])[:, 0]
    return number(beta) * base + number(alpha) * product


def convolution(
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    *rest: Any,
) -> Array:
    """Return a convolution as a product of patches, for one group and any kernel."""
    if transposed or rest[-1] != 1:
        raise NotImplementedError
    outputs, _, *kernel = weight.shape
    zero = mpmath.mpf(0)
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)], constant_values=zero)
    sizes = [
        (n - d * (k - 1) - 1) // s + 1
        for n, d, k, s in zip(padded.shape[2:], dilation, kernel, stride, strict=True)
    ]
    patches = []
    for offset in np.ndindex(*kernel):
        cut = [
            slice(o * d, o * d + s * (m - 1) + 1, s)
            for o, d, s, m in zip(offset, dilation, stride, sizes, strict=True)
        ]
        patches.append(padded[(slice(None), slice(None), *cut)])
    stacked = np.stack(patches, axis=2)  # (N, channels, offsets, pixels ..)
    columns = np.moveaxis(stacked.reshape(len(x), -1, int(np.prod(sizes))), 1, 0)
    flat = products(weight.reshape(outputs, -1), columns.reshape(columns.shape[0], -1))
    image = np.moveaxis(flat.reshape(outputs, len(x), *sizes), 0, 1)
    return image if bias is None else image + bias.reshape(-1, *[1] * len(kernel))


def _axes(dim: Any) -> Any:
    return tuple(dim) if isinstance(dim, (list, tuple)) and dim else None if dim == [] else dim


def summed(x: Array, dim: Any = None, keepdim: bool = False, **_: Any) -> Array:
    return np.asarray(np.sum(x, axis=_axes(dim), keepdims=keepdim), dtype=object)


def mean(x: Array, dim: Any = None, keepdim: bool = False, **_: Any) -> Array:
    total = summed(x, dim, keepdim)
    return np.asarray(total / (x.size // max(total.size, 1)), dtype=object)


def norm(x: Array, order: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Array:
    if order != 2:
        raise NotImplementedError
    return each(mpmath.sqrt)(summed(x * x, dim, keepdim))


def weight_norm(v: Array, g: Array, dim: int = 0) -> tuple[Array, None]:
    others = [axis for axis in range(v.ndim) if axis != dim]
    return g * v / norm(v, 2, others, True), None


def softmax(x: Array, dim: int, *_: Any) -> Array:
    grown = each(mpmath.exp)(x - np.max(x, axis=dim, keepdims=True))
    return grown / np.sum(grown, axis=dim, keepdims=True)


def batch_norm(
    x: Array, weight: Array | None, bias: Array | None, mean: Array, variance: Array, *rest: Any
) -> tuple[Array, None, None]:
    *training, _, eps = rest
    if any(training):
        raise NotImplementedError
    shape = (1, -1, *[1] * (x.ndim - 2))
    y = (x - mean.reshape(shape)) / each(mpmath.sqrt)(variance + number(eps)).reshape(shape)
    y = y if weight is None else y * weight.reshape(shape)
    return (y if bias is None else y + bias.reshape(shape)), None, None


def layer_norm(
    x: Array, shape: Sequence[int], weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, None, None]:
    axes = list(range(x.ndim - len(shape), x.ndim))
    centered = x - mean(x, axes, True)
    y = centered / each(mpmath.sqrt)(mean(centered * centered, axes, True) + number(eps))
    y = y if weight is None else y * weight
    return (y if bias is None else y + bias), None, None


def inverted(a: Array, **_: Any) -> tuple[Array, None]:
    return _matrix(mpmath.matrix(a.tolist()) ** -1), None


def solved(a: Array, b: Array, *, left: bool = True, **_: Any) -> tuple[Array, None]:
    if not left:
        return solved(a.T, b.T)[0].T, None
    columns = b if b.ndim == 2 else b[:, None]
    found = inverted(a)[0]
    return products(found, columns).reshape(b.shape), None


def triangular(
    a: Array, b: Array, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Array:
    """Return a^-1 b by substitution, row after row, of the triangle that is named."""
    if not left:
        return triangular(a.T, b.T, upper=not upper, unitriangular=unitriangular).T
    n, x = len(a), b.copy()
    for i in range(n - 1, -1, -1) if upper else range(n):
        known = range(i + 1, n) if upper else range(i)
        for j in known:
            x[i] = x[i] - a[i, j] * x[j]
        x[i] = x[i] if unitriangular else x[i] / a[i, i]
    return x


def triangular_solve(
    b: Array, a: Array, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Array, None]:
    a = a.T if transpose else a
    return triangular(a, b, upper=upper != transpose, unitriangular=unitriangular), None


def _matrix(a: Any) -> Array:
    return np.array(a.tolist(), dtype=object)
