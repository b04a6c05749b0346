"""Depth certificates: what `minimal_depth` finds, written, and checked by independent code."""

import contextlib
import json
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from linear.depth.examples import diagonal, excluded, matrix, over
from linear.depth.searches import breadth_first_depths
from linear.depth.tables import CLASHES, NOT_THREE, OBSTRUCTIONS, SCALED, SWAP, THREE, TWO_SIZES
from sympy import GF, QQ, sqrt

from exactflow import checker, load, random_matrix, save
from exactflow.errors import CertificateError, InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.numbers import format_rational
from exactflow.files.depth_certificate import (
    depth_certificate_text,
    kind_and_witness_json_members,
    read_obstruction,
)
from exactflow.linear.depth import minimal_depth
from exactflow.linear.depth.equations import entry_reason_against_at_most_two_letters
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.pattern import PatternInstance, SplitMatrix
from exactflow.linear.depth.scaled.three_scaled_layers import decide_diagonals_of_three_layers

CORPUS = Path(__file__).parents[1] / "corpus"


def verified(M, scales="additive", partition=None):
    """Return the certificate of a matrix, once the checker has verified it, and what is read of it
    is what was written.
    """
    answer = minimal_depth(M, scales=scales, partition=partition)
    text = depth_certificate_text(answer)
    assert checker.check(text.encode()).verdict is checker.Verdict.VERIFIED
    content = json.loads(text)
    for written, obstruction in zip(content["obstructions"], answer.obstructions, strict=True):
        read = read_obstruction(written, obstruction.matrix, scales, obstruction.split.p)
        assert (read.kind, read.witness) == (obstruction.kind, obstruction.witness)
        assert read.is_valid()
    return content


ADDITIVE = {
    name: obstruction.matrix
    for name, (obstruction, _) in OBSTRUCTIONS.items()
    if obstruction.matrix.det() == 1
}


@pytest.mark.parametrize("name", ADDITIVE)
def test_every_kind_of_obstruction(name):
    verified(ADDITIVE[name])


DECIDED = [name for name, (_, lower, upper) in SCALED.items() if lower == upper]


@pytest.mark.parametrize("name", DECIDED)
def test_positive_scales(name):
    M, depth, _ = SCALED[name]
    assert verified(M, "positive")["depth"] == depth


@pytest.mark.parametrize(
    "M", [CLASHES["and around it"][0], SWAP], ids=["signs of minors", "kernels"]
)
def test_four_layers_with_positive_scales_are_excluded(M):
    """Both kinds are called "linear", one with polynomials for multipliers, one with matrices."""
    claim = verified(M, "positive")
    assert claim["depth"] == 5
    assert {o["kind"] for o in claim["obstructions"]} == {"linear"}


def excludes(obstruction):
    """Return whether the checker, too, sees that an obstruction excludes its pattern."""
    M, pattern, scales = obstruction.matrix, obstruction.pattern, obstruction.scales
    read = checker.read_obstruction(
        {"pattern": pattern, **kind_and_witness_json_members(obstruction)},
        "",
        scales,
        obstruction.split.partition,
        0,
    )
    rows = [[Fraction(int(x.numerator), int(x.denominator)) for x in row] for row in M.to_list()]
    certificate = checker.DepthClaim(obstruction.split.partition[0], 0, rows, scales, {})
    inverse = checker.inverse(rows, 0)
    blocks = checker.split_into_blocks(rows, inverse, certificate.n, pattern.startswith("L"))
    return checker.excludes_pattern(read, certificate, blocks)


WRITTEN = {name: o for name, (o, _) in OBSTRUCTIONS.items() if o.kind_row.written}


@pytest.mark.parametrize("name", WRITTEN)
def test_each_obstruction_by_itself(name):
    assert excludes(WRITTEN[name])


@pytest.mark.parametrize("name", NOT_THREE)
def test_each_reason_against_three_scaled_layers(name):
    assert excludes(excluded(decide_diagonals_of_three_layers, *NOT_THREE[name]))


@pytest.mark.parametrize("name", THREE)
def test_three_scaled_layers(name):
    assert verified(THREE[name], "positive")["depth"] <= 3


@pytest.mark.parametrize("pattern", ["", "U", "L", "UL", "LU"])
def test_every_small_matrix_that_is_no_product_of_two_scaled_layers(pattern):
    found = 0
    for entries in product((-1, 0, 2), repeat=4):
        M = matrix([entries[:2], entries[2:]])
        instance = PatternInstance(pattern, SplitMatrix(M), "positive")
        if M.det() and (reason := entry_reason_against_at_most_two_letters(instance)) is not None:
            obstruction = Obstruction.from_unchecked_reason(instance, reason)
            assert obstruction.is_valid()
            assert excludes(obstruction)
            found += 1
    assert found > 10


@pytest.mark.parametrize("field", [QQ, GF(2), GF(7)], ids=str)
@pytest.mark.parametrize("d", [2, 6])
def test_depth_zero_keeps_its_field(field, d):
    claim = verified(linalg.identity(d, field))
    assert claim["field"] == ("QQ" if field.is_QQ else f"GF({field.mod})")
    assert (claim["depth"], claim["layers"], claim["obstructions"]) == (0, [], [])


@pytest.mark.parametrize("p", [2, 3, 5])
def test_elements_of_sl2(p):
    for M, depth in sorted(breadth_first_depths(1, 1, p).items())[:: 1 if p < 5 else 7]:
        assert verified(over(M, p))["depth"] == depth


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_elements_of_sl3_over_f2(p, step):
    depths = breadth_first_depths(p, 3 - p, 2)
    for M in sorted(depths)[::step]:
        claim = verified(over(M, 2), partition=(p, 3 - p))
        assert (claim["depth"], claim["version"]) == (depths[M], 2)


