"""Checks of the theorems on instances, and functions that draw difficult instances.

`TRIALS` has, for the name of a theorem, the check, the function that draws, and the hypotheses.
"""

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import sympy

from exactflow.errors import VerificationError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_rectangular_matrix, as_square_matrix, is_array
from exactflow.exact.numbers import format_up, to_element
from exactflow.exact.signed_permutation import find_column_and_sign_of_each_row
from exactflow.flows.base import Flow
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.result import DepthScales
from exactflow.flows.verification import verify
from exactflow.linear.depth import CertifiedDepth, minimal_depth
from exactflow.linear.factor import factor
from exactflow.linear.interpolation import ShortestInterpolation, interpolate
from exactflow.linear.masks import merge_masks
from exactflow.linear.padding import zero_padding
from exactflow.linear.targets import permutation
from exactflow.proving.theory.theorem import Hypothesis

if TYPE_CHECKING:
    import numpy as np

    from exactflow.floats.balancing import Balanced
    from exactflow.floats.lossless import Lossless
    from exactflow.laws.gaussian import Whitening
    from exactflow.laws.universal import Histogram, KLApproximation

Determinant: TypeAlias = Literal["positive", "one", "nonzero"]
_ROUNDING = Fraction(1, 10**9)


def check_that(condition: bool, statement: str) -> None:
    """Raise `VerificationError` with the statement unless the condition holds."""
    if not condition:
        raise VerificationError(f"this instance refutes the theorem: expected {statement}")


# ------------------------------------------------------------- hypotheses of the theorems


def has_positive_det(M: Any) -> bool | None:
    """Whether det M is positive; None if this depends on symbols whose signs are not known."""
    matrix = as_square_matrix(M).to_dense()
    verdict = linalg.is_positive(matrix.det(), matrix.domain)
    return verdict if matrix.domain.is_FractionField else bool(verdict)


def has_det_one(M: Any) -> bool:
    matrix = as_square_matrix(M).to_dense()
    return bool(matrix.det() == matrix.domain.one)


def is_signed_permutation_of_det_one(perm: Any) -> bool:
    matrix = as_square_matrix(as_matrix_if_permutation_list(perm))
    is_signed = find_column_and_sign_of_each_row(matrix) is not None
    return is_signed and matrix.domain.is_QQ and has_det_one(matrix)


def is_pair(instance: Any) -> bool:
    return isinstance(instance, tuple) and len(instance) == 2


def is_rotation_within_rounding(W: Any) -> bool:
    M = as_square_matrix(W).to_Matrix()
    if M.free_symbols:
        return False
    off = max(abs(entry) for entry in M.T * M - sympy.eye(M.rows))
    return bool(off <= _ROUNDING and has_positive_det(W))


def is_nonempty_list_of_flows(flows: Any) -> bool:
    is_list = isinstance(flows, list | tuple) and bool(flows)
    return is_list and all(isinstance(flow, CouplingFlow) for flow in flows)


def is_target_measure(law: Any) -> bool:
    from exactflow.laws.universal import TargetMeasure

    return isinstance(law, TargetMeasure)


def as_matrix_if_permutation_list(perm: Any) -> Any:
    """Return the matrix of a permutation that is given as a list; return a matrix unchanged."""
    is_list = isinstance(perm, list | tuple) and not any(isinstance(i, list | tuple) for i in perm)
    return permutation(perm) if is_list or (is_array(perm) and perm.ndim == 1) else perm


