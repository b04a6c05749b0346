"""Explanations of `approximate`: the construction, and each term of the bound, as steps.

The terms of a W2 bound are checked by other means than they were computed: rational sums exactly,
normal probabilities in mpmath with more digits than the ball arithmetic had. The quantization, and
the terms of a KL bound, are computed anew.
"""

from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise
from typing import Any

import mpmath
from flint import ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import upper
from exactflow.exact.numbers import format_short, format_up, to_element, to_mpf
from exactflow.exact.typing import Element
from exactflow.explanation import Explanation, Step
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.laws.universal.construction import QUANTIZATION, Construction
from exactflow.laws.universal.quantization import grid_bits

LARGEST_EXPLAINED = 4096
"""Atoms, or tiles, of the largest approximation that is explained."""
_MORE_BITS = 64
_THEOREM = "exactflow.laws.universal.approximation"


def explain_w2(found: Any) -> Explanation:
    """Explain a `W2Approximation`: the construction, and each term of its bound."""
    draft = found.parameters
    _check_size("atoms", len(draft.weights))
    numbers = {"delta": draft.delta, "tau": draft.tau, "r": draft.radius}
    first = "b" if draft.depth == 2 else "1, .., N"
    construction = Step(
        "construction",
        f"The target is replaced by {len(draft.weights)} atoms with weights. All {draft.depth} "
        f"layers have the scale `delta`. The first shift takes the values {first}, one on each "
        "plateau of a coordinate of the latent, and changes on ramps of width `tau` between them; "
        f"the {'second' if draft.depth == 2 else 'others'} read which atom is meant within `r` of "
        "its coordinate.",
        "delta > 0, tau > 0, r > 0",
        {},
        numbers,
        QQ,
        _THEOREM,
        witness=lambda: _are_plateaus_mapped(draft, found.flow),
        proved="the middle of each plateau (within the radius r / delta) goes to its atom, plus "
        "delta times the latent",
    )
    steps = [construction, *_w2_terms(found), _sum_step(found, "W2(flow, target)")]
    claim = (
        f"The flow of {draft.depth} couplings has `W2(flow, target)` at most "
        f"``{format_up(found.bound)}``, where ``{format_short(found.eps)}`` was allowed, for "
        f"the target {found.target}."
    )
    return Explanation.from_checked_steps(claim, steps, found, found.evidence)


def explain_kl(found: Any, compute_again: Callable[[], Any]) -> Explanation:
    """Explain a `KLApproximation`: the construction, and the terms of its bound.

    `compute_again` makes the approximation anew.
    """
    terms = found.terms
    _check_size("tiles", terms.tiles)
    layers = (
        "The first layer marks the bands, two map the tiles"
        if found.layers == 4
        else "There is one band, so the first layer is left out; two layers map the tiles"
    )
    construction = Step(
        "construction",
        f"The plane of each pair of coordinates is cut into tiles, {terms.tiles} in all, in "
        f"{terms.columns} columns. Each tile goes to the product of an interval of each latent, "
        f"its slot in one of {terms.bands} bands. {layers}, and the last removes the marks of the "
        "columns. Shifts are linear on ramps, which lie in the margins of the tiles.",
        "",
        {},
        {},
        QQ,
        f"exactflow.laws.universal.kl_approximation, {found.layers} layers",
        witness=lambda: _is_inverse_exact_at_points(found.flow),
        proved="the inverse of the layers returns points of the plane exactly",
    )
    names = "cells", "ramps", "tails"
    values = {name: to_element(getattr(terms, name)) for name in names}
    bounds = Step(
        "terms",
        "`cells` bounds the loss of the affine maps on the tiles, `ramps` the loss in their "
        "margins, `tails` the loss outside of all tiles.",
        "ramps >= 0, tails >= 0",
        {},
        values,
        QQ,
        witness=lambda: bool(compute_again().terms == terms),
        proved="the terms, computed anew in ball arithmetic",
    )
    least = f"``{format_up(found.lower_bound)}`` + " * bool(found.lower_bound)
    claim = (
        f"The flow of {found.layers} couplings has `KL(target, flow)` at most "
        f"``{format_up(found.bound)}``, where {least}``{format_short(found.eps)}`` was allowed, "
        f"for the target {found.target}."
    )
    steps = [construction, bounds, _sum_step(found, "KL(target, flow)")]
    return Explanation.from_checked_steps(claim, steps, found, found.evidence)


