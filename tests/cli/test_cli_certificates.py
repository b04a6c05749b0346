"""Every certificate that a command writes is about the very file that went in."""

import json
import os
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from matrices import rotation

from exactflow import checker, cli

CORPUS = Path(__file__).parents[1] / "corpus"
WEIGHT = [[2, 1, 0, 0.5], [0, 1, -3, 0], [1, 0, 1, 2], [0.25, 0, 0, 1]]
NEGATIVE = [[0, 1, 0, 0], [1, 0, 0, 0], [2, 0, 1, 0], [0, 0, 3, 1]]
SWAP = [[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]]


def run(capsys, *arguments):
    """Return exit code, stdout and stderr of one command."""
    code = cli.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def written(capsys, path, *options, command="factor"):
    """Return the certificate that a command writes beside the file it reads."""
    output = path.parent / "c.json"
    code, out, err = run(capsys, command, path, *options, "-o", output)
    assert (code, err) == (0, "")
    assert f"exactflow check {output} --target {path}" in out
    return output


def save(folder, rows, name="w.csv"):
    """Write a matrix to a file of the type that its suffix says."""
    path = folder / name
    array = np.array(rows)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, weight=array, bias=np.zeros(3))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--partition", "2,2"],
        ["--partition", "1,3"],
        ["--partition", "3,1"],
        ["--partition", "1,0,1,0"],
        ["--partition", "0110"],
        ["--partition", "0,1,0,0"],
        ["--method", "transvection"],
        ["--method", "commutator"],
        ["--method", "partition"],
        ["--orientation", "flip"],
        ["--orientation", "pad"],
    ],
    ids=" ".join,
)
def test_options_of_factor(capsys, tmp_path, options):
    path = save(tmp_path, WEIGHT)
    certificate = written(capsys, path, *options)
    assert checker.check_file(certificate, path) == 0
    other = save(tmp_path, [[1, *row[1:]] for row in WEIGHT], "other.csv")
    assert checker.check_file(certificate, other) == 1


@pytest.mark.parametrize("partition", ["2,2", "1,3", "0,1,0,1", "1101"])
def test_flips(capsys, tmp_path, partition):
    path = save(tmp_path, NEGATIVE)
    options = ["--orientation", "flip", "--partition", partition]
    assert checker.check_file(written(capsys, path, *options), path) == 0


@pytest.mark.parametrize("partition", ["2,2", "1,3", "3,1"])
def test_pads(capsys, tmp_path, partition):
    path = save(tmp_path, NEGATIVE)
    certificate = written(capsys, path, "--orientation", "pad", "--partition", partition)
    content = json.loads(certificate.read_text())
    assert content["pads"] == [int(partition[0]), 5]
    assert len(content["target"]) == 4
    assert checker.check_file(certificate, path) == 0
    assert checker.check_file(certificate, save(tmp_path, WEIGHT)) == 1


def test_transpose(capsys, tmp_path):
    path = save(tmp_path, WEIGHT)
    certificate = written(capsys, path, "--transpose")
    assert checker.check_file(certificate, path) == 1
    assert checker.check_file(certificate, path, transposed=True) == 0
    assert run(capsys, "check", certificate, "--target", path, "--transpose")[0] == 0
    assert run(capsys, "check", certificate, "--target", path)[0] == 1


@pytest.mark.parametrize("method", ["permutation", "auto"])
def test_permutations(capsys, tmp_path, method):
    path = save(tmp_path, SWAP)
    assert checker.check_file(written(capsys, path, "--method", method), path) == 0


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "i8", "u2"])
def test_dtypes(capsys, tmp_path, dtype):
    path = tmp_path / "w.npy"
    np.save(path, np.array(np.abs(WEIGHT) * 4, dtype=dtype))
    assert checker.check_file(written(capsys, path), path) == 0


def test_floats_that_no_decimal_writes(capsys, tmp_path):
    path = tmp_path / "w.npy"
    np.save(path, np.linalg.qr(np.random.default_rng(1).standard_normal((6, 6)))[0])
    certificate = written(capsys, path, "--orientation", "flip")
    assert checker.check_file(certificate, path) == 0


@pytest.mark.parametrize("name", ["w.csv", "w.json", "w.npy"])
def test_formats_that_the_stand_alone_checker_reads(capsys, tmp_path, name):
    path = save(tmp_path, WEIGHT, name)
    assert checker.check_file(written(capsys, path), path) == 0


