"""Steps of an explanation, by route: their rules, and the letters that each one defines.

Sentences are not pinned; the identities of every step are checked.
"""

import pytest
import sympy
from matrices import POSITIVE

from exactflow import explain, permutation
from exactflow.linear.factor import METHODS

GENERIC = sympy.Matrix(
    [[1, 2, 0, 1, 1], [0, 1, 1, 0, 3], [1, 1, 2, 1, 0], [0, 2, 1, 1, 1], [1, 0, 3, 1, 2]]
)
C_OF_RANK_ONE = sympy.Matrix(
    [[1, 2, 0, 1, 1], [0, 1, 1, 0, 3], [1, 1, 2, 1, 0], [0, 0, 1, 1, 1], [0, 0, 3, 1, 2]]
)

BLOCKS, FULL_RANK = "blocks: A B C D", "stable range: C' D' W0"
PERMUTATION = ["two involutions: C' G J K P Theta", "two involutions: V W W0 X Y Z"]
TRANSVECTION = ["transvection route: C' Q S e s", "transvection route: V W W0 X Y Z w"]
COMMUTATOR = ["commutator route: G K P", "commutator route: V W X Y Z"]
HYPERPLANE = ["hyperplane route: S T V Y Z a b c d", "hyperplane route: W X"]
TRANSPOSE = "hyperplane route: A' B' C' D'"

MASK = {"partition": [1, 0, 1, 0], "orientation": "flip"}
CASES = {
    "permutation": (permutation([1, 2, 0, 3]), {}, [f"{BLOCKS} M", *PERMUTATION], 6),
    "permutation, the larger half first": (
        permutation([1, 2, 0, 3, 4]), {"partition": (3, 2)}, [f"{BLOCKS} E M", *PERMUTATION], 6
    ),
    "permutation, a mask and a flip": (
        permutation([1, 0, 2, 3]), MASK, [f"{BLOCKS} E F M", *PERMUTATION], 4
    ),
    "short": (POSITIVE["two shears"], {}, [f"{BLOCKS} M"], 2),
    "transvection": (POSITIVE["random d=4"], {}, [f"{BLOCKS} Delta M", *TRANSVECTION], 6),
    "commutator, C invertible": (
        POSITIVE["random d=4"], {}, [f"{BLOCKS} Delta M", *COMMUTATOR], 5
    ),
    "commutator, B invertible": (
        POSITIVE["single upper shear"], {}, [f"{BLOCKS} E M", *COMMUTATOR], 1
    ),
    "commutator, six layers": (
        POSITIVE["needs six"], {}, [f"{BLOCKS} M", FULL_RANK, *COMMUTATOR], 6
    ),
    "hyperplane, C of full rank": (GENERIC, {}, [f"{BLOCKS} Delta M", *HYPERPLANE], 5),
    "hyperplane, the larger half first": (
        GENERIC, {"partition": (3, 2)}, [f"{BLOCKS} Delta E M", *HYPERPLANE], 5
    ),
    "hyperplane, B of full rank": (
        C_OF_RANK_ONE, {"orientation": "flip"}, [f"{BLOCKS} F M", TRANSPOSE, *HYPERPLANE], 5
    ),
    "hyperplane, six layers": (
        sympy.diag(2, 3, sympy.Rational(1, 6)), {}, [f"{BLOCKS} M", FULL_RANK, *HYPERPLANE], 6
    ),
    "partition": (
        GENERIC, {"partition": (1, 4)},
        [f"{BLOCKS} Delta M", "partitions: X1 X2 X3 X4 X5 X6 X7 X8 X9"], 9
    ),
    "partition, the larger half first": (
        sympy.diag(2, 3, 4, 5), {"partition": (3, 1)},
        [f"{BLOCKS} Delta E M", "partitions: X1 X2 X3 X4 X5 X6 X7 X8"], 8
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_route_records_these_steps_and_all_of_them_hold(name):
    M, options, expected, depth = CASES[name]
    method = name.partition(",")[0]
    explanation = explain(M, method=method, **options)
    steps = [f"{step.rule}: {' '.join(sorted(step.after))}" for step in explanation.steps]
    *before, last = steps
    assert before == expected
    assert last.startswith("product: ")
    assert last.split()[-depth:] == [f"l{k}" for k in range(1, depth + 1)]
    assert all(step.is_valid() for step in explanation.steps)


def test_every_route_has_its_steps_pinned():
    assert {name.partition(",")[0] for name in CASES} == {*METHODS} - {"auto"}
