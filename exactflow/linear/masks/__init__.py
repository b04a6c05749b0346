"""Merging of masks: a flow under one mask that equals a composition of flows under many masks.

Main results
------------
**Theorem 17.** Let N affine couplings on d = 2n coordinates have any conditioners, each under its
own mask of n coordinates. Their composition consists of at most 2N - 1 couplings under the mask of
the first one, and a signed permutation of determinant 1: at most 2N + 4 couplings in all. Under any
other mask it consists of at most 2N + 1 couplings and the permutation: at most 2N + 6 in all.

The proof, in the script one_mask, keeps track of the signed place of each coordinate. Let U be the
letter of the half that the last coupling so far moved. If the next coupling moves k coordinates of
the other half, then a signed swap ``U(E) L(-E^T) U(E)`` exchanges k pairs, where E is a 0-1 matrix
with k ones. After it the next coupling has the letter U, too. Both factors U(E) merge with
neighbours of their letter. So each coupling after the first costs itself and at most one L.

A matrix between two couplings takes at most six layers, generically five. Its first and its last
layer merge with the neighbours. The places after it can be chosen so that the next coupling needs
no swap. So N steps of a matrix and a coupling are generically at most 4N + 1 couplings. A
permutation between couplings only renames coordinates.

*Other sizes.* A coupling fits a partition (p, q) if it moves at most p coordinates and reads at
most q others, or moves at most q and reads at most p. For all p and q, N couplings that all fit in
the first way, or all in the second, are 2N - 1 couplings and a signed permutation; they are 2N + 4
couplings in all if p and q differ by at most one. A coupling that moves more coordinates is split
into several. So is a linear coupling that reads more, since shifts add up. But a conditioner that
reads more than n coordinates and is not a sum, such as ``x0 += x1 x2 x3`` for d = 4, cannot be
split.

How it is checked
-----------------
*Formally proved*, for all N and d and over every ring, commutative or not, by ``proofs/rocq``: the
theorem, and the claim that three couplings under one mask do not replace each coupling under
another mask. Every call multiplies out a linear composition and compares it with the product of the
arguments, exactly. A piecewise-linear composition is compared at 2 d points, exactly and in both
directions. The script ``one_mask`` proves the merging identities for all n.
"""

from collections.abc import Iterable, Iterator
from functools import partial, reduce
from itertools import zip_longest
from typing import Any, NamedTuple, TypeAlias

from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_square_matrix, common_field, convert_to_common_field
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import MatrixLike, PartitionLike
from exactflow.explanation import Explanation, Step
from exactflow.explanation.steps import collect_steps, product_step
from exactflow.flows.base import Coupling, Flow
from exactflow.flows.evidence import Evidence
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.flows.nonlinear.merged_coupling import MaskedPart, MergedCoupling
from exactflow.flows.nonlinear.piecewise_coupling import PiecewiseCoupling
from exactflow.flows.orientation import CoordinateLayout, signs_from_flips
from exactflow.flows.partition import moved_and_kept, resolve_partition_or_mask
from exactflow.flows.verification import verify
from exactflow.linear.factor import check_explainable_dimension
from exactflow.linear.masks.mask_builder import OneMaskBuilder, as_masked_part

__all__ = ["merge_masks"]

FlowsAndMatrices: TypeAlias = list[Any]
"""Flows, and matrices as `DomainMatrix`, in order of application."""