POSITIVE = Hypothesis(
    "det(M) > 0", "every coupling with positive scales preserves orientation", has_positive_det
)
ONE = Hypothesis("det(M) = 1", "a shear has determinant 1, and so has a product", has_det_one)
EVEN = Hypothesis(
    "an even number of coordinates",
    "the theorem is about halves of equal size",
    lambda M: as_square_matrix(M).shape[0] % 2 == 0,
)
INVERTIBLE = Hypothesis(
    "an invertible matrix",
    "a flow is invertible, so no flow represents a singular matrix",
    lambda M: bool(as_square_matrix(M).to_dense().det()),
)
EVEN_PERMUTATION = Hypothesis(
    "a permutation of determinant 1, with or without signs",
    "a flow of couplings keeps orientation, and an odd permutation does not",
    is_signed_permutation_of_det_one,
)
PAIR = Hypothesis(
    "a pair (M, partition)",
    "the bound depends on the sizes of the halves, --partition p,q on the command line",
    is_pair,
)
POSITIVE_IN_PAIR = Hypothesis(
    "det(M) > 0",
    "every coupling with positive scales preserves orientation, under every partition",
    lambda pair: has_positive_det(pair[0]),
)
FINITE_MAP = Hypothesis(
    "a pair (points, images)", "a finite map is its points and their images, row by row", is_pair
)
FLOWS = Hypothesis(
    "a list of flows of linear couplings, each under a mask of its own",
    "a matrix alone has no masks",
    is_nonempty_list_of_flows,
)
EQUAL_HALVES = Hypothesis(
    "masks whose halves are of equal size",
    "couplings that move or read more than half of the coordinates can take more layers",
    lambda flows: all(flow.partition[0] == flow.partition[1] for flow in flows),
)
EVEN_FLIPS = Hypothesis(
    "flows that together have an even number of flips",
    "couplings keep orientation, and a flip does not",
    lambda flows: sum(len(flow.flips) for flow in flows) % 2 == 0,
)
ROTATION = Hypothesis(
    "a rotation, up to rounding",
    "the bounds on the layers are for matrices of norm 1",
    is_rotation_within_rounding,
)
LAW = Hypothesis(
    "a law, for instance a Histogram,", "KL is a distance between laws", is_target_measure
)
DENSITY = Hypothesis(
    "a law with a density",
    "KL from every flow is infinite where a set of volume zero has mass",
    lambda law: not law.is_singular,
)


# ------------------------------------------------------- checks of the theorems on an instance


def _check_product_and_depth(flow: Any, M: Any, most_layers: int) -> Any:
    """Check that a flow has at most `most_layers` layers and equals M; return the flow."""
    check_that(flow.depth <= most_layers, f"at most {most_layers} layers, got {flow.depth}")
    verify(flow, M)
    return flow


def check_at_most_six_layers(M: Any) -> CouplingFlow:
    """Check that the product of at most six layers equals M; return the flow."""
    return _check_product_and_depth(factor(M), M, 6)


def check_permutation_in_six_small_layers(perm: Any) -> CouplingFlow:
    """Check that at most six layers with entries in [-2, 2] make a permutation; return the flow."""
    M = as_matrix_if_permutation_list(perm)
    flow = _check_product_and_depth(factor(M, method="permutation"), M, 6)
    check_that(all(layer.magnitude <= 2 for layer in flow), "entries of absolute value at most 2")
    return flow


