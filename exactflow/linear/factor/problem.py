"""Input of a route: a matrix whose determinant a scale may carry, with its properties."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import OrientationError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element, Half, PartitionLike
from exactflow.explanation.steps import order_and_flip_matrices, record_step
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.orientation import CoordinateLayout, Orientation, layout_for
from exactflow.flows.partition import resolve_partition
from exactflow.linear.factor.assembly import merge

if TYPE_CHECKING:
    import numpy as np

Scales: TypeAlias = Literal["positive", "nonzero"]
"""The values that a scale of a factorization may have."""

SCALES: tuple[str, ...] = get_args(Scales)


@dataclass(frozen=True, eq=False)
class Problem:
    """A matrix to be factored, and all that the routes ask about it, computed once.

    `target` has the pads of the layout, if any; `det` is the determinant of `matrix`, to which the
    layers compose. `signed` is the signed permutation that the target is, or None.
    """

    target: DomainMatrix
    layout: CoordinateLayout
    det: Element
    scales: Scales
    signed: "tuple[np.ndarray, np.ndarray] | None"

    @classmethod
    def of(
        cls,
        M: DomainMatrix,
        partition: "PartitionLike | None" = None,
        orientation: Orientation = "error",
        scales: Scales = "positive",
    ) -> "Problem":
        """Return the problem of factoring `M`, after the repair that `orientation` names.

        Raises `InvalidInputError` for a partition that is none, or orientation="pad" with a mask;
        `SingularMatrixError` for det = 0; and `OrientationError` for det < 0 with
        orientation="error", and a determinant that is not known to be positive with
        scales="positive".
        """
        order, sizes = resolve_partition(partition, M.shape[0])
        signed = _signed(M)
        det = _determinant(M, signed)
        reverses = _reverses_orientation(det, M, scales)
        layout = layout_for(order, sizes, orientation, reverses)
        target = layout.padded(M)
        signed = _signed(target) if layout.pads and signed else signed
        return cls(target, layout, -det if reverses else det, scales, signed)

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes of the halves of the layers."""
        return self.layout.partition

    @cached_property
    def matrix(self) -> DomainMatrix:
        """The target after the flips, in the order of the layers."""
        return self.layout.inner(self.target)

    @cached_property
    def monomial(self) -> "tuple[np.ndarray, np.ndarray] | None":
        """The matrix as a signed permutation, None if it is none."""
        return None if self.signed is None else self.layout.inner_signed(*self.signed)

    def flow(
        self,
        layers: Iterable[LinearCoupling],
        method: str,
        explained: Callable[[CouplingFlow], Any] | None = None,
    ) -> CouplingFlow:
        """Return the flow of layers, in order of application, that compose to the matrix."""
        layout, field = self.layout, self.target.domain
        return CouplingFlow(
            merge(layers),
            layout.partition,
            flips=layout.flips,
            method=method,
            field=field,
            order=layout.order,
            derivation=explained,
        )

    def blocks(self, exchanged: bool = False, half: Half | None = None) -> Blocks:
        """Return the dense blocks of the matrix, the second half first where they are exchanged;
        the first row of `half`, unless it is None, is divided by the determinant.
        """
        p, q = self.partition
        blocks = linalg.split(self.matrix.to_dense(), p)
        if exchanged:
            p, blocks = q, linalg.swap_halves(blocks)
        if half is None:
            return blocks
        scale = self._determinant_at(0 if half == "first" else p, self.target.domain.one / self.det)
        return linalg.split(linalg.scale_rows(scale, linalg.join(blocks)), p)

    def _determinant_at(self, place: int, value: Element) -> list[Element]:
        one = self.target.domain.one
        return [value if k == place else one for k in range(sum(self.partition))]

    def tell(self, exchanged: bool = False, half: Half | None = None) -> None:
        """Tell the blocks: ``Delta blocks(A, B, C, D) = E M F E^T``, Delta of the determinant."""
        p, q = self.partition
        field, order = self.target.domain, list(self.layout.order)
        said, left, right = [f"Split `M` into halves of {p} and {q} coordinates"], "", ""
        if exchanged:
            order = order[p:] + order[:p]
            said.append("the second half first")
        if order != sorted(order):
            left, right = "E ", " E^T"
            shown = f"the coordinates in the order {order}" if p + q <= 16 else "in another order"
            said.append(f"{shown}, by the permutation matrix `E`")
        if self.layout.flips:
            right = f" F{right}"
            said.append("after coordinate 0 is negated, by the signs `F`, since `det(M) < 0`")
        divided = half is not None and self.det != field.one
        if divided:
            said.append(
                "and divide a row by the determinant: `Delta`, the scale of a layer, will carry it"
            )

        def values() -> dict[str, DomainMatrix]:
            flips, blocks = self.layout.flips, self.blocks(exchanged, half)
            named = {"M": self.target.to_dense()} | order_and_flip_matrices(order, flips, field)
            if divided:
                place = 0 if half == "first" else blocks.A.shape[0]
                named["Delta"] = linalg.diagonal(self._determinant_at(place, self.det), field)
            return named | blocks._asdict()

        scale = "Delta " if divided else ""
        text = f"{scale}blocks(A, B, C, D) = {left}M{right}"
        blocks = "`A`, `B`, `C`, `D` are the blocks that result."
        record_step("blocks", f"{', '.join(said)}. {blocks}", text, values)


def _signed(matrix: DomainMatrix) -> "tuple[np.ndarray, np.ndarray] | None":
    """Return a rational matrix as a signed permutation, if NumPy is there, which a browser may
    lack.
    """
    if not matrix.domain.is_QQ or matrix.nnz() != matrix.shape[0]:
        return None
    try:
        from exactflow.linear.factor.permutation import signed_permutation
    except ModuleNotFoundError:
        return None

    return signed_permutation(matrix)


def _determinant(target: DomainMatrix, signed: "tuple[np.ndarray, np.ndarray] | None") -> Element:
    """Compute the determinant, of a signed permutation in linear time; refuse zero."""
    if signed is not None:
        from exactflow.linear.factor.permutation import permutation_sign

        return target.domain.convert(permutation_sign(*signed))
    det = target.to_dense().det()
    if not det:
        raise SingularMatrixError(
            f"expected an invertible matrix, got rank {linalg.rank(target)} of {target.shape[0]}: "
            "a flow is invertible, so no flow represents it"
        )
    return det


def _reverses_orientation(det: Element, target: DomainMatrix, scales: Scales) -> bool:
    """Whether det < 0; refuse a det that no scale may carry."""
    field = target.domain
    positive = linalg.is_positive(det, field)
    if positive is None and det != field.one and scales == "positive":
        raise OrientationError(
            f"expected a determinant that is known to be positive, got {shown(det, field)} over "
            f"{field}: {sign_hint(det, field)}let one scale carry it (scales='nonzero')"
        )
    return positive is False


def shown(x: Element, field: Domain) -> str:
    """Return an element of a field as text for a message."""
    return format_short(field.to_sympy(x))


def sign_hint(det: Element, field: Domain) -> str:
    """Advice on how to say that a determinant of symbols is positive; empty for a number."""
    if not field.is_FractionField or field.characteristic():
        return ""
    text = str(field.to_sympy(det))
    relation = f"[{text} > 0]" if len(text) <= 60 else "[det > 0], det being this expression"
    return f"say that it is positive (assume={relation}), or "
