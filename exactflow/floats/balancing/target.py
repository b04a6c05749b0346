"""The matrix that balanced layers are for: exactly, in float64, and in the halves' order."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from sympy import integer_nthroot

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_matrix
from exactflow.exact.digits import Quotient
from exactflow.exact.numbers import to_fraction
from exactflow.exact.typing import MatrixLike, Orientation, PartitionLike
from exactflow.floats.balancing.determinant import determinant_sign, exact_matrix
from exactflow.floats.balancing.tuning import EPS, TUNING
from exactflow.flows.float_layers import FloatCoupling, composed
from exactflow.flows.orientation import CoordinateLayout, layout_for
from exactflow.flows.partition import resolve_partition

EXACT_BITS = 4096
"""The largest product of dimension and bits of an entry for which a determinant is computed."""


@dataclass(frozen=True, eq=False)
class Target:
    """A matrix W of positive determinant, after flips and in the order of the halves: floats, or
    Fractions where these are not equal to W; and the layout.
    """

    entries: np.ndarray
    layout: CoordinateLayout

    @staticmethod
    def of(
        W: MatrixLike, orientation: Orientation = "error", partition: "PartitionLike | None" = None
    ) -> "Target":
        """Return the target of `W`, which is checked: see `balance` for the errors."""
        entries = entries_of(W)
        order, sizes = resolve_partition(partition, len(entries))
        layout = layout_for(order, sizes, orientation, _sign(entries) < 0)
        return Target(layout.inner_array(entries), layout)

    @staticmethod
    def on(halves: tuple[int, int], entries: np.ndarray) -> "Target":
        """Return the target of floats, det > 0 up to rounding, in the order of the halves."""
        return Target(entries, CoordinateLayout(halves, tuple(range(sum(halves)))))

    @property
    def halves(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        return self.layout.partition

    @cached_property
    def exact(self) -> Quotient:
        """W, exactly."""
        return Quotient.of(self.entries)

    @cached_property
    def exponent(self) -> int:
        """The number e for which 2^e is near the largest entry of W."""
        size = self.exact.largest()
        return size.numerator.bit_length() - size.denominator.bit_length() + 1

    @cached_property
    def root(self) -> Fraction | None:
        """The root det(W)^(1/d) where it is rational, and not costly to find."""
        d = len(self.entries)
        parts = (part for x in self.entries.flat for part in x.as_integer_ratio())
        if d * max(part.bit_length() for part in parts) > EXACT_BITS:
            return None
        det = to_fraction(exact_matrix(self.entries).det())
        roots = [integer_nthroot(part, d) for part in det.as_integer_ratio()]
        return Fraction(roots[0][0], roots[1][0]) if all(exact for _, exact in roots) else None

    @cached_property
    def over_root(self) -> "Target":
        """W over the root of its determinant, which is `scale` here: in float64."""
        return Target.on(self.halves, self.unit / self.scale)

    @cached_property
    def unit(self) -> np.ndarray:
        """2^-exponent W in float64, with entries below one."""
        return self.exact.floats(self.exponent)

    @cached_property
    def svd(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The singular value decomposition of `unit`, with det(U V^T) = 1 and singular values of at
        least u^2 |W|: what is below u |W|, for the unit roundoff u, is rounding error.
        """
        U, s, Vt = np.linalg.svd(self.unit)
        U[:, -1] *= determinant_sign(U @ Vt)  # the least singular value may be rounding error
        return U, np.maximum(s, EPS**2 * s[0]), Vt

    @cached_property
    def scale(self) -> float:
        """det(`unit`)^(1/d), rounded."""
        guess = self._root_mean_square
        if self.rotation is None:
            guess = float(np.exp(np.log(self.svd[1]).mean()))
            return guess * float(np.exp(np.log(self.svd[1] / guess).mean()))
        sizes = np.linalg.svd(self.rotation, compute_uv=False)
        return guess * float(np.exp(np.log(sizes).mean()))

    @cached_property
    def rotation(self) -> np.ndarray | None:
        """`unit` over its scale where that is a rotation, nearly, else None."""
        return self.unit / self._root_mean_square if _is_near_rotation(self.unit) else None

    @cached_property
    def condition(self) -> float:
        """The condition number, rounded."""
        return 1.0 if self.rotation is not None else float(self.svd[1][0] / self.svd[1][-1])

    @property
    def _root_mean_square(self) -> float:
        return float(np.linalg.norm(self.unit)) / len(self.unit) ** 0.5

    def difference(self, layers: Sequence[FloatCoupling]) -> Quotient:
        """Return W minus the product of layers, exactly."""
        return self.exact.minus(composed(layers))

    def largest(self) -> Fraction:
        """Return the largest absolute entry of W, to rounding."""
        return self.exact.largest()


def _is_near_rotation(M: np.ndarray) -> bool:
    """Whether M, of entries below one, is near a multiple of an orthogonal matrix."""
    square = np.vdot(M, M) / len(M)
    return bool(np.abs(M.T @ M - square * np.eye(len(M))).max() < TUNING.near_rotation * square)


def entries_of(W: MatrixLike) -> np.ndarray:
    """Return W as floats where these equal it, else as an array of Fractions.

    Raises `InvalidInputError` where W is no square matrix of rational numbers or finite floats, or
    has an entry beyond float64.
    """
    if isinstance(W, np.ndarray) and _is_plain(W):
        return W.astype(np.float64)
    matrix = as_matrix(W).to_dense()
    if not matrix.domain.is_QQ:
        raise InvalidInputError(
            f"expected rational numbers or floats, got entries in {matrix.domain}: "
            "evaluate them to floats first"
        )
    values = [Fraction(int(x.numerator), int(x.denominator)) for x in matrix.to_list_flat()]
    try:
        floats = np.array([x.numerator / x.denominator for x in values])
    except OverflowError:
        raise InvalidInputError(
            "expected entries in the range of float64, got one beyond 10^308: scale the matrix"
        ) from None
    if all(Fraction(f) == x for f, x in zip(floats.tolist(), values, strict=True)):
        return floats.reshape(matrix.shape)
    return np.array(values, dtype=object).reshape(matrix.shape)


def _is_plain(W: np.ndarray) -> bool:
    """Whether W is a square, unmasked array of finite floats of at most 64 bits."""
    is_square = W.ndim == 2 and 0 < len(W) == W.shape[1]
    is_float = W.dtype.kind == "f" and W.dtype.itemsize <= 8
    is_subclass = isinstance(W, np.ma.MaskedArray | np.matrix)
    return bool(is_square and is_float and not is_subclass and np.isfinite(W).all())


def _sign(entries: np.ndarray) -> int:
    """Return the sign of a determinant that is not zero."""
    sign = determinant_sign(entries)
    if not sign:
        floats = entries.astype(float)
        sizes = np.linalg.svd(floats / (np.abs(floats).max() or 1), compute_uv=False)
        least = f"{sizes[-1] / sizes[0]:.0e}" if sizes[0] else "0"
        rank = linalg.rank(exact_matrix(entries))
        raise SingularMatrixError(
            f"expected an invertible matrix, got one of determinant 0: rank {rank} of "
            f"{len(entries)}, the least singular value {least} of the largest"
        )
    return sign