def merge_masks(
    flows: "Iterable[Flow | MatrixLike]", *, mask: "PartitionLike | None" = None
) -> Flow:
    """Return one flow under one mask that equals the composition of flows under many masks.

    Forward, inverse and log-determinant of the composition are equal, exactly. Theorem 17, in
    `exactflow.linear.masks`, bounds the number of layers: 2N + 4 for N couplings of d = 2n
    coordinates that move n each.

    Parameters
    ----------
    flows : flows and d x d matrices, in order of application. Each flow of linear or
        piecewise-linear couplings has its own mask, which is its `order`, as in the flow
        ``factor(M, partition=mask)``. The matrices, which may be permutations, have any form that
        `factor` takes.
    mask : (p, q) with p + q = d, or a mask of d zeros and ones, 1 for the first half; by default
        the mask of the first flow.

    Returns
    -------
    CouplingFlow or PiecewiseFlow
        A `CouplingFlow` if all arguments are linear, and else a
        `exactflow.flows.nonlinear.PiecewiseFlow` whose layers contain the given couplings.

    Raises
    ------
    InvalidInputError
        Nothing to compose, unequal dimensions, an item that is neither a flow nor a matrix, or an
        invalid mask.
    SingularMatrixError, OrientationError
        A matrix that is not invertible, or a composition that reverses orientation.

    Examples
    --------
    >>> from exactflow import CouplingFlow, LinearCoupling
    >>> layer = LinearCoupling((2, 2), "second", [[1, 2], [3, 4]], [5, 6])
    >>> first, second = CouplingFlow([layer]), CouplingFlow([layer], order=[0, 2, 1, 3])
    >>> flow = merge_masks([first, second])
    >>> flow.depth <= 8, flow.matrix() == second.matrix() * first.matrix()
    (True, True)
    """
    given = _read_over_common_field(flows)
    builder = _make_builder_with_all_layers(given, mask)
    layers, order, partition = builder.merged_layers(), builder.order, builder.partition
    derivation = partial(_explain_merged_flow, given, mask)
    linear = [layer for layer in layers if isinstance(layer, LinearCoupling)]
    if len(linear) < len(layers):
        merged = PiecewiseFlow(layers, order=order, derivation=derivation)
        _step_comparing_sample_point_images(given, merged).check()
        return merged
    flow = CouplingFlow(
        linear,
        partition,
        method="one mask",
        field=builder.field,
        order=order,
        derivation=derivation,
    )
    verify(flow, _product_of_matrices(_to_dense_matrices(given)))
    return flow


def _make_builder_with_all_layers(
    given: FlowsAndMatrices, mask: "PartitionLike | None"
) -> OneMaskBuilder:
    """Return a builder to which all given flows and matrices, over one field, have been added."""
    d = given[0].shape[0] if isinstance(given[0], DomainMatrix) else given[0].dimension
    first = next((flow for flow in given if isinstance(flow, Flow)), None)
    if mask is None and first is not None:
        order, partition = first.order or tuple(range(d)), first.partition
    else:
        order, partition = resolve_partition_or_mask(mask, d)
    field = given[0].domain if isinstance(given[0], DomainMatrix) else given[0].field
    builder = OneMaskBuilder(order, partition, field)
    steps: list[DomainMatrix | MaskedPart] = []
    for item in given:
        if isinstance(item, DomainMatrix):
            steps.append(item)
            continue
        if isinstance(item, CouplingFlow) and item.flips:
            signs = signs_from_flips(item.flips, range(d), field)
            steps.append(linalg.diagonal(signs, field))
        places = [[(i, 1) for i in half] for half in item.halves]
        for layer in item.layers:
            moved, kept = moved_and_kept(layer.moves, places)
            steps += _split_part(as_masked_part(layer).renumbered(kept, moved), partition)
    for step, following in zip_longest(steps, steps[1:]):
        if isinstance(step, DomainMatrix):
            builder.add_matrix_or_rename_coordinates(
                step, following if isinstance(following, MaskedPart) else None
            )
        else:
            builder.add_coupling_after_needed_swap(step)
    builder.add_layers_restoring_places()
    return builder


def _read_over_common_field(flows_and_matrices: object) -> FlowsAndMatrices:
    """Read flows and matrices, and convert them to the smallest field that contains all entries.

    Raises `InvalidInputError` unless there is at least one, and all have one dimension.
    """
    if isinstance(flows_and_matrices, Flow) or not isinstance(flows_and_matrices, Iterable):
        raise InvalidInputError(
            f"expected a list of flows and matrices, got {format_short(flows_and_matrices)}: "
            "pass [flow, ..]"
        )
    given: FlowsAndMatrices = []
    for item in flows_and_matrices:
        if isinstance(item, LinearCoupling):
            item = CouplingFlow([item])
        elif isinstance(item, Coupling):
            item = PiecewiseFlow([item])
        elif isinstance(item, PiecewiseFlow):
            linear = [layer for layer in item.layers if isinstance(layer, LinearCoupling)]
            if len(linear) == item.depth:
                item = CouplingFlow(linear, item.partition, order=item.order)
        given.append(item if isinstance(item, Flow) else as_square_matrix(item))
    if not given:
        raise InvalidInputError("expected at least one flow or matrix, got none")
    sizes = {item.dimension if isinstance(item, Flow) else item.shape[0] for item in given}
    if len(sizes) > 1:
        raise InvalidInputError(
            f"expected flows and matrices of one dimension, got the dimensions {sorted(sizes)}"
        )
    return _convert_to_common_field(given)


