"""A lossless flow in a file: the claim that the checker checks, and the very same map again."""

import json
from pathlib import Path

import numpy as np
import pytest
import sympy

from exactflow import CouplingFlow, checker, cli, factor, load, permutation, save, whiten
from exactflow.errors import CertificateError, VerificationError
from exactflow.files.certificate import certificate_text
from exactflow.floats.lossless import lossless

FLIP = "--orientation", "flip"
ROTATION = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
CASES = {
    "rotation": (ROTATION, {}),
    "split shifts": (ROTATION, {"bits": 45, "limit": 2**30}),
    "mask": (ROTATION, {"partition": [1, 0, 0, 1, 1, 0]}),
    "step": ([[1, 2], [3, 4]], {}),
    "rational step": ([["1/3", 0], [0, "1/3"]], {}),
    "step and scale": ([["1/3", 0], [1, "1/27"]], {"bits": 30}),
    "permutation": (permutation([1, 2, 0]), {}),
    "identity": (np.eye(3), {}),
    "ill-conditioned": (np.diag([1.0, 1e4, 1e8, 1e12]), {}),
}


@pytest.mark.parametrize("name", CASES)
def test_round_trip(tmp_path, name):
    W, options = CASES[name]
    result = lossless(W, orientation="flip", **options)
    path = tmp_path / "L.json"
    save(result, path, W)
    assert checker.check(path.read_bytes()).verdict is checker.Verdict.VERIFIED
    again = load(path)
    assert (again.step, again.bits, again.limit) == (result.step, result.bits, result.limit)
    assert (again.bound, again.error, again.largest) == (result.bound, result.error, result.largest)
    assert again.flow == result.flow
    x = np.random.default_rng(1).integers(-result.limit, result.limit, (result.dimension, 100))
    y = result.forward(x)
    assert (again.forward(x) == y).all()
    assert (again.backward(y) == x).all()


def changed(tmp_path, change, W=ROTATION) -> Path:
    path = tmp_path / "L.json"
    save(lossless(W, orientation="flip"), path, W)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def off_the_grid(content):
    content["layers"][0]["shift"][0][0] = "1/3"
    content["within"] = "10"


def neighbours(content):
    shift = content["layers"][0]["shift"]
    zero = [["0"] * len(row) for row in shift]
    content["layers"].insert(0, content["layers"][0] | {"shift": zero})


def scaled(content):
    content["layers"][1]["scale"][0] = "2"
    content["within"] = "100"


CHANGES = [
    (lambda c: c["provenance"].pop("bits"), "integer bits"),
    (lambda c: c["provenance"].update(bits=True), "integer bits"),
    (lambda c: c["provenance"].update(bits="20"), "integer bits"),
    (lambda c: c["provenance"].update(bits=5), "in units of 2\\^-5"),
    (lambda c: c["provenance"].update(limit=10**30), "integer limit"),
    (lambda c: c["provenance"].update(limit=2**51), "lower limit"),
    (lambda c: c.update(provenance=[]), "provenance"),
    (off_the_grid, "in units of"),
    (neighbours, "layers that alternate"),
    (scaled, "additive layers"),
    (lambda c: c["layers"].pop(), "not within"),
    (lambda c: c.update(layers=c["layers"][:-1], within="100"), "additive layers"),
    (lambda c: c.update(layers=[]), "within|expected"),
]


@pytest.mark.parametrize("k", range(len(CHANGES)))
def test_changed_certificates_are_refused(tmp_path, k):
    change, match = CHANGES[k]
    with pytest.raises((CertificateError, VerificationError), match=match):
        load(changed(tmp_path, change, 2 * ROTATION))


def test_a_false_claim_is_refused(tmp_path):
    path = changed(tmp_path, lambda c: c.update(within="0"))
    with pytest.raises(VerificationError):
        load(path)


def test_certificates_of_other_flows_are_flows(tmp_path):
    path = tmp_path / "c.json"
    whitened = whiten([[2, 1], [1, 2]])
    save(factor([[2, 1], [1, 1]]), path)
    assert isinstance(load(path), CouplingFlow)
    claim = {"covariance": sympy.Matrix([[2, 1], [1, 2]]), "within": whitened.generator_error}
    made = {"provenance": {"rounding": "moved + floor(shift * kept + 1/2)", "bits": 9, "limit": 9}}
    path.write_text(certificate_text(whitened.generator, **claim, **made))
    assert isinstance(load(path), CouplingFlow)
    with pytest.raises(CertificateError, match="No such file"):
        load(tmp_path / "none.json")


# the commands


def run(capsys, *arguments):
    code = cli.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_writes_the_same_map(tmp_path, capsys):
    W, L = tmp_path / "W.npy", tmp_path / "L.json"
    np.save(W, 3 * ROTATION)
    code, out, err = run(capsys, "lossless", W, "-o", L, "--limit", 1000, *FLIP)
    assert (code, err) == (0, "")
    assert "a bijection; for inputs within 1000, certified within" in out
    assert "step: " in out
    code, out, _ = run(capsys, "check", L, "--target", W)
    assert code == 0
    assert "s VERIFIED" in out
    x = np.random.default_rng(0).integers(-500, 500, (6, 40), dtype=np.int32)
    made = lossless(3 * ROTATION, limit=1000, orientation="flip")
    assert (load(L).forward(x) == made.forward(x)).all()
    code, out, err = run(capsys, "lossless", W, *FLIP)
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "L.npz"], "expected .json"),
        ([], "det > 0"),
        (["--limit", 0], "integer limit"),
        (["--bits", 60], "integer bits"),
        (["--orientation", "pad"], "invalid choice"),
    ],
)
def test_the_command_refuses_in_one_line(options, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("W.npy", 3 * ROTATION)
    code, out, err = run(capsys, "lossless", "W.npy", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
