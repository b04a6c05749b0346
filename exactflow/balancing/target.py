"""The matrix that balanced layers are for: its exact entries, as floats, and its determinant."""

from dataclasses import dataclass

import numpy as np

from exactflow.balancing.account import Scaled
from exactflow.errors import (
    InvalidInputError,
    MethodError,
    OrientationError,
    SingularMatrixError,
)
from exactflow.exact.coerce import as_matrix

__all__ = ["Target"]


@dataclass(frozen=True, eq=False)
class Target:
    """A matrix W with det W > 0, exactly and in float64, and det(W)^(1/d), rounded."""

    exact: Scaled
    rounded: np.ndarray
    scale: float

    @staticmethod
    def of(W) -> "Target":
        """Return the target of `W`, which is checked: see `balance` for the errors."""
        exact = _exact(W)
        rounded = _rounded(exact)
        return Target(exact, rounded, _scale(exact, rounded))


def _exact(W) -> Scaled:
    """Return the entries of `W` exactly, floats as dyadic rationals."""
    plain = isinstance(W, np.ndarray) and W.dtype.kind == "f" and W.dtype.itemsize <= 8
    if plain and W.ndim == 2 and 0 < len(W) == W.shape[1] and np.isfinite(W).all():
        exact = Scaled.of_floats(W.astype(np.float64))
    else:
        matrix = as_matrix(W).to_dense()
        if not matrix.domain.is_QQ:
            raise InvalidInputError(
                f"expected rational numbers or floats, got entries in {matrix.domain}: "
                "evaluate them to floats first"
            )
        exact = Scaled.of_rationals(matrix)
    d = exact.integers.shape[0]
    if d % 2:
        raise InvalidInputError(
            f"expected an even number of coordinates, got {d}: append one, as in diag(W, 1)"
        )
    return exact


def _rounded(exact: Scaled) -> np.ndarray:
    try:
        return exact.floats()
    except OverflowError:
        raise InvalidInputError(
            "expected entries in the range of float64, got one beyond 10^308: scale the matrix"
        ) from None


def _scale(exact: Scaled, W: np.ndarray) -> float:
    """Return det(W)^(1/d), rounded; where floats do not tell the sign, the exact det does."""
    d = len(W)
    singular_values = np.linalg.svd(W, compute_uv=False)
    sign, log_det = np.linalg.slogdet(W)
    if not singular_values[-1] > 4 * d * np.finfo(float).eps * singular_values[0]:
        det = exact.integers.det()
        sign = (det > 0) - (det < 0)
        if det > 0:
            raise MethodError(
                "expected a condition number within reach of float64, got one beyond "
                f"{singular_values[0] / max(singular_values[-1], 1e-300):.0e}: factor the matrix "
                "exactly instead"
            )
    if sign == 0:
        raise SingularMatrixError("expected an invertible matrix, got one of determinant 0")
    if sign < 0:
        raise OrientationError(
            "expected det > 0, got det < 0: every coupling with positive scales preserves "
            "orientation; negate one row of the matrix and apply that flip separately"
        )
    return float(np.exp(log_det / d))
