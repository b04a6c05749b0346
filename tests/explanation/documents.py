"""Explanations of every kind, of which the documents in LaTeX are compiled."""

from collections.abc import Iterator
from itertools import product

import sympy
from explanation.test_explanation import EXAMPLES
from explanation.test_results import ROTATION, SQUARE, W2, merged
from linear.depth.examples import diagonal
from linear.depth.tables import OBSTRUCTIONS
from sympy import GF, QQ, BlockMatrix, MatrixSymbol, Symbol, ZeroMatrix, sqrt
from sympy.polys.matrices import DomainMatrix

from exactflow import explain, factor, interpolate, minimal_depth, permutation, random_matrix
from exactflow.explanation import Explanation
from exactflow.floats.balancing import balance
from exactflow.flows.evidence import Evidence
from exactflow.laws.gaussian import whiten
from exactflow.laws.universal import approximate
from exactflow.linear.depth.explanation import obstruction_step
from exactflow.linear.padding import zero_padding

t, a_1, alpha, M = (Symbol(name, positive=True) for name in ("t", "a_1", "alpha", "M"))
NAMES = ("a", "d", "x_1", "U", "I", "beta", "X_long", "l1")


def documents() -> Iterator[tuple[str, Explanation]]:
    """Yield a name and an explanation each."""
    for route, examples in EXAMPLES.items():
        for k, (matrix, options) in enumerate(examples):
            yield f"{route} {k}", factor(matrix, method=route, **options).explain()
    for name, (found, _) in OBSTRUCTIONS.items():
        step = obstruction_step(found)
        yield (
            f"obstruction {name}",
            Explanation.from_steps_after_checking("`M`", [step], None, Evidence.EXACT),
        )
    yield from _depths()
    yield from _over_other_fields()
    yield from _of_blocks()
    yield from _results()
    yield "zero padding", zero_padding([[0, 2], [1, 0]]).explain()
    yield "whitening", whiten([[2, 1, 0], [1, 2, 1], [0, 1, 2]], partition=[1, 0, 1]).explain()
    for k, size in enumerate([(1, 1), (2, 1), (1, 2)]):
        yield f"interpolation {k}", _interpolation(size)


def _results() -> Iterator[tuple[str, Explanation]]:
    for k, flow in enumerate(merged()):
        yield f"one mask {k}", flow.explain()
    for k, (target, eps, options) in enumerate(W2):
        yield f"W2 {k}", approximate(target, eps, **options).explain()
    for options in ({}, {"layers": 3}, {"scales": "additive"}):
        yield f"KL {options}", approximate(SQUARE, "1/4", distance="KL", **options).explain()
    yield "balanced", balance(ROTATION, orientation="flip").explain()
    yield "balanced, padded", balance(ROTATION, orientation="pad").explain()


def _depths() -> Iterator[tuple[str, Explanation]]:
    eyes = [sympy.eye(n) for n in (2, 3, 4, 5)]
    diagonals = [(-1, -1), (-1, -1, 1, 1), (2, "1/2", 1, 1), (-2, "-1/2", 1, 1), (2, 3, "1/6")]
    perms = [(0, 2, 1, 3), (1, 2, 0), (2, 0, 1, 3), (0, 1, 3, 4, 2), (1, 0, 3, 2)]
    matrices = [
        *eyes,
        *(sympy.diag(*map(sympy.Rational, entries)) for entries in diagonals),
        *map(permutation, perms),
        *(random_matrix(n, bits=2, seed=seed) for n in (2, 3, 4) for seed in range(5)),
        diagonal(-1, -1, -1, -1, 1, 1, 1, 1),
    ]
    for k, matrix in enumerate(matrices):
        for scales in ("auto", "positive"):
            for orientation in ("flip", "pad")[: 1 + (k % 3 == 0)]:
                answer = minimal_depth(matrix, scales=scales, orientation=orientation)
                yield f"depth {k}, {scales}, {orientation}", answer.explain()
    masked = minimal_depth(sympy.diag(2, 3, "1/6", 1), partition=[1, 0, 1, 0])
    yield "depth with a mask", masked.explain()


def _over_other_fields() -> Iterator[tuple[str, Explanation]]:
    for p in (5, 101):
        F = GF(p)
        rows = [[F(i * j + i + 2 + (i == j)) for j in range(4)] for i in range(4)]
        matrix = DomainMatrix(rows, (4, 4), F)
        yield f"GF({p})", factor(matrix, scales="nonzero").explain()
        yield (
            f"depth over GF({p})",
            minimal_depth(DomainMatrix([[F(2), F(0)], [F(0), F(2) ** -1]], (2, 2), F)).explain(),
        )
    yield "a number field", explain(sympy.Matrix([[1, sqrt(2)], [sqrt(2), 3]]))
    yield "a number field, cubic", explain(sympy.diag(sympy.cbrt(2), 1, 1))
    yield "depth over a number field", minimal_depth(sympy.diag(sqrt(2), 1 / sqrt(2))).explain()
    for symbol in (t, a_1, alpha, M):
        yield f"symbol {symbol}", explain(sympy.diag(symbol, 1, 1, 1 / symbol))
        yield f"depth, {symbol}", minimal_depth(sympy.diag(symbol, 1, 1, 1 / symbol)).explain()
        general = [[1, symbol, 0, 1], [0, 1, 2, 0], [symbol, 0, 1, 1], [0, 0, 3, 1]]
        yield f"general, {symbol}", factor(general, scales="nonzero").explain()
    yield "an exponential", explain(sympy.diag(sympy.exp(alpha), 1))
    yield "assumed", factor(sympy.diag(Symbol("r_0") - 1, 1), assume=[Symbol("r_0") > 2]).explain()
    for x, y in product(NAMES, NAMES[:2]):
        if x != y:
            x, y = (Symbol(name, positive=True) for name in (x, y))
            yield f"named {x}, {y}", minimal_depth([[x, 0], [y, 1 / x]]).explain()


def _of_blocks() -> Iterator[tuple[str, Explanation]]:
    for names in ("ABCD", "PQRS", ("X1", "Y_2", "G", "Z")):
        A, B, C, D = (MatrixSymbol(name, 3, 3) for name in names)
        yield f"blocks {names}", explain(BlockMatrix([[A, B], [C, D]]))
        zero = ZeroMatrix(3, 3)
        yield f"diagonal {A}", explain(BlockMatrix([[A, zero], [zero, A.I]]))
        yield f"diagonal {A + B}", explain(BlockMatrix([[A + B, zero], [zero, (A + B).I]]))


def _interpolation(sizes: tuple[int, int]) -> Explanation:
    d = sum(sizes)
    points = [[QQ(i * (j + 1) % 3) for j in range(d)] for i in range(3)]
    images = [[QQ((i + j) % 3 + i) for j in range(d)] for i in range(3)]
    explanation: Explanation = interpolate(points, images, partition=sizes).explain()
    return explanation
