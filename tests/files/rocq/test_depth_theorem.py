"""Depth certificates as theorems: coqc accepts them, and no corrupted one."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import pytest
from files.rocq.compiling import all_compile, none_compiles
from linear.depth.examples import diagonal, jordan, matrix, with_fixed_parts
from sympy import GF, QQ

from exactflow import checker, cli, random_matrix, save
from exactflow.errors import CertificateError, InvalidInputError, VerificationError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_square_matrix
from exactflow.files.depth_certificate import depth_certificate_text
from exactflow.files.rocq.reasons import (
    write_rank_obstruction,
    write_scaled_obstruction,
    write_trace_recurrence_obstruction,
)
from exactflow.files.rocq.theorem import theorem_file_text_if_verified
from exactflow.linear.depth import minimal_depth

CORPUS = Path(__file__).parents[2] / "corpus" / "depth" / "correct"
SIX = diagonal(-1, -1, 1, 1)
UNLIKE = linalg.direct_sum(jordan((2, 2)).inv(), diagonal(2, 2))
NO_COQ = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")


def certificate(M, scales="additive"):
    return depth_certificate_text(minimal_depth(M, scales=scales)).encode()


def of_determinant_one(d):
    M = as_square_matrix(random_matrix(d, seed=d)).to_dense()
    return linalg.scale_rows([1 / M.det()] + [M.domain.one] * (d - 1), M)


def test_traces_are_the_reason_against_five():
    text = theorem_file_text_if_verified(certificate(SIX))
    assert "Definition of_U := Trace 1.\nDefinition of_L := Trace 1." in text
    assert "(size Ks < 6)%N" in text
    assert "[/\\ size Ks = 6%N," in text


def test_the_least_power_whose_traces_differ_is_taken():
    a = matrix([[0, 0, 1], [1, 0, 0], [0, 1, 3]])  # D = I: tr D = tr a = 3, tr D^2 = 3, tr a^2 = 9
    text = theorem_file_text_if_verified(
        certificate(linalg.direct_sum(a.inv(), linalg.identity(3, QQ)))
    )
    assert "Definition of_U := Trace 2.\nDefinition of_L := Trace 1." in text


def test_the_witness_of_the_certificate_is_the_reason():
    """Traces differ, too, but the certificate names the factor x + 1, of a and not of D."""
    content = json.loads(certificate(SIX))
    for obstruction in content["obstructions"]:
        del obstruction["k"]
        obstruction |= {"kind": "similarity", "factors": [["1", "1"]]}
    text = theorem_file_text_if_verified(json.dumps(content).encode())
    assert all(f"Definition of_{letter} := Ranks " in text for letter in "UL")
    assert text.count(" [:: Qmake (0x1) 0x1; Qmake (0x1) 0x1]") == 2  # x + 1, ascending


def test_ranks_are_the_reason_against_unlike_blocks():
    text = theorem_file_text_if_verified(certificate(UNLIKE))
    assert all(f"Definition of_{letter} := Ranks false false" in text for letter in "UL")


def test_ranks_at_eigenvalue_1():
    at_1 = linalg.direct_sum(jordan((1, 3)), diagonal(1, 1, 1))
    assert "Definition of_U := Ranks true true" in theorem_file_text_if_verified(certificate(at_1))


def test_ranks_of_all_eigenvalues_together():
    """D keeps 2 and 3, a keeps a block of size 2 at 1: four dimensions where there are three."""
    M = with_fixed_parts(diagonal(2, 3), jordan((1, 2)), diagonal(5))
    assert (
        "Definition of_U := Ranks false false [:: Qmake (0x6) 0x1; "
        in theorem_file_text_if_verified(certificate(M))
    )


def test_a_clash_needs_unlike_blocks():
    D, a, zero = [[2, 1], [0, 2]], [[2, 1], [0, 2]], [[0, 0], [0, 0]]
    assert write_rank_obstruction([[Fraction(-2), Fraction(1)]], D, zero, a, zero, False) is None


def test_no_recurrence_is_the_reason_where_c_is_a_multiple_of_C():
    text = theorem_file_text_if_verified((CORPUS / "rationals_5_letters_linear.json").read_bytes())
    assert "Definition of_U := Multiple 2 [:: " in text


def test_a_recurrence_is_none():
    """For D11 = 3/2, D' and a' can both be diag(2, 2, 3, 3): powers of traces tell nothing."""
    possible = with_fixed_parts(diagonal(2, 2), diagonal(3, 3), diagonal(QQ(3, 2), QQ(3, 2)))
    rows = [[Fraction(int(x.numerator), int(x.denominator)) for x in row]
            for row in possible.to_list()]  # fmt: skip
    blocks = checker.split_into_blocks(rows, checker.inverse(rows, 0), len(rows) // 2, False)
    assert write_trace_recurrence_obstruction(blocks) is None


def test_another_reason_is_refused():
    no_freedom = with_fixed_parts(diagonal(2, 2), diagonal(3, 3), diagonal(1, QQ(9, 4)))
    with pytest.raises(
        InvalidInputError, match="obstruction of kind chain to ULULU follows from neither"
    ):
        theorem_file_text_if_verified(certificate(no_freedom))


def test_opposed_signs_are_the_reason_with_positive_scales():
    text = theorem_file_text_if_verified(certificate(SIX, "positive"))
    assert "Definition of_U := Signs [:: [::];\n    [:: (Qmake (0x1) 0x1, " in text
    assert "Definition of_L := Signs [:: [::];\n    [:: (Qmake (-0x1) 0x1, " in text
    assert "(forall K : 'M_(2 + 2), K \\in Ks -> is_coupling K) ->" in text


def test_determinants_need_a_regular_block():
    blocks = checker.PatternBlocks(*[[[Fraction(0)]]] * 6)
    obstruction = {"pattern": "ULUL", "kind": "linear", "multiplier": [[[Fraction(1), 0, 0]]]}
    assert write_scaled_obstruction(obstruction, blocks, Fraction(1)) is None


def test_numbers_beyond_the_digit_limit():
    M = as_square_matrix([[1, 10**5000], [0, 1]])
    assert hex(10**5000) in theorem_file_text_if_verified(certificate(M))


def test_refuses():
    with pytest.raises(
        InvalidInputError, match=r"over QQ only, and this certificate is over GF\(5\)"
    ):
        theorem_file_text_if_verified(
            certificate(as_square_matrix([[1, 2], [0, 1]]).convert_to(GF(5)))
        )
    with pytest.raises(CertificateError, match="JSON"):
        theorem_file_text_if_verified(b"{")
    false = json.loads(certificate(SIX))
    false["target"][0][0] = "5"
    with pytest.raises(VerificationError, match="first differing entry"):
        theorem_file_text_if_verified(json.dumps(false).encode())


def test_halves_of_two_sizes():
    text = theorem_file_text_if_verified(
        (CORPUS / "rationals_halves_1_2_5_letters_trace.json").read_bytes()
    )
    assert "Require Import unequal." in text
    assert "Theorem least_number_of_shears :\n  let M := matrix_of (1 + 2) target in" in text
    assert "unequal_holds 2 1 2 target target_inverse layers of_U of_L." in text
    assert "square (1 + 2) target &&" in text
    assert "(forall K : 'M_(1 + 2), K \\in Ks -> is_unequal_shear K) ->" in text
    with pytest.raises(InvalidInputError, match="its coordinates are permuted"):
        theorem_file_text_if_verified((CORPUS / "with_an_order.json").read_bytes())


def test_multipliers_for_halves_of_two_sizes_are_padded_with_zeros():
    text = " ".join(of_corpus("rationals_halves_1_2_3_letters_linear").split())
    one, none = "Qmake (0x1) 0x1", "Qmake (0x0) 0x1"
    zeros = f"[:: {none}; {none}]"
    square = f"[:: {zeros}; {zeros}]"
    assert f"of_U := Linear [:: {square}; [:: {zeros}; [:: {one}; {one}]]; {square}]." in text


def test_command(tmp_path):
    path, output = tmp_path / "depth.json", tmp_path / "depth.v"
    save(minimal_depth(SIX), path)
    assert cli.main(["export", str(path), "--to", "rocq", "-o", str(output)]) == 0
    assert output.read_text() == theorem_file_text_if_verified(path.read_bytes())


def of_corpus(name):
    return theorem_file_text_if_verified((CORPUS / f"{name}.json").read_bytes())


@NO_COQ
@pytest.mark.slow
def test_compile(tmp_path, library):
    names = [
        *(f"rationals_5_letters_{kind}" for kind in ("chain", "divisors", "unit_blocks", "linear")),
        "rationals_halves_1_2_5_letters_trace", "rationals_halves_2_3_4_letters_linear_mirrored",
        "rationals_halves_2_3_5_letters_chain", "positive_1_letter_linear",
        "positive_3_letters_linear_path", "positive_4_letters_linear_kernels",
        "positive_5_letters_opposed_minors",
    ]  # fmt: skip
    texts = [theorem_file_text_if_verified(certificate(M)) for M in (SIX, of_determinant_one(6))]
    all_compile([*texts, *map(of_corpus, names)], tmp_path, library)


def with_a_sign_changed(text):
    """The text with the first sign of the reason against words that begin with L changed to 0."""
    head, mark, reason = text.partition("of_L := ")
    first = reason.index("(-0x1)") if "(-0x1)" in reason else reason.index("(0x1)")
    return head + mark + reason[:first] + reason[first:].replace("0x1", "0x0", 1)


def changed(text, true, false):
    assert true in text
    return text.replace(true, false, 1)


@NO_COQ
@pytest.mark.slow
def test_no_corrupted_one_compiles(tmp_path, library):
    six, linear = (
        theorem_file_text_if_verified(certificate(SIX)),
        of_corpus("rationals_5_letters_linear"),
    )
    halves = of_corpus("rationals_halves_1_2_5_letters_trace")
    inverse = "Definition target_inverse : rows :=\n  [:: [:: Qmake (-0x"
    unlike, mark, ranks = theorem_file_text_if_verified(certificate(UNLIKE)).partition(
        "of_L := Ranks"
    )
    texts = [
        changed(six, "of_U := Trace 1", "of_U := Trace 0"),
        changed(six, "of_L := Trace 1", "of_L := Linear [::]"),
        changed(six, "]]  (* 0, 0, 0, 1 *)", "];  (* 0, 0, 0, 1 *)\n      [::]]  (*  *)"),
        changed(six, f"{inverse}1)", f"{inverse}2)"),
        changed(linear, "Qmake (0x16) 0x1", "Qmake (0x17) 0x1"),
        changed(halves, "of_U := Trace 1", "of_U := Trace 0"),
        changed(halves, "unequal_holds 2 1 2", "unequal_holds 1 1 2"),
        unlike + mark + changed(ranks, "(-0x1) 0x2", "(-0x1) 0x3"),
        unlike + mark + changed(ranks, "1 2", "2 2"),
        with_a_sign_changed(of_corpus("positive_5_letters_opposed_entries")),
        with_a_sign_changed(of_corpus("positive_3_letters_linear_path")),
    ]
    none_compiles(texts, tmp_path, library)