@pytest.mark.parametrize("kind", ["text", "long double", "carriage returns"])
def test_the_next_command_reads_what_factor_read(capsys, tmp_path, kind):
    path = tmp_path / ("w.csv" if kind == "carriage returns" else "w.npy")
    if kind == "carriage returns":
        path.write_bytes(b"1,2\r3,7\r")
    else:
        np.save(path, np.array([[1, 2], [3, 7]], "U9" if kind == "text" else np.longdouble))
    certificate = written(capsys, path)
    assert run(capsys, "check", certificate, "--target", path)[0] == 0
    path.write_bytes(b"1,x\r")
    code, _, err = run(capsys, "check", certificate, "--target", path)
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.parametrize("name", ["w.csv", "w.json", "w.npy", "w.npz"])
def test_formats(capsys, tmp_path, name):
    path = save(tmp_path, WEIGHT, name)
    key = ["--key", "weight"] if name == "w.npz" else []
    certificate = written(capsys, path, *key)
    assert run(capsys, "check", certificate, "--target", path, *key)[0] == 0
    other = save(tmp_path, NEGATIVE, f"other{path.suffix}")
    assert run(capsys, "check", certificate, "--target", other, *key)[0] == 1


@pytest.mark.parametrize("content", ["tensor", "state dict", "checkpoint"])
def test_torch_files(capsys, tmp_path, content):
    torch = pytest.importorskip("torch")
    path, weight = tmp_path / "w.pt", torch.tensor(WEIGHT)
    named = {"conv.weight": weight.reshape(4, 4, 1, 1), "conv.bias": torch.zeros(4)}
    contents = {"tensor": weight, "state dict": named}
    torch.save(contents.get(content, {"state_dict": named, "epoch": 3}), path)
    key = [] if content == "tensor" else ["--key", "conv.weight"]
    certificate = written(capsys, path, *key)
    assert run(capsys, "check", certificate, "--target", path, *key)[0] == 0