def _check_size(what: str, count: int) -> None:
    if count > LARGEST_EXPLAINED:
        raise InvalidInputError(
            f"an explanation checks each of the {what}, at most {LARGEST_EXPLAINED}, but there are "
            f"{count}: explain an approximation with a larger eps"
        )


def _sum_step(found: Any, distance: str) -> Step:
    """Return the step that adds up the terms of a bound and compares the sum with eps."""
    names = [name for name in found.terms._fields if name not in ("tiles", "columns", "bands")]
    names = [name for name in names if name != "digits"]
    values = {name: to_element(getattr(found.terms, name)) for name in names}
    least, eps = to_element(getattr(found, "lower_bound", 0)), to_element(found.eps)
    allowed = "least + eps" if least else "eps"
    why = f"The distance `{distance}` is at most `bound`, the sum of the terms."
    why += " `least` bounds the distance of all volume-preserving maps from below." * bool(least)
    text = f"{' + '.join(names)} = bound, bound <= {allowed}"
    made = {"bound": to_element(found.bound), "eps": eps} | ({"least": least} if least else {})
    return Step("bound", why, text, values, made, QQ)


def _w2_terms(found: Any) -> Iterator[Step]:
    """Yield a step for each term of a W2 bound."""
    draft, terms = found.parameters, found.terms
    mpmath_sum = "is at least this number, computed in mpmath with more digits"

    def step(name: str, why: str, check: Callable | None = None, **rest: Any) -> Step:
        after = rest.get("made", {}) | {name: to_element(getattr(terms, name))}
        text, before = rest.get("text", f"{name} >= 0"), rest.get("given", {})
        proved = f"`{name}` {rest.get('proved', mpmath_sum)}"
        return Step(name, why, text, before, after, QQ, witness=check, proved=proved)

    yield step(
        "quantization",
        "The distance between the target and the atoms at the centers of their cells.",
        lambda: _is_requantization_equal(found),
        proved="is at least this distance, computed in ball arithmetic once more",
    )
    moves = zip(draft.weights, draft.moved.tolist(), strict=True)
    mean_square = sum((w * (move * move) for w, move in moves), QQ.zero) / 4**draft.bits
    yield step(
        "spread",
        "Atoms were moved apart until a coordinate tells them from each other. `m` is the mean of "
        "the squares of these moves.",
        text="m <= spread spread",
        made={"m": mean_square},
    )
    yield step(
        "weights",
        "The diameter of the atoms times the root of the sum of the differences between the "
        "Gaussian mass below each knot and the weight of the atoms before it.",
        lambda: _is_weights_error_bounded(draft, to_element(terms.weights)),
    )
    d, m = draft.atoms.shape[1], draft.atoms[0, draft.moved_and_kept[0]].size
    noise = f"{d} delta delta"
    if draft.depth == 3:
        noise = f"{d - m} delta delta + {m} delta delta delta delta"
    yield step(
        "noise",
        "On a plateau the flow adds a multiple of the latent to the atom.",
        text=f"{noise} <= noise noise",
        given={"delta": draft.delta},
    )
    yield step(
        "ramps",
        "The root of the sum, over ramps, of their Gaussian masses times the squares of the steps "
        "between neighbouring atoms.",
        lambda: _are_ramps_bounded(draft, to_element(terms.ramps)),
    )
    yield step(
        "tails",
        "The diameter of the images times the root of the probability that the latent leaves the "
        "plateaus of a later layer.",
        lambda: _are_tails_bounded(draft, to_element(terms.tails)),
    )


def _is_requantization_equal(found: Any) -> bool:
    """Whether a new quantization of the target has the same weights, centers and error."""
    draft, eps = found.parameters, to_element(found.eps)
    bits = grid_bits(min(eps, QQ.one) ** 2)
    with ctx.workprec(2 * bits):
        cells = found.target.quantize(QUANTIZATION * eps, bits)
        error = QQ.to_sympy(upper(cells.error))
    centers = draft.atoms.copy()
    centers[:, draft.carrier] -= draft.moved
    atoms = sorted(zip(centers.tolist(), draft.weights, strict=True))
    given = sorted(zip(cells.centers.tolist(), cells.weights, strict=True))
    return atoms == given and bool(error <= found.terms.quantization)


