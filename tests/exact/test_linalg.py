"""Exact linear algebra over several fields."""

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import GF, QQ

from exactflow.errors import FieldTooSmallError
from exactflow.exact import krylov, linalg

ROOT = QQ.algebraic_field(sympy.sqrt(2))
FIELDS = [QQ, GF(101), ROOT]


@st.composite
def matrices(draw, rows=None, columns=None):
    """A small matrix over one of the fields, often of low rank."""
    field = draw(st.sampled_from(FIELDS))
    m = rows or draw(st.integers(1, 5))
    n = columns or draw(st.integers(1, 5))
    entry = st.integers(-2, 2).map(field.convert)
    r = draw(st.integers(0, min(m, n)))
    left = draw(st.lists(entry, min_size=m * r, max_size=m * r))
    right = draw(st.lists(entry, min_size=r * n, max_size=r * n))
    L = linalg.from_entries([left[i * r : (i + 1) * r] for i in range(m)], (m, r), field)
    R = linalg.from_entries([right[i * n : (i + 1) * n] for i in range(r)], (r, n), field)
    return L * R


@st.composite
def squares(draw):
    n = draw(st.integers(1, 5))
    field = draw(st.sampled_from(FIELDS))
    entry = st.integers(-1, 1).map(field.convert)
    rows = draw(st.lists(st.lists(entry, min_size=n, max_size=n), min_size=n, max_size=n))
    return linalg.from_entries(rows, (n, n), field)


@given(matrices())
def test_kernel_and_complement(M):
    kernel, complement = linalg.kernel(M), linalg.complementary_unit_vectors(M)
    r = linalg.rank(M)
    assert (M * kernel).is_zero_matrix
    assert kernel.shape == (M.shape[1], M.shape[1] - r)
    assert complement.shape == (M.shape[0], M.shape[0] - r)
    assert linalg.rank(M.hstack(complement)) == M.shape[0]


@given(matrices())
def test_left_inverse(M):
    injective = linalg.column_basis(M)
    assert injective == M.extract(list(range(M.shape[0])), list(M.rref()[1]))
    one = linalg.identity(injective.shape[1], M.domain)
    assert linalg.left_inverse(injective) * injective == one
    assert injective.transpose() * linalg.right_inverse(injective.transpose()) == one


@given(squares())
def test_controller_basis(F):
    n, f = F.shape[0], F.charpoly_berk()
    H = krylov.controller_basis(F, f, linalg.unit_vector(n, 0, F.domain))
    companion = [[-c for c in f[1:]]] + [
        [F.domain.one if j == i else F.domain.zero for j in range(n)] for i in range(n - 1)
    ]
    assert F * H == H * linalg.from_entries(companion, (n, n), F.domain)


@given(squares())
def test_krylov_flag(F):
    n, field = F.shape[0], F.domain
    H, H_inverse, runs = krylov.controller_run_basis_inverse_and_lengths(F)
    assert sum(runs) == n
    assert H * H_inverse == linalg.identity(n, field)
    flag = (H_inverse * F * H).to_list()
    starts = [sum(runs[:r]) for r in range(len(runs))]
    for start, length in zip(starts, runs, strict=True):
        for j in range(start, start + length):
            last = j == start + length - 1
            for i in range(n):
                if i == j + 1 and not last:
                    assert flag[i][j] == field.one
                elif i != start and (i > start or not last):
                    assert flag[i][j] == field.zero


def test_krylov_flag_of_a_scalar_matrix_has_runs_of_one():
    lengths = krylov.controller_run_basis_inverse_and_lengths(linalg.identity(4, QQ))[2]
    assert lengths == [1, 1, 1, 1]


@given(st.permutations(range(1, 6)), st.lists(st.integers(-3, 3), min_size=10, max_size=10))
def test_triangular_eigenvectors(diagonal, above):
    above = iter(above)
    rows = [
        [QQ(next(above)) if j > i else QQ(diagonal[i] if i == j else 0) for j in range(5)]
        for i in range(5)
    ]
    T = linalg.from_entries(rows, (5, 5), QQ)
    V = krylov.upper_triangular_eigenvectors(T)
    assert T * V == V * linalg.diagonal([QQ(x) for x in diagonal], QQ)


