"""The input of a route: a matrix to factor, with the properties that routes ask for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy import Symbol
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import OrientationError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.numbers import format_element_short, format_field
from exactflow.exact.signed_permutation import (
    find_column_and_sign_of_each_row,
    signed_permutation_det,
)
from exactflow.exact.typing import Element, Half, PartitionLike
from exactflow.explanation.steps import nontrivial_order_and_flip_matrices, record_step
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.orientation import (
    CoordinateLayout,
    Orientation,
    choose_plain_flipped_or_padded_layout,
)
from exactflow.flows.partition import resolve_partition_or_mask
from exactflow.linear.factor.assembly import Scales, merge_neighbours_drop_identities


@dataclass(frozen=True, eq=False)
class Problem:
    """A matrix to factor, with properties that are computed once.

    `target` is this matrix, with the pads of the layout, if any. The layers compose to
    `matrix_of_layers`, whose determinant is `det`; one scale entry `det` gives the layers this
    determinant.
    """

    target: DomainMatrix
    layout: CoordinateLayout
    det: Element
    scales: Scales

    @classmethod
    def from_matrix(
        cls,
        M: DomainMatrix,
        partition: "PartitionLike | None" = None,
        orientation: Orientation = "error",
        scales: Scales = "positive",
    ) -> "Problem":
        """Return the problem of factoring `M`; `orientation` names the repair if det M < 0.

        Raises `InvalidInputError` for an invalid partition, or orientation="pad" with a mask;
        `SingularMatrixError` for det = 0; and `OrientationError` for det < 0 with
        orientation="error", and for a determinant of unknown sign with scales="positive".
        """
        order, sizes = resolve_partition_or_mask(partition, M.shape[0])
        field = M.domain
        if (signed := find_column_and_sign_of_each_row(M)) is not None:  # this takes linear time
            det = field.convert(signed_permutation_det(*signed))
        elif not (det := M.to_dense().det()):
            raise SingularMatrixError(
                "expected an invertible matrix, got a singular one (rank "
                f"{linalg.rank(M)} of {M.shape[0]}): a flow is invertible, so no flow represents it"
            )
        positive = linalg.is_positive(det, field)
        if positive is None and det != field.one and scales == "positive":
            raise OrientationError(
                f"the sign of det(M) = {format_element_short(det, field)} over "
                f"{format_field(field)} is unknown: "
                f"{hint_to_assume_positive_det_or_empty(det, field)}"
                "allow one scale of any sign (scales='nonzero')"
            )
        reverses = positive is False
        layout = choose_plain_flipped_or_padded_layout(order, sizes, orientation, reverses)
        return cls(layout.append_swapped_pads_if_any(M), layout, -det if reverses else det, scales)

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes of the halves of the layers."""
        return self.layout.partition

    @cached_property
    def matrix_of_layers(self) -> DomainMatrix:
        """The product of the layers: the target after the flips and the reordering of coordinates
        that `layout` describes.
        """
        return self.layout.flip_and_reorder_matrix(self.target)

    @cached_property
    def rational_signed_permutation(self) -> tuple[list[int], list[int]] | None:
        """The (perm, signs) for which the target is ``y[i] = signs[i] * x[perm[i]]``, if it is a
        signed permutation over QQ, else None.
        """
        return find_column_and_sign_of_each_row(self.target) if self.target.domain.is_QQ else None

    def merge_into_unverified_flow(
        self,
        layers: Iterable[LinearCoupling],
        method: str,
        derivation: Callable[[CouplingFlow], Any] | None = None,
    ) -> CouplingFlow:
        """Return a flow of the layers, with neighbours merged and without identities. The flow is
        not compared with the target.

        The layers are in order of application.
        """
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

    def split_into_blocks(
        self, exchanged: bool = False, half_with_divided_row: Half | None = None
    ) -> Blocks:
        """Return the dense blocks of `matrix_of_layers`, the second half first if `exchanged`.

        The first row of the half `half_with_divided_row` is divided by the determinant.
        """
        p, q = self.partition
        blocks = linalg.split(self.matrix_of_layers.to_dense(), p)
        if exchanged:
            p, blocks = q, linalg.swap_halves(blocks)
        if half_with_divided_row is None:
            return blocks
        scale = self._full_diagonal_of_ones_except(
            0 if half_with_divided_row == "first" else p, self.target.domain.one / self.det
        )
        return linalg.split(linalg.scale_rows(scale, linalg.join(blocks)), p)

    def _full_diagonal_of_ones_except(self, place: int, value: Element) -> list[Element]:
        """Return the diagonal of a d x d matrix: the given value at `place`, and 1 elsewhere."""
        one = self.target.domain.one
        return [value if k == place else one for k in range(sum(self.partition))]

    def record_step_of_blocks(
        self, exchanged: bool = False, half_with_divided_row: Half | None = None
    ) -> None:
        """Record a step of the explanation: the result of `split_into_blocks` with these arguments.

        The step shows ``Delta blocks(A, B, C, D) = E M F E^T``, where the permutation matrix E
        reorders the coordinates, the diagonal matrix F contains the flips, and the diagonal matrix
        Delta multiplies a row by the determinant.
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
        divided = half_with_divided_row is not None and self.det != field.one
        if divided:
            phrases.append(
                "and divide a row by the determinant: `Delta`, the scale of a layer, will carry it"
            )

        def named_matrices() -> dict[str, DomainMatrix]:
            flips = self.layout.flips
            blocks = self.split_into_blocks(exchanged, half_with_divided_row)
            named = {"M": self.target.to_dense()} | nontrivial_order_and_flip_matrices(
                order, flips, field
            )
            if divided:
                place = 0 if half_with_divided_row == "first" else blocks.A.shape[0]
                named["Delta"] = linalg.diagonal(
                    self._full_diagonal_of_ones_except(place, self.det), field
                )
            return named | blocks._asdict()

        scale = "Delta " if divided else ""
        text = f"{scale}blocks(A, B, C, D) = {left}M{right}"
        blocks = "`A`, `B`, `C`, `D` are the blocks that result."
        record_step("blocks", f"{', '.join(phrases)}. {blocks}", text, named_matrices)


def hint_to_assume_positive_det_or_empty(det: Element, field: Domain) -> str:
    """Return advice that makes the sign of a determinant known, followed by "or": to assume that it
    is positive, or to replace exponentials by symbols. Return "" for a determinant without symbols,
    over GF(p), and with imaginary numbers or symbols.
    """
    if not field.is_FractionField or not (field.domain.is_ZZ or field.domain.is_QQ):
        return ""
    if any(x.is_real is False for x in field.symbols):
        return ""
    if not all(isinstance(x, Symbol) for x in field.symbols):
        return "replace exponentials by positive symbols, or "
    text = str(field.to_sympy(det))
    relation = f"[{text} > 0]" if len(text) <= 60 else "[det > 0], det being this expression"
    return f"declare it positive (assume={relation}), or "
