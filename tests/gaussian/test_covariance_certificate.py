"""``exactflow whiten`` and the certificate with a covariance, which the checker decides."""

import json
from fractions import Fraction

import numpy as np
import pytest

from exactflow import checker, whiten
from exactflow.cli import main
from exactflow.errors import InvalidInputError
from exactflow.files.certificate import certificate_text, read_certificate


def run(capsys, *arguments):
    code = main(list(map(str, arguments)))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def covariance():
    return np.cov(np.random.default_rng(0).standard_normal((6, 40)))


@pytest.mark.parametrize("layers", ["2", "3"])
def test_whiten_and_check(capsys, tmp_path, covariance, layers):
    path, certificate = tmp_path / "cov.npy", tmp_path / "c.json"
    np.save(path, covariance)
    code, out, _ = run(capsys, "whiten", path, "--layers", layers, "-o", certificate)
    assert code == 0
    assert "generates the covariance within" in out
    code, out, _ = run(capsys, "check", certificate, "--target", path)
    assert code == 0
    assert "VERIFIED" in out
    F = np.array(read_certificate(certificate).matrix().tolist(), dtype=float)
    assert np.allclose(F @ F.T, covariance, atol=1e-14)
    np.save(path, covariance + 1e-9 * np.eye(6))
    assert run(capsys, "check", certificate, "--target", path)[0] == 1


def test_a_smaller_bound_is_refuted(covariance):
    result = whiten(covariance)
    claim = {"covariance": covariance, "within": result.generator_error}
    text = certificate_text(result.generator, **claim)
    report = checker.check(text.encode())
    assert (report.verdict, report.kind) == (checker.Verdict.VERIFIED, "covariance")
    assert report.largest == result.generator_error
    claim["within"] = result.generator_error / 2
    text = certificate_text(result.generator, **claim)
    assert checker.check(text.encode()).verdict is checker.Verdict.REFUTED


def test_an_exact_covariance():
    result = whiten([[4, 0], [0, 9]])
    text = certificate_text(
        result.flow, covariance=[["1/4", 0], [0, "1/9"]], within=Fraction(1, 10**16)
    )
    assert "target" not in json.loads(text)
    assert checker.check(text.encode()).verdict is checker.Verdict.VERIFIED


def test_a_covariance_stands_alone():
    flow = whiten([[4, 0], [0, 9]]).flow
    for more in ({"target": [[1, 0], [0, 1]]}, {"pads": [0]}):
        with pytest.raises(InvalidInputError, match="covariance alone"):
            certificate_text(flow, covariance=[[1, 0], [0, 1]], **more)


def test_bad_input(capsys, tmp_path):
    path = tmp_path / "cov.csv"
    path.write_text("1,2\n2,1\n")
    code, out, err = run(capsys, "whiten", path)
    assert (code, out) == (2, "")
    assert "leading minor of 2 rows is -3" in err
