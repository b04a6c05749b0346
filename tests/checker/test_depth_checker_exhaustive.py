"""The depth checker's obstructions against brute force: all products of each pattern.

What excludes a pattern must be true, and the truth is found here without a theorem: by the sets of
all products of each word of layers over small fields.
"""

from itertools import product

import pytest
from truth import all_sheared, identity

from exactflow import checker


def words(longest):
    """Yield the alternating words of at most so many letters."""
    yield ""
    for length in range(1, longest + 1):
        yield from ("ULULUL"[:length], "LULULU"[:length])


def products_by_word(d, mod):
    """Return the set of all products of each word; the first letter acts last."""
    found = {"": {identity(d)}}
    for word in words(6):
        if word:
            found[word] = all_sheared(found[word[1:]], d // 2, word[0] == "U", mod)
    return found


def monic(degree, p):
    """Yield the monic polynomials of a degree."""
    for coefficients in product(range(p), repeat=degree):
        yield [*coefficients, 1]


def squares(n, p):
    """Return all n x n matrices."""
    entries = product(range(p), repeat=n * n)
    return [[list(e[i * n : i * n + n]) for i in range(n)] for e in entries]


def excluded(M, word, p, obstructions):
    """Return whether one of the obstructions excludes a word, in the checker's opinion."""
    rows = [list(row) for row in M]
    certificate = checker.DepthClaim(len(rows) // 2, p, rows, "additive", {})
    blocks = checker.split_into_blocks(
        rows, checker.inverse(rows, p), len(rows) // 2, word.startswith("L")
    )
    for obstruction in obstructions:
        try:
            if checker.excludes_pattern({"pattern": word, **obstruction}, certificate, blocks):
                return True
        except checker.RefutedError:
            pass
    return False


def scalar_witnesses(word, p):
    """Return every obstruction to a word that there can be for n = 1."""
    factors = [[f] for f in monic(1, p)] + [list(monic(1, p))]
    if len(word) == 5:
        multipliers = [[[list(row)]] for row in product(range(p), repeat=2)]
    else:
        number = len(checker.EQUATIONS[len(word)].split())
        multipliers = [[[[x]] for x in e] for e in product(range(p), repeat=number)]
    witnesses = [{"kind": "linear", "multiplier": W} for W in multipliers]
    if len(word) >= 4:
        witnesses.append({"kind": "trace", "k": 1})
        witnesses += [{"kind": "similarity", "factors": f} for f in factors]
    if len(word) == 5:
        witnesses += [{"kind": "chain", "factors": f} for f in factors]
    return witnesses


@pytest.mark.parametrize("p", [2, 3, pytest.param(5, marks=pytest.mark.slow)])
def test_sl2_every_witness_excludes_only_what_is_impossible_and_one_always_does(p):
    by_word = products_by_word(2, p)
    group = set().union(*by_word.values())
    assert len(group) == p**3 - p
    for word in words(5):
        witnesses = scalar_witnesses(word, p)
        for M in group:
            assert excluded(M, word, p, witnesses) == (M not in by_word[word])


def multipliers(word, sizes):
    """Return every multiplier over GF(2) of a word of layers of these halves."""
    named = dict(zip("pq", sizes[:: -1 if word.startswith("L") else 1], strict=True))
    shapes = [[named[x] for x in shape] for shape in checker.EQUATIONS[len(word)].split()]
    shapes = shapes or [[1, max(sizes) + 1]]
    for bits in product(range(2), repeat=sum(rows * columns for rows, columns in shapes)):
        left = iter(bits)
        matrices = [[[next(left) for _ in range(columns)] for _ in range(rows)]
                    for rows, columns in shapes]  # fmt: skip
        yield {"kind": "linear", "multiplier": matrices}


@pytest.mark.parametrize("step", [41, pytest.param(1, marks=pytest.mark.slow)])
def test_sl3_over_f2_every_witness_excludes_only_what_is_impossible_and_one_always_does(step):
    by_word = products_by_word(3, 2)
    group = sorted(by_word["ULULUL"])
    assert len(group) == 168
    for word in words(5):
        witnesses = list(multipliers(word, (1, 2)))
        witnesses += pair_witnesses(word) if len(word) > 3 else []
        for M in group[::step]:
            assert excluded(M, word, 2, witnesses) == (M not in by_word[word])


def pair_witnesses(word):
    """Return obstructions to a word of four or five letters over GF(2) for n = 2."""
    linear, quadratic = list(monic(1, 2)), list(monic(2, 2))
    kinds = ("similarity", "chain") if len(word) == 5 else ("similarity",)
    sets = [[f] for f in linear + quadratic] + [linear, [*linear, [1, 1, 1]]]
    return [{"kind": "trace", "k": k} for k in (1, 2)] + [
        {"kind": kind, "factors": factors} for kind in kinds for factors in sets
    ]


@pytest.fixture(scope="module")
def sl4():
    """All products of each word over GF(2), 4 x 4."""
    return products_by_word(4, 2)


@pytest.mark.slow
def test_sl4_over_f2_no_witness_excludes_what_is_possible(sl4):
    deep = sl4["ULULUL"] - sl4["ULULU"] - sl4["LULUL"]
    assert len(deep) == 16
    group = sorted(sl4["ULULUL"])
    assert len(group) == 20160
    for word in ("ULUL", "LULU", "ULULU", "LULUL"):
        witnesses = pair_witnesses(word)
        for M in (*group[::16], *deep):
            if M in sl4[word]:
                assert not excluded(M, word, 2, witnesses)
            elif len(word) == 5:
                assert excluded(M, word, 2, witnesses)


@pytest.mark.slow
def test_sl4_over_f2_every_multiplier_of_three_letters(sl4):
    witnesses = [
        {"kind": "linear", "multiplier": list(W)} for W in product(squares(2, 2), repeat=3)
    ]
    for word, M in product(("ULU", "LUL"), sorted(sl4["ULULUL"])[::1200]):
        assert excluded(M, word, 2, witnesses) == (M not in sl4[word])
