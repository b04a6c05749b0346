"""Certificates of layers as theorems: what they state; Coq accepts them, and no corrupted one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import sympy
from files.rocq.compiling import all_compile, none_compiles
from matrices import NEGATIVE
from sympy import GF, QQ

from exactflow import CouplingFlow, LinearCoupling, cli, factor
from exactflow.errors import CertificateError, InvalidInputError, VerificationError
from exactflow.exact.coerce import as_square_matrix
from exactflow.files.certificate import certificate_text
from exactflow.files.rocq.theorem import (
    prove_verified_certificate_by_kernel,
    theorem_file_text_if_verified,
)

CORPUS = Path(__file__).parents[2] / "corpus" / "correct"
M = sympy.Matrix([[1, 2, 0], [0, 1, 3], [1, 0, 1]])
NEAR = M + sympy.diag(QQ(1, 1000), 0, 0)
SWAP = sympy.Matrix([[0, 1], [1, 0]])
COUPLINGS = "K \\in Ks -> is_coupling first K \\/ is_coupling second K,"
NO_COQ = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")


def certificate_of(flow, target=None, **claim):
    return certificate_text(flow, target, **claim).encode()


def theorem_of(flow):
    return theorem_file_text_if_verified(certificate_of(flow))


def within():
    """A certificate of a flow whose layers see the coordinates in another order."""
    return certificate_of(factor(M, partition=[1, 0, 1]), NEAR, within=QQ(1, 1000))


def padded():
    """A certificate of a swap with a sign, by two coordinates and one of zeros."""
    flow = factor(sympy.diag(SWAP, 1), orientation="flip", partition=(1, 2))
    return certificate_of(flow, SWAP, pads=[2])


def covariance():
    flow = CouplingFlow([LinearCoupling((1, 1), "second", [["1/2"]], scale=[3])])
    root = sympy.Matrix([[1, 0], [QQ(1, 2), 3]])
    return certificate_of(flow, covariance=root * root.T)


def flipped():
    flow = factor(NEGATIVE["transposition"], partition=[0, 1, 0, 1], orientation="flip")
    return certificate_of(flow)


def floats():
    """A certificate of a dense float32 matrix with six coordinates."""
    W = np.random.default_rng(0).standard_normal((6, 6)).astype(np.float32)
    return certificate_of(factor(W if np.linalg.det(W) > 0 else W[::-1]))


def test_the_claim_is_the_certificates():
    text = theorem_file_text_if_verified(within())
    assert "let first := [:: 0%N; 2%N] in\n  let second := [:: 1%N] in" in text
    assert "~~ among pads j -> `|M i j - Q i j| <= fraction 1 1000]." in text
    text = theorem_file_text_if_verified(padded())
    assert "let pads := [:: 2%N] in" in text
    assert "forall i j : 'I_3, among pads i -> M i j = 0\n" in text
    assert "forall i j : 'I_3, ~~ among pads j -> M i j = Q i j]." in text
    assert "M i j = (Q *m Q^T) i j]." in theorem_file_text_if_verified(covariance())
    assert "let flips := [:: 0%N] in" in theorem_file_text_if_verified(flipped())


def test_a_target_has_a_row_a_line_and_decimals_beside_it():
    text = theorem_of(factor([[QQ(1, 2), 1], [0, 1]]))
    assert "over 0x2\n  [:: [:: 0x1; 0x2];  (* 0.5, 1 *)\n      [:: 0x0; 0x2]]  (* 0, 1 *)" in text


def of_rationals():
    for path in sorted(CORPUS.glob("*.json")):
        if b'"QQ"' in (data := path.read_bytes()):
            yield pytest.param(data, id=path.stem)


@pytest.mark.parametrize("data", list(of_rationals()))
def test_each_of_the_corpus_states_couplings(data):
    for standalone in (False, True):
        text = theorem_file_text_if_verified(data, standalone)
        assert COUPLINGS in text
        assert ("Require Import flow." in text) != standalone


def test_refuses():
    with pytest.raises(VerificationError, match=r"not within 0\.000999 \(rounded down\)"):
        theorem_file_text_if_verified(
            json.dumps(
                json.loads(certificate_text(factor(M), NEAR, within=QQ(1, 1000)))
                | {"within": "1/1001"}
            ).encode()
        )
    residues = factor(as_square_matrix([[1, 2], [0, 1]]).convert_to(GF(5)))
    with pytest.raises(
        InvalidInputError, match=r"over QQ only, and this certificate is over GF\(5\)"
    ):
        theorem_of(residues)
    with pytest.raises(CertificateError, match="JSON"):
        theorem_file_text_if_verified(b"{")


def test_command(tmp_path, capsys):
    path, output = tmp_path / "c.json", tmp_path / "c.v"
    flow = factor(M, partition=[1, 0, 1])
    path.write_text(certificate_text(flow, NEAR, within=QQ(1, 1000)))
    words = ["export", str(path), "--to", "rocq", "-o", str(output)]
    for option in ([], ["--standalone"]):
        assert cli.main([*words, *option]) == 0
        assert output.read_text() == theorem_file_text_if_verified(path.read_bytes(), bool(option))
        told = f"next: exactflow check {path} --kernel\n"
        assert capsys.readouterr().err == told
    content = json.loads(path.read_text()) | {"within": "1/1001"}
    path.write_text(json.dumps(content))
    assert cli.main(["export", str(path), "--to", "rocq"]) == 2
    assert "not within 0.000999 (rounded down)" in capsys.readouterr().err


@NO_COQ
@pytest.mark.slow
def test_coq_accepts(tmp_path, library):
    assert prove_verified_certificate_by_kernel(within())[0] == 0
    all_compile(
        [theorem_file_text_if_verified(data()) for data in (padded, covariance, flipped, floats)],
        tmp_path,
        library,
    )


def changed(true, false):
    text = theorem_file_text_if_verified(within())
    assert true in text
    return text.replace(true, false)


@NO_COQ
@pytest.mark.slow
def test_coq_refuses_what_is_false(tmp_path, library):
    smaller = changed("(Some (Qmake (0x1) 0x3e8))", "(Some (Qmake (0x1) 0x3e9))")
    texts = [
        smaller.replace("fraction 1 1000", "fraction 1 1001"),
        changed("[:: 0%N; 2%N]", "[:: 0%N; 1%N]"),
        changed("[:: 0%N; 2%N]", "[:: 2%N; 0%N]"),
        changed("; 0x0];  (* 1.001, 2, 0 *)", "];  (* 1.001, 2 *)"),
        changed("]]  (* 1, 0, 1 *)", "];  (* 1, 0, 1 *)\n      [:: 0x0]]  (* 0 *)"),
    ]
    none_compiles(texts, tmp_path, library)


@NO_COQ
@pytest.mark.slow
def test_coq_refuses_another_statement(tmp_path, library):
    texts = [
        changed("let pads := [::]", "let pads := [:: 0%N]"),
        changed("size Ks = 5%N", "size Ks = 6%N"),
    ]
    none_compiles(texts, tmp_path, library, "rewrite /checked in proved; exact: claimedP proved.")
