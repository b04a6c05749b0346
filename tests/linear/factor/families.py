"""Families of matrices on the thin sets of the theorems, and how a matrix is normalized."""

import random

from matrices import matrix
from sympy import QQ

from exactflow.exact import linalg


def normalized(M):
    """Divide row 0 by the determinant."""
    return linalg.scale_rows([M.domain.one / M.det()] + [M.domain.one] * (M.shape[0] - 1), M)


def positive(M):
    """Negate row 0 where that makes a determinant positive."""
    if linalg.is_positive(M.det(), M.domain) is False:
        return linalg.scale_rows([-M.domain.one] + [M.domain.one] * (M.shape[0] - 1), M)
    return M


def random_matrix(d, seed, field=QQ, bound=3):
    generator = random.Random(seed)
    while True:
        M = matrix([[generator.randint(-bound, bound) for _ in range(d)] for _ in range(d)], field)
        if M.det():
            return positive(M)


# Every function takes (p, q, generator) and returns rows.


def entries(rows, columns, generator, bound=2):
    return [[generator.randint(-bound, bound) for _ in range(columns)] for _ in range(rows)]


def scalar(n, value):
    return [[value if i == j else 0 for j in range(n)] for i in range(n)]


def low_rank(rows, columns, rank, generator):
    left, right = entries(rows, rank, generator), entries(rank, columns, generator)
    return [
        [sum(left[i][k] * right[k][j] for k in range(rank)) for j in range(columns)]
        for i in range(rows)
    ]


def joined(A, B, C, D):
    return [[*x, *y] for x, y in [*zip(A, B, strict=True), *zip(C, D, strict=True)]]


def zero(rows, columns):
    return [[0] * columns for _ in range(rows)]


def sparse(p, q, generator):
    d = p + q
    return [
        [generator.randint(-3, 3) if generator.random() < 0.3 else int(i == j) for j in range(d)]
        for i in range(d)
    ]


def signed_permutation(p, q, generator):
    order = generator.sample(range(p + q), p + q)
    return [[generator.choice((1, -1)) * (j == i) for j in range(p + q)] for i in order]


def near_identity(p, q, generator):
    rows = scalar(p + q, 1)
    for _ in range(2):
        i, j = generator.sample(range(p + q), 2)
        rows[i][j] = 1
    return rows


def jordan(p, q, generator):
    value = generator.choice((1, -1, 2))
    return [[value if i == j else int(j == i + 1) for j in range(p + q)] for i in range(p + q)]


def low(p, q, generator, of_B, of_C):
    small = min(p, q, 3) - 1
    B = low_rank(p, q, small, generator) if of_B else entries(p, q, generator)
    C = low_rank(q, p, small, generator) if of_C else entries(q, p, generator)
    return joined(entries(p, p, generator), B, C, entries(q, q, generator))


def diagonal_blocks(p, q, A, D):
    return joined(A, zero(p, q), zero(q, p), D)


FAMILIES = {
    "sparse": sparse,
    "signed permutation": signed_permutation,
    "diagonal": lambda p, q, g: [
        [g.choice((1, 2, -1, 3)) * (i == j) for j in range(p + q)] for i in range(p + q)
    ],
    "block scalar": lambda p, q, g: diagonal_blocks(p, q, scalar(p, 2), scalar(q, -3)),
    "scalar": lambda p, q, g: scalar(p + q, 3),
    "identity": lambda p, q, g: scalar(p + q, 1),
    "near the identity": near_identity,
    "Jordan": jordan,
    "low rank B": lambda p, q, g: low(p, q, g, True, False),
    "low rank C": lambda p, q, g: low(p, q, g, False, True),
    "low rank B and C": lambda p, q, g: low(p, q, g, True, True),
    "B = C = 0": lambda p, q, g: diagonal_blocks(p, q, entries(p, p, g), entries(q, q, g)),
    "diag(A, l I)": lambda p, q, g: diagonal_blocks(p, q, entries(p, p, g), scalar(q, 2)),
    "diag(I, D)": lambda p, q, g: diagonal_blocks(p, q, scalar(p, 1), entries(q, q, g)),
    "lower shear": lambda p, q, g: joined(scalar(p, 1), zero(p, q), entries(q, p, g), scalar(q, 1)),
    "upper shear": lambda p, q, g: joined(scalar(p, 1), entries(p, q, g), zero(q, p), scalar(q, 1)),
    "scalar A and D": lambda p, q, g: joined(
        scalar(p, 2), zero(p, q), entries(q, p, g), scalar(q, -1)
    ),
    "A = 0, low rank B": lambda p, q, g: joined(
        low_rank(p, p, 1, g), entries(p, q, g), entries(q, p, g), entries(q, q, g)
    ),
}


def member(family, p, q, seed, field=QQ):
    """Return an invertible matrix of the family, or None where none turns up."""
    generator = random.Random(f"{family} {p} {q} {seed}")
    for _ in range(200):
        M = matrix(FAMILIES[family](p, q, generator), field)
        if M.det():
            return positive(M)
    return None
