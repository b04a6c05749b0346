"""One mpmath number at a time, and arrays of them.

PyTorch's options, which are Python's numbers, are taken exactly.
"""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

__all__ = [
    "Array",
    "binary",
    "clamped",
    "each",
    "elu",
    "gelu",
    "number",
    "numbers",
    "power",
    "sigmoid",
    "softplus",
    "unary",
]

Array = np.ndarray

half = mpmath.mpf("0.5")  # exact


def numbers(values: Any) -> Array:
    """Return an array of floats as mpmath numbers, exactly; integers and booleans as they are."""
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return array
    return each(mpmath.mp.convert)(array.astype(object))


def each(function: Callable) -> Callable[..., Array]:
    """Return a function of numbers as one of arrays.

    NumPy would warn of whatever the processor's flags say, which PyTorch leaves raised.
    """

    def elementwise(*arrays: Any) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(np.frompyfunc(function, len(arrays), 1)(*arrays), dtype=object)

    return elementwise


def number(x: Any) -> Any:
    return mpmath.mp.convert(x) if isinstance(x, float) else x


def softplus(x: Any, beta: Any = 1, threshold: Any = 20) -> Any:
    # torch returns x itself above the threshold, which is another function in high precision
    return mpmath.log1p(mpmath.exp(beta * x)) / beta if beta * x <= threshold else x


def gelu(x: Any, approximate: str) -> Any:
    if approximate == "tanh":
        inner = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mp.convert(0.044715) * x**3)
        return half * x * (1 + mpmath.tanh(inner))
    return half * x * mpmath.erfc(-x / mpmath.sqrt(2))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def elu(x: Any, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1) -> Any:
    alpha, scale, input_scale = map(number, (alpha, scale, input_scale))
    return scale * (x if x > 0 else alpha * mpmath.expm1(input_scale * x))


def clamped(x: Any, low: Any = None, high: Any = None) -> Any:
    x = x if low is None else max(x, number(low))
    return x if high is None else min(x, number(high))


def power(x: Any, exponent: Any) -> Any:
    exponent = number(exponent)
    return x ** (int(exponent) if exponent == int(exponent) else exponent)


def unary(function: Callable) -> Callable[..., Array]:
    return lambda x, *options, **named: each(lambda v: function(v, *options, **named))(x)


def binary(function: Callable) -> Callable[..., Array]:
    def applied(x: Any, y: Any, *, alpha: Any = 1, rounding_mode: None = None) -> Array:
        if rounding_mode is not None:
            raise NotImplementedError
        y = y if alpha == 1 else number(alpha) * y
        return np.asarray(function(number(x), number(y)), dtype=object)

    return applied
