"""Matrices of known depth, and reasons against words: tables that several tests share."""

from linear.depth.examples import (
    blocks,
    decided,
    diagonal,
    excluded,
    jordan,
    matrix,
    with_fixed_parts,
    word,
)
from sympy import GF, QQ, Rational

from exactflow import permutation
from exactflow.exact import linalg
from exactflow.linear.depth import minimal_depth
from exactflow.linear.depth.scaled.signs import (
    kernel_reason_against_four_over_QQ,
    polynomial_multiplier_reason_over_QQ,
)
from exactflow.linear.depth.scaled.three_scaled_layers import decide_diagonals_of_three_layers

HALF = Rational(1, 2)
ONE, ZERO = diagonal(1, 1), diagonal(0, 0)
ONE3, ZERO3 = diagonal(1, 1, 1), diagonal(0, 0, 0)
JORDAN = matrix([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
E12 = matrix([[0, 1], [0, 0]])
TURN = E12 - E12.transpose()
HUGE = QQ(10) ** 300

SWAP = blocks(ZERO, ONE, ONE, ZERO)
# D is a P-matrix, and so is -a; e_1 e_2 > e_3 for the one, not for the other
MIXED = matrix([[-1, 1, 1, -1, 0, 0], [-1, -1, 0, -1, 1, -1], [-1, 1, -1, -1, 0, 0],
                [1, 1, -1, 1, -1, -1], [0, 0, 0, -1, -1, 0], [0, -1, 1, 1, 0, 1]])  # fmt: skip
CLASHES = {
    "diag(1, -1, -1, 1, 1, 1)": (diagonal(1, -1, -1, 1, 1, 1), 6),
    "and around it": (blocks(diagonal(1, -1, -1), ONE3 * QQ(1, 2), ONE3 * QQ(1, 2), ONE3), 5),
    "both sides mixed": (MIXED, 5),
    "four coordinates": (diagonal(1, 1, -1, -1, 1, 1, 1, 1), 6),
    "three sizes": (diagonal(1, 1, 1, -1, -1, 1, 1, 1, 1, 1), 6),
}
"""Positive scales: principal minors of signs that clash together, where no size does alone."""

TIGHT = {
    "both parts": with_fixed_parts(diagonal(2, 2), diagonal(3, 3), diagonal(1, Rational(9, 4))),
    "only Du": with_fixed_parts(diagonal(2, 2), jordan((3, 2)), diagonal(1, 5)),
    "only aN": with_fixed_parts(jordan((2, 1), (5, 1)), diagonal(3, 3), diagonal(1, 5)),
    "eigenvalue 1, where the traces are known": with_fixed_parts(
        diagonal(2, 2), diagonal(1, 1), diagonal(1, 5)),
    "three at once": with_fixed_parts(diagonal(2, 2, 2), diagonal(3, 3, 3), diagonal(1, 2, 5)),
    "over GF(101)": with_fixed_parts(
        diagonal(2, 2, field=GF(101)), diagonal(3, 3, field=GF(101)),
        diagonal(1, 5, field=GF(101))),
}  # fmt: skip
"""Five additive layers: no eigenvalue leaves freedom, and equations for V have no solution."""

EQUAL_SCALING = blocks(
    diagonal(1, 1, Rational(1, 15), Rational(1, 4)),
    diagonal(0, 0, 0, 0),
    diagonal(1, 1, 0, 0),
    diagonal(2, 2, 3, 5),
)

RANK_ONE = blocks(
    diagonal(1, Rational(1, 3), Rational(1, 5)), ZERO3, diagonal(1, 0, 0), diagonal(1, 15, 1)
)

DIVISORS = blocks(matrix([[2, 1], [0, 2]]), ZERO, ZERO, diagonal(Rational(1, 2), Rational(1, 2)))

# D = 0 needs Y = C and Y B = -I
SINGULAR = blocks(ONE, matrix([[1, 1], [0, 1]]), -ONE, ZERO)

OBSTRUCTIONS = {
    "entry": (decided("L", blocks(ONE, ZERO, ONE, ONE) * blocks(ONE, ONE, ZERO, ONE)),
              "linear"),
    "X C = A - I": (decided("ULU", diagonal(2, Rational(1, 2))), "linear"),
    "C Z = D - I": (decided("LUL", blocks(ONE, ZERO, ZERO, JORDAN[1:, 1:].to_dense())),
                    "linear"),
    "X + A Z = B": (
        decided("ULU", blocks(ONE, matrix([[0, 1], [0, 0]]), ONE, ONE)), "linear"),
    "trace": (decided("ULUL", diagonal(-1, -1, 1, 1)), "trace"),
    "coefficient": (decided("LULU", diagonal(2, Rational(1, 2), 1, 2, Rational(1, 4), 2)),
                    "trace"),
    "divisor": (decided("ULUL", DIVISORS), "similarity"),
    "divisor, C = 0": (decided("ULULU", DIVISORS), "similarity"),
    "unit blocks": (decided("ULUL", blocks(JORDAN, ZERO3, ZERO3, ONE3)),
                    "similarity"),
    "unit blocks, exchanged": (decided("LULU", blocks(JORDAN, ZERO3, ZERO3, ONE3)),
                               "similarity"),
    "intertwiner": (decided("ULUL", SINGULAR), "linear"),
    "chain": (decided("ULULU", RANK_ONE), "chain"),
    "scaled": (decided("ULULU", EQUAL_SCALING), "linear"),
    "tight": (decided("ULULU", TIGHT["both parts"]), "tight"),
    "opposed": (minimal_depth(diagonal(-1, -1, 1, 1), scales="positive").obstructions[0],
                "opposed"),
    "three scaled layers": (
        excluded(decide_diagonals_of_three_layers, "ULU", diagonal(-1, -2)),
        "linear",
    ),
    "not one scaled layer": (minimal_depth(diagonal(2, 3)).obstructions[1],
                             "linear"),
    "kernels": (excluded(kernel_reason_against_four_over_QQ, "ULUL", SWAP), "linear"),
    "signs": (
        excluded(polynomial_multiplier_reason_over_QQ, "ULUL", CLASHES["and around it"][0]),
        "signs",
    ),
    "rank": (minimal_depth(diagonal(8, *[Rational(1, 2)] * 3), partition=(1, 3)).obstructions[1],
             "rank"),
    "rank, scaled": (minimal_depth(diagonal(2, -1, -1), scales="positive").obstructions[0], "rank"),
    "eigenvalues": (minimal_depth(diagonal(*[-1] * 6), partition=(2, 4)).obstructions[0],
                    "chain of eigenvalues"),
}  # fmt: skip
"""An obstruction of every kind, and the kind."""

SWAP2 = matrix([[0, 1], [1, 0]])
A0 = matrix([[-1, 1, 0], [0, -1, 1], [2, 0, -1]])

OPEN = blocks(
    diagonal(Rational(-3, 4), Rational(-3, 4)), SWAP2 * QQ(1, 2), SWAP2 * QQ(1, 2), diagonal(1, 1)
)

SCALED = {
    "identity": (diagonal(1, 1), 0, 0),
    "one layer": (matrix([[2, 5], [0, 1]]), 1, 1),
    "the other layer": (matrix([[1, 0], [5, 2]]), 1, 1),
    "diagonal": (diagonal(2, 3), 2, 2),
    "two layers": (matrix([[2, 5], [1, 3]]), 2, 2),
    "Theorem A, n = 2": (diagonal(-1, -1, 1, 1), 6, 6),
    "Theorem A, n = 4": (diagonal(-1, -1, -1, -1, 1, 1, 1, 1), 6, 6),
    "Theorem A, n = 3": (
        blocks(A0.inv().to_dense(), diagonal(0, 0, 0), diagonal(0, 0, 0), diagonal(1, 1, 1)), 6, 6),
    "Theorem A, determinant 6": (diagonal(-2, -1, 1, 3), 6, 6),
    "Theorem B": (OPEN, 5, 5),
    "Theorem B, scaled": (linalg.scale_rows([QQ(3), QQ(2), QQ(1), QQ(5)], OPEN), 5, 5),
    "opposed in B only": (
        blocks(diagonal(-1, -1), diagonal(0, 0), matrix([[1, 2], [0, 1]]), diagonal(1, 1)), 5, 5),
    "minus identity": (diagonal(-1, -1), 4, 4),
    "huge": (diagonal(QQ(10) ** 300, QQ(-1), QQ(-1), QQ(1, 7)), 4, 4),
}  # fmt: skip
"""With positive scales: a matrix, and the bounds of its depth."""

THREE = {
    "n = 1": matrix([[3, 5], [1, 2]]),
    "n = 1, only C": matrix([[3, 0], [1, 2]]),
    "C invertible": word("ULU", [ONE, matrix([[1, 2], [3, 4]]), E12], [(1, 2), (3, 4), (5, 6)]),
    "C of rank one": word("ULU", [E12, matrix([[1, 1], [1, 1]]), ONE], [(1, 2), (3, 4), (5, 6)]),
    "C and B of rank one": word("LUL", [E12, E12, E12.transpose()], [(1, 2), (3, 4), (5, 6)]),
    "huge": word("ULU", [ONE * HUGE, ONE - E12, ONE / HUGE], [(HUGE, 1), (1, 1), (1 / HUGE, 7)]),
    "no zero and one component of each": word(
        "ULU", [ONE3, matrix([[0, 1, 0], [1, 0, 0], [0, 0, 2]]), ONE3], [(1, 2, 3)] * 3),
}  # fmt: skip
"""Three layers with positive scales."""

NOT_THREE = {
    "a sign": ("ULU", blocks(ZERO, ONE, ONE, ZERO)),
    "a zero against a number": ("ULU", word("LULU", [E12.transpose(), diagonal(1, 2),
                                                     matrix([[1, 1], [2, 0]]),
                                                     matrix([[0, 1], [0, 1]])], [(1, 1)] * 4)),
    "a cycle": ("ULU", word("LULU", [matrix([[0, 2], [0, 0]]), matrix([[0, 1], [0, 1]]),
                                     matrix([[1, 0], [1, 1]]), matrix([[-1, 1], [1, 1]])],
                            [(1, 1)] * 4)),
    "the kernel of C": ("ULU", diagonal(-1, -2)),
    "the left kernel of C": ("ULU", blocks(ONE, ZERO, E12, ONE + E12.transpose())),
    "l C = 0, and of l_i and (l D)_i one is 0": ("ULU", blocks(ONE, ZERO, ZERO, TURN)),
    "C k = 0, and of k_i and (A k)_i one is 0": ("ULU", blocks(TURN, ZERO, ZERO, ONE)),
    "the kernel of C, off the diagonal": ("LUL", blocks(ONE, ZERO, ZERO, ONE + E12)),
    "a path between two kernels": (
        "ULU", word("LULU", [matrix([[-1, -1], [-1, -1]]), matrix([[0, 1], [-1, 1]]),
                             matrix([[0, 1], [0, 1]]), matrix([[1, 0], [2, 0]])],
                    [(1, 1), (1, 2), (1, 1), (1, 1)])),
}  # fmt: skip
"""No product of their pattern, with positive scales."""

TWO_SIZES = {
    "identity": (diagonal(1, 1, 1), (1, 2), 0),
    "identity, (2, 1)": (diagonal(1, 1, 1), (2, 1), 0),
    "one shear": (matrix([[1, 2, 3], [0, 1, 0], [0, 0, 1]]), (1, 2), 1),
    "another shear": (matrix([[1, 0, 2], [0, 1, 3], [0, 0, 1]]), (2, 1), 1),
    "a turn": (matrix([[1, 0, 0], [0, 0, -1], [0, 1, 0]]), None, 6),
    "diag(-1, -1, 1)": (diagonal(-1, -1, 1), (1, 2), 4),
    "diag(1, -1, -1)": (diagonal(1, -1, -1), (1, 2), 6),
    "diag(1, 2, 1/2)": (diagonal(1, 2, HALF), (1, 2), 6),
    "diag(1/4, 2, 2)": (diagonal(Rational(1, 4), 2, 2), (1, 2), 6),
    "diag(-I, 1, 1, 1)": (diagonal(-1, -1, 1, 1, 1), (2, 3), 6),
    "diag(-1, 1, -1, 1, 1)": (diagonal(-1, 1, -1, 1, 1), (2, 3), 4),
    "diag(J, 2, 2, 2)": (linalg.direct_sum(matrix([[HALF, 1], [0, Rational(1, 4)]]),
                                           diagonal(2, 2, 2)), (2, 3), 6),
    "a permutation": (matrix(permutation([1, 2, 3, 4, 0]).tolist()), None, 5),
    "C of rank one": (matrix([[1, 0, 0, 0, 0], [0, HALF, 0, 0, 0], [1, 0, 1, 0, 0],
                              [0, 0, 0, 2, 0], [0, 0, 0, 0, 1]]), (2, 3), 4),
    "a mask": (diagonal(-1, 1, -1, 1), [1, 0, 1, 0], 6),
    "a mask of odd length": (diagonal(2, 1, HALF), [0, 1, 0], 6),
}  # fmt: skip
"""Additive layers: a matrix, its partition and its depth."""
