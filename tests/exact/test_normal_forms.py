"""Normal forms: blocks are recovered from matrices in which they were hidden."""

from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import matrix
from sympy import GF, QQ, sqrt
from sympy.polys.densearith import dup_mul

from exactflow.exact import linalg
from exactflow.exact.normal_forms import (
    companion_block_exponents,
    conjugate_partition,
    cyclic_generators_and_exponents,
    elementary_divisors,
    fitting_basis_and_last_nilpotent_size,
    irreducible_factors,
    largest_invariant_left_kernel,
    orbit,
)

FIELDS = [QQ, GF(2), GF(3), GF(7), QQ.algebraic_field(sqrt(2))]


def companion(f, field):
    """The companion matrix of a monic polynomial, highest coefficient first."""
    n = len(f) - 1
    rows = [[field.one if i == j + 1 else field.zero for j in range(n)] for i in range(n)]
    for i in range(n):
        rows[i][n - 1] = -f[n - i]
    return linalg.from_entries(rows, (n, n), field)


def direct_sum(parts):
    n, field = sum(part.shape[0] for part in parts), parts[0].domain
    rows, at = [[field.zero] * n for _ in range(n)], 0
    for part in parts:
        for i, row in enumerate(part.to_list()):
            rows[at + i][at : at + len(row)] = row
        at += part.shape[0]
    return linalg.from_entries(rows, (n, n), field)


def hidden(M, seed):
    """M in another basis, the product of two triangular matrices with ones on the diagonal."""
    n, field = M.shape[0], M.domain
    lower, upper = (
        matrix(
            [
                [
                    1 if i == j else (seed * (i + 2 * j + 1)) % 3 - 1 if (i > j) == low else 0
                    for j in range(n)
                ]
                for i in range(n)
            ],
            field,
        )
        for low in (True, False)
    )
    P = lower * upper
    return P * M * P.inv()


def irreducibles(field):
    """x - 1, x, x^2 + x + 1 where that is irreducible."""
    one, zero = field.one, field.zero
    linear = [(one, -one), (one, zero)]
    return linear if field in (GF(3), GF(7)) else [*linear, (one, one, one)]


def from_divisors(divisors, field):
    parts = []
    for f, sizes in divisors.items():
        for k in sizes:
            g = [field.one]
            for _ in range(k):
                g = dup_mul(g, f, field)
            parts.append(companion(g, field))
    return direct_sum(parts)


partitions = st.lists(st.integers(1, 2), max_size=2).map(lambda p: tuple(sorted(p)[::-1]))


@st.composite
def divisors_and_field(draw):
    field = draw(st.sampled_from(FIELDS[:-1]))
    chosen = {f: draw(partitions) for f in irreducibles(field)}
    chosen = {f: sizes for f, sizes in chosen.items() if sizes}
    if not chosen:
        chosen = {irreducibles(field)[0]: (1,)}
    return chosen, field


@settings(max_examples=15)
@given(divisors_and_field(), st.integers(0, 5), st.integers(0, 5))
def test_divisors_chains_and_intertwiners(case, seed, other):
    divisors, field = case
    M = from_divisors(divisors, field)
    D, a = hidden(M, seed), hidden(M, other)
    assert elementary_divisors(D) == divisors
    for f, sizes in divisors.items():
        assert companion_block_exponents(D, f) == sizes
        assert tuple(size for _, size in cyclic_generators_and_exponents(D, f)) == sizes
        for v, size in cyclic_generators_and_exponents(D, f):
            factor = D.eval_poly(list(f))
            assert (factor**size * v).is_zero_matrix
            assert not (factor ** (size - 1) * v).is_zero_matrix
    of_D, of_a = (
        linalg.from_columns(
            [
                v
                for f in divisors
                for u, k in cyclic_generators_and_exponents(N, f)
                for v in orbit(N, u, k * (len(f) - 1))
            ]
        )
        for N in (D, a)
    )
    assert of_D.inv() * D * of_D == M
    intertwiner = of_D * of_a.inv()
    assert D * intertwiner == intertwiner * a


def test_fitting_splits():
    nilpotent = matrix([[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    for M, m in (
        (direct_sum([nilpotent, matrix([[2]])]), 3),
        (nilpotent, 3),
        (matrix([[2, 1], [0, 2]]), 0),
        (matrix([[0]]), 1),
    ):
        hidden_M = hidden(M, 4)
        Q, found = fitting_basis_and_last_nilpotent_size(hidden_M)
        n = M.shape[0]
        split = Q.inv() * hidden_M * Q
        assert found == m
        assert split[: n - m, n - m :].is_zero_matrix
        assert split[n - m :, : n - m].is_zero_matrix
        assert m == 0 or (split[n - m :, n - m :] ** n).is_zero_matrix
        assert m == n or split[: n - m, : n - m].det()


def test_irreducible_factors():
    assert irreducible_factors([QQ(3)], QQ) == []
    assert irreducible_factors([QQ(2), QQ(0), QQ(-4)], QQ) == [((1, 0, -2), 1)]
    field = QQ.algebraic_field(sqrt(2))
    factors = irreducible_factors([field.one, field.zero, -field.convert(2)], field)
    assert len(factors) == 2
    two = GF(2)
    assert irreducible_factors([two(1), two(0), two(1)], two) == [((two(1), two(1)), 2)]


def test_largest_invariant_rows():
    D = direct_sum([matrix([[1, 1], [0, 1]]), matrix([[5]])])
    C = matrix([[1, 0, 0], [0, 0, 0], [0, 0, 0]])
    L = largest_invariant_left_kernel(D, C)
    assert L.shape == (2, 3)
    assert (L * C).is_zero_matrix
    assert linalg.rank(L.vstack(L * D)) == 2
    C = matrix([[0, 0, 0], [1, 0, 0], [1, 0, 0]])
    assert largest_invariant_left_kernel(D, C).shape == (0, 3)


def test_small_functions():
    M = matrix([[0, 1], [2, 0]])
    assert conjugate_partition(()) == ()
    assert conjugate_partition((4, 2, 2)) == (3, 3, 1, 1)
    assert orbit(M, linalg.unit_vector(2, 0, QQ), 3)[2] == linalg.unit_vector(2, 0, QQ) * QQ(2)
    assert elementary_divisors(linalg.zeros(0, 0, QQ)) == {}
    assert companion_block_exponents(linalg.zeros(0, 0, QQ), (QQ(1), QQ(0))) == ()
