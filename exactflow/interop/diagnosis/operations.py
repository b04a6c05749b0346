"""PyTorch's elementary operations on arrays of mpmath numbers: a table by their names.

The arrays are NumPy's, of objects, so that views, and what is written into them, are NumPy's too.
Every operation rounds to the precision of mpmath.
"""

from collections.abc import Callable

import mpmath
import numpy as np

from exactflow.interop.diagnosis import matrices, places
from exactflow.interop.diagnosis.arithmetic import (
    binary,
    clamped,
    each,
    elu,
    gelu,
    number,
    power,
    sigmoid,
    softplus,
    unary,
)

__all__ = ["FACTORIES", "OPERATIONS"]

FACTORIES = {
    *("empty_like", "full_like", "ones_like", "zeros_like", "rand_like", "randn_like"),
    *("new_empty", "new_empty_strided", "new_full", "new_ones", "new_zeros"),
}
"""Operations that take but the shape of a tensor: what they return is taken as it is."""

VIEWS: dict[str, Callable] = {
    "alias": places.kept,
    "detach": places.kept,
    "expand": places.expanded,
    "lift_fresh": places.kept,
    "permute": lambda x, dims: np.transpose(x, dims),
    "select": places.selected,
    "slice": places.sliced,
    "split": places.parts,
    "split_with_sizes": places.parts,
    "squeeze": places.squeezed,
    "t": lambda x: x.T,
    "transpose": np.swapaxes,
    "unbind": lambda x, dim=0: [places.selected(x, dim, i) for i in range(x.shape[dim])],
    "unsqueeze": np.expand_dims,
    "view": np.reshape,
    "_unsafe_view": np.reshape,
    "_reshape_alias": lambda x, size, stride: np.reshape(x, size),
}
"""Operations whose results share memory with what they are given, in PyTorch and in NumPy."""

OPERATIONS: dict[str, Callable] = {
    **VIEWS,
    "abs": unary(abs),
    "add": binary(np.add),
    "addmm": matrices.added,
    "addmv": matrices.added,
    "atan": unary(mpmath.atan),
    "baddbmm": matrices.added,
    "bmm": matrices.products,
    "cat": lambda parts, dim=0: np.concatenate(parts, axis=dim),
    "celu": unary(lambda x, alpha=1.0: elu(x, alpha, 1, 1 / number(alpha))),
    "clamp": unary(clamped),
    "clamp_max": unary(lambda x, high: clamped(x, None, high)),
    "clamp_min": unary(clamped),
    "clone": places.copied,
    "convolution": matrices.convolution,
    "copy": lambda x, source, *_: np.broadcast_to(source, x.shape),
    "constant_pad_nd": places.padded,
    "cos": unary(mpmath.cos),
    "cosh": unary(mpmath.cosh),
    "cumsum": lambda x, dim, **_: np.cumsum(x, axis=dim),
    "diag_embed": places.diagonal,
    "div": binary(np.true_divide),
    "dot": lambda a, b: matrices.products(a[None], b[:, None])[0, 0],
    "elu": unary(elu),
    "erf": unary(mpmath.erf),
    "exp": unary(mpmath.exp),
    "expm1": unary(mpmath.expm1),
    "fill": lambda x, value: np.full(x.shape, number(value), dtype=object),
    "flip": lambda x, dims: np.flip(x, tuple(dims)),
    "gather": lambda x, dim, index, **_: np.take_along_axis(x, index, dim),
    "gelu": unary(lambda x, approximate="none": gelu(x, approximate)),
    "hardtanh": unary(lambda x, low=-1.0, high=1.0: clamped(x, low, high)),
    "index": places.indexed,
    "index_put": places.put,
    "index_select": lambda x, dim, index: np.take(x, index, axis=dim),
    "leaky_relu": unary(lambda x, slope=0.01: x if x > 0 else number(slope) * x),
    "lerp": lambda a, b, w: a + number(w) * (b - a),
    "linalg_inv_ex": matrices.inverted,
    "linalg_solve_triangular": matrices.triangular,
    "_linalg_solve_ex": lambda a, b, **named: (*matrices.solved(a, b, **named), None, None),
    "linalg_vector_norm": matrices.norm,
    "log": unary(mpmath.log),
    "log1p": unary(mpmath.log1p),
    "log_sigmoid_forward": lambda x: (each(lambda v: -mpmath.log1p(mpmath.exp(-v)))(x), None),
    "masked_fill": places.filled,
    "maximum": binary(np.maximum),
    "mean": matrices.mean,
    "minimum": binary(np.minimum),
    "mish": unary(lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x)))),
    "mm": matrices.products,
    "mul": binary(np.multiply),
    "mv": lambda a, b: matrices.products(a, b[:, None])[:, 0],
    "native_layer_norm": matrices.layer_norm,
    "native_batch_norm": matrices.batch_norm,
    "_native_batch_norm_legit_no_training": matrices.batch_norm,
    "neg": unary(lambda x: -x),
    "pow": lambda x, y: each(power)(x, y),
    "reciprocal": unary(lambda x: 1 / x),
    "relu": unary(lambda x: max(x, mpmath.mpf(0))),
    "repeat": lambda x, repeats: np.tile(x, repeats),
    "roll": lambda x, shifts, dims=(): np.roll(x, tuple(shifts), tuple(dims) or None),
    "rsqrt": unary(lambda x: 1 / mpmath.sqrt(x)),
    "rsub": lambda x, y, alpha=1: binary(np.subtract)(y, x, alpha=alpha),
    "sigmoid": unary(sigmoid),
    "silu": unary(lambda x: x * sigmoid(x)),
    "sin": unary(mpmath.sin),
    "sinh": unary(mpmath.sinh),
    "softplus": unary(softplus),
    "_softmax": matrices.softmax,
    "sqrt": unary(mpmath.sqrt),
    "stack": lambda parts, dim=0: np.stack(parts, axis=dim),
    "sort": lambda x, dim=-1, descending=False, **_: places.sorted(x, dim, descending),
    "sub": binary(np.subtract),
    "sum": matrices.summed,
    "tanh": unary(mpmath.tanh),
    "_to_copy": places.copied,
    "triangular_solve": matrices.triangular_solve,
    "tril": lambda x, k=0: places.triangle(x, k, True),
    "triu": lambda x, k=0: places.triangle(x, k - 1, False),
    "_weight_norm_interface": matrices.weight_norm,
    "where": np.where,
}
