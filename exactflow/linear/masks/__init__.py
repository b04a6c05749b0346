"""One mask for everything: flows under many masks are flows under one.

Main results
------------
**Theorem 17.** N affine couplings on d = 2n coordinates with any conditioners, each under a mask of
n coordinates of its own, are at most 2N - 1 couplings under the mask of the first one, followed by
a signed permutation of determinant 1: at most 2N + 4 in all. Under another mask they are at most
2N + 1 and the permutation: 2N + 6 in all.

The proof, in the script one_mask, carries a signed placement of the coordinates. Let U move the
half that the last coupling so far moved. The signed swap of k pairs is ``U(E) L(-E^T) U(E)``, E a
0-1 matrix with k ones; after it the next coupling moves the half of U, too, and both factors U(E)
merge with a coupling of their letter: each coupling after the first costs at most one L and itself.

A matrix between two couplings takes at most six layers, generically five, both ends of which merge;
the placement after it is free, so the next coupling needs no swap: N steps of (matrix, coupling)
are generically at most 4N + 1 couplings. A permutation between them only renames coordinates.

*Other sizes.* A coupling fits a partition (p, q) if it moves at most p coordinates, and reads at
most q others, or the other way round. N that fit in the same way round are 2N - 1 couplings and a
signed permutation, for all p and q: 2N + 4 in all where p and q differ by at most one. One that
moves more is several, and so is a linear one that reads more, since shifts add up. A conditioner of
more than n coordinates that is no sum, as in ``x0 += x1 x2 x3`` for d = 4, has no such form; those
of this package read one coordinate each.

How it is checked
-----------------
*Formally proved*, for all N and d and over every ring, commutative or not, by ``proofs/rocq``: the
theorem, and that three couplings under one mask do not replace one under another. Linear
compositions are multiplied out and compared with the product of what was given, exactly, on every
call. The script ``one_mask`` proves the merging identities for all n, and compares compositions at
points, exactly.
"""

from collections.abc import Iterable, Iterator
from functools import partial, reduce
from itertools import zip_longest
from typing import Any, NamedTuple

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_matrix, common_field, over_common_field
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import MatrixLike, PartitionLike
from exactflow.flows.base import Coupling, Flow
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.flows.nonlinear.merged_coupling import MaskedPart, MergedCoupling
from exactflow.flows.nonlinear.piecewise_coupling import PiecewiseCoupling
from exactflow.flows.orientation import flip_signs
from exactflow.flows.partition import moved_and_kept, resolve_partition
from exactflow.flows.verification import verify
from exactflow.linear.masks.explaining import explain_merged, matrices_of
from exactflow.linear.masks.mask_builder import OneMaskBuilder, whole

__all__ = ["merge_masks"]


def merge_masks(
    flows: "Iterable[Flow | MatrixLike]", *, mask: "PartitionLike | None" = None
) -> Flow:
    """Return one flow under one mask that equals the composition of flows under many.

    Forward, inverse and log-determinant are those of the composition, exactly. Theorem 17, in
    `exactflow.linear.masks`, says how many layers there are at most: 2N + 4 for N couplings of d =
    2n coordinates that move n each.

    Parameters
    ----------
    flows : what data meets, in this order: flows of couplings, linear or piecewise linear, each
        under a mask of its own (its `order`, as ``factor(M, partition=mask)`` gives it), and d x d
        matrices, permutations among them, in any form that `factor` takes.
    mask : (p, q) with p + q = d, or a mask of d zeros and ones, 1 for the first half; where it is
        left out, that of the first flow.

    Returns
    -------
    CouplingFlow
        Where all that is given is linear; else a `exactflow.flows.nonlinear.PiecewiseFlow`, with
        layers that hold the given couplings.

    Raises
    ------
    InvalidInputError
        Nothing to compose, unequal dimensions, what is no flow and no matrix, a mask that is none.
    SingularMatrixError, OrientationError
        A matrix that is not invertible; a composition that reverses orientation.

    Examples
    --------
    >>> from exactflow import CouplingFlow, LinearCoupling
    >>> layer = LinearCoupling((2, 2), "second", [[1, 2], [3, 4]], [5, 6])
    >>> first, second = CouplingFlow([layer]), CouplingFlow([layer], order=[0, 2, 1, 3])
    >>> flow = merge_masks([first, second])
    >>> flow.depth <= 8, flow.matrix() == second.matrix() * first.matrix()
    (True, True)
    """
    given = _as_steps(flows)
    builder = _build(given, mask)
    layers, order, partition = builder.layers(), builder.order, builder.partition
    derivation = partial(explain_merged, given, partial(_build, given, mask))
    linear = [layer for layer in layers if isinstance(layer, LinearCoupling)]
    if len(linear) < len(layers):
        return PiecewiseFlow(layers, order=order, derivation=derivation)
    flow = CouplingFlow(
        linear,
        partition,
        method="one mask",
        field=builder.field,
        order=order,
        derivation=derivation,
    )
    _verify_linear(flow, given)
    return flow