def test_safetensors(capsys, tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "w.safetensors"
    numpy.save_file({"a": np.array(WEIGHT), "b": np.eye(2)}, path)
    certificate = written(capsys, path, "--key", "a")
    assert run(capsys, "check", certificate, "--target", path, "--key", "a")[0] == 0
    code, _, err = run(capsys, "check", certificate, "--target", path)
    assert code == 2
    assert "--key" in err


def test_balance_claims_a_bound_about_the_file(capsys, tmp_path):
    path = save(tmp_path, rotation(6), "w.npy")
    certificate = written(capsys, path, "--seed", "1", command="balance")
    content = json.loads(certificate.read_text())
    assert 0 < Fraction(content["within"]) < Fraction(1, 10**12)
    assert content["provenance"]["seed"] == 1
    assert checker.check_file(certificate, path) == 0
    code, out, _ = run(capsys, "check", certificate, "--target", path, "--within", "1e-12")
    assert (code, out.splitlines()[-1]) == (0, "s VERIFIED")
    assert "c the largest difference is " in out
    content["within"] = str(Fraction(content["within"]) * Fraction(999, 1000))
    certificate.write_text(json.dumps(content))
    assert checker.check_file(certificate, path) == 1
    assert run(capsys, "check", certificate, "--within", "1e-20")[0] == 1


def test_nothing_is_written_that_the_checker_refutes(capsys, tmp_path, monkeypatch):
    def refute(*_):
        raise checker.RefutedError("the composition is not the target", "row 1, column 0")

    monkeypatch.setattr(checker, "check_product_or_covariance", refute)
    path = save(tmp_path, WEIGHT)
    code, _, err = run(capsys, "factor", path, "-o", tmp_path / "c.json")
    assert code == 2
    assert "error: the flow does not equal target: row 1, column 0\n" in err
    assert not (tmp_path / "c.json").exists()


# ---- check, for many


def test_several_certificates(capsys):
    good = CORPUS / "correct" / "sqrt2.json"
    bad = CORPUS / "incorrect" / "scale_forgotten.json"
    broken = CORPUS / "malformed" / "file_empty.json"
    open_ = CORPUS / "incomplete" / "prime_of_127_bits.json"
    for files, code in [
        ([good], 0),
        ([good, good], 0),
        ([good, open_], 3),
        ([open_, broken, good], 2),
        ([broken, bad, open_], 1),
    ]:
        assert run(capsys, "check", *files)[0] == code
        assert run(capsys, "check", *files, "--jobs", "2")[0] == code
    code, out, _ = run(capsys, "check", good, bad, "--json", "--jobs", "2")
    reports = [json.loads(line) for line in out.splitlines()]
    assert [r["file"] for r in reports] == [str(good), str(bad)]
    assert [r["verdict"] for r in reports] == ["verified", "refuted"]
    assert [r["kind"] for r in reports] == ["equality", "equality"]
    assert [r["largest_difference"] for r in reports] == ["0", None]
    assert all(r["seconds"] >= 0 for r in reports)


def test_reports_of_each_kind(capsys):
    names = {
        "correct/within_a_thousandth": ("within", "verified", "1/2500"),
        "incorrect/within_zero_and_a_difference": ("within", "refuted", "1/2500"),
        "correct/covariance_of_shears": ("covariance", "verified", "0"),
        "malformed/file_is_null": ("", "malformed", None),
        "incomplete/prime_of_521_bits": ("equality", "incomplete", "0"),
        "correct/order_checkerboard": ("equality", "verified", "0"),
    }
    files = [CORPUS / f"{name}.json" for name in names]
    _, out, err = run(capsys, "check", *files, "--json")
    assert err == ""
    reports = [json.loads(line) for line in out.splitlines()]
    found = [(r["kind"], r["verdict"], r["largest_difference"]) for r in reports]
    assert found == list(names.values())
    assert [r["lines"][-1] for r in reports][:2] == ["s VERIFIED", "s NOT VERIFIED"]
    code, out, _ = run(capsys, "check", files[-1], "--quick", "--json")
    assert (code, json.loads(out)["verdict"]) == (3, "probably verified")


def test_depth_certificates_among_others(capsys, tmp_path):
    path = save(tmp_path, SWAP)
    depth, flow = tmp_path / "depth.json", written(capsys, path)
    run(capsys, "depth", path, "-o", depth)
    code, out, _ = run(capsys, "check", depth, flow, "--target", path, "--json")
    assert code == 0
    assert [json.loads(line)["kind"] for line in out.splitlines()] == ["depth", "equality"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--jobs", "0"], "at least one job"),
        (["--transpose"], "--target"),
        (["--key", "a"], "--target"),
        (["--within", "x"], "--within"),
        (["--within", "-1"], ">= 0"),
        (["--target", "missing.csv"], "missing.csv"),
        (["--target", "missing.npz"], "missing.npz"),
        (["--target", "w.tsv"], "file of type"),
        (["-", "-"], "at most once"),
    ],
)
def test_wrong_usage_of_check(capsys, arguments, words):
    code, out, err = run(capsys, "check", CORPUS / "correct" / "sqrt2.json", *arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_a_check_that_takes_too_long_is_incomplete(tmp_path, capsys):
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)  # nobody writes to it
    names = [str(path) for path in (pipe, CORPUS / "correct" / "sqrt2.json")]
    assert cli.main(["check", "--timeout", "5", *names]) == 3
    captured = capsys.readouterr()
    assert "c incomplete: the time limit, 5 seconds, is over\ns NOT VERIFIED" in captured.out
    assert captured.out.endswith("s VERIFIED\n")
    assert captured.err == f"exactflow: incomplete: {pipe}\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([CORPUS / "correct" / "sqrt2.json"], 0),
        ([CORPUS / "incorrect" / "gf7_half_swapped.json"], 1),
        ([CORPUS / "malformed" / "version_three.json"], 2),
        ([CORPUS / "incomplete" / "modulus_of_degree_17.json"], 3),
        (["--quick", CORPUS / "correct" / "sqrt2.json"], 3),
        (["--within", "1/1000", CORPUS / "correct" / "within_a_thousandth.json"], 0),
        (["--within", "-1", CORPUS / "correct" / "within_a_thousandth.json"], 2),
        (["--target", "none.csv", CORPUS / "correct" / "sqrt2.json"], 2),
        (["--json", CORPUS / "correct" / "sqrt2.json"], 0),
    ],
)
def test_a_time_limit_that_is_kept_changes_nothing(capsys, words, code):
    words = list(map(str, words))
    assert cli.main(["check", *words]) == code
    free = capsys.readouterr()
    assert cli.main(["check", "--timeout", "1e300", *words]) == code
    limited = capsys.readouterr()
    timed = re.compile(r'"seconds": [0-9.]+')
    assert [timed.sub("", text) for text in limited] == [timed.sub("", text) for text in free]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_time_limits_are_positive(capsys, seconds):
    assert cli.main(["check", f"--timeout={seconds}", "c.json"]) == 2
    assert "--timeout" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["factor", "depth", "balance", "whiten", "export --to rocq"])
def test_an_output_without_a_name_is_refused(tmp_path, capsys, command):
    path = save(tmp_path, [[2, 1], [1, 1]])
    code, out, err = run(capsys, *command.split(), path, "-o", "")
    assert (code, out) == (2, "")
    assert err.startswith("exactflow: error: expected ")


def test_a_check_without_enough_memory_is_incomplete(monkeypatch, capsys):
    def exhausted(path):
        raise MemoryError

    monkeypatch.setattr("exactflow.checker.read_file_or_stdin", exhausted)
    assert cli.main(["check", "c.json"]) == 3
    assert capsys.readouterr().out.endswith("c incomplete: MemoryError\ns NOT VERIFIED\n")
