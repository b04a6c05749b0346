"""Layers under one mask, added coupling by coupling, with swaps of coordinates between them.

A *place* is the index of an entry of the vector between two layers: the first p places are the
first half. The swaps and the signed permutations move coordinates from place to place.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import FieldTooSmallError, OrientationError
from exactflow.exact import linalg
from exactflow.exact.numbers import format_element_short, format_field
from exactflow.exact.signed_permutation import find_column_and_sign_of_each_row
from exactflow.exact.typing import Half
from exactflow.explanation.steps import collect_steps, record_step
from exactflow.flows.base import Coupling
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.nonlinear.merged_coupling import MaskedPart, MergedCoupling
from exactflow.flows.partition import opposite
from exactflow.linear.factor import factor
from exactflow.linear.factor.assembly import (
    Scales,
    merge_neighbours_drop_identities,
    with_halves_exchanged,
)


class Placement(NamedTuple):
    """The places and signs of coordinates between two layers: coordinate i is ``sign[i]`` times the
    entry at ``place[i]``.
    """

    place: dict[int, int]
    sign: dict[int, int]

    def copy(self) -> "Placement":
        """Return a copy of the placement; a change of the copy does not change this placement."""
        return Placement(dict(self.place), dict(self.sign))


Pairs: TypeAlias = list[tuple[int, int]]
"""Pairs of coordinates that exchange their places."""


class OneMaskBuilder:
    """A list of layers under one mask that grows, and the places and signs of coordinates after the
    last layer.

    `order` lists the coordinates in the order of their places before the first layer, and `field`
    contains the entries of all layers and matrices.
    """

    def __init__(self, order: Sequence[int], partition: tuple[int, int], field: Domain) -> None:
        self.order, self.partition, self.field = tuple(order), partition, field
        self.home = Placement({i: k for k, i in enumerate(order)}, dict.fromkeys(order, 1))
        # the placement after the last layer; swaps change it in place
        self.placement = self.home.copy()
        self.parts: list[tuple[Half, MaskedPart]] = []
        # counters that number the names of matrices in the explanation
        self.swaps = self.matrices = self.factors = 0

    @property
    def last_half(self) -> Half | None:
        """The half that the last layer moves; None before the first layer."""
        return self.parts[-1][0] if self.parts else None

    def merged_layers(self) -> list[Coupling]:
        """Return the layers so far; neighbours that move the same half are merged, and linear
        layers that are the identity are dropped.
        """
        result: list[Coupling] = []
        for half, run in groupby(self.parts, key=itemgetter(0)):
            parts = [part for _, part in run]
            if all(isinstance(part.layer, LinearCoupling) for part in parts):
                result += merge_neighbours_drop_identities(
                    part.to_linear(self.partition, half) for part in parts
                )
            else:
                result.append(MergedCoupling(self.partition, half, tuple(parts)))
        return result

    def add_coupling_after_needed_swap(self, part: MaskedPart) -> None:
        """Add a coupling. If the coordinates that it moves and the coordinates that it reads are
        not in different halves, first add a swap that separates them.
        """

        def count_new_layers(option: tuple[Half, Pairs]) -> int:
            return (3 if option[1] else 1) - (option[0] == self.last_half)

        half, pairs = min(self._possible_halves_and_swaps(part), key=count_new_layers)
        moves, reads = ([see[0] for see in places if see] for places in (part.moved, part.kept))
        task = f"The next coupling moves coordinates {moves} and reads {reads}."
        if pairs:
            self._add_three_swap_layers(half, pairs, task)
        else:
            record_step(
                "coupling", f"{task} They are in different halves: no swap is needed.", "", {}
            )
        p, (place, sign) = self.partition[0], self.placement
        seen = {i: (k if k < p else k - p, sign[i]) for i, k in place.items()}
        self.parts.append((half, part.renumbered(seen, seen)))

    def add_matrix_or_rename_coordinates(
        self, matrix: DomainMatrix, coupling_to_place_coordinates_for: MaskedPart | None
    ) -> None:
        """Add the layers of a matrix; for a signed permutation, only change the places and signs of
        coordinates.

        The layers of a matrix place the coordinates so that the next coupling, which is
        `coupling_to_place_coordinates_for`, needs no swap.
        """
        if (signed := find_column_and_sign_of_each_row(matrix)) is not None:
            record_step("renaming", "The next matrix only renames coordinates.", "", {})
            (perm, signs), (place, sign) = signed, self.placement
            self.placement = Placement(
                {i: place[j] for i, j in enumerate(perm)},
                {i: sign[j] * signs[i] for i, j in enumerate(perm)},
            )
            return
        before, self.placement = self.placement, self.home.copy()
        half_moved_after_added_layers = None
        if coupling_to_place_coordinates_for is not None:
            options = self._possible_halves_and_swaps(coupling_to_place_coordinates_for)
            half_moved_after_added_layers, pairs = min(
                options, key=lambda option: (len(option[1]), option[0] != self.last_half)
            )
            self._exchange_places_with_signs(pairs)
        inner = _matrix_between_placements(matrix, before, self.placement)
        det, field = inner.det(), inner.domain
        is_positive = linalg.is_positive(det, field)
        if is_positive is None and not field.characteristic():
            raise OrientationError(
                f"the sign of det(M) = {format_element_short(det, field)} over "
                f"{format_field(field)} is unknown for one of the matrices: compose matrices with "
                "positive determinants, and declare symbols, as in Symbol('t', positive=True)"
            )
        if is_positive is False:
            self.placement.sign[self.order[0]] *= -1
            inner = _matrix_between_placements(matrix, before, self.placement)
        why = "The next matrix, between the places of the coordinates before and after it, is"
        self._add_layers_of_matrix_on_places(inner, half_moved_after_added_layers, why)

    def add_layers_restoring_places(self) -> None:
        """Add layers that return each coordinate to its place before the first layer."""
        one = linalg.identity(len(self.order), self.field)
        inner = _matrix_between_placements(one, self.placement, self.home)
        if not self.field.characteristic() and inner.det() != self.field.one:
            raise OrientationError(
                "the composition reverses orientation, but no flow of couplings does: negate one "
                "coordinate, or leave out a flip or an odd permutation"
            )
        self._add_layers_of_matrix_on_places(
            inner, None, "The signed permutation that brings each coordinate home is"
        )

    def _possible_halves_and_swaps(self, part: MaskedPart) -> list[tuple[Half, Pairs]]:
        """Return the halves to which the moved coordinates of a coupling can be brought, each with
        the pairs to swap for this. All coordinates that the coupling reads are brought to the
        opposite half.
        """
        moves = {see[0] for see in part.moved if see}
        reads = {see[0] for see in part.kept if see}
        p, q = self.partition
        sizes: tuple[tuple[Half, int, int], ...] = ("first", p, q), ("second", q, p)
        return [
            (half, self._choose_pairs_to_swap(half, moves, reads))
            for half, size, rest in sizes
            if len(moves) <= size and len(reads) <= rest
        ]

    def _choose_pairs_to_swap(self, half: Half, moves: set[int], reads: set[int]) -> Pairs:
        """Return pairs of coordinates to swap, so that `half` then contains all coordinates `moves`
        and none of the coordinates `reads`.

        Pairs are preferred in which a coordinate returns to its place before the first layer.
        """

        def is_in_half(place_by_coordinate: dict[int, int], coordinate: int) -> bool:
            return (place_by_coordinate[coordinate] < p) == (half == "first")

        p, place, home = self.partition[0], self.placement.place, self.home.place
        inside = [i for i in self.order if is_in_half(place, i)]
        outside = [i for i in self.order if not is_in_half(place, i)]
        enter, leave = [i for i in outside if i in moves], [i for i in inside if i in reads]
        count, bound = max(len(enter), len(leave)), moves | reads
        spare = [i for i in outside if i not in bound], [i for i in inside if i not in bound]
        enter += sorted(spare[0], key=lambda i: not is_in_half(home, i))[: count - len(enter)]
        leave += sorted(spare[1], key=lambda i: is_in_half(home, i))[: count - len(leave)]
        pairs = []
        for i in enter:
            at_home = {j: (place[j] == home[i]) + (place[i] == home[j]) for j in leave}
            j = max(leave, key=at_home.__getitem__)
            leave.remove(j)
            pairs.append((i, j))
        return pairs

    def _exchange_places_with_signs(self, pairs: Pairs) -> dict[tuple[int, int], int]:
        """Exchange the places of the two coordinates of each pair. Return, by the two places, the
        sign e of each exchange (x, y) -> (e y, -e x), where x is the entry in the first half.

        If possible, e makes the signs of both coordinates positive; otherwise it makes one sign
        positive, preferably of a coordinate that returns to its place before the first layer.
        """
        swapped, (place, sign) = {}, self.placement
        for pair in pairs:
            i, j = sorted(pair, key=place.__getitem__)
            a, b = place[i], place[j]
            place[i], place[j] = b, a
            kept = i if sign[i] == sign[j] and b == self.home.place[i] else j
            e = sign[j] if kept == j else -sign[i]
            sign[i], sign[j] = -e * sign[i], e * sign[j]
            swapped[a, b] = e
        return swapped

    def _add_three_swap_layers(
        self, outer_half: Half, pairs: Pairs, coupling_sentence: str
    ) -> None:
        """Add three layers that swap the two coordinates of each pair; the first and the third
        layer move `outer_half`.

        The layers are ``U(E) L(-E^T) U(E)`` or ``L(-E^T) U(E) L(-E^T)``. `coupling_sentence` is
        the sentence of the explanation about the coupling that needs the swap.
        """
        p, q = self.partition
        signs = self._exchange_places_with_signs(pairs).items()
        entries = {(a, b - p): self.field.convert(e) for (a, b), e in signs}
        E = DomainMatrix.from_dok(entries, (p, q), self.field)
        shears: dict[Half, DomainMatrix] = {"first": E, "second": -E.transpose()}
        self.swaps += 1
        K = f"K{self.swaps}"
        U, L = f"U({K})", f"L(-{K}^T)"
        product = f"{U} {L} {U}" if outer_half == "first" else f"{L} {U} {L}"
        swapped = ", ".join(f"{i} and {j}" for i, j in pairs)
        why = (
            f"{coupling_sentence} Three shears swap the places of coordinates {swapped}, one of "
            f"each negated. `{K}` has an entry 1 or -1 for each pair. The last shear and the "
            "coupling move the same half: they are one layer."
        )
        blocks = f"blocks(I - {K} {K}^T, {K}, -{K}^T, I - {K}^T {K})"
        record_step(
            "signed swap", why, f"{product} = {blocks}", {K: E.to_dense()}, "Whitehead's lemma"
        )
        for half in (outer_half, opposite(outer_half), outer_half):
            layer = LinearCoupling.trusted((p, q), half, shears[half])
            self.parts.append((half, as_masked_part(layer)))

    def _add_layers_of_matrix_on_places(
        self,
        matrix: DomainMatrix,
        half_moved_after_added_layers: Half | None,
        start_of_sentence: str,
    ) -> None:
        """Add layers that compose to a matrix whose rows and columns stand in the order of places.

        Of the lists that `yield_layers_from_either_half` yields, the one is added that has the
        fewest layers after merging with the last layer and with the layer that follows the added
        ones, which moves `half_moved_after_added_layers`. `start_of_sentence` begins the sentence
        of the explanation about this matrix.
        """

        def count_new_layers(layers: Sequence[LinearCoupling]) -> int:
            if not layers:
                return 0
            merged = (layers[0].moves == self.last_half) + (
                layers[-1].moves == half_moved_after_added_layers
            )
            return len(layers) - merged

        with collect_steps():  # the explanation does not show the steps of the factorizations
            candidates = list(yield_layers_from_either_half(matrix, self.partition))
        if not candidates:
            raise FieldTooSmallError(
                f"{self.field} has too few elements for the layers of a matrix: use a larger field"
            )
        layers = min(candidates, key=count_new_layers)
        if not layers:
            return
        self.parts += [(layer.moves, as_masked_part(layer)) for layer in layers]
        self.matrices += 1
        N, first = f"N{self.matrices}", self.factors + 1
        self.factors += len(layers)
        names = [f"w{k}" for k in range(first, self.factors + 1)]
        count = "one layer" if len(layers) == 1 else f"{len(layers)} layers"
        why = (
            f"{start_of_sentence} `{N}`. It takes {count}. A neighbour that moves the same half is "
            "merged."
        )
        record_step(
            "matrix",
            why,
            f"{' '.join(reversed(names))} = {N}",
            lambda: {
                N: matrix.to_dense(),
                **{n: x.domain_matrix().to_dense() for n, x in zip(names, layers, strict=True)},
            },
        )


def as_masked_part(layer: Coupling) -> MaskedPart:
    """Return the layer as a part whose coordinates are the indices, from 0, of the entries of each
    half.
    """
    moved, kept = (tuple((k, 1) for k in range(size)) for size in layer.moved_and_kept_sizes)
    return MaskedPart(layer, kept, moved)


def yield_layers_from_either_half(
    matrix: DomainMatrix, partition: tuple[int, int]
) -> Iterator[Sequence[LinearCoupling]]:
    """Yield lists of layers that compose to a matrix: if possible, lists whose first layer moves
    the first half, and lists whose first layer moves the second half.

    The second kind of lists come from the matrix with its halves exchanged or, if the sizes of the
    halves differ, from the inverse. Over GF(p), where no number is positive, a scale may be the
    determinant.
    """
    p, q = partition
    scales: Scales = "nonzero" if matrix.domain.characteristic() else "positive"
    if matrix == linalg.identity(p + q, matrix.domain):
        yield ()
        return
    exchanged = list(range(p, p + q)) + list(range(p))
    is_monomial = find_column_and_sign_of_each_row(matrix) is not None
    for method in ("auto", "commutator") if p == q and not is_monomial else ("auto",):
        with suppress(FieldTooSmallError):
            yield factor(matrix, partition=partition, method=method, scales=scales).layers
        with suppress(FieldTooSmallError):
            if p == q:
                swapped = matrix.extract(exchanged, exchanged)
                mirror = factor(swapped, method=method, scales=scales)
                yield with_halves_exchanged(mirror.layers)
            else:
                inverse = matrix.transpose() if is_monomial else matrix.to_dense().inv()
                flow = factor(inverse, partition=partition, method=method, scales=scales)
                yield flow.inverse().layers


def _matrix_between_placements(
    matrix: DomainMatrix, before: Placement, after: Placement
) -> DomainMatrix:
    """Rewrite a matrix that acts on coordinates as a matrix that acts on places. `before` is the
    placement of the input coordinates, `after` the placement of the output coordinates.
    """
    size, field = matrix.shape[0], matrix.domain
    columns, rows = (sorted(range(size), key=at.place.__getitem__) for at in (before, after))
    inner = matrix.to_dense().extract(rows, columns)
    left = [field.convert(after.sign[i]) for i in rows]
    right = [field.convert(before.sign[j]) for j in columns]
    return linalg.scale_columns(linalg.scale_rows(left, inner), right)
