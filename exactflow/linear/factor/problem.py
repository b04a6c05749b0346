"""Input of a route: a matrix whose determinant a scale may carry, with its properties."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import OrientationError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.numbers import format_field, format_short
from exactflow.exact.signed_permutation import (
    find_row_permutation_and_signs,
    signed_permutation_det,
)
from exactflow.exact.typing import Element, Half, PartitionLike
from exactflow.explanation.steps import nontrivial_order_and_flip_matrices, record_step
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.orientation import CoordinateLayout, Orientation, layout_for
from exactflow.flows.partition import resolve_partition
from exactflow.linear.factor.assembly import Scales, merge_neighbours_drop_identities

SignedPermutation = tuple[list[int], list[int]]
"""perm and signs of the matrix with ``y[i] = signs[i] * x[perm[i]]``."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A matrix to be factored, with the properties that the routes ask for, computed once.

    `target` has the pads of the layout, if any; `det` is the determinant of `matrix`, to which the
    layers compose.
    """

    target: DomainMatrix
    layout: CoordinateLayout
    det: Element
    scales: Scales

    @classmethod
    def of(
        cls,
        M: DomainMatrix,
        partition: "PartitionLike | None" = None,
        orientation: Orientation = "error",
        scales: Scales = "positive",
    ) -> "Problem":
        """Return the problem of factoring `M`, after the repair that `orientation` names.

        Raises `InvalidInputError` for an invalid partition, or orientation="pad" with a mask;
        `SingularMatrixError` for det = 0; and `OrientationError` for det < 0 with
        orientation="error", and for a determinant of unknown sign with scales="positive".
        """
        order, sizes = resolve_partition(partition, M.shape[0])
        det = _nonzero_determinant(M)
        reverses = _decide_orientation_reversal(det, M, scales)
        layout = layout_for(order, sizes, orientation, reverses)
        return cls(layout.padded(M), layout, -det if reverses else det, scales)

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes of the halves of the layers."""
        return self.layout.partition

    @cached_property
    def matrix(self) -> DomainMatrix:
        """The target after the flips, in the order of the layers."""
        return self.layout.matrix_of_layers(self.target)

    @cached_property
    def signed_permutation(self) -> SignedPermutation | None:
        """The target as a signed permutation over QQ; None if it is another matrix."""
        return find_row_permutation_and_signs(self.target) if self.target.domain.is_QQ else None

    def make_unverified_flow(
        self,
        layers: Iterable[LinearCoupling],
        method: str,
        derivation: Callable[[CouplingFlow], Any] | None = None,
    ) -> CouplingFlow:
        """Return the flow of layers, in order of application, that compose to the matrix."""
        layout, field = self.layout, self.target.domain
        return CouplingFlow(
            merge_neighbours_drop_identities(layers),
            layout.partition,
            flips=layout.flips,
            method=method,
            field=field,
            order=layout.order,
            derivation=derivation,
        )

    def blocks(self, exchanged: bool = False, half: Half | None = None) -> Blocks:
        """Return the dense blocks of the matrix, the second half first if they are `exchanged`; the
        first row of `half`, unless it is None, is divided by the determinant.
        """
        p, q = self.partition
        blocks = linalg.split(self.matrix.to_dense(), p)
        if exchanged:
            p, blocks = q, linalg.swap_halves(blocks)
        if half is None:
            return blocks
        scale = self._diagonal_ones_except(
            0 if half == "first" else p, self.target.domain.one / self.det
        )
        return linalg.split(linalg.scale_rows(scale, linalg.join(blocks)), p)

    def _diagonal_ones_except(self, place: int, value: Element) -> list[Element]:
        """Return the diagonal that is `value` at one place and 1 elsewhere."""
        one = self.target.domain.one
        return [value if k == place else one for k in range(sum(self.partition))]

    def record_blocks(self, exchanged: bool = False, half: Half | None = None) -> None:
        """Record the blocks that `blocks` returns, as a step of the explanation:
        ``Delta blocks(A, B, C, D) = E M F E^T``, Delta being the scale with the determinant.
        """
        p, q = self.partition
        field, order = self.target.domain, list(self.layout.order)
        phrases, left, right = [f"Split `M` into halves of {p} and {q} coordinates"], "", ""
        if exchanged:
            order = order[p:] + order[:p]
            phrases.append("the second half first")
        if order != sorted(order):
            left, right = "E ", " E^T"
            shown = f"the coordinates in the order {order}" if p + q <= 16 else "in another order"
            phrases.append(f"{shown}, by the permutation matrix `E`")
        if self.layout.flips:
            right = f" F{right}"
            phrases.append("after coordinate 0 is negated, by the signs `F`, since `det(M) < 0`")
        divided = half is not None and self.det != field.one
        if divided:
            phrases.append(
                "and divide a row by the determinant: `Delta`, the scale of a layer, will carry it"
            )

        def dense_blocks() -> dict[str, DomainMatrix]:
            flips, blocks = self.layout.flips, self.blocks(exchanged, half)
            named = {"M": self.target.to_dense()} | nontrivial_order_and_flip_matrices(
                order, flips, field
            )
            if divided:
                place = 0 if half == "first" else blocks.A.shape[0]
                named["Delta"] = linalg.diagonal(self._diagonal_ones_except(place, self.det), field)
            return named | blocks._asdict()

        scale = "Delta " if divided else ""
        text = f"{scale}blocks(A, B, C, D) = {left}M{right}"
        blocks = "`A`, `B`, `C`, `D` are the blocks that result."
        record_step("blocks", f"{', '.join(phrases)}. {blocks}", text, dense_blocks)


def _nonzero_determinant(target: DomainMatrix) -> Element:
    """Compute the determinant, of a signed permutation in linear time; refuse zero."""
    if (signed := find_row_permutation_and_signs(target)) is not None:
        return target.domain.convert(signed_permutation_det(*signed))
    det = target.to_dense().det()
    if not det:
        raise SingularMatrixError(
            f"expected an invertible matrix, got rank {linalg.rank(target)} of {target.shape[0]}: "
            "a flow is invertible, so no flow represents it"
        )
    return det


def _decide_orientation_reversal(det: Element, target: DomainMatrix, scales: Scales) -> bool:
    """Whether det < 0; refuse a determinant that no scale may carry."""
    field = target.domain
    positive = linalg.is_positive(det, field)
    if positive is None and det != field.one and scales == "positive":
        raise OrientationError(
            f"the sign of det(M) = {format_element(det, field)} over {format_field(field)} is "
            f"unknown: {sign_assumption_hint(det, field)}"
            "allow one scale of any sign (scales='nonzero')"
        )
    return positive is False


def format_element(x: Element, field: Domain) -> str:
    """Return an element of a field as text for a message."""
    return format_short(field.to_sympy(x))


def sign_assumption_hint(det: Element, field: Domain) -> str:
    """Return advice on how to declare a determinant of symbols positive; "" for a number."""
    if not field.is_FractionField or field.characteristic():
        return ""
    text = str(field.to_sympy(det))
    relation = f"[{text} > 0]" if len(text) <= 60 else "[det > 0], det being this expression"
    return f"declare it positive (assume={relation}), or "