def _convert_to_common_field(given: FlowsAndMatrices) -> FlowsAndMatrices:
    """Return the flows and matrices over the smallest field that contains all their entries.

    Beside flows over GF(p), a rational matrix is converted to GF(p); a rational flow is not.
    """
    matrices = [item for item in given if isinstance(item, DomainMatrix)]
    flows = [item for item in given if isinstance(item, Flow)]
    fields = [flow.field for flow in flows]
    field = common_field(fields + [M.domain for M in matrices if not (fields and M.domain.is_QQ)])
    if not (field.is_QQ or all(isinstance(flow, CouplingFlow) for flow in flows)):
        raise InvalidInputError(
            f"expected rational weights with piecewise-linear couplings, got weights in {field}"
        )
    converted: FlowsAndMatrices = []
    for item in given:
        if isinstance(item, DomainMatrix):
            item = convert_to_common_field(item, field)
        elif isinstance(item, CouplingFlow):
            layers = [x if x.field == field else x.convert_to(field) for x in item.layers]
            item = item.with_layers(layers, field=field)
        converted.append(item)
    return converted


class _Block(NamedTuple):
    """Rows and columns of a shift. Of all blocks with the same rows, the one with `is_first` also
    has the scales of these rows.
    """

    rows: list[int]
    columns: list[int]
    is_first: bool


def _split_part(part: MaskedPart, partition: tuple[int, int]) -> Iterator[MaskedPart]:
    """Split a part into the fewest parts that fit the partition and together equal the part."""
    reads = {
        i: read
        for i, read in _kept_indices_read_by_moved_index(part.layer).items()
        if part.moved[i] is not None
    }
    cuts = [_cut_shift_into_blocks(reads, *sizes) for sizes in (partition, partition[::-1])]
    if isinstance(part.layer, PiecewiseCoupling):
        # a piecewise coupling reads all columns at once, so one block must contain them
        cuts = [blocks for blocks in cuts if all(block.is_first for block in blocks)]
        if not cuts:
            raise InvalidInputError(
                f"the coupling {part.layer!r} reads more than {max(partition)} coordinates at "
                "once, but no half under the mask is larger: choose a mask with a larger half"
            )
    blocks = min(cuts, key=len)
    if isinstance(part.layer, MergedCoupling) and len(blocks) > 1:
        for inner in part.layer.parts:
            yield from _split_part(inner.renumbered(part.kept, part.moved), partition)
        return
    for block in blocks:
        layer = part.layer
        if isinstance(layer, LinearCoupling) and not block.is_first:
            layer = LinearCoupling.trusted(layer.partition, layer.moves, layer.shift_matrix)
        yield MaskedPart(
            layer,
            tuple(place if j in block.columns else None for j, place in enumerate(part.kept)),
            tuple(place if i in block.rows else None for i, place in enumerate(part.moved)),
        )


def _cut_shift_into_blocks(
    columns_read_by_row: dict[int, set[int]], most_rows: int, most_columns: int
) -> list[_Block]:
    """Return blocks of a shift with at most `most_rows` rows and `most_columns` columns each. They
    cover each pair of a row and a column that it reads.
    """
    blocks = []
    for rows in _cut_into_batches(sorted(columns_read_by_row), most_rows):
        columns = sorted(set().union(*(columns_read_by_row[i] for i in rows)))
        for k, batch in enumerate(_cut_into_batches(columns, most_columns) or [[]]):
            blocks.append(_Block(rows, batch, is_first=k == 0))
    return blocks


def _cut_into_batches(items: list[int], size: int) -> list[list[int]]:
    return [items[k : k + size] for k in range(0, len(items), size)]