def _are_plateaus_mapped(draft: Construction, flow: PiecewiseFlow) -> bool:
    """Whether the flow takes the middle of each plateau to its atom plus delta times the latent."""
    _, kept = draft.moved_and_kept
    starts = [None, *(knot + draft.tau for knot in draft.knots)]
    ends = [*(knot - draft.tau for knot in draft.knots), None]
    columns, images = [], []
    for atom, start, end in zip(draft.exact_atoms, starts, ends, strict=True):
        known = [x for x in (start, end) if x is not None]
        middle = sum(known, QQ.zero) / max(len(known), 1)
        if abs(draft.delta * middle) > draft.radius:
            continue
        latent = [QQ.zero] * len(atom)
        latent[kept.start or 0] = middle
        columns.append(latent)
        images.append([a + draft.delta * z for a, z in zip(atom, latent, strict=True)])
    found = (flow.forward([QQ.to_sympy(z) for z in latent]) for latent in columns)
    return bool(columns) and all(
        list(x) == [QQ.to_sympy(y) for y in image] for x, image in zip(found, images, strict=True)
    )


def _is_weights_error_bounded(draft: Construction, term: Element) -> bool:
    """Whether D^2 times the sum of differences of masses is at most the square of the term."""
    masses = list(accumulate(draft.weights))
    with _precise_context(term):
        total = sum(
            abs(mpmath.ncdf(to_mpf(knot)) - to_mpf(mass))
            for knot, mass in zip(draft.knots, masses, strict=False)
        )
        return bool(to_mpf(_squared_diameter(draft, slice(None))) * total <= to_mpf(term) ** 2)


def _are_ramps_bounded(draft: Construction, term: Element) -> bool:
    """Whether the mean square of the steps on ramps is at most the square of the term."""
    half, excess = draft.tau / 2, draft.delta if draft.depth == 3 else QQ.zero
    with _precise_context(term):
        total = mpmath.mpf(0)
        for knot, (one, other) in zip(draft.knots, pairwise(draft.exact_atoms), strict=True):
            square = sum(((b - a) ** 2 for a, b in zip(one, other, strict=True)), QQ.zero)
            mass = mpmath.ncdf(to_mpf(knot + half)) - mpmath.ncdf(to_mpf(knot - half))
            total += mass * (mpmath.sqrt(to_mpf(square)) + to_mpf(excess)) ** 2
        return bool(total <= to_mpf(term) ** 2)


def _are_tails_bounded(draft: Construction, term: Element) -> bool:
    """Whether V^2 P(T) is at most the square of the term, in the notation of the theorem."""
    moved, kept = draft.moved_and_kept
    with _precise_context(term):
        delta = to_mpf(draft.delta)
        mass, labels = mpmath.erfc(to_mpf(draft.radius) / delta / mpmath.sqrt(2)), mpmath.mpf(0)
        if draft.depth == 3:
            mass += mpmath.erfc(1 / (4 * delta) / mpmath.sqrt(2))
            labels = delta * (len(draft.atoms) - 1)
        one, other = (to_mpf(_squared_diameter(draft, half)) for half in (kept, moved))
        square = one + (mpmath.sqrt(other) + labels) ** 2
        return bool(square * mass <= to_mpf(term) ** 2)


def _squared_diameter(draft: Construction, coordinates: slice) -> Element:
    """Return the square of the diagonal of the box around some coordinates of the atoms."""
    columns = draft.atoms[:, coordinates].T.tolist()
    return QQ(sum((max(column) - min(column)) ** 2 for column in columns), 4**draft.bits)


def _precise_context(term: Element) -> Any:
    """Return a context of mpmath in which sums are much finer than the square of a term."""
    bits = 2 * (term.denominator.bit_length() - term.numerator.bit_length()) if term else 0
    return mpmath.workprec(max(bits, 0) + 128 + 2 * _MORE_BITS)


def _is_inverse_exact_at_points(flow: PiecewiseFlow) -> bool:
    """Whether the inverse maps the images of some rational points back to these points."""
    d, inverse = flow.dimension, flow.inverse()
    points = [[QQ.to_sympy(QQ(i * (k + 1), 7)) for i in range(d)] for k in range(-3, 4)]
    return all(list(inverse.forward(list(flow.forward(x)))) == x for x in points)