@pytest.mark.parametrize("name", TWO_SIZES)
def test_halves_of_two_sizes(name):
    M, partition, depth = TWO_SIZES[name]
    claim = verified(M, partition=partition)
    assert (claim["depth"], claim["version"]) == (depth, 2)
    assert claim["target"] == [[format_rational(x) for x in row] for row in M.to_list()]


def test_terms_in_several_parts_and_exponents_as_fractions_are_read(tmp_path):
    written = CORPUS / "depth" / "correct" / "positive_5_letters_linear.json"
    content = json.loads(written.read_text())
    for obstruction in content["obstructions"]:
        terms = obstruction["multiplier"][0]
        coefficient, *exponents = terms[0]
        exponents = [f"{x}/1" for x in exponents]
        terms[:1] = [[str(int(coefficient) - 9), *exponents], ["9", *exponents]]
    path = tmp_path / "c.json"
    path.write_text(json.dumps(content))
    for read, expected in zip(load(path).obstructions, load(written).obstructions, strict=True):
        assert read.witness == expected.witness


def test_leading_zeros_of_a_witness_are_read(tmp_path):
    content = json.loads((CORPUS / "depth" / "correct" / "gf2_0_letters_linear.json").read_text())
    content["obstructions"][0]["multiplier"][0][0][0] = "00"
    path = tmp_path / "c.json"
    path.write_text(json.dumps(content))
    assert load(path).depth == 1


def test_a_witness_that_only_the_checker_accepts_is_refused_by_a_remedy(tmp_path):
    written = CORPUS / "depth" / "correct" / "rationals_5_letters_chain_no_freedom.json"
    content = json.loads(written.read_text())
    found = next(o for o in content["obstructions"] if o["kind"] == "chain")
    found["factors"].append(["-5", "1"])
    text = json.dumps(content)
    assert checker.check(text.encode()).verdict is checker.Verdict.VERIFIED
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(CertificateError, match="call minimal_depth on the matrix instead"):
        load(path)
    assert minimal_depth(content["target"]).depth == content["depth"]


def test_what_version_1_does_not_know_is_refused():
    M, partition, _ = TWO_SIZES["a mask"]
    claim = verified(M, partition=partition)
    for change in ({"version": 1}, {"order": [0, 1, 2, 3]}, {"order": claim["order"][::-1]},
                   {"partition": [3, 2]}, {"scales": "positive"}, {"flips": []}):  # fmt: skip
        changed = json.dumps(claim | change).encode()
        with contextlib.suppress(checker.MalformedError):
            assert checker.check(changed).verdict is not checker.Verdict.VERIFIED


@pytest.mark.slow
def test_elements_of_sl4_over_f2():
    depths = breadth_first_depths(2, 2, 2)
    for M in sorted(depths)[::40]:
        assert verified(over(M, 2))["depth"] == depths[M]


@pytest.mark.parametrize("d", [2, 4, 8])
def test_random_matrices(d):
    M = as_square_matrix(random_matrix(d, seed=d)).to_dense()
    M = linalg.scale_rows([1 / M.det()] + [QQ(1)] * (d - 1), M)
    claim = verified(M)
    assert claim["depth"] == (3 if d == 2 else 5)


def test_written_as_a_whole(tmp_path):
    answer = minimal_depth(diagonal(-1, -1, 1, 1))
    path = tmp_path / "depth.json"
    save(answer, path)
    assert path.read_text() == depth_certificate_text(answer)
    text = depth_certificate_text(answer, {"source": "w.csv"})
    assert json.loads(text)["provenance"]["source"] == "w.csv"
    assert checker.check_file(path) == 0
    with pytest.raises(InvalidInputError, match="no such folder"):
        save(answer, tmp_path / "none" / "depth.json")
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_decided_is_refused():
    for d, message in ((18, "between 4 and 5"), (6, "these layers are only proved to exist")):
        with pytest.raises(InvalidInputError, match=message):
            depth_certificate_text(minimal_depth(random_matrix(d, seed=d), scales="positive"))


@pytest.mark.parametrize(
    ("M", "options", "message"),
    [
        (
            diagonal(8, QQ(1, 2), QQ(1, 2), QQ(1, 2)),
            {"partition": (1, 3)},
            "more than five letters",
        ),
        (diagonal(2, 3, 5), {}, "positive scales with halves of two sizes"),
        (diagonal(-1, 1), {"orientation": "flip"}, "do not support flips or pads"),
        (matrix([[0, 1], [1, 0]]), {"orientation": "pad"}, "do not support flips or pads"),
    ],
)
def test_what_the_format_has_no_words_for_is_refused(M, options, message):
    answer = minimal_depth(M, **options)
    assert answer.is_decided
    with pytest.raises(InvalidInputError, match=message):
        depth_certificate_text(answer)


@pytest.mark.parametrize(
    ("M", "partition"),
    [
        (diagonal(-1, -1, 2, 3, QQ(1, 2), QQ(1, 3)), (2, 4)),
        (diagonal(1, 1, 1, -1, -1), (1, 4)),
        (matrix([[1, 2, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), (1, 3)),
    ],
)
def test_halves_of_any_sizes(M, partition):
    assert verified(M, partition=partition)["depth"] <= 6


def test_number_fields_are_refused():
    field = QQ.algebraic_field(sqrt(2))
    M = linalg.diagonal([field.unit, field.one / field.unit], field)
    with pytest.raises(InvalidInputError, match="over QQ or GF"):
        depth_certificate_text(minimal_depth(M))