def check_depth_bound_under_partition(matrix_and_partition: Any) -> CouplingFlow:
    """Check that a flow for M under a partition has at most as many layers as the theorem says.

    The result is the flow. For halves of p <= q coordinates the bound is 2 ceil(q / p) + 4, or two
    less if p divides q - 1 and q > 1.
    """
    M, partition = matrix_and_partition
    flow = factor(M, partition=partition)
    p, q = sorted(flow.partition)
    return _check_product_and_depth(
        flow, M, 2 * -(-q // p) + (2 if (q - 1) % p == 0 and q > 1 else 4)
    )


def check_merged_masks_depth(flows: Any) -> Flow:
    """Check that N layers under several masks equal at most 2 N + 4 layers under one mask; return
    the flow under one mask.
    """
    found = merge_masks(flows)
    product = reduce(lambda M, N: N * M, (flow.domain_matrix() for flow in flows))
    return _check_product_and_depth(found, product, 2 * sum(flow.depth for flow in flows) + 4)


def check_interpolation_depth_and_obstructions(points_and_images: Any) -> ShortestInterpolation:
    """Check that at most four couplings map points to images, and that each obstruction to fewer
    couplings is valid.
    """
    found = interpolate(*points_and_images)
    points, images = (as_rectangular_matrix(rows).transpose() for rows in points_and_images)
    check_that(found.depth <= 4, f"at most four couplings, got {found.depth}")
    check_that(
        found.flow.forward(points) == images.to_Matrix(),
        "couplings that map the points to the images",
    )
    check_that(
        len(found.obstructions) == max(2 * found.depth - 1, 0),
        "an obstruction to each shorter pattern",
    )
    check_that(
        all(reason.is_valid() for reason in found.obstructions),
        "obstructions that pass their own checks",
    )
    return found


def check_depth_and_obstructions(M: Any, scales: DepthScales = "additive") -> Any:
    """Check that the product of at most six layers equals M, or the proof that four such layers
    exist. Also check that the obstructions to fewer layers are valid.
    """
    answer = minimal_depth(M, scales=scales)
    if isinstance(answer, CertifiedDepth):
        # the layers are rounded: check the proof that four exist, and the stated error
        target = as_square_matrix(M).to_dense()
        check_that(answer.flow.depth == 4, f"four layers, got {answer.flow.depth}")
        check_that(answer.existence.matrix == target, "a proof of existence for the same matrix")
        check_that(answer.existence.is_valid(), "four layers that are proved to exist")
        error = max(map(abs, (answer.flow.domain_matrix() - target).to_list_flat()))
        check_that(error == answer.error, "a product of layers as near to the matrix as stated")
    else:
        _check_product_and_depth(answer.flow, M, 6)
    check_that(
        all(found.is_valid() for found in answer.obstructions),
        "obstructions that pass their own checks",
    )
    return answer


def check_three_padding_shears(A: Any) -> CouplingFlow:
    """Check that three shears map (x, 0) to (A x, 0); return the flow."""
    flow, n = zero_padding(A), as_square_matrix(A).shape[0]
    image = flow.matrix()[:, :n]
    wanted = sympy.Matrix.vstack(as_square_matrix(A).to_Matrix(), sympy.zeros(n))
    check_that(flow.depth == 3 and image == wanted, "three layers that map (x, 0) to (A x, 0)")
    return flow


def check_rotation_depth_condition_and_error(W: Any) -> "Balanced":
    """Check that the product of at most six float shears, each with a condition number of at most
    18, differs from a rotation by at most 1e-9.
    """
    from exactflow.floats.balancing import balance

    result = balance(W)
    check_that(result.depth <= 6, f"at most six layers, got {result.depth}")
    check_that(max(result.condition_numbers, default=1) <= 18, "condition numbers of at most 18")
    check_that(result.error <= _ROUNDING, f"layers within rounding, got an error of {result.error}")
    return result


def check_two_layer_whitening(covariance: Any) -> "Whitening":
    """Check that at most two layers whiten the Gaussian with this covariance, within 1e-9."""
    from exactflow.laws.gaussian import whiten

    result = whiten(covariance)
    check_that(result.depth <= 2, f"at most two layers, got {result.depth}")
    check_that(
        result.error <= _ROUNDING, f"the identity within rounding, got an error of {result.error}"
    )
    return result


def check_bound_and_inverse_at_16_vectors(W: Any) -> "Lossless":
    """Check, at 16 random integer vectors, that a lossless map differs from W / step by at most the
    bound of the map, and that the inverse map restores the vectors exactly.
    """
    import numpy as np

    from exactflow.floats.lossless import lossless

    near, matrix = lossless(W, orientation="flip"), as_square_matrix(W).to_dense()
    x = np.random.default_rng(0).integers(-(2**10), 2**10, (matrix.shape[0], 16))
    y = near.forward(x)
    columns, images = (as_rectangular_matrix(found) for found in (x, y))
    off = images - matrix * columns / to_element(near.step)
    distance = max(map(abs, off.to_list_flat()))
    shown = format_up(distance)
    check_that(
        distance <= to_element(near.bound.largest), f"images within {near.bound}, got {shown}"
    )
    check_that(bool((near.backward(y) == x).all()), "integers that are restored exactly")
    return near


def check_kl_bound_and_exact_inverse(law: Any) -> "KLApproximation":
    """Check that the KL bound of four layers is at most 1/4, and that their inverse restores a
    point exactly.
    """
    from exactflow.laws.universal import approximate

    result = approximate(law, Fraction(1, 4), distance="KL")
    check_that(result.bound <= sympy.Rational(1, 4), f"KL <= 1/4, got a bound of {result.bound}")
    check_that(result.depth == 4, f"four layers, got {result.depth}")
    z = sympy.Matrix([sympy.Rational(i, 3) for i in range(result.flow.dimension)])
    check_that(
        result.flow.inverse().forward(result.flow.forward(z)) == z,
        "points that the inverse restores",
    )
    return result


# ------------------------------------------------------- functions that draw an instance


def draw_invertible_matrix(
    source: random.Random,
    dimensions: Sequence[int] = (2, 3, 4, 5, 6),
    determinant: Determinant = "positive",
) -> sympy.Matrix:
    """Draw an invertible rational matrix; its determinant is positive, one or only nonzero.

    The matrix is a product of elementary matrices, signs, permutations, scales and shears of low
    rank, so that its blocks are often zero, scalar or singular.
    """
    d = source.choice(dimensions)
    M = sympy.eye(d)
    for _ in range(source.randint(0, 5)):
        M = _draw_factor_of_random_kind(source, d) * M
    if determinant == "one":
        M[0, :] /= M.det()
    elif determinant == "positive" and M.det() < 0:
        M[0, :] *= -1
    return M


def _draw_factor_of_random_kind(source: random.Random, d: int) -> sympy.Matrix:
    kinds = "elementary", "signs", "permutation", "low rank", "scale", "blocks"
    kind = source.choice(kinds if d > 1 else ("signs", "scale"))
    step, n = sympy.eye(d), d // 2
    if kind == "elementary":
        i, j = source.sample(range(d), 2)
        step[i, j] = sympy.Rational(source.randint(-4, 4), source.randint(1, 3))
    elif kind == "signs":
        step = sympy.diag(*source.choices((1, -1), k=d))
    elif kind == "permutation":
        step = permutation(source.sample(range(d), d))
    elif kind == "scale":
        step[source.randrange(d), :] *= source.choice((2, 3, sympy.Rational(1, 2)))
    elif kind == "low rank":
        column, row = (sympy.Matrix(source.choices((0, 1, -1, 2), k=k)) for k in (d - n, n))
        step[n:, :n] = column * row.T
        step = step.T if source.random() < 0.5 else step
    else:
        c = source.choice((sympy.Integer(2), sympy.Integer(-1), sympy.Rational(1, 3)))
        step = sympy.diag(*[c] * n, *[1 / c] * (d - n))
    return step


def draw_positive_det_matrix_and_partition(
    source: random.Random,
) -> tuple[sympy.Matrix, tuple[int, int]]:
    """Draw a rational matrix of positive determinant, and a partition of its coordinates."""
    M = draw_invertible_matrix(source)
    p = source.randint(1, M.rows - 1)
    return M, (p, M.rows - p)


def draw_even_permutation(source: random.Random) -> list[int]:
    """Draw an even permutation of 2 to 12 coordinates."""
    perm = source.sample(range(d := source.randint(2, 12)), d)
    if permutation(perm).det() < 0:
        perm[0], perm[1] = perm[1], perm[0]
    return perm


def draw_float64_rotation(source: random.Random) -> "np.ndarray":
    """Draw a float64 rotation of 2 to 8 coordinates, which is sometimes a signed permutation."""
    import numpy as np

    d = source.randint(2, 8)
    rng = np.random.default_rng(source.randrange(2**32))
    W = np.eye(d)[rng.permutation(d)] if source.random() < 0.3 else rng.standard_normal((d, d))
    Q = np.linalg.qr(W)[0]
    Q[:, 0] *= np.sign(np.linalg.det(Q))
    return Q


def draw_float64_covariance(source: random.Random) -> "np.ndarray":
    """Draw a float64 covariance of 2 to 8 coordinates, with a condition number up to 10^4."""
    import numpy as np

    d = source.randint(2, 8)
    rng = np.random.default_rng(source.randrange(2**32))
    Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
    covariance = (Q * np.logspace(0, source.uniform(0, 4), d)) @ Q.T
    return (covariance + covariance.T) / 2


def draw_one_layer_flows(source: random.Random) -> list[CouplingFlow]:
    """Draw one to five flows of one linear coupling each, each flow under a random mask."""
    n = source.randint(1, 4)
    flows = []
    for _ in range(source.randint(1, 5)):
        shift = [
            [Fraction(source.randint(-3, 3), source.randint(1, 2)) for _ in range(n)]
            for _ in range(n)
        ]
        scale = [Fraction(source.randint(1, 4), source.randint(1, 3)) for _ in range(n)]
        layer = LinearCoupling((n, n), source.choice(("first", "second")), shift, scale)
        flows.append(CouplingFlow([layer], order=source.sample(range(2 * n), 2 * n)))
    return flows


def draw_points_and_images(source: random.Random) -> tuple[list[list[int]], list[list[int]]]:
    """Draw up to eight distinct points, and as many distinct images; each has 2 to 5 coordinates,
    which are 0, 1 or 2.
    """
    d, size = source.randint(2, 5), source.randint(2, 3)
    box = [[n // size**i % size for i in range(d)] for n in range(size**d)]
    count = source.randint(1, min(8, len(box)))
    return source.sample(box, count), source.sample(box, count)


def draw_histogram(source: random.Random) -> "Histogram":
    """Draw a histogram of up to 4 x 4 bins, often with empty bins, on a box of random size."""
    from exactflow.laws.universal import Histogram

    n, m = source.randint(1, 4), source.randint(1, 4)
    counts = [[source.choice((0, 1, 2, 9)) for _ in range(m)] for _ in range(n)]
    counts[source.randrange(n)][source.randrange(m)] += 1
    size = Fraction(10) ** source.randint(-6, 6)
    return Histogram(counts, ([-size, 0], [size, 1]))


# ------------------------------------------------------- the table of checks and instances


def _pack_trial_as_theorem_fields(
    tried: str,
    trial: Callable[[Any], Any],
    draw_instance: Callable[[random.Random], Any],
    *hypotheses: Hypothesis,
) -> dict[str, Any]:
    return {
        "tried": tried,
        "trial": trial,
        "draw_instance": draw_instance,
        "hypotheses": hypotheses,
    }


_draw_even_size = partial(draw_invertible_matrix, dimensions=(2, 4, 4))
_draw_determinant_one = partial(draw_invertible_matrix, dimensions=(2, 4, 4, 6), determinant="one")
_AT_MOST_SIX = "at most six layers equal the matrix, and the obstructions to fewer are valid"
#: Name of a theorem -> the statement that is checked, the check, the function that draws an
#: instance, and the hypotheses.
TRIALS = {
    "six layers": _pack_trial_as_theorem_fields(
        "at most six layers equal the matrix",
        check_at_most_six_layers,
        draw_invertible_matrix,
        POSITIVE,
    ),
    "six is sharp": _pack_trial_as_theorem_fields(
        f"{_AT_MOST_SIX}; that six are needed is true of some matrices, not of each",
        check_depth_and_obstructions,
        _draw_determinant_one,
        EVEN,
        ONE,
    ),
    "five is generic": _pack_trial_as_theorem_fields(
        f"{_AT_MOST_SIX}; that five are needed and suffice is true of almost all, not of each",
        check_depth_and_obstructions,
        _draw_determinant_one,
        EVEN,
        ONE,
    ),
    "padding": _pack_trial_as_theorem_fields(
        "three shears map (x, 0) to (A x, 0)",
        check_three_padding_shears,
        partial(draw_invertible_matrix, determinant="nonzero"),
        INVERTIBLE,
    ),
    "permutations": _pack_trial_as_theorem_fields(
        "at most six layers of integers of absolute value at most 2 equal the permutation",
        check_permutation_in_six_small_layers,
        draw_even_permutation,
        EVEN_PERMUTATION,
    ),
    "partitions": _pack_trial_as_theorem_fields(
        "at most as many layers as the theorem says equal the matrix under the partition",
        check_depth_bound_under_partition,
        draw_positive_det_matrix_and_partition,
        PAIR,
        POSITIVE_IN_PAIR,
    ),
    "rotations": _pack_trial_as_theorem_fields(
        "six shears of condition at most 18 equal the rotation within 1e-9",
        check_rotation_depth_condition_and_error,
        draw_float64_rotation,
        ROTATION,
    ),
    "affine depth": _pack_trial_as_theorem_fields(
        "at most six layers equal the matrix, or four are certified to exist, and the "
        "obstructions to fewer are valid",
        partial(check_depth_and_obstructions, scales="positive"),
        _draw_even_size,
        EVEN,
        POSITIVE,
    ),
    "gaussian depth": _pack_trial_as_theorem_fields(
        "at most two layers whiten the covariance within 1e-9",
        check_two_layer_whitening,
        draw_float64_covariance,
    ),
    "lossless": _pack_trial_as_theorem_fields(
        "integers are mapped near their images, within the bound, and are restored exactly",
        check_bound_and_inverse_at_16_vectors,
        draw_float64_rotation,
        INVERTIBLE,
    ),
    "one mask": _pack_trial_as_theorem_fields(
        "at most 2 N + 4 layers under one mask equal the N layers",
        check_merged_masks_depth,
        draw_one_layer_flows,
        FLOWS,
        EQUAL_HALVES,
        EVEN_FLIPS,
    ),
    "finite maps": _pack_trial_as_theorem_fields(
        "at most four couplings map the points to the images, and the obstructions to fewer are "
        "valid",
        check_interpolation_depth_and_obstructions,
        draw_points_and_images,
        FINITE_MAP,
    ),
    "universal in kl": _pack_trial_as_theorem_fields(
        "four layers with an exact inverse come within 1/4 of the law in KL",
        check_kl_bound_and_exact_inverse,
        draw_histogram,
        LAW,
        DENSITY,
    ),
}
