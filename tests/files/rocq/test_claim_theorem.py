"""Certificates of more than an equality as theorems: coqc accepts them, and no corrupted one."""

import json
import shutil

import pytest
import sympy
from files.rocq.test_depth_theorem import compiles
from sympy import GF, QQ

from exactflow import CouplingFlow, LinearCoupling, cli, factor
from exactflow.errors import InvalidInputError, VerificationError
from exactflow.exact.coerce import as_matrix
from exactflow.files.certificate import write_certificate
from exactflow.files.rocq.claim_theorem import claim_theorem

M = sympy.Matrix([[1, 2, 0], [0, 1, 3], [1, 0, 1]])
NEAR = M + sympy.diag(QQ(1, 1000), 0, 0)
SWAP = sympy.Matrix([[0, 1], [1, 0]])
NO_COQ = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")


def theorem(folder, flow, target=None, **claim):
    write_certificate(flow, folder / "c.json", target, **claim)
    return claim_theorem(folder / "c.json")


def within(folder):
    """Return the theorem about a flow whose layers see the coordinates in another order."""
    return theorem(folder, factor(M, partition=[1, 0, 1]), NEAR, within=QQ(1, 1000))


def padded(folder):
    """Return the theorem about a swap with a sign, by two coordinates and one of zeros."""
    flow = factor(sympy.diag(SWAP, 1), orientation="flip", partition=(1, 2))
    return theorem(folder, flow, SWAP, pads=[2])


def test_the_claim_is_the_certificates(tmp_path):
    text = within(tmp_path)
    assert "fun i => i \\in [:: 0; 2]%N." in text
    assert "Definition bound := Qmake (0x1) 0x3e8." in text
    assert "`|M i j - Q i j| <= rational bound." in text
    text = padded(tmp_path)
    assert "Definition pads : seq nat := [:: 2]%N." in text
    assert "(j : nat) \\notin pads -> M i j = Q i j." in text
    flow = factor(M)
    assert "M i j = (Q *m Q^T) i j." in theorem(tmp_path, flow, covariance=M * M.T)


def test_refuses(tmp_path):
    with pytest.raises(VerificationError, match="not within 1/1001"):
        theorem(tmp_path, factor(M), NEAR, within=QQ(1, 1001))
    residues = factor(as_matrix([[1, 2], [0, 1]]).convert_to(GF(5)))
    with pytest.raises(InvalidInputError, match=r"over QQ for a theorem, got one over GF\(5\)"):
        theorem(tmp_path, residues)


def test_other_systems_get_the_flow_and_a_word_about_the_claim(tmp_path, capsys):
    padded(tmp_path)
    assert cli.main(["export", str(tmp_path / "c.json"), "--to", "sage"]) == 0
    assert "--to rocq or json says what the certificate claims" in capsys.readouterr().err
    theorem(tmp_path, factor(M))
    assert cli.main(["export", str(tmp_path / "c.json"), "--to", "sage"]) == 0
    assert not capsys.readouterr().err


def test_command(tmp_path, capsys):
    text, output = within(tmp_path), tmp_path / "c.v"
    assert cli.main(["export", str(tmp_path / "c.json"), "--to", "rocq", "-o", str(output)]) == 0
    assert output.read_text() == text
    content = json.loads((tmp_path / "c.json").read_text()) | {"within": "1/1001"}
    (tmp_path / "c.json").write_text(json.dumps(content))
    assert cli.main(["export", str(tmp_path / "c.json"), "--to", "rocq"]) == 2
    assert "not within 1/1001" in capsys.readouterr().err


@NO_COQ
@pytest.mark.slow
@pytest.mark.parametrize("text", [within, padded])
def test_compiles(text, tmp_path):
    assert compiles(text(tmp_path), tmp_path)


@NO_COQ
@pytest.mark.slow
def test_a_covariance_compiles(tmp_path):
    flow = CouplingFlow([LinearCoupling((1, 1), "second", [["1/2"]], scale=[3])])
    root = sympy.Matrix([[1, 0], [QQ(1, 2), 3]])
    assert compiles(theorem(tmp_path, flow, covariance=root * root.T), tmp_path)


@NO_COQ
@pytest.mark.slow
@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("bound := Qmake (0x1) 0x3e8", "bound := Qmake (0x1) 0x3e9"),
        ("\\in [:: 0; 2]", "\\in [:: 0; 1]"),
    ],
)
def test_a_corrupted_claim_does_not_compile(true, false, tmp_path):
    text = within(tmp_path)
    assert text.count(true) == 1
    assert not compiles(text.replace(true, false), tmp_path)
