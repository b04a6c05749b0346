"""Certificates of layers as theorems: what they state; Coq accepts them, and no corrupted one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import sympy
from matrices import NEGATIVE, POSITIVE
from sympy import GF, QQ

from exactflow import CouplingFlow, LinearCoupling, cli, factor
from exactflow.errors import CertificateError, InvalidInputError, VerificationError
from exactflow.exact.coerce import as_matrix
from exactflow.files.certificate import certificate_text
from exactflow.files.rocq.theorem_check import check_theorem, theorem

CORPUS = Path(__file__).parents[2] / "corpus" / "correct"
M = sympy.Matrix([[1, 2, 0], [0, 1, 3], [1, 0, 1]])
NEAR = M + sympy.diag(QQ(1, 1000), 0, 0)
SWAP = sympy.Matrix([[0, 1], [1, 0]])
COUPLINGS = "(forall K, K \\in Ks -> is_coupling first K \\/ is_coupling second K) /\\"
NO_COQ = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")


def theorem_of(flow, target=None, **claim):
    return theorem(certificate_text(flow, target, **claim).encode())


def within():
    """Return the theorem about a flow whose layers see the coordinates in another order."""
    return theorem_of(factor(M, partition=[1, 0, 1]), NEAR, within=QQ(1, 1000))


def padded():
    """Return the theorem about a swap with a sign, by two coordinates and one of zeros."""
    flow = factor(sympy.diag(SWAP, 1), orientation="flip", partition=(1, 2))
    return theorem_of(flow, SWAP, pads=[2])


def covariance():
    flow = CouplingFlow([LinearCoupling((1, 1), "second", [["1/2"]], scale=[3])])
    root = sympy.Matrix([[1, 0], [QQ(1, 2), 3]])
    return theorem_of(flow, covariance=root * root.T)


def flipped():
    return theorem_of(factor(NEGATIVE["transposition"], partition=[0, 1, 0, 1], orientation="flip"))


def floats():
    """Return the theorem about a dense float32 matrix with six coordinates."""
    W = np.random.default_rng(0).standard_normal((6, 6)).astype(np.float32)
    return theorem_of(factor(W if np.linalg.det(W) > 0 else W[::-1]))


def test_the_claim_is_the_certificates():
    text = within()
    assert "Definition first : seq nat := [:: 0; 2]%N." in text
    assert "Definition bound := Qmake (0x1) 0x3e8." in text
    assert "`|M i j - Q i j| <= rational bound." in text
    text = padded()
    assert "Definition pads : seq nat := [:: 2]%N." in text
    assert "(j : nat) \\notin pads -> M i j = Q i j." in text
    assert "M i j = (Q *m Q^T) i j." in covariance()
    assert "Definition flips : seq nat := [:: 0]%N." in flipped()


def test_a_target_has_a_row_a_line_and_decimals_beside_it():
    text = theorem_of(factor([[QQ(1, 2), 1], [0, 1]]))
    assert "over 0x2\n  [:: [:: 0x1; 0x2];  (* 0.5, 1 *)\n      [:: 0x0; 0x2]]  (* 0, 1 *)" in text


def test_the_input_is_named_by_its_hash():
    content = json.loads(certificate_text(factor(M)))
    content["provenance"]["sha256"] = "5" * 64
    assert f"input: {'5' * 64};" not in theorem_of(factor(M))
    assert f"input: {'5' * 64}." in theorem(json.dumps(content).encode())
    content["provenance"]["sha256"] = "*) Admitted. (*"
    assert "Admitted" not in theorem(json.dumps(content).encode())


def of_rationals():
    for path in sorted(CORPUS.glob("*.json")):
        if b'"QQ"' in (data := path.read_bytes()):
            yield pytest.param(data, id=path.stem)


@pytest.mark.parametrize("data", list(of_rationals()))
def test_each_of_the_corpus_states_couplings(data, monkeypatch):
    monkeypatch.setattr("exactflow.files.rocq.theorem_check.library", lambda: Path())
    monkeypatch.setattr(
        "exactflow.files.rocq.theorem_check.coqc",
        lambda source, _: (0, "Closed under the global context\n"),
    )
    for standalone in (False, True):
        text = theorem(data, standalone)
        assert COUPLINGS in text
        assert ("Require Import flow." in text) != standalone
        assert check_theorem(text, certificate=data)[0] == 0  # it is what is admitted to coqc


def test_refuses():
    with pytest.raises(VerificationError, match="not within 1/1001"):
        theorem(
            json.dumps(
                json.loads(certificate_text(factor(M), NEAR, within=QQ(1, 1000)))
                | {"within": "1/1001"}
            ).encode()
        )
    residues = factor(as_matrix([[1, 2], [0, 1]]).convert_to(GF(5)))
    with pytest.raises(InvalidInputError, match=r"over QQ for a theorem, got one over GF\(5\)"):
        theorem_of(residues)
    with pytest.raises(CertificateError, match="JSON"):
        theorem(b"{")


def test_command(tmp_path, capsys):
    path, output = tmp_path / "c.json", tmp_path / "c.v"
    flow = factor(M, partition=[1, 0, 1])
    path.write_text(certificate_text(flow, NEAR, within=QQ(1, 1000)))
    words = ["export", str(path), "--to", "rocq", "-o", str(output)]
    for option in ([], ["--standalone"]):
        assert cli.main([*words, *option]) == 0
        assert output.read_text() == theorem(path.read_bytes(), bool(option))
        told = f"next: exactflow check {output}; coqc takes about 4 s\n"
        assert capsys.readouterr().err == told
    content = json.loads(path.read_text()) | {"within": "1/1001"}
    path.write_text(json.dumps(content))
    assert cli.main(["export", str(path), "--to", "rocq"]) == 2
    assert "not within 1/1001" in capsys.readouterr().err


@NO_COQ
@pytest.mark.slow
@pytest.mark.parametrize("text", [within, padded, covariance, flipped, floats])
def test_coq_accepts(text):
    code, lines = check_theorem(text())
    assert (code, lines[-1]) == (0, "s VERIFIED")


@NO_COQ
@pytest.mark.slow
def test_coq_accepts_a_standalone_file():
    flow = factor(POSITIVE["random d=4"])
    text = theorem(certificate_text(flow).encode(), standalone=True)
    assert check_theorem(text)[0] == 0


@NO_COQ
@pytest.mark.slow
@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("bound := Qmake (0x1) 0x3e8", "bound := Qmake (0x1) 0x3e9"),
        ("first : seq nat := [:: 0; 2]", "first : seq nat := [:: 0; 1]"),
        ("first : seq nat := [:: 0; 2]", "first : seq nat := [:: 2; 0]"),
        ("; 0x0];  (* 1.001, 2, 0 *)", "];  (* 1.001, 2 *)"),
        ("]]  (* 1, 0, 1 *)", "];  (* 1, 0, 1 *)\n      [:: 0x0]]  (* 0 *)"),
    ],
)
def test_coq_refutes_a_corrupted_one(true, false):
    text = within()
    assert text.count(true) == 1
    assert check_theorem(text.replace(true, false))[0] == 1
