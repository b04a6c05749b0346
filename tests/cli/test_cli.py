"""The command line as a user meets it."""

import io
import json
import pickle
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
import sympy

from exactflow import cli, random_matrix
from exactflow.files.depth_certificate import depth_certificate_text
from exactflow.flows.display import format_three_significant_digits_or_empty


def run(capsys, *arguments):
    """Return exit code, stdout and stderr of one command."""
    code = cli.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def matrix_file(tmp_path):
    path = tmp_path / "w.json"
    path.write_text(
        json.dumps([[str(x) for x in row] for row in random_matrix(6, seed=1).tolist()])
    )
    return path


def test_factor_then_check(capsys, tmp_path, matrix_file):
    certificate = tmp_path / "cert.json"
    code, out, err = run(capsys, "factor", matrix_file, "-o", certificate)
    assert (code, err) == (0, "")
    assert "equal in all 36 entries" in out
    assert "method: transvection, 6 layers" in out
    code, out, _ = run(capsys, "check", certificate, "--target", matrix_file)
    assert code == 0
    assert out.splitlines()[-1] == "s VERIFIED"


def test_factor_shows_a_row_for_each_layer(capsys, tmp_path):
    for rows, expected in (
        ([["1", "1/3"], ["0", "1"]], "1 first 1 1 2 1.0"),
        ([["2", "0"], ["0", "1"]], "1 first not 1: 1 of 1 0 2 2.0"),
    ):
        (tmp_path / "w.json").write_text(json.dumps(rows))
        _, out, _ = run(capsys, "factor", tmp_path / "w.json")
        assert [" ".join(line.split()) for line in out.splitlines()][3:4] == [expected], out


def test_check_refutes_a_changed_digit(capsys, tmp_path, matrix_file):
    certificate = tmp_path / "cert.json"
    run(capsys, "factor", matrix_file, "-o", certificate)
    content = json.loads(certificate.read_text())
    content["layers"][0]["shift"][1][2] += "7"
    certificate.write_text(json.dumps(content))
    code, out, _ = run(capsys, "check", certificate)
    assert code == 1
    assert "column" in out
    assert (out.splitlines()[0], out.splitlines()[-1]) == (f"c {certificate}", "s NOT VERIFIED")


def test_check_refutes_another_target(capsys, tmp_path, matrix_file):
    certificate = tmp_path / "cert.json"
    run(capsys, "factor", matrix_file, "-o", certificate)
    (tmp_path / "other.csv").write_text("1,0\n0,1\n")
    code, out, _ = run(capsys, "check", certificate, "--target", tmp_path / "other.csv")
    assert code == 1
    assert out.splitlines()[-1] == "s NOT VERIFIED"


def test_demo(capsys, tmp_path):
    code, out, err = run(capsys, "factor", "--demo", "-o", tmp_path / "demo.json")
    assert (code, err) == (0, "")
    assert "12 x 12, float32" in out
    assert "equal in all 144 entries" in out
    assert run(capsys, "check", tmp_path / "demo.json")[0] == 0
    assert "pads: feed zeros" in run(capsys, "factor", "--demo", "--orientation", "pad")[1]
    assert "det < 0" in run(capsys, "factor", "--demo", "--orientation", "error")[2]


def test_provenance(capsys, tmp_path):
    path = tmp_path / "w.npy"
    np.save(path, np.eye(2, dtype=np.float16) * 2)
    run(capsys, "factor", path, "-o", tmp_path / "c.json")
    provenance = json.loads((tmp_path / "c.json").read_text())["provenance"]
    assert provenance["dtype"] == "float16"
    assert provenance["source"] == "w.npy"
    assert len(provenance["sha256"]) == 64


def test_transpose_and_key(capsys, tmp_path):
    path = tmp_path / "w.npz"
    np.savez(path, a=np.array([[1, 2], [0, 1]]), b=np.eye(2))
    code, _, err = run(capsys, "factor", path)
    assert code == 2
    assert "--key" in err
    run(capsys, "factor", path, "--key", "a", "--transpose", "-o", tmp_path / "c.json")
    target = json.loads((tmp_path / "c.json").read_text())["target"]
    assert target == [["1", "0"], ["2", "1"]]


