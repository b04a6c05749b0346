"""Certificates: the same bytes for the same flow, and back into an equal flow."""

import json

import pytest
import sympy
from matrices import NEGATIVE, POSITIVE
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, LinearCoupling, checker, factor
from exactflow.errors import CertificateError, InvalidInputError, VerificationError
from exactflow.exact import linalg
from exactflow.files.certificate import certificate_text, read_certificate, write_certificate

SMALL = [name for name, M in POSITIVE.items() if M.rows <= 6]


@pytest.mark.parametrize("name", SMALL)
def test_round_trip_and_checker(tmp_path, name):
    flow = factor(POSITIVE[name])
    path = tmp_path / "c.json"
    write_certificate(flow, path)
    assert read_certificate(path) == flow
    assert checker.check_file(path) == 0
    assert path.read_text() == certificate_text(flow)


@pytest.mark.parametrize("name", NEGATIVE)
def test_flips(tmp_path, name):
    flow = factor(NEGATIVE[name], orientation="flip")
    write_certificate(flow, tmp_path / "c.json")
    assert read_certificate(tmp_path / "c.json").flips == (0,)
    assert checker.check_file(tmp_path / "c.json") == 0


def test_finite_field(tmp_path):
    field = GF(101)
    shift = DomainMatrix([[field(3), field(100)]], (1, 2), field)
    flow = CouplingFlow([LinearCoupling((1, 2), "first", shift)])
    write_certificate(flow, tmp_path / "c.json")
    assert '"GF(101)"' in (tmp_path / "c.json").read_text()
    assert read_certificate(tmp_path / "c.json").layers[0].shift_matrix == shift
    assert checker.check_file(tmp_path / "c.json") == 0


def test_number_field(tmp_path):
    root = sympy.sqrt(2)
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [[root / 3]], scale=[1 + root])])
    write_certificate(flow, tmp_path / "c.json")
    content = json.loads((tmp_path / "c.json").read_text())
    assert content["field"] == {"modulus": ["-2", "0", "1"]}
    assert content["layers"][0]["shift"] == [[["0", "1/3"]]]
    assert checker.check_file(tmp_path / "c.json") == 3
    back = read_certificate(tmp_path / "c.json")
    assert sympy.simplify(back.layers[0].shift[0, 0] - root / 3) == 0


def test_rational_entries_of_a_wider_field(tmp_path):
    flow = CouplingFlow(
        [
            LinearCoupling((1, 1), "first", [["1/3"]], scale=[2]),
            LinearCoupling((1, 1), "second", [[sympy.sqrt(3)]]),
        ]
    )
    write_certificate(flow, tmp_path / "c.json")
    assert checker.check_file(tmp_path / "c.json") == 0
    assert read_certificate(tmp_path / "c.json").depth == 2


def test_symbols_have_no_certificate():
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [[sympy.Symbol("t")]])])
    with pytest.raises(InvalidInputError, match="put numbers"):
        certificate_text(flow)


def test_deterministic_bytes():
    M = POSITIVE["random d=4"]
    assert certificate_text(factor(M)) == certificate_text(factor(M))
    assert certificate_text(factor(M), {"b": 1, "a": 2}) == certificate_text(
        factor(M), {"a": 2, "b": 1}
    )


def test_entries_over_4300_digits(tmp_path):
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [[QQ(1, 10**6000 + 1)]])])
    write_certificate(flow, tmp_path / "c.json")
    assert read_certificate(tmp_path / "c.json") == flow


def test_integers_over_4300_digits_in_the_provenance(tmp_path):
    text = certificate_text(factor(POSITIVE["random d=4"]))
    path = tmp_path / "c.json"
    path.write_text(text.replace('"provenance": {', '"provenance": {"seed": ' + "7" * 5000 + ", "))
    assert checker.check_file(path) == 0
    assert read_certificate(path) == factor(POSITIVE["random d=4"])


def test_malformed_and_false_are_told_apart(tmp_path):
    path = tmp_path / "c.json"
    with pytest.raises(CertificateError, match="No such file"):
        read_certificate(path)
    path.write_text("{")
    with pytest.raises(CertificateError, match="JSON"):
        read_certificate(path)
    text = certificate_text(factor(sympy.Matrix([[2, 1], [1, 1]])))
    path.write_text(text.replace('"target": [["2"', '"target": [["3"'))
    with pytest.raises(VerificationError, match=r"entry \(0, 0\)"):
        read_certificate(path)


def test_nothing_half_written(tmp_path, monkeypatch):
    flow = factor(POSITIVE["random d=4"])
    with pytest.raises(InvalidInputError, match="place to write"):
        write_certificate(flow, tmp_path / "missing" / "c.json")
    (tmp_path / "c.json").mkdir()
    with pytest.raises(InvalidInputError, match="place to write"):
        write_certificate(flow, tmp_path / "c.json")
    assert [p.name for p in tmp_path.iterdir()] == ["c.json"]


def test_the_target_is_what_the_layers_make():
    flow = CouplingFlow([LinearCoupling((1, 1), "second", [[5]])], flips=[0])
    content = json.loads(certificate_text(flow))
    assert content["target"] == [["-1", "0"], ["-5", "1"]]
    assert linalg.join(flow.blocks()).to_Matrix() == sympy.Matrix([[-1, 0], [-5, 1]])