@given(squares())
def test_split_join_swap(M):
    n = M.shape[0]
    for p in range(n + 1):
        blocks = linalg.split(M, p)
        assert linalg.join(blocks) == M
        if n and linalg.rank(M) == n:
            assert linalg.join(linalg.inverse_blocks(blocks)) == M.inv()
        order = [*range(p, n), *range(p)]
        assert linalg.join(linalg.swap_halves(blocks)) == M.extract(order, order)


@given(squares())
def test_scale_rows_of_dense_and_sparse(M):
    scale = [M.domain.convert(i + 1) for i in range(M.shape[0])]
    expected = linalg.diagonal(scale, M.domain) * M
    assert linalg.scale_rows(scale, M) == expected
    assert linalg.scale_rows(scale, M.to_sparse()).to_dense() == expected


def test_inverse_or_none():
    assert linalg.inverse_or_none(linalg.zeros(2, 2, QQ)) is None
    assert linalg.inverse_or_none(linalg.identity(2, QQ)) == linalg.identity(2, QQ)


def test_distinct_units_end_with_the_field():
    units = linalg.distinct_units_or_raise(GF(5))
    assert len({int(next(units)) % 5 for _ in range(4)}) == 4
    with pytest.raises(FieldTooSmallError, match="larger field"):
        next(units)


def test_signs():
    assert linalg.is_positive(QQ(1, 3), QQ) is True
    assert linalg.is_positive(ROOT.from_sympy(1 - sympy.sqrt(2)), ROOT) is False
    assert linalg.is_positive(GF(7)(3), GF(7)) is None


@given(matrices())
def test_elimination_is_that_of_sympy(M):
    assert linalg.rref(M) == M.rref()
    assert linalg.rank(M) == M.rank()
    assert linalg.kernel(M).transpose() == M.nullspace(divide_last=True)
    assert linalg.left_kernel(M) == M.transpose().nullspace(divide_last=True)


@pytest.mark.parametrize("shape", [(0, 0), (0, 2), (2, 0), (2, 2)])
def test_elimination_of_nothing(shape):
    zero = linalg.zeros(*shape, QQ)
    assert linalg.rref(zero) == (zero, ())
    assert linalg.kernel(zero) == linalg.identity(shape[1], QQ)
    assert linalg.left_kernel(zero) == linalg.identity(shape[0], QQ)


@given(matrices(), st.data())
def test_solutions_and_multipliers(A, data):
    entry = st.integers(-1, 1).map(A.domain.convert)
    B = linalg.column(
        data.draw(st.lists(entry, min_size=A.shape[0], max_size=A.shape[0])), A.domain
    )
    X, y = linalg.solve(A, B)
    if y is None:
        assert A * X == B
    else:
        assert X is None
        assert (y * A).is_zero_matrix
        assert not (y * B).is_zero_matrix


def test_solve_without_unknowns():
    X, _ = linalg.solve(linalg.zeros(2, 0, QQ), linalg.zeros(2, 1, QQ))
    assert X.shape == (0, 1)


def test_all_that_is_built_here_is_dense():
    one = linalg.identity(2, QQ)
    built = [one, linalg.zeros(2, 1, QQ), linalg.diagonal([QQ(1)], QQ), linalg.column([QQ(1)], QQ)]
    built += [linalg.scale_columns(one, [QQ(2), QQ(3)]), linalg.direct_sum(one, one)]
    built += [
        linalg.kernel(one),
        linalg.complementary_unit_vectors(one[:, :1]),
        linalg.left_inverse(one[:, :1]),
    ]
    built += [linalg.solve(one, one)[0], linalg.rref(one)[0], *linalg.split(one, 1)]
    assert [M.rep.fmt for M in built] == ["dense"] * len(built)
