"""Explanations of the results of `approximate`: steps that check each term of a bound.

The terms of a W2 bound are checked by another method than the one that computed them: rational sums
exactly, normal probabilities in mpmath with more digits than the ball arithmetic had. The
quantization, and the terms of a KL bound, are computed once more.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
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
from exactflow.laws.universal.construction import QUANTIZATION, Construction, W2Bound
from exactflow.laws.universal.quantization import grid_bits_far_below_error

LARGEST_EXPLAINED = 4096
"""The largest number of atoms, or tiles, that an explanation checks."""
_THEOREM = "exactflow.laws.universal.approximation"


def explain_w2(result: Any) -> Explanation:
    """Explain the construction of a `W2Approximation`, and each term of its bound."""
    parameters = result.parameters
    _check_explainable_count("atoms", len(parameters.weights))
    numbers = {"delta": parameters.delta, "tau": parameters.tau, "r": parameters.radius}
    first, later = ("b", "second reads") if parameters.depth == 2 else ("1, .., N", "others read")
    construction = Step(
        "construction",
        f"The target is replaced by {len(parameters.weights)} atoms with weights. All "
        f"{parameters.depth} layers have the scale `delta`. The first shift takes the values "
        f"{first}, one on each plateau of a coordinate of the latent, and changes on ramps of "
        f"width `tau` between them; the {later} which atom is meant within `r` of its coordinate.",
        "delta > 0, tau > 0, r > 0",
        {},
        numbers,
        QQ,
        _THEOREM,
        witness=lambda: _are_plateau_middles_mapped_correctly(parameters, result.flow),
        proved="the middle of each plateau (within the radius r / delta) goes to its atom, plus "
        "delta times the latent",
    )
    steps = [
        construction,
        *_w2_term_steps(result),
        _sum_at_most_eps_step(result, "W2(flow, target)"),
    ]
    claim = (
        f"The flow of {parameters.depth} couplings has `W2(flow, target)` at most "
        f"``{format_up(result.bound)}``, where ``{format_short(result.eps)}`` was allowed, for "
        f"the target {result.target}."
    )
    return Explanation.from_steps_after_checking(claim, steps, result, result.evidence)


def explain_kl(result: Any, recompute_approximation: Callable[[], Any]) -> Explanation:
    """Explain the construction of a `KLApproximation`, and the terms of its bound.

    `recompute_approximation` computes the approximation a second time, to compare the terms.
    """
    terms = result.terms
    _check_explainable_count("tiles", terms.tiles)
    layers = (
        "The first layer marks the bands, two map the tiles"
        if result.layers == 4
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
        f"exactflow.laws.universal.kl_approximation, {result.layers} layers",
        witness=lambda: _is_inverse_exact_at_seven_points(result.flow),
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
        witness=lambda: bool(recompute_approximation().terms == terms),
        proved="the terms, computed anew in ball arithmetic",
    )
    least = f"``{format_up(result.lower_bound)}`` + " * bool(result.lower_bound)
    claim = (
        f"The flow of {result.layers} couplings has `KL(target, flow)` at most "
        f"``{format_up(result.bound)}``, where {least}``{format_short(result.eps)}`` was allowed, "
        f"for the target {result.target}."
    )
    steps = [construction, bounds, _sum_at_most_eps_step(result, "KL(target, flow)")]
    return Explanation.from_steps_after_checking(claim, steps, result, result.evidence)


def _check_explainable_count(plural_noun: str, count: int) -> None:
    """Raise `InvalidInputError` if `count` atoms or tiles are too many for an explanation."""
    if count > LARGEST_EXPLAINED:
        raise InvalidInputError(
            f"an explanation checks at most {LARGEST_EXPLAINED} {plural_noun}, but this "
            f"approximation has {count}: explain an approximation with a larger eps"
        )


def _sum_at_most_eps_step(result: Any, distance_text: str) -> Step:
    """Return the step that adds the terms of a bound and compares their sum with eps.

    `distance_text` names the distance in the text of the step, as "W2(flow, target)".
    """
    counts = "tiles", "columns", "bands", "digits"
    names = [name for name in result.terms._fields if name not in counts]
    values = {name: to_element(getattr(result.terms, name)) for name in names}
    least, eps = to_element(getattr(result, "lower_bound", 0)), to_element(result.eps)
    allowed = "least + eps" if least else "eps"
    why = f"The distance `{distance_text}` is at most `bound`, the sum of the terms."
    why += " `least` bounds the distance of all volume-preserving maps from below." * bool(least)
    text = f"{' + '.join(names)} = bound, bound <= {allowed}"
    made = {"bound": to_element(result.bound), "eps": eps} | ({"least": least} if least else {})
    return Step("bound", why, text, values, made, QQ)


def _w2_term_steps(result: Any) -> Iterator[Step]:
    """Yield the step of an explanation for each term of a W2 bound."""
    parameters, terms = result.parameters, result.terms
    term_step = partial(_w2_term_step, terms)
    yield term_step(
        "quantization",
        "The distance between the target and the atoms at the centers of their cells.",
        lambda: _is_quantization_reproduced_within_error_term(result),
        proved="is at least this distance, computed in ball arithmetic once more",
    )
    moves = zip(parameters.weights, parameters.moved.tolist(), strict=True)
    mean_square = sum((w * (move * move) for w, move in moves), QQ.zero) / 4**parameters.bits
    yield term_step(
        "spread",
        "Atoms were moved apart until a coordinate tells them from each other. `m` is the mean of "
        "the squares of these moves.",
        text="m <= spread spread",
        after_besides_term={"m": mean_square},
    )
    yield term_step(
        "weights",
        "The diameter of the atoms times the root of the sum of the differences between the "
        "Gaussian mass below each knot and the weight of the atoms before it.",
        lambda: _is_weights_term_at_most(parameters, to_element(terms.weights)),
    )
    moved, _ = parameters.first_layer_moved_and_kept
    d, m = parameters.atoms.shape[1], parameters.atoms[0, moved].size
    noise = f"{d} delta delta"
    if parameters.depth == 3:
        noise = f"{d - m} delta delta + {m} delta delta delta delta"
    yield term_step(
        "noise",
        "On a plateau the flow adds a multiple of the latent to the atom.",
        text=f"{noise} <= noise noise",
        before={"delta": parameters.delta},
    )
    yield term_step(
        "ramps",
        "The root of the sum, over ramps, of their Gaussian masses times the squares of the steps "
        "between neighbouring atoms.",
        lambda: _is_ramps_term_at_most(parameters, to_element(terms.ramps)),
    )
    yield term_step(
        "tails",
        "The diameter of the images times the root of the probability that the latent leaves the "
        "plateaus of a later layer.",
        lambda: _is_tails_term_at_most(parameters, to_element(terms.tails)),
    )


def _w2_term_step(
    terms: W2Bound,
    term_name: str,
    why: str,
    witness: Callable[[], bool] | None = None,
    *,
    text: str = "",
    before: dict | None = None,
    after_besides_term: dict | None = None,
    proved: str = "is at least this number, computed in mpmath with more digits",
) -> Step:
    """Return the step of an explanation for one term of a W2 bound.

    By default `text` says that the term is not negative. The step makes the values
    `after_besides_term` and the term. The other arguments are those of `Step`.
    """
    after = (after_besides_term or {}) | {term_name: to_element(getattr(terms, term_name))}
    text, proved = text or f"{term_name} >= 0", f"`{term_name}` {proved}"
    return Step(term_name, why, text, before or {}, after, QQ, witness=witness, proved=proved)


def _is_quantization_reproduced_within_error_term(w2_approximation: Any) -> bool:
    """Whether a new quantization of the target has the same weights and centers, and an error of at
    most the term `quantization` of the bound.
    """
    parameters, eps = w2_approximation.parameters, to_element(w2_approximation.eps)
    bits = grid_bits_far_below_error(min(eps, QQ.one) ** 2)
    with ctx.workprec(2 * bits):
        cells = w2_approximation.target.quantize(QUANTIZATION * eps, bits)
        error = QQ.to_sympy(upper(cells.error))
    centers = parameters.atoms.copy()
    centers[:, parameters.carrier] -= parameters.moved
    atoms = sorted(zip(centers.tolist(), parameters.weights, strict=True))
    given = sorted(zip(cells.centers.tolist(), cells.weights, strict=True))
    return atoms == given and bool(error <= w2_approximation.terms.quantization)


def _are_plateau_middles_mapped_correctly(parameters: Construction, flow: PiecewiseFlow) -> bool:
    """Whether the flow maps the middle z of each plateau to the atom of the plateau plus `delta` z.

    A plateau is not tested if its middle is mapped outside of the plateaus of a later layer.
    """
    _, kept = parameters.first_layer_moved_and_kept
    starts = [None, *(knot + parameters.tau for knot in parameters.knots)]
    ends = [*(knot - parameters.tau for knot in parameters.knots), None]
    columns, images = [], []
    for atom, start, end in zip(parameters.exact_atoms, starts, ends, strict=True):
        known = [x for x in (start, end) if x is not None]
        middle = sum(known, QQ.zero) / max(len(known), 1)
        if abs(parameters.delta * middle) > parameters.radius:
            continue
        latent = [QQ.zero] * len(atom)
        latent[kept.start or 0] = middle
        columns.append(latent)
        images.append([a + parameters.delta * z for a, z in zip(atom, latent, strict=True)])
    computed = (flow.forward([QQ.to_sympy(z) for z in latent]) for latent in columns)
    return bool(columns) and all(
        list(x) == [QQ.to_sympy(y) for y in image]
        for x, image in zip(computed, images, strict=True)
    )


def _is_weights_term_at_most(parameters: Construction, bound: Element) -> bool:
    """Whether the term `weights` of the W2 bound is at most `bound`.

    The term is the diameter of the atoms times the square root of a sum over knots, of the absolute
    difference between the Gaussian mass below the knot and the weight of all atoms before the knot.
    """
    masses = list(accumulate(parameters.weights))
    with _mpmath_context_resolving_square(bound):
        total = sum(
            abs(mpmath.ncdf(to_mpf(knot)) - to_mpf(mass))
            for knot, mass in zip(parameters.knots, masses, strict=False)
        )
        square = to_mpf(_squared_bounding_box_diagonal(parameters, slice(None))) * total
        return bool(square <= to_mpf(bound) ** 2)


def _is_ramps_term_at_most(parameters: Construction, bound: Element) -> bool:
    """Whether the term `ramps` of the W2 bound is at most `bound`.

    The term is the square root of the sum, over ramps, of the Gaussian mass of the ramp times the
    squared distance between the two neighbouring atoms (for three layers, distance plus `delta`).
    """
    half, excess = parameters.tau / 2, parameters.delta if parameters.depth == 3 else QQ.zero
    with _mpmath_context_resolving_square(bound):
        total = mpmath.mpf(0)
        for knot, (one, other) in zip(
            parameters.knots, pairwise(parameters.exact_atoms), strict=True
        ):
            square = sum(((b - a) ** 2 for a, b in zip(one, other, strict=True)), QQ.zero)
            mass = mpmath.ncdf(to_mpf(knot + half)) - mpmath.ncdf(to_mpf(knot - half))
            total += mass * (mpmath.sqrt(to_mpf(square)) + to_mpf(excess)) ** 2
        return bool(total <= to_mpf(bound) ** 2)


def _is_tails_term_at_most(parameters: Construction, bound: Element) -> bool:
    """Whether the term `tails` of the W2 bound is at most `bound`.

    The term is the diameter of the images times the square root of the probability that the latent
    is mapped outside of the plateaus of a later layer.
    """
    moved, kept = parameters.first_layer_moved_and_kept
    # the term has only sums of positive numbers, and so keeps its relative precision
    with mpmath.workprec(256):
        delta = to_mpf(parameters.delta)
        mass = mpmath.erfc(to_mpf(parameters.radius) / delta / mpmath.sqrt(2))
        labels = mpmath.mpf(0)
        if parameters.depth == 3:
            mass += mpmath.erfc(1 / (4 * delta) / mpmath.sqrt(2))
            labels = delta * (len(parameters.atoms) - 1)
        one, other = (
            to_mpf(_squared_bounding_box_diagonal(parameters, half)) for half in (kept, moved)
        )
        square = one + (mpmath.sqrt(other) + labels) ** 2
        return bool(square * mass <= to_mpf(bound) ** 2)


def _squared_bounding_box_diagonal(parameters: Construction, coordinates: slice) -> Element:
    """Return the squared diagonal of the bounding box of the atoms in the given coordinates."""
    columns = parameters.atoms[:, coordinates].T.tolist()
    return QQ(sum((max(column) - min(column)) ** 2 for column in columns), 4**parameters.bits)


def _mpmath_context_resolving_square(bound: Element) -> AbstractContextManager[Any]:
    """Return a context in which rounding errors of mpmath are far below the square of `bound`."""
    bits = 2 * (bound.denominator.bit_length() - bound.numerator.bit_length()) if bound else 0
    return mpmath.workprec(max(bits, 0) + 256)


def _is_inverse_exact_at_seven_points(flow: PiecewiseFlow) -> bool:
    """Whether the inverse flow maps the images of seven rational points exactly back to them."""
    d, inverse = flow.dimension, flow.inverse()
    points = [[QQ.to_sympy(QQ(i * (k + 1), 7)) for i in range(d)] for k in range(-3, 4)]
    return all(list(inverse.forward(list(flow.forward(x)))) == x for x in points)
