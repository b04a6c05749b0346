"""PyTorch's elementary operations on arrays of mpmath numbers: a table by their names.

The arrays are NumPy's, of objects, so that views, and what is written into them, are NumPy's too.
Every operation rounds to the precision of mpmath; a product of matrices rounds each entry once.
"""

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

__all__ = ["FACTORIES", "OPERATIONS", "numbers"]

Array = np.ndarray


def numbers(values: Any) -> Array:
    """Return an array of floats as mpmath numbers, exactly; integers and booleans as they are."""
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return array
    return _each(mpmath.mp.convert)(array.astype(object))


def _each(function: Callable) -> Callable[..., Array]:
    """Return a function of numbers as one of arrays."""
    return lambda *arrays: np.asarray(
        np.frompyfunc(function, len(arrays), 1)(*arrays), dtype=object
    )


def _number(x: Any) -> Any:
    return mpmath.mp.convert(x) if isinstance(x, float) else x


# ---- one number at a time

half = mpmath.mpf("0.5")  # exact


def _softplus(x: Any, beta: Any = 1, threshold: Any = 20) -> Any:
    # torch returns x itself above the threshold, which is another function in high precision
    return mpmath.log1p(mpmath.exp(beta * x)) / beta if beta * x <= threshold else x


def _gelu(x: Any, approximate: str) -> Any:
    if approximate == "tanh":
        inner = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mp.convert(0.044715) * x**3)
        return half * x * (1 + mpmath.tanh(inner))
    return half * x * mpmath.erfc(-x / mpmath.sqrt(2))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def _elu(x: Any, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1) -> Any:
    alpha, scale, input_scale = map(_number, (alpha, scale, input_scale))
    return scale * (x if x > 0 else alpha * mpmath.expm1(input_scale * x))


def _clamped(x: Any, low: Any = None, high: Any = None) -> Any:
    x = x if low is None else max(x, _number(low))
    return x if high is None else min(x, _number(high))


def _power(x: Any, exponent: Any) -> Any:
    exponent = _number(exponent)
    return x ** (int(exponent) if exponent == int(exponent) else exponent)


def _unary(function: Callable) -> Callable[..., Array]:
    return lambda x, *options, **named: _each(lambda v: function(v, *options, **named))(x)


def _binary(function: Callable) -> Callable[..., Array]:
    def applied(x: Any, y: Any, *, alpha: Any = 1, rounding_mode: None = None) -> Array:
        if rounding_mode is not None:
            raise NotImplementedError
        y = y if alpha == 1 else _number(alpha) * y
        return np.asarray(function(_number(x), _number(y)), dtype=object)

    return applied


# ---- products and sums


def _products(a: Array, b: Array) -> Array:
    """Return the product of two matrices, or of stacks of them."""
    if a.ndim == 3:
        return np.stack([_products(x, y) for x, y in zip(a, b, strict=True)])
    columns = [list(column) for column in b.T]
    entries = [[mpmath.fdot(list(row), column) for column in columns] for row in a]
    return np.array(entries, dtype=object).reshape(len(a), b.shape[1])


def _added(base: Array, a: Array, b: Array, *, beta: Any = 1, alpha: Any = 1) -> Array:
    product = _products(a, b) if a.ndim > 1 and b.ndim > 1 else _products(a, b[:, None])[:, 0]
    return _number(beta) * base + _number(alpha) * product


