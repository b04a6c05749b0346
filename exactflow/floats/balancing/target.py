"""The matrix near which layers are sought, in the order of the halves: exactly and in float64."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from sympy import QQ, integer_nthroot
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.dyadic_matrix import DyadicQuotient, as_exact_floats_or_fractions
from exactflow.exact.numbers import to_fraction
from exactflow.exact.typing import MatrixLike, PartitionLike
from exactflow.floats.balancing.determinant import determinant_sign, to_rational_matrix
from exactflow.floats.balancing.tuning import EPS, TUNING
from exactflow.flows.float_layers import FloatCoupling, apply_float_layers_exactly
from exactflow.flows.orientation import (
    CoordinateLayout,
    Orientation,
    choose_plain_flipped_or_padded_layout,
    signs_from_flips,
)
from exactflow.flows.partition import resolve_partition_or_mask

EXACT_BITS = 4096
"""The largest product of the dimension and the bits of an entry for which the root of the
determinant is computed exactly.
"""


@dataclass(frozen=True, eq=False)
class Target:
    """A matrix W of positive determinant: the matrix of the user, in the order of the halves, with
    flipped coordinates.

    `entries` are floats, or Fractions if W has entries that are not floats. `layout` has the order
    of the coordinates and the flips.
    """

    entries: np.ndarray
    layout: CoordinateLayout

    @staticmethod
    def check_and_orient(
        W: MatrixLike, orientation: Orientation = "error", partition: "PartitionLike | None" = None
    ) -> "Target":
        """Check `W`, and return its target with the given orientation. The docstring of `balance`
        explains the orientations, and lists the errors.
        """
        entries = as_exact_floats_or_fractions(W)
        order, sizes = resolve_partition_or_mask(partition, len(entries))
        sign = determinant_sign(entries)
        if not sign:
            floats = entries.astype(float)
            singular = np.linalg.svd(floats / (np.abs(floats).max() or 1), compute_uv=False)
            least = f"{singular[-1] / singular[0]:.0e}" if singular[0] else "0"
            rank = linalg.rank(to_rational_matrix(entries))
            raise SingularMatrixError(
                f"expected an invertible matrix, got rank {rank} of {len(entries)}, the least "
                f"singular value of the matrix in floats is {least} times the largest"
            )
        layout = choose_plain_flipped_or_padded_layout(order, sizes, orientation, sign < 0)
        return Target(layout.pad_flip_and_reorder_square_array(entries), layout)

    @staticmethod
    def from_floats(halves: tuple[int, int], entries: np.ndarray) -> "Target":
        """Return the target with these float entries, in the order of the halves. The matrix must
        have a positive determinant, up to rounding.
        """
        return Target(entries, CoordinateLayout(halves, tuple(range(sum(halves)))))

    @property
    def halves(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        return self.layout.partition

    @cached_property
    def exact_matrix(self) -> DyadicQuotient:
        """The exact matrix W."""
        return DyadicQuotient.from_array(self.entries)

    def to_user_matrix(self) -> DomainMatrix:
        """Return the matrix of the user over QQ: W in the original order of coordinates, without
        flips.
        """
        order, d = self.layout.order, len(self.entries)
        places = [order.index(i) for i in range(d)]
        matrix = to_rational_matrix(self.entries).extract(places, places)
        return linalg.scale_columns(matrix, signs_from_flips(self.layout.flips, range(d), QQ))

    @cached_property
    def mantissa_exponent(self) -> int:
        """An exponent e with m < 2^e < 4 m, where m is the largest absolute entry of W."""
        size = self.exact_matrix.max_abs()
        return size.numerator.bit_length() - size.denominator.bit_length() + 1

    @cached_property
    def rational_determinant_root_if_cheap(self) -> Fraction | None:
        """The d-th root of det W if it is rational; None if it is irrational or costly to find."""
        d = len(self.entries)
        parts = (part for x in self.entries.flat for part in x.as_integer_ratio())
        if d * max(part.bit_length() for part in parts) > EXACT_BITS:
            return None
        det = to_fraction(to_rational_matrix(self.entries).det())
        roots = [integer_nthroot(part, d) for part in det.as_integer_ratio()]
        return Fraction(roots[0][0], roots[1][0]) if all(exact for _, exact in roots) else None

    @cached_property
    def with_unit_determinant(self) -> "Target":
        """The target `mantissa` / `mantissa_determinant_root`, whose determinant is about one."""
        return Target.from_floats(self.halves, self.mantissa / self.mantissa_determinant_root)

    @cached_property
    def mantissa(self) -> np.ndarray:
        """The matrix 2^-`mantissa_exponent` W in float64, with absolute entries below one."""
        return self.exact_matrix.to_approximate_floats(self.mantissa_exponent)

    @cached_property
    def mantissa_svd_with_det_UVt_one(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The singular value decomposition U, s, V^T of `mantissa`, with det(U V^T) = 1.

        Singular values below u |W|, for the unit roundoff u, are rounding errors; values below
        u^2 |W| are replaced by u^2 |W|.
        """
        U, s, Vt = np.linalg.svd(self.mantissa)
        # makes det(U V^T) one; it is -1 only if the least singular value is a rounding error
        U[:, -1] *= determinant_sign(U @ Vt)
        return U, np.maximum(s, EPS**2 * s[0]), Vt

    @cached_property
    def mantissa_determinant_root(self) -> float:
        """The d-th root of the determinant of `mantissa`, computed in floats."""
        if self.normalized_rotation_or_none is None:
            _, s, _ = self.mantissa_svd_with_det_UVt_one
            guess = float(np.exp(np.log(s).mean()))
            relative = s / guess
        else:
            guess = self._mantissa_rms_singular_value
            relative = np.linalg.svd(self.normalized_rotation_or_none, compute_uv=False)
        return guess * float(np.exp(np.log(relative).mean()))

    @cached_property
    def normalized_rotation_or_none(self) -> np.ndarray | None:
        """The `mantissa` divided by the root mean square of its singular values, if this is nearly
        a rotation; None otherwise.
        """
        M = self.mantissa
        square = np.vdot(M, M) / len(M)
        if np.abs(M.T @ M - square * np.eye(len(M))).max() >= TUNING.near_rotation * square:
            return None
        return M / self._mantissa_rms_singular_value

    @cached_property
    def estimated_condition_number(self) -> float:
        """The condition number of W, computed in floats; 1.0 if W is nearly a multiple of a
        rotation.
        """
        if self.normalized_rotation_or_none is not None:
            return 1.0
        _, s, _ = self.mantissa_svd_with_det_UVt_one
        return float(s[0] / s[-1])

    @property
    def _mantissa_rms_singular_value(self) -> float:
        """The root mean square of the singular values of `mantissa`."""
        return float(np.linalg.norm(self.mantissa)) / len(self.mantissa) ** 0.5

    def minus_product(self, layers: Sequence[FloatCoupling]) -> DyadicQuotient:
        """Return W minus the product of the layers, exactly."""
        return self.exact_matrix.minus(apply_float_layers_exactly(layers))
