"""Matrices for the tests of this folder: from blocks and layers, drawn, and some of note."""

from dataclasses import replace

import numpy as np
from matrices import matrix
from sympy import GF, QQ

from exactflow import random_matrix, verify
from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.flows.evidence import Evidence
from exactflow.linear.depth import minimal_depth
from exactflow.linear.depth.additive import decide_additive_pattern_up_to_five
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.pattern import PatternInstance, Reason, SplitMatrix


def diagonal(*entries, field=QQ):
    return linalg.diagonal([field.convert(x) for x in entries], field)


def over(rows, p):
    """Return integers as a matrix over GF(p)."""
    return matrix(rows, GF(p))


def blocks(A, B, C, D):
    return linalg.join(Blocks(A, B, C, D)).to_dense()


def about(found, M):
    """Return an obstruction, or another instance of a pattern, about another matrix."""
    return replace(found, split=SplitMatrix(M, found.split.p))


def decided(pattern, M):
    """Return the shifts of additive layers, an obstruction, or None where it is not decided."""
    return answered(decide_additive_pattern_up_to_five, pattern, M, "additive")


def excluded(search, pattern, M):
    """Return the obstruction that a search finds for positive scales, None where it finds none."""
    answer = answered(search, pattern, M, "positive")
    return answer if isinstance(answer, Obstruction) else None


def answered(search, pattern, M, scales):
    """Return the answer of a search; a reason becomes an obstruction."""
    instance = PatternInstance(pattern, SplitMatrix(M), scales)
    answer = search(instance)
    if isinstance(answer, Reason):
        return Obstruction.from_unchecked_reason(instance, answer)
    return answer


def checked(M, *, scales="auto", **options):
    """Return the minimal depth of a matrix, after a check of its layers and its obstructions.

    The layers must be additive unless positive scales are asked for.
    """
    answer = minimal_depth(M, scales=scales, **options)
    assert answer.flow.depth == answer.depth == answer.upper
    assert scales == answer.scales or all(layer.is_additive for layer in answer.flow)
    if answer.depth and answer.evidence is Evidence.EXACT:
        verify(answer.flow, M)
    assert len(answer.obstructions) == min(2, answer.lower)
    assert all(len(reason.pattern) == answer.lower - 1 for reason in answer.obstructions)
    assert all(reason.is_valid() is True for reason in answer.obstructions)
    assert all(reason.explanation().endswith(".") for reason in answer.obstructions)
    return answer


def word(pattern, shifts, scales):
    """Return the product of layers with scales."""
    M = None
    for letter, X, s in zip(pattern, shifts, scales, strict=True):
        S, one = diagonal(*s), linalg.identity(X.shape[1], QQ)
        zero = linalg.zeros(*X.shape[::-1], QQ)
        layer = blocks(S, X, zero, one) if letter == "U" else blocks(one, zero, X, S)
        M = layer if M is None else M * layer
    return M


def jordan(*cells, field=QQ):
    n = sum(size for _, size in cells)
    rows, at = [[0] * n for _ in range(n)], 0
    for value, size in cells:
        for i in range(at, at + size):
            rows[i][i] = value
            if i + 1 < at + size:
                rows[i][i + 1] = 1
        at += size
    return matrix(rows, field)


def product_of(shifts):
    n, field = shifts[0].shape[0], shifts[0].domain
    one, zero = linalg.identity(n, field), linalg.zeros(n, n, field)
    M = linalg.identity(2 * n, field)
    for i, X in enumerate(shifts):
        M = M * (blocks(one, zero, X, one) if i % 2 else blocks(one, X, zero, one))
    return M


def with_fixed_parts(Du, aN, D11):
    """M with C = diag(I_r, 0), B = 0, and D, a whose fixed parts are Du and aN of size n - r."""
    field, r, m = Du.domain, D11.shape[0], Du.shape[0]
    n = r + m
    D = linalg.direct_sum(D11, Du)
    det = D.det() / aN.det()
    scale = linalg.diagonal([det] + [field.one] * (r - 1), field)
    inverse_A = linalg.direct_sum(scale, aN)
    C = linalg.diagonal([field.one] * r + [field.zero] * m, field)
    M = blocks(inverse_A.inv().to_dense(), linalg.zeros(n, n, field), C, D)
    assert M.det() == field.one
    return M


def with_scalar(k, Du, aN):
    """C = diag(I, 0), c = -k C, D11 = I, a11 = k I; det Du = k^2 det aN makes det M = 1."""
    one = diagonal(1, 1)
    D, a = linalg.direct_sum(one, Du), linalg.direct_sum(one * k, aN)
    M = blocks(a.inv().to_dense(), diagonal(0, 0, 0, 0), diagonal(1, 1, 0, 0), D)
    assert M.det() == 1
    return M


def random_rational(d, seed, largest=9):
    """Return a matrix of positive determinant, of small fractions."""
    rng = np.random.default_rng([d, seed])
    entries = rng.integers(-largest, largest + 1, (d, d)), rng.integers(1, 4, (d, d))
    M = matrix([[QQ(int(x), int(y)) for x, y in zip(*rows, strict=True)]
                for rows in zip(*entries, strict=True)])  # fmt: skip
    det = M.det()
    assert det
    return M if det > 0 else linalg.scale_rows([QQ(-1)] + [QQ(1)] * (d - 1), M)


def rotation(d, seed):
    """Return a rotation by Cayley's formula."""
    rng = np.random.default_rng([d, seed])
    S = matrix([[int(x) for x in row] for row in rng.integers(-3, 4, (d, d))])
    S, one = S - S.transpose(), linalg.identity(d, QQ)
    return ((one - S) * (one + S).inv()).to_dense()


def matrix_of_determinant_one(d):
    M = random_matrix(d, seed=d).to_DM().convert_to(QQ).to_dense()
    det = M.det()
    return linalg.scale_rows([1 / det] + [QQ(1)] * (d - 1), M)