def test_depth(capsys, tmp_path):
    path = tmp_path / "w.csv"
    path.write_text("-1,0,0,0\n0,-1,0,0\n0,0,1,0\n0,0,0,1\n")
    code, out, _ = run(capsys, "depth", path)
    assert code == 0
    assert out.splitlines()[0] == "exactly 6 additive layers"
    assert "not ULULU" in out
    assert "M = [[A, B], [C, D]], and M^-1 = [[a, b], [c, d]]" in out
    assert "U = " in out
    assert "L = " in out
    code, out, _ = run(capsys, "depth", path, "--scales", "positive")
    assert code == 0
    assert out.splitlines()[0] == "exactly 6 layers with positive scales"
    for text, start in (
        ("2,0\n0,1\n", "exactly 1 layer with positive scales"),
        ("2,0,0\n0,1,0\n0,0,1\n", "exactly 1 layer with positive scales"),
        ("1,0,0\n0,3,1\n0,1,3\n", "from 4 to 6 layers with positive scales (not decided)"),
    ):
        path.write_text(text)
        code, out, _ = run(capsys, "depth", path)
        assert (code, out.splitlines()[0]) == (0, start)
    code, _, err = run(capsys, "depth", path, "--scales", "additive")
    assert code == 2
    assert "--scales positive" in err
    path.write_text("0,1\n1,0\n")
    code, _, err = run(capsys, "depth", path)
    assert code == 2
    assert "--orientation flip" in err
    for orientation, said in (("flip", "coordinate 0 is negated"), ("pad", "coordinates 1 and 3")):
        code, out, _ = run(capsys, "depth", path, "--orientation", orientation)
        assert code == 0
        assert "additive layers" in out
        assert said in out
    path.write_text("-1,0,0,0,0,0\n0,-1,0,0,0,0\n0,0,-1,0,0,0\n0,0,0,-1,0,0\n"
                    "0,0,0,0,-1,0\n0,0,0,0,0,-1\n")  # fmt: skip
    code, out, err = run(
        capsys, "depth", path, "--partition", "0,1,0,1,0,0", "-o", tmp_path / "c.json"
    )
    assert code == 3
    assert out.startswith("exactly 8 additive layers")
    assert "order: layers and blocks have the coordinates in the order [1, 3, 0, 2, 4, 5]" in out
    assert "more than five letters" in err
    path.write_text("1,0,0\n0,-1,0\n0,0,-1\n")
    certificate = tmp_path / "odd.json"
    code, out, _ = run(capsys, "depth", path, "--partition", "2,1", "-o", certificate)
    assert code == 0
    assert "exactly 4 additive layers" in out
    assert "s VERIFIED" in out


def test_check_against_the_transpose(capsys, tmp_path):
    matrix, certificate = tmp_path / "w.csv", tmp_path / "c.json"
    matrix.write_text("1,2\n0,1\n")
    for command in ("factor", "depth"):
        assert run(capsys, command, matrix, "--transpose", "-o", certificate)[0] == 0
        code, out, _ = run(capsys, "check", certificate, "--target", matrix, "--transpose")
        assert (code, out.splitlines()[-1]) == (0, "s VERIFIED")
        assert run(capsys, "check", certificate, "--target", matrix)[0] == 1
        code, out, err = run(capsys, "check", certificate, "--transpose")
        assert (code, out) == (2, "")
        assert "--target FILE" in err


def test_depth_certificate(capsys, tmp_path):
    matrix, certificate = tmp_path / "w.csv", tmp_path / "depth.json"
    matrix.write_text("-1,0,0,0\n0,-1,0,0\n0,0,1,1\n0,0,0,1\n")
    for options in ([], ["--scales", "positive"]):
        code, out, err = run(capsys, "depth", matrix, *options, "-o", certificate)
        assert (code, err) == (0, "")
        assert out.startswith("exactly 6")
        assert out.splitlines()[-2] == "s VERIFIED"
        assert out.splitlines()[-1].startswith("next: exactflow check ")
        assert json.loads(certificate.read_text())["provenance"]["source"] == "w.csv"
        code, out, _ = run(capsys, "check", certificate, "--target", matrix)
        assert (code, out.splitlines()[-1]) == (0, "s VERIFIED")
    code, out, _ = run(capsys, "check", certificate, "--target", matrix, "--transpose")
    assert (code, out.splitlines()[-1]) == (1, "s NOT VERIFIED")
    assert run(capsys, "depth", matrix, "--transpose", "-o", certificate)[0] == 0
    assert run(capsys, "check", certificate, "--target", matrix, "--transpose")[0] == 0
    assert run(capsys, "check", certificate, "--target", matrix)[0] == 1


