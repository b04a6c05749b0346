"""``exactflow whiten`` and the certificate with a covariance, which the checker decides."""

import json
from fractions import Fraction

import numpy as np
import pytest

from exactflow import checker, load, whiten
from exactflow.cli import main
from exactflow.errors import InvalidInputError
from exactflow.files.certificate import certificate_text


def run(capsys, *arguments):
    code = main(list(map(str, arguments)))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def covariance():
    return np.cov(np.random.default_rng(0).standard_normal((6, 40)))


def test_whiten_and_check(capsys, tmp_path, covariance):
    path, certificate = tmp_path / "cov.npy", tmp_path / "c.json"
    np.save(path, covariance)
    code, out, _ = run(capsys, "whiten", path, "-o", certificate)
    assert code == 0
    assert "generates the covariance within" in out
    code, out, _ = run(capsys, "check", certificate, "--target", path)
    assert code == 0
    assert "VERIFIED" in out
    F = np.array(load(certificate).matrix().tolist(), dtype=float)
    assert np.allclose(F @ F.T, covariance, atol=1e-14)
    np.save(path, covariance + 1e-9 * np.eye(6))
    assert run(capsys, "check", certificate, "--target", path)[0] == 1


FILES = {
    "c.csv": "0.1,0.05\n0.05,0.3\n",
    "r.csv": "2,1/3,0\n1/3,1,1/7\n0,1/7,3\n",
    "r.json": '[["2", "1/3"], ["1/3", "1"]]',
    "f.json": "[[2.5, 0.1], [0.1, 1]]",
}
ARRAYS = {
    "a.npy": np.save,
    "a.npz": lambda path, Sigma: np.savez(path, cov=Sigma, other=np.eye(2)),
    "a.safetensors": lambda path, Sigma: _safetensors().save_file({"cov": Sigma}, path),
    "a.pt": lambda path, Sigma: _torch().save({"cov": _torch().from_numpy(Sigma)}, path),
}


def _safetensors():
    return pytest.importorskip("safetensors.numpy")


def _torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize("options", [(), ("--partition", "1,0")])
@pytest.mark.parametrize("name", [*FILES, *ARRAYS])
def test_every_format(capsys, tmp_path, name, options):
    path, certificate = tmp_path / name, tmp_path / "c.json"
    if name in FILES:
        path.write_text(FILES[name])
    else:
        ARRAYS[name](path, np.array([[2, 0.25], [0.25, 1]], dtype=np.float32))
    key = () if name in FILES or name == "a.npy" else ("--key", "cov")
    options = ("--partition", "101") if name == "r.csv" and "--partition" in options else options
    assert run(capsys, "whiten", path, *key, *options, "-o", certificate)[0] == 0
    code, out, _ = run(capsys, "check", certificate, "--target", path, *key)
    assert (code, out.splitlines()[-1]) == (0, "s VERIFIED")


def test_a_smaller_bound_is_refuted(covariance):
    result = whiten(covariance)
    claim = {"covariance": covariance, "within": result.generator_error}
    text = certificate_text(result.rounded_generator, **claim)
    report = checker.check(text.encode())
    assert (report.verdict, report.kind) == (checker.Verdict.VERIFIED, "covariance")
    assert report.largest == result.generator_error
    claim["within"] = result.generator_error / 2
    text = certificate_text(result.rounded_generator, **claim)
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
        with pytest.raises(InvalidInputError, match=r"covariance=\.\. cannot be combined"):
            certificate_text(flow, covariance=[[1, 0], [0, 1]], **more)


def test_bad_input(capsys, tmp_path):
    path = tmp_path / "cov.csv"
    path.write_text("1,2\n2,1\n")
    code, out, err = run(capsys, "whiten", path)
    assert (code, out) == (2, "")
    assert "leading 2 x 2 minor is -3" in err
    certificate = tmp_path / "c.json"
    for text, options, words in (
        ("1,0\n1e-9,1\n", (), "differ by 1e-09"),
        ("1,0\n0,1\n", ("--partition", "1,2"), "p + q = 2"),
        ("1,0,0,0\n0,1,.5,.5\n0,.5,1,.1\n0,.5,.1,1\n", ("--partition", "1,3"), "gaussian_depth"),
    ):
        path.write_text(text)
        code, out, err = run(capsys, "whiten", path, *options, "-o", certificate)
        assert (code, out) == (2, "")
        assert words in err
        assert not certificate.exists()