def _build(given: list, mask: "PartitionLike | None") -> OneMaskBuilder:
    """Add flows and matrices, of one dimension and over one field, under a mask."""
    d = given[0].shape[0] if isinstance(given[0], DomainMatrix) else given[0].dimension
    first = next((flow for flow in given if isinstance(flow, Flow)), None)
    if mask is None and first is not None:
        order, partition = first.order or tuple(range(d)), first.partition
    else:
        order, partition = resolve_partition(mask, d)
    field = given[0].domain if isinstance(given[0], DomainMatrix) else given[0].field
    builder = OneMaskBuilder(order, partition, field)
    steps = [step for item in given for step in _fitting_parts(item, partition)]
    for step, following in zip_longest(steps, steps[1:]):
        if isinstance(step, DomainMatrix):
            builder.add_matrix(step, following if isinstance(following, MaskedPart) else None)
        else:
            builder.add_coupling(step)
    builder.restore_places()
    return builder


def _as_steps(flows: object) -> list:
    """Return flows, linear or not, and matrices, all of one dimension and over one field."""
    if isinstance(flows, Flow) or not isinstance(flows, Iterable):
        raise InvalidInputError(
            f"expected a list of flows and matrices, got {format_short(flows)}: [flow, matrix, ..]"
        )
    given: list = []
    for item in flows:
        if isinstance(item, LinearCoupling):
            item = CouplingFlow([item])
        elif isinstance(item, Coupling):
            item = PiecewiseFlow([item])
        elif isinstance(item, PiecewiseFlow):
            item = _as_linear(item)
        given.append(item if isinstance(item, Flow) else as_matrix(item))
    if not given:
        raise InvalidInputError("expected at least one flow or matrix, got none")
    sizes = {item.dimension if isinstance(item, Flow) else item.shape[0] for item in given}
    if len(sizes) > 1:
        raise InvalidInputError(
            f"expected flows and matrices of one dimension, got {sorted(sizes)}"
        )
    return _over_one_field(given)


def _as_linear(flow: PiecewiseFlow) -> Flow:
    """Return a flow whose layers are all linear as a `CouplingFlow`, any other as it is."""
    linear = [layer for layer in flow.layers if isinstance(layer, LinearCoupling)]
    if len(linear) < flow.depth:
        return flow
    return CouplingFlow(linear, flow.partition, order=flow.order)


def _over_one_field(given: list) -> list:
    """Return flows and matrices over the least field that holds all of them; rational matrices
    enter GF(p), rational flows do not.
    """
    matrices = [item for item in given if isinstance(item, DomainMatrix)]
    flows = [item for item in given if isinstance(item, Flow)]
    fields = [flow.field for flow in flows]
    field = common_field(fields + [M.domain for M in matrices if not (fields and M.domain.is_QQ)])
    if not (field.is_QQ or all(isinstance(flow, CouplingFlow) for flow in flows)):
        raise InvalidInputError(
            f"expected rational weights beside piecewise-linear couplings, got weights in {field}"
        )
    return [
        over_common_field(item, field)
        if isinstance(item, DomainMatrix)
        else _flow_over(item, field)
        for item in given
    ]


def _flow_over(flow: Flow, field: Domain) -> Flow:
    """Return a flow over a field that holds its own; a piecewise-linear one is over QQ."""
    if not isinstance(flow, CouplingFlow):
        return flow
    layers = [layer if layer.field == field else layer.over(field) for layer in flow.layers]
    return flow.with_layers(layers, field=field)