def test_depth_certificate_of_nothing_decided(capsys, tmp_path):
    matrix, certificate = tmp_path / "w.csv", tmp_path / "depth.json"
    for d, start, expected in (
        (18, "from 4 to 5", "not decided (between 4 and 5): call save(answer.flow, path) instead"),
        (6, "exactly 4", "are only proved to exist: call answer.existence.check() instead, in "),
    ):
        rows = random_matrix(d, seed=d).tolist()
        matrix.write_text("\n".join(",".join(map(str, row)) for row in rows))
        code, out, err = run(capsys, "depth", matrix, "--scales", "positive", "-o", certificate)
        assert code == 3
        assert out.startswith(start)
        assert err.count("\n") == 1
        assert expected in err
        assert err.startswith("exactflow: no certificate was written: ")
        assert (
            "in Python, with answer = minimal_depth(M, scales='positive'); `exactflow factor" in err
        )
        assert not certificate.exists()


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_refuted_depth_certificate_is_not_written(capsys, tmp_path, monkeypatch, options):
    matrix, certificate = tmp_path / "w.csv", tmp_path / "depth.json"
    matrix.write_text("1,2\n3,7\n")

    def of_another_matrix(answer, provenance):
        return depth_certificate_text(answer, provenance).replace('["3", "7"]', '["3", "8"]')

    monkeypatch.setattr("exactflow.cli.depth.depth_certificate_text", of_another_matrix)
    code, out, err = run(capsys, "depth", matrix, "-o", certificate, *options)
    assert (code, err) == (1, "")
    assert ('"output": null' in out) if options else ("s NOT VERIFIED" in out)
    assert not certificate.exists()


@pytest.mark.parametrize(
    ("output", "message"), [("none/depth.json", "cannot write the file"), ("depth.npz", "expected")]
)
def test_depth_certificate_nowhere(capsys, tmp_path, output, message):
    matrix = tmp_path / "w.csv"
    matrix.write_text("1,2\n3,7\n")
    code, out, err = run(capsys, "depth", matrix, "-o", tmp_path / output)
    assert (code, out) == (2, "")
    assert message in err
    assert list(tmp_path.iterdir()) == [matrix]


def test_balance(capsys, tmp_path, matrix_file):
    certificate = tmp_path / "c.json"
    code, out, _ = run(capsys, "balance", matrix_file, "-o", certificate)
    assert code == 0
    assert out.count("certified") == 1
    assert "do not equal the matrix" in out
    assert run(capsys, "check", certificate)[0] == 0
    assert run(capsys, "check", certificate, "--target", matrix_file)[0] == 0
    for layers in ("3", "99999999"):
        code, _, err = run(capsys, "balance", matrix_file, "--layers", layers)
        assert code == 2
        assert "from 5 to 64" in err
    code, _, err = run(capsys, "balance", matrix_file, "--seed", "-1")
    assert code == 2
    assert "seed" in err


def test_balance_of_a_reflection(capsys, tmp_path):
    path, certificate = tmp_path / "w.csv", tmp_path / "c.json"
    path.write_text("0,1,0\n1,0,0\n0,0,2\n")
    code, _, err = run(capsys, "balance", path)
    assert code == 2
    assert "--orientation flip" in err
    options = ("--method", "closed", "--orientation", "flip", "--partition", "2,1")
    code, out, _ = run(capsys, "balance", path, *options, "-o", certificate)
    assert code == 0
    assert "coordinate 0 is negated" in out
    assert run(capsys, "check", certificate)[0] == 0
    assert run(capsys, "check", certificate, "--target", path)[0] == 0
    code, out, _ = run(capsys, "balance", path, "--orientation", "pad", "-o", certificate)
    assert code == 0
    assert "feed zeros to coordinates 1 and 4" in out
    assert run(capsys, "check", certificate, "--target", path)[0] == 0


