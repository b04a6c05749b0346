"""A lossless flow in a file: the claim that the checker checks, and the very same map again."""

import json
from pathlib import Path

import numpy as np
import pytest
import sympy

from exactflow import balance, checker, cli, factor, permutation, save, whiten
from exactflow.errors import CertificateError, VerificationError
from exactflow.files.certificate import certificate_text
from exactflow.files.store import read_lossless
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
    again = read_lossless(path)
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
    (lambda c: c["provenance"].update(rounding="down"), "exactflow lossless writes"),
    (lambda c: c.pop("provenance"), "exactflow lossless writes"),
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
        read_lossless(changed(tmp_path, change, 2 * ROTATION))


def test_a_false_claim_is_refused(tmp_path):
    path = changed(tmp_path, lambda c: c.update(within="0"))
    with pytest.raises(VerificationError):
        read_lossless(path)


def test_certificates_of_other_flows_are_refused(tmp_path):
    path = tmp_path / "c.json"
    whitened = whiten([[2, 1], [1, 2]])
    save(factor([[2, 1], [1, 1]]), path)
    with pytest.raises(CertificateError, match="lossless flow"):
        read_lossless(path)
    save(balance(ROTATION, orientation="flip").flow, path)
    with pytest.raises(CertificateError, match="lossless flow"):
        read_lossless(path)
    claim = {"covariance": sympy.Matrix([[2, 1], [1, 2]]), "within": whitened.generator_error}
    made = {"provenance": {"rounding": "moved + floor(shift * kept + 1/2)", "bits": 9, "limit": 9}}
    path.write_text(certificate_text(whitened.generator, **claim, **made))
    with pytest.raises(CertificateError, match="lossless flow"):
        read_lossless(path)
    with pytest.raises(CertificateError, match="No such file"):
        read_lossless(tmp_path / "none.json")


# the commands


def run(capsys, *arguments):
    code = cli.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def files(tmp_path, capsys):
    """Return W.npy, L.json and x.npy."""
    paths = [tmp_path / name for name in ("W.npy", "L.json", "x.npy")]
    np.save(paths[0], 3 * ROTATION)
    np.save(paths[2], np.random.default_rng(0).integers(-500, 500, (6, 40), dtype=np.int32))
    code, out, err = run(capsys, "lossless", paths[0], "-o", paths[1], "--limit", 1000, *FLIP)
    assert (code, err) == (0, "")
    assert "a bijection; for inputs within 1000, certified within" in out
    assert "step: " in out
    return paths


def test_commands_round_trip(files, tmp_path, capsys):
    W, L, x = files
    code, out, _ = run(capsys, "check", L, "--target", W)
    assert code == 0
    assert "s VERIFIED" in out
    y, back = tmp_path / "y.npy", tmp_path / "back.npy"
    assert run(capsys, "apply", L, x, "-o", y) == (0, "images: 40, int32\n", "")
    assert run(capsys, "apply", L, y, "-o", back, "--inverse") == (0, "preimages: 40, int32\n", "")
    assert back.read_bytes() == x.read_bytes()
    assert (
        np.load(y) == lossless(3 * ROTATION, limit=1000, orientation="flip").forward(np.load(x))
    ).all()
    code, out, err = run(capsys, "lossless", W, *FLIP)
    assert (code, err) == (0, "")


def test_one_vector_and_big_endian(files, tmp_path, capsys):
    _, L, x = files
    y, back = tmp_path / "y.npy", tmp_path / "back.npy"
    for array in (np.arange(6), np.arange(6, dtype=">i4")):
        np.save(x, array)
        assert run(capsys, "apply", L, x, "-o", y)[0] == 0
        assert run(capsys, "apply", L, y, "-o", back, "--inverse")[0] == 0
        assert np.load(back).dtype == array.dtype
        assert (np.load(back) == array).all()


def test_commands_refuse_in_one_line_and_write_nothing(files, tmp_path, capsys):
    W, L, x = files
    y = tmp_path / "y.npy"
    floats, far, text = tmp_path / "f.npy", tmp_path / "far.npy", tmp_path / "t.npy"
    np.save(floats, np.zeros((6, 2)))
    np.save(far, np.full((6, 2), 1001))
    text.write_text("1 2 3")
    short = tmp_path / "s.npy"
    np.save(short, np.full((6, 1), 127, np.int8))
    for arguments, words in (
        (("apply", L, floats, "-o", y), "expected integers"),
        (("apply", L, far, "-o", y), "expected inputs within 1000, got 1001"),
        (("apply", L, far, "-o", y, "--inverse"), "images of inputs within"),
        (("apply", L, short, "-o", y), "int8 holds"),
        (("apply", L, text, "-o", y), "expected a .npy file of numbers"),
        (("apply", L, tmp_path / "none.npy", "-o", y), "expected a readable file"),
        (("apply", L, x, "-o", x), "an output beside the input"),
        (("apply", L, x, "-o", tmp_path / "y.csv"), "expected .npy (integers) as output"),
        (("apply", L, L, "-o", y), "expected a .npy file"),
        (("apply", x, x, "-o", y), "expected"),
        (("apply", W, x, "-o", y), "expected"),
        (("apply", L, x), "required"),
        (("lossless", W, "-o", tmp_path / "L.npz"), "expected .json"),
        (("lossless", W), "det > 0"),
        (("lossless", W, "--limit", 0), "integer limit"),
        (("lossless", W, "--bits", 60), "integer bits"),
        (("lossless", W, "--orientation", "pad"), "invalid choice"),
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, "")
        assert words in err
        assert "Traceback" not in err
    assert not y.exists()