def _verify_linear(flow: CouplingFlow, given: list) -> None:
    """Compare a flow with the product of the flows and matrices given."""
    verify(flow, reduce(lambda product, M: M * product, matrices_of(given)))


def _fitting_parts(item: "Flow | DomainMatrix", partition: tuple[int, int]) -> Iterator:
    """Yield a flow as parts that fit the partition, in the user's coordinates, or the matrix."""
    if isinstance(item, DomainMatrix):
        yield item
        return
    if isinstance(item, CouplingFlow) and item.flips:
        signs = flip_signs(item.flips, range(item.dimension), item.field)
        yield linalg.diagonal(signs, item.field)
    places = [[(i, 1) for i in half] for half in item.halves]
    for layer in item.layers:
        moved, kept = moved_and_kept(layer.moves, places)
        yield from _fitting(whole(layer).seen_through(kept, moved), partition)


class _Block(NamedTuple):
    """Rows and columns of a shift; the first block of some rows also holds their scales."""

    rows: list[int]
    columns: list[int]
    is_first: bool


def _fitting(part: MaskedPart, partition: tuple[int, int]) -> Iterator[MaskedPart]:
    """Yield parts that compose to the part and fit the partition, as few as there are."""
    reads = {i: read for i, read in _dependence(part.layer).items() if part.moved[i] is not None}
    cuts = [_blocks(reads, *sizes) for sizes in (partition, partition[::-1])]
    if isinstance(part.layer, PiecewiseCoupling):  # a function reads all its coordinates at once
        cuts = [blocks for blocks in cuts if all(block.is_first for block in blocks)]
        if not cuts:
            raise InvalidInputError(
                f"expected couplings that read at most {max(partition)} coordinates at once, got "
                f"{part.layer!r}: a larger half keeps what it reads"
            )
    blocks = min(cuts, key=len)
    if isinstance(part.layer, MergedCoupling) and len(blocks) > 1:
        for inner in part.layer.parts:
            yield from _fitting(inner.seen_through(part.kept, part.moved), partition)
    else:
        yield from (_restricted(part, block) for block in blocks)


def _blocks(reads: dict[int, set[int]], most_moved: int, most_read: int) -> list[_Block]:
    """Return blocks of bounded size that cover a shift, given the columns that each row reads."""
    blocks = []
    for rows in _batches(sorted(reads), most_moved):
        columns = sorted(set().union(*(reads[i] for i in rows)))
        for k, batch in enumerate(_batches(columns, most_read) or [[]]):
            blocks.append(_Block(rows, batch, is_first=k == 0))
    return blocks


def _batches(items: list[int], size: int) -> list[list[int]]:
    return [items[k : k + size] for k in range(0, len(items), size)]


def _restricted(part: MaskedPart, block: _Block) -> MaskedPart:
    """Return a part that moves only the rows of a block, and reads only its columns."""
    layer = part.layer
    if isinstance(layer, LinearCoupling) and not block.is_first:
        layer = LinearCoupling.trusted(layer.partition, layer.moves, layer.shift_matrix)
    return MaskedPart(
        layer,
        tuple(place if j in block.columns else None for j, place in enumerate(part.kept)),
        tuple(place if i in block.rows else None for i, place in enumerate(part.moved)),
    )


def _dependence(layer: Any) -> dict[int, set[int]]:
    """Return, for each coordinate that a layer changes, the kept coordinates that it reads."""
    if isinstance(layer, PiecewiseCoupling):
        return {i: {*layer.terms} for i, _ in enumerate(layer.scale_elements)}
    reads: dict[int, set[int]] = {}
    if isinstance(layer, MergedCoupling):
        for part in layer.parts:
            for i, read in _dependence(part.layer).items():
                if (place := part.moved[i]) is not None:
                    seen = {see[0] for j in read if (see := part.kept[j]) is not None}
                    reads.setdefault(place[0], set()).update(seen)
        return reads
    reads |= {i: set() for i, scale in enumerate(layer.scale_elements) if scale != layer.field.one}
    for i, j in layer.shift_matrix.to_dok():
        reads.setdefault(i, set()).add(j)
    return reads