def test_partitions_masks_and_pads(capsys, tmp_path):
    path, certificate = tmp_path / "w.csv", tmp_path / "c.json"
    path.write_text("1,2,0\n0,1,3\n1,0,1\n")
    for partition in ("1,2", "2,1", "1,0,1", "010"):
        code, out, _ = run(capsys, "factor", path, "--partition", partition, "-o", certificate)
        assert (code, "equal in all 9 entries" in out) == (0, True)
        assert ("order:" in out) == (partition in ("1,0,1", "010"))
        assert run(capsys, "check", certificate)[0] == 0
    code, _, err = run(capsys, "factor", path, "--partition", "2,2")
    assert code == 2
    assert "p + q = 3" in err
    code, _, err = run(capsys, "factor", path, "--partition", "x")
    assert code == 2
    assert "partition" in err
    path.write_text("0,1\n1,0\n")
    code, out, _ = run(capsys, "factor", path, "--orientation", "pad", "-o", certificate)
    assert code == 0
    assert "feed zeros to coordinates 1 and 3" in out
    assert run(capsys, "check", certificate)[0] == 0


@pytest.mark.parametrize("orientation", ["error", "flip"])
def test_orientation(capsys, tmp_path, orientation):
    path = tmp_path / "w.csv"
    path.write_text("0,1\n1,0\n")
    output = tmp_path / "c.json"
    code, out, err = run(capsys, "factor", path, "--orientation", orientation, "-o", output)
    if orientation == "error":
        assert code == 2
        assert "det < 0" in err
        assert "--orientation flip" in err
        assert not output.exists()
    else:
        assert code == 0
        assert "coordinate 0 is negated" in out