def _convolution(
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
    flat = _products(weight.reshape(outputs, -1), columns.reshape(columns.shape[0], -1))
    image = np.moveaxis(flat.reshape(outputs, len(x), *sizes), 0, 1)
    return image if bias is None else image + bias.reshape(-1, *[1] * len(kernel))


def _axes(dim: Any) -> Any:
    return tuple(dim) if isinstance(dim, (list, tuple)) and dim else None if dim == [] else dim


def _sum(x: Array, dim: Any = None, keepdim: bool = False, **_: Any) -> Array:
    return np.asarray(np.sum(x, axis=_axes(dim), keepdims=keepdim), dtype=object)


def _mean(x: Array, dim: Any = None, keepdim: bool = False, **_: Any) -> Array:
    total = _sum(x, dim, keepdim)
    return np.asarray(total / (x.size // max(total.size, 1)), dtype=object)


def _norm(x: Array, order: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Array:
    if order != 2:
        raise NotImplementedError
    return _each(mpmath.sqrt)(_sum(x * x, dim, keepdim))


def _weight_norm(v: Array, g: Array, dim: int = 0) -> tuple[Array, None]:
    others = [axis for axis in range(v.ndim) if axis != dim]
    return g * v / _norm(v, 2, others, True), None


def _sorted(x: Array, dim: int, descending: bool) -> tuple[Array, None]:
    ordered = np.sort(x, axis=dim)
    return (np.flip(ordered, dim) if descending else ordered), None


def _softmax(x: Array, dim: int, *_: Any) -> Array:
    grown = _each(mpmath.exp)(x - np.max(x, axis=dim, keepdims=True))
    return grown / np.sum(grown, axis=dim, keepdims=True)


def _batch_norm(
    x: Array, weight: Array | None, bias: Array | None, mean: Array, variance: Array, *rest: Any
) -> tuple[Array, None, None]:
    *training, _, eps = rest
    if any(training):
        raise NotImplementedError
    shape = (1, -1, *[1] * (x.ndim - 2))
    y = (x - mean.reshape(shape)) / _each(mpmath.sqrt)(variance + _number(eps)).reshape(shape)
    y = y if weight is None else y * weight.reshape(shape)
    return (y if bias is None else y + bias.reshape(shape)), None, None


def _layer_norm(
    x: Array, shape: Sequence[int], weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, None, None]:
    axes = list(range(x.ndim - len(shape), x.ndim))
    centered = x - _mean(x, axes, True)
    y = centered / _each(mpmath.sqrt)(_mean(centered * centered, axes, True) + _number(eps))
    y = y if weight is None else y * weight
    return (y if bias is None else y + bias), None, None


def _inverse(a: Array, **_: Any) -> tuple[Array, None]:
    return _matrix(mpmath.matrix(a.tolist()) ** -1), None


def _solved(a: Array, b: Array, *, left: bool = True, **_: Any) -> tuple[Array, None]:
    if not left:
        return _solved(a.T, b.T)[0].T, None
    columns = b if b.ndim == 2 else b[:, None]
    found = _inverse(a)[0]
    return _products(found, columns).reshape(b.shape), None


def _triangular(
    a: Array, b: Array, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Array:
    """Return a^-1 b by substitution, row after row, of the triangle that is named."""
    if not left:
        return _triangular(a.T, b.T, upper=not upper, unitriangular=unitriangular).T
    n, x = len(a), b.copy()
    for i in range(n - 1, -1, -1) if upper else range(n):
        known = range(i + 1, n) if upper else range(i)
        for j in known:
            x[i] = x[i] - a[i, j] * x[j]
        x[i] = x[i] if unitriangular else x[i] / a[i, i]
    return x


def _triangular_solve(
    b: Array, a: Array, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Array, None]:
    a = a.T if transpose else a
    return _triangular(a, b, upper=upper != transpose, unitriangular=unitriangular), None


def _matrix(a: Any) -> Array:
    return np.array(a.tolist(), dtype=object)


# ---- places


def _sliced(x: Array, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Array:
    size = x.shape[dim]
    cut = slice(start, None if end is None or end > size else end, step)
    return x[(*[slice(None)] * (dim % x.ndim), cut)]


def _selected(x: Array, dim: int, index: int) -> Array:
    place: Any = (*[slice(None)] * (dim % x.ndim), index, ...)
    return x[place]


def _split(x: Array, size: Any, dim: int = 0) -> list[Array]:
    total = x.shape[dim]
    sizes = size if isinstance(size, (list, tuple)) else [size] * -(-total // size)
    return np.split(x, np.cumsum(sizes)[:-1].tolist(), axis=dim)


def _expanded(x: Array, sizes: Sequence[int], **_: Any) -> Array:
    shape = (1,) * (len(sizes) - x.ndim) + x.shape
    return np.broadcast_to(x, [n if s == -1 else s for s, n in zip(sizes, shape, strict=True)])


def _squeezed(x: Array, dim: Any = None) -> Array:
    axes = range(x.ndim) if dim is None else dim if isinstance(dim, (list, tuple)) else [dim]
    return np.squeeze(x, axis=tuple(a for a in axes if x.shape[a] == 1))


def _padded(x: Array, widths: Sequence[int], value: Any = 0) -> Array:
    pairs = list(zip(widths[::2], widths[1::2], strict=True))[::-1]
    if min(widths) < 0:
        raise NotImplementedError
    places = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    return np.pad(x, places, constant_values=_number(float(value)))


def _diagonal(x: Array) -> Array:
    n = x.shape[-1]
    return np.where(np.eye(n, dtype=bool), x[..., None], mpmath.mpf(0))


def _triangle(x: Array, k: int, lower: bool) -> Array:
    """Return x where the diagonal k or below is kept, or what is above; zeros elsewhere."""
    rows, columns = x.shape[-2:]
    return np.where((np.tri(rows, columns, k) > 0) == lower, x, mpmath.mpf(0))


def _indexed(x: Array, indices: Sequence[Array | None]) -> Array:
    return x[tuple(slice(None) if i is None else i for i in indices)]


def _put(x: Array, indices: Sequence[Array | None], values: Array, add: bool = False) -> Array:
    y = x.copy()
    key = tuple(slice(None) if i is None else i for i in indices)
    y[key] = y[key] + values if add else values
    return y


def _filled(x: Array, mask: Array, value: Any) -> Array:
    return np.where(mask, np.asarray(_number(value), dtype=object), x)


def _kept(x: Array, *_: Any, **__: Any) -> Array:
    return x


def _copied(x: Array, *_: Any, **__: Any) -> Array:
    return x.copy()


FACTORIES = {
    *("empty_like", "full_like", "ones_like", "zeros_like", "rand_like", "randn_like"),
    *("new_empty", "new_empty_strided", "new_full", "new_ones", "new_zeros"),
}
"""Operations that take but the shape of a tensor: what they return is taken as it is."""

VIEWS: dict[str, Callable] = {
    "alias": _kept,
    "detach": _kept,
    "expand": _expanded,
    "lift_fresh": _kept,
    "permute": lambda x, dims: np.transpose(x, dims),
    "select": _selected,
    "slice": _sliced,
    "split": _split,
    "split_with_sizes": _split,
    "squeeze": _squeezed,
    "t": lambda x: x.T,
    "transpose": np.swapaxes,
    "unbind": lambda x, dim=0: [_selected(x, dim, i) for i in range(x.shape[dim])],
    "unsqueeze": np.expand_dims,
    "view": np.reshape,
    "_unsafe_view": np.reshape,
    "_reshape_alias": lambda x, size, stride: np.reshape(x, size),
}
"""Operations whose results share memory with what they are given, in PyTorch and in NumPy."""

OPERATIONS: dict[str, Callable] = {
    **VIEWS,
    "abs": _unary(abs),
    "add": _binary(np.add),
    "addmm": _added,
    "addmv": _added,
    "atan": _unary(mpmath.atan),
    "baddbmm": _added,
    "bmm": _products,
    "cat": lambda parts, dim=0: np.concatenate(parts, axis=dim),
    "celu": _unary(lambda x, alpha=1.0: _elu(x, alpha, 1, 1 / _number(alpha))),
    "clamp": _unary(_clamped),
    "clamp_max": _unary(lambda x, high: _clamped(x, None, high)),
    "clamp_min": _unary(_clamped),
    "clone": _copied,
    "convolution": _convolution,
    "copy": lambda x, source, *_: np.broadcast_to(source, x.shape),
    "constant_pad_nd": _padded,
    "cos": _unary(mpmath.cos),
    "cosh": _unary(mpmath.cosh),
    "cumsum": lambda x, dim, **_: np.cumsum(x, axis=dim),
    "diag_embed": _diagonal,
    "div": _binary(np.true_divide),
    "dot": lambda a, b: _products(a[None], b[:, None])[0, 0],
    "elu": _unary(_elu),
    "erf": _unary(mpmath.erf),
    "exp": _unary(mpmath.exp),
    "expm1": _unary(mpmath.expm1),
    "fill": lambda x, value: np.full(x.shape, _number(value), dtype=object),
    "flip": lambda x, dims: np.flip(x, tuple(dims)),
    "gather": lambda x, dim, index, **_: np.take_along_axis(x, index, dim),
    "gelu": _unary(lambda x, approximate="none": _gelu(x, approximate)),
    "hardtanh": _unary(lambda x, low=-1.0, high=1.0: _clamped(x, low, high)),
    "index": _indexed,
    "index_put": _put,
    "index_select": lambda x, dim, index: np.take(x, index, axis=dim),
    "leaky_relu": _unary(lambda x, slope=0.01: x if x > 0 else _number(slope) * x),
    "lerp": lambda a, b, w: a + _number(w) * (b - a),
    "linalg_inv_ex": _inverse,
    "linalg_solve_triangular": _triangular,
    "_linalg_solve_ex": lambda a, b, **named: (*_solved(a, b, **named), None, None),
    "linalg_vector_norm": _norm,
    "log": _unary(mpmath.log),
    "log1p": _unary(mpmath.log1p),
    "log_sigmoid_forward": lambda x: (_each(lambda v: -mpmath.log1p(mpmath.exp(-v)))(x), None),
    "masked_fill": _filled,
    "maximum": _binary(np.maximum),
    "mean": _mean,
    "minimum": _binary(np.minimum),
    "mish": _unary(lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x)))),
    "mm": _products,
    "mul": _binary(np.multiply),
    "mv": lambda a, b: _products(a, b[:, None])[:, 0],
    "native_layer_norm": _layer_norm,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "neg": _unary(lambda x: -x),
    "pow": lambda x, y: _each(_power)(x, y),
    "reciprocal": _unary(lambda x: 1 / x),
    "relu": _unary(lambda x: max(x, mpmath.mpf(0))),
    "repeat": lambda x, repeats: np.tile(x, repeats),
    "roll": lambda x, shifts, dims=(): np.roll(x, tuple(shifts), tuple(dims) or None),
    "rsqrt": _unary(lambda x: 1 / mpmath.sqrt(x)),
    "rsub": lambda x, y, alpha=1: _binary(np.subtract)(y, x, alpha=alpha),
    "sigmoid": _unary(_sigmoid),
    "silu": _unary(lambda x: x * _sigmoid(x)),
    "sin": _unary(mpmath.sin),
    "sinh": _unary(mpmath.sinh),
    "softplus": _unary(_softplus),
    "_softmax": _softmax,
    "sqrt": _unary(mpmath.sqrt),
    "stack": lambda parts, dim=0: np.stack(parts, axis=dim),
    "sort": lambda x, dim=-1, descending=False, **_: _sorted(x, dim, descending),
    "sub": _binary(np.subtract),
    "sum": _sum,
    "tanh": _unary(mpmath.tanh),
    "_to_copy": _copied,
    "triangular_solve": _triangular_solve,
    "tril": lambda x, k=0: _triangle(x, k, True),
    "triu": lambda x, k=0: _triangle(x, k - 1, False),
    "_weight_norm_interface": _weight_norm,
    "where": np.where,
}