def _kept_indices_read_by_moved_index(layer: Any) -> dict[int, set[int]]:
    """For each entry of the moved half that the layer changes, find the entries of the kept half
    on which the change depends. Return a dict from indices to sets of indices.
    """
    if isinstance(layer, PiecewiseCoupling):
        return {i: {*layer.functional_coefficients} for i, _ in enumerate(layer.scale_elements)}
    reads: dict[int, set[int]] = {}
    if isinstance(layer, MergedCoupling):
        for part in layer.parts:
            for i, read in _kept_indices_read_by_moved_index(part.layer).items():
                if (place := part.moved[i]) is not None:
                    seen = {see[0] for j in read if (see := part.kept[j]) is not None}
                    reads.setdefault(place[0], set()).update(seen)
        return reads
    reads |= {i: set() for i, scale in enumerate(layer.scale_elements) if scale != layer.field.one}
    for i, j in layer.shift_matrix.to_dok():
        reads.setdefault(i, set()).add(j)
    return reads


def _to_dense_matrices(linear_flows_and_matrices: FlowsAndMatrices) -> list[DomainMatrix]:
    """Return, in the given order, the matrices of the linear flows and the given matrices, as dense
    matrices.
    """
    matrices = (
        x if isinstance(x, DomainMatrix) else x.domain_matrix() for x in linear_flows_and_matrices
    )
    return [matrix.to_dense() for matrix in matrices]


def _product_of_matrices(in_order_of_application: Iterable[DomainMatrix]) -> DomainMatrix:
    return reduce(lambda product, M: M * product, in_order_of_application)


def _explain_merged_flow(
    given: FlowsAndMatrices, mask: "PartitionLike | None", flow: Flow
) -> Explanation:
    """Repeat the construction of a flow under one mask, and explain the flow by the steps of the
    repetition, such as swaps.

    The last steps compare the flow with the composition of the given flows and matrices.
    """
    check_explainable_dimension(flow.dimension)
    with collect_steps() as derivation:
        _make_builder_with_all_layers(given, mask)
    items = "one map" if len(given) == 1 else f"{len(given)} maps"
    couplings = "one coupling" if flow.depth == 1 else f"{flow.depth} couplings"
    claim = f"The composition of {items} is a flow of {couplings} under one mask."
    order = tuple(flow.order or range(flow.dimension))
    claim += CoordinateLayout(flow.partition, order).sentences_if_not_default
    steps = [*derivation.steps]
    if isinstance(flow, CouplingFlow):
        named = {f"g{k}": matrix for k, matrix in enumerate(_to_dense_matrices(given), 1)}
        M = _product_of_matrices(named.values())
        text = f"{' '.join(reversed(named))} = M"
        why = "The maps that were given, in the order in which data meets them."
        steps.append(Step("given", why, text, {}, {**named, "M": M}, flow.field))
        steps.append(product_step(flow, M))
    else:
        steps.append(_step_comparing_sample_point_images(given, flow))
    return Explanation.from_steps_after_checking(claim, steps, flow, Evidence.EXACT)


def _step_comparing_sample_point_images(given: FlowsAndMatrices, flow: Flow) -> Step:
    """Return the step that compares images of sample points under the flow and the given maps.

    It takes the place of a product of matrices, since a piecewise-linear flow has no matrix.
    """
    d = flow.dimension
    points = [[QQ((i + 2) * k % 7 - 3, 1 + k % 3) for i in range(d)] for k in range(2 * d)]
    X = DomainMatrix(points, (2 * d, d), QQ).transpose().to_dense()
    image = X
    for item in given:
        image = item * image if isinstance(item, DomainMatrix) else item._map_exact(image)
    image = image.to_dense()  # SymPy finds sparse and dense matrices different
    why = "The columns of `X` are points, those of `Y` their images under the maps in turn."
    proved = "the flow takes each point to its image, and its inverse takes the image back"

    def are_points_mapped_both_ways() -> bool:
        return bool(flow._map_exact(X) == image and flow.inverse()._map_exact(image) == X)

    values = {"X": X, "Y": image}
    return Step(
        "points", why, "", {}, values, QQ, witness=are_points_mapped_both_ways, proved=proved
    )