def test_huge_entries(capsys, tmp_path):
    path, certificate = tmp_path / "w.csv", tmp_path / "c.json"
    path.write_text(f"1,{'9' * 5000}\n1/3,1\n")
    code, out, _ = run(capsys, "factor", path, "--orientation", "flip", "-o", certificate)
    assert code == 0
    assert "e+" in out
    assert run(capsys, "check", certificate, "--target", path)[0] == 0


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([[{}]], dtype=object), allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("w.csv", "1,2,3\n4,5,6\n", "square"),
        ("w.csv", "2\n", "at least two coordinates"),
        ("w.csv", "1,2\n2,4\n", "rank 1 of 2"),
        ("w.csv", "1,2\n3\n", "equal length"),
        ("w.csv", "1,nan\n3,4\n", "entry (0, 1)"),
        ("w.csv", "1/0,2\n3,4\n", "denominator zero"),
        ("w.csv", "", "empty"),
        ("w.json", "[[1, Infinity], [0, 1]]", "finite"),
        ("w.npy", pickled(), "never unpickled"),
        ("w.npy", pickle.dumps([[1]]), "never unpickled"),
        ("w.bin", "1", "expected a file of type"),
    ],
)
def test_bad_files(capsys, tmp_path, name, content, words):
    path, output = tmp_path / name, tmp_path / "out.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = run(capsys, "factor", path, "-o", output)
    assert (code, out) == (2, "")
    assert err.startswith("exactflow: error: ")
    assert err.count("\n") == 1
    assert words in err
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "got none: `exactflow --help` describes them"),
        (["factor"], "--demo"),
        (["factor", "w.json", "--demo"], "--demo"),
        (["factor", "missing.npy"], "No such file"),
        (["factor", "--demo", "--method", "qr"], "expected one of auto, "),
        (["factor", "--demo", "-o", "missing/c.json"], "folder"),
        (["check", "missing.json"], "missing.json"),
        (["facter", "w.json"], "got 'facter': did you mean factor?"),
        (["qr", "w.json"], "expected one of factor, depth, "),
    ],
)
def test_usage(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def files_of(folder) -> dict:
    """Every file in a folder and what it holds."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["factor", "folder.csv"], "Is a directory"),
        (["factor", "pipe.csv/w.csv"], "No such file"),
        (["depth", "folder.csv"], "Is a directory"),
        (["depth", "none.csv"], "No such file"),
        (["balance", "folder.csv"], "Is a directory"),
        (["check", "folder.csv"], "directory"),
        (["check", "c.json", "--target", "folder.csv"], "directory"),
        (["check", "w.csv"], "JSON"),
        (["export", "folder.csv", "--to", "rocq"], "Is a directory"),
        (["export", "w.csv", "--to", "rocq"], "JSON"),
        (["export", "-", "--to", "rocq"], "'-'"),
        (["export", "c.json", "--to", "rocq", "-o", "folder.csv"], "a directory"),
        (["export", "c.json", "--to", "rocq", "-o", "none/c.v"], "no such folder"),
        (["export", "c.json", "--to", "rocq", "-o", "-"], "standard output"),
        (["factor", "w.csv", "-o", "folder.json"], "a directory"),
        (["factor", "w.csv", "-o", "none/c.json"], "no such folder"),
        (["factor", "w.csv", "-o", "-"], "got '-'"),
        (["factor", "w.csv", "-o", "w.csv"], "as output, got 'w.csv'"),
        (["factor", "w.json", "-o", "../here/w.json"], "is the input"),
        (["balance", "w.json", "-o", "w.json"], "is the input"),
        (["export", "c.json", "-o", "../here/c.json"], "is the input"),
        (["balance", "w.csv", "-o", "folder.json"], "a directory"),
        (["balance", "w.csv", "-o", "c.tex"], "as output, got 'c.tex'"),
        (["factor", "w.csv", "--key", "a"], "no key"),
    ],
)
def test_bad_places(capsys, tmp_path, monkeypatch, arguments, words):
    here = tmp_path / "here"
    for name in ("folder.csv", "folder.json"):
        (here / name).mkdir(parents=True)
    (here / "w.csv").write_text("1,2\n0,1\n")
    (here / "w.json").write_text("[[1, 2], [0, 1]]")
    monkeypatch.chdir(here)
    assert run(capsys, "factor", "w.csv", "-o", "c.json")[0] == 0
    before = files_of(here)
    code, out, err = run(capsys, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert files_of(here) == before
    assert files_of(here.parent) == {}


def test_a_file_that_may_not_be_read(capsys, tmp_path, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("exactflow.files.atomic.open_file_or_stdin", refused)
    code, out, err = run(capsys, "factor", tmp_path / "w.csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Permission denied" in err


def test_an_existing_certificate_survives_a_failure(capsys, tmp_path):
    path, certificate = tmp_path / "w.csv", tmp_path / "c.json"
    certificate.write_text("precious")
    path.write_text("1,1\n1,1\n")
    assert run(capsys, "factor", path, "-o", certificate)[0] == 2
    assert certificate.read_text() == "precious"


def test_as_a_process_quiet_in_a_pipe(matrix_file):
    command = [sys.executable, "-m", "exactflow", "factor", str(matrix_file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_scales_are_told_as_they_are(capsys, tmp_path):
    (tmp_path / "w.csv").write_text("2,0,0,0\n0,3,0,0\n0,0,5,0\n0,0,0,1/7\n")
    code, out, _ = run(capsys, "factor", tmp_path / "w.csv")
    assert code == 0
    assert out.count("not 1: 2 of 2") == 2


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"exactflow {metadata.version('exactflow')}\n", "")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (RecursionError("maximum recursion depth exceeded"), 2, "nested"),
        (OSError(28, "No space left on device"), 2, "No space left"),
        (BrokenPipeError(32, "Broken pipe"), 2, "Broken pipe"),
        (ZeroDivisionError("division by zero"), 2, "please report it"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_exit_code_1_means_refuted_and_nothing_else(capsys, monkeypatch, error, code, words):
    def failing(*_, **__):
        raise error

    monkeypatch.setattr("exactflow.checker.read_file_or_stdin", failing)
    got, out, err = run(capsys, "check", "c.json")
    assert (got, out) == (code, "")
    assert words in err.splitlines()[-1]
    assert ("Traceback" in err) == isinstance(error, ZeroDivisionError)


def test_magnitudes_of_any_size():
    assert format_three_significant_digits_or_empty(sympy.Rational(1, 3)) == "0.333"
    assert format_three_significant_digits_or_empty(sympy.Integer(10) ** 6000).startswith(
        "1.0e+6000"
    )
