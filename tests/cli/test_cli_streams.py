"""Every command on a good file and on a bad one: the exit code and both streams, as a person reads.

Also standard input in the place of a file, a terminal of 40 columns, and one that is interrupted.
"""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
from cli.scripts import FAILS, HOLDS
from terminal import POSIX, on_terminal, written_to

from exactflow import cli
from exactflow.cli import COMMANDS

FLOW = """\
import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, x):
        return x * self.a.exp(), self.a

    def inverse(self, y):
        return y / self.a.exp(), -self.a


model = Scale(0.5)
"""


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Return a function that runs a command in a folder with good files and bad ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "m.csv").write_text("1,2\n3,7\n")
    (tmp_path / "sigma.csv").write_text("2,1\n1,2\n")
    (tmp_path / "bad.csv").write_text("1,2\n3\n")
    (tmp_path / "minus.csv").write_text("0,1\n1,0\n")
    (tmp_path / "singular.csv").write_text("1,2\n2,4\n")
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "good.py").write_text(HOLDS)
    (tmp_path / "wrong.py").write_text(FAILS)
    np.save(tmp_path / "x.npy", np.array([[1, 2], [3, 4]]))
    np.save(tmp_path / "v.npy", np.ones((2, 1)))

    def command(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    assert command("factor", "m.csv", "-o", "c.json")[0] == 0
    return command


RAGGED = "bad.csv: expected rows of equal length, got 2 entries in row 0 and 1 in row 1"

GOOD = {
    "factor": (
        "factor m.csv -o new.json",
        """\
m.csv: 2 x 2, csv text
    moves    scale           nonzeros   bits   largest
──────────────────────────────────────────────────────
1   second   not 1: 1 of 1          1      3       7.0
2   first    not 1: 1 of 1          1      3     0.286
method: short, 2 layers
time: factored and checked in .* s
verdict: equal in all 4 entries (layers composed: 2)
certificate: new.json; its quick check: equal at random vectors, modulo random primes
next: exactflow check new.json --target m.csv
""",
    ),
    "check": (
        "check c.json --target m.csv",
        "c 2 layers over QQ, 2 coordinates\nc equal in all entries\ns VERIFIED\n",
    ),
    "depth": (
        "depth m.csv -o d.json",
        """\
exactly 2 additive layers
  not U: C = 0 fails at (0, 0)
  not L: D = I fails at (0, 0)
where U = [[S, X], [0, I]] and L = .*
certificate: d.json
c depth 2, additive layers over QQ, 2 coordinates
c compared with the matrix in the certificate: --target FILE compares with yours
c equal in all entries
c not U: linear
c not L: linear
s VERIFIED
next: exactflow check d.json --target m.csv
""",
    ),
    "explain": (
        "explain m.csv",
        """\
M is the product of 2 couplings. [exact]

1. Split M into halves of 1 and 1 coordinates. A, B, C, D are the blocks that
   result. (blocks)
   M = [1 2]   A = [1]   B = [2]   C = [3]   D = [7]
       [3 7]
   checked: blocks(A, B, C, D) = M

2. These are the layers, in the order in which data meets them. Neighbours that
   move the same half are merged. (product)
   l1 = [1 0]   l2 = [1/7 2/7]
        [3 7]        [  0   1]
   checked: l2 l1 = M
""",
    ),
    "theorems": (
        "theorems 'six layers' --check m.csv",
        "six layers, on this instance: at most six layers equal the matrix (2 layers here).\n"
        "The theorem says for all: Every matrix of positive determinant, .*\n",
    ),
    "balance": (
        "balance m.csv",
        "6 layers on halves (1, 1), largest entry .*, certified within .*\nthe layers do not equal "
        "the matrix; their inverse is within .* of its inverse\n",
    ),
    "whiten": (
        "whiten sigma.csv",
        "2 affine layers on halves (1, 1) whiten within .*\nthe inverse, rounded to floats, "
        "generates the covariance within .*\n",
    ),
    "prove": (
        "prove good.py",
        "1 of 1 claims hold\ntheorem .*seconds\n─+\nSums .*exact .*\n  one and one .*exact .*\n",
    ),
    "export": ("export c.json --to rocq -o flow.txt", ""),
}
"""What a good file gives on stdout; nothing on stderr, and the exit code is 0."""

BAD = {
    "factor": ("factor bad.csv", 2, "", f"exactflow: error: {RAGGED}\n"),
    "factor -": (
        "factor minus.csv",
        2,
        "",
        "exactflow: error: minus.csv: expected det > 0, got det < 0: .*--orientation pad .*\n",
    ),
    "factor singular": (
        "factor singular.csv",
        2,
        "",
        "exactflow: error: singular.csv: expected an invertible matrix, got a singular one .*\n",
    ),
    "factor a folder": (
        "factor .",
        2,
        "",
        "exactflow: error: expected the file of a matrix, got the folder '.'\n",
    ),
    "factor to a folder": (
        "factor m.csv -o .",
        2,
        "",
        "exactflow: error: cannot write the file '.': it is a directory\n",
    ),
    "check": (
        "check bad.csv",
        2,
        "",
        "bad.csv: malformed: expected a certificate, which is a JSON object: to get one for a "
        "matrix, factor the matrix and save the flow\n",
    ),
    "check --target": (
        "check c.json --target bad.csv",
        2,
        "",
        "bad.csv, row 1: expected a list of 2 entries, .*\n",
    ),
    "check -": (
        "check c.json --target sigma.csv",
        1,
        "c c.json\nc 2 layers over QQ, 2 coordinates\n"
        "c the certificate's target is not the given target\n"
        "c first differing entry: row 0, column 0: certificate 1, given 2\ns NOT VERIFIED\n",
        "",
    ),
    "check --timeout": (
        "check c.json --target bad.csv --timeout 60",
        2,
        "",
        "bad.csv, row 1: expected a list of 2 entries, .*\n",
    ),
    "check a missing file": (
        "check none.json",
        2,
        "",
        "none.json: expected a readable file: No such file or directory\n",
    ),
    "depth": ("depth bad.csv", 2, "", f"exactflow: error: {RAGGED}\n"),
    "explain": ("explain bad.csv", 2, "", f"exactflow: error: {RAGGED}\n"),
    "theorems": (
        "theorems 'seven layers'",
        2,
        "",
        "exactflow: error: expected the name of a theorem, got 'seven layers': .*\n",
    ),
    "balance": ("balance bad.csv", 2, "", f"exactflow: error: {RAGGED}\n"),
    "whiten": (
        "whiten m.csv",
        2,
        "",
        "exactflow: error: expected a symmetric matrix, got one whose entries .* differ by 1: .*\n",
    ),
    "whiten data": (
        "whiten v.npy",
        2,
        "",
        "exactflow: error: v.npy: expected a square matrix, got 2 x 1: the covariance of data x, "
        "one sample in each row, is numpy.cov(x.T)\n",
    ),
    "prove": (
        "prove wrong.py",
        1,
        "0 of 1 claims hold; 1 failed\ntheorem .*seconds\n─+\nSums .*0 of 1 .*\n"
        "  FAILED: one and one .*\n"
        "wrong.py:5: in the claim 'one and one' [exact]: one and one: expected 3, derived 2.*\n",
        "",
    ),
    "export": (
        "export bad.csv --to rocq",
        2,
        "",
        "exactflow: error: bad.csv: expected a certificate, .*\n",
    ),
    "diagnose": (
        "diagnose flow.py:model x.npy",
        2,
        "",
        "exactflow: error: expected x as a batch of floats .*, got torch.int64 of shape (2, 2)\n",
    ),
}
"""What a bad file gives: the exit code, stdout and stderr."""


def assert_reads(text, expected):
    """Assert that a text is as expected, where ``.*`` and ``─+`` stand for anything."""
    pattern = re.escape(expected).replace(r"\.\*", ".*").replace(r"─\+", "─+")
    text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    assert re.fullmatch(pattern, text), text


def words(line):
    """Return the arguments of a line in which only the name of a theorem has a blank."""
    return [word.replace("_", " ") for word in re.sub(r"'(\w+) (\w+)'", r"\1_\2", line).split()]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file(run, name):
    line, expected = GOOD[name]
    code, out, err = run(*words(line))
    assert (code, err) == (0, "")
    assert_reads(out, expected)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file(run, name):
    line, expected, shown, told = BAD[name]
    if name == "diagnose":
        pytest.importorskip("torch")
    code, out, err = run(*words(line))
    assert code == expected
    assert_reads(out, shown)
    assert_reads(err, told)


def test_a_model(run):
    pytest.importorskip("torch")
    code, out, err = run("diagnose", "flow.py:model", "v.npy")
    assert (code, err) == (0, "")
    assert_reads(
        out,
        """\
x comes back with relative error 0.0e+00 in float32
layer              round trip  digits lost  run-to-run    draws  not finite
the model (Scale)     0.0e+00            -     0.0e+00  .*           0
layer              condition  largest  least  log-det   off by  inverse off by
the model (Scale)          1      1.6    1.6      0.5  0.0e+00         0.0e+00
""",
    )


def test_theorems(run):
    code, out, err = run("theorems")
    assert (code, err) == (0, "")
    assert "six layers  " in out.splitlines()[0]
    assert "six layers" in json.loads(run("theorems", "--json")[1])
    assert run("theorems", "six", "layers") == run("theorems", "six layers")
    code, out, err = run("theorems", "six layers")
    assert (code, err, out.splitlines()[0]) == (0, "", "1, 14. six layers")
    record = json.loads(run("theorems", "six layers", "--json")[1])
    assert (record["name"], bool(record["hypotheses"])) == ("six layers", True)
    checked = run("theorems", "partitions", "--check", "m.csv", "--partition", "1,1", "--json")
    assert json.loads(checked[1])["theorem"] == "partitions"
    challenge = ["theorems", "six layers", "--challenge"]
    assert run(*challenge, 2)[:2] == (
        0,
        "six layers: 2 instances, no counterexample to: at most six layers equal the matrix\n",
    )
    assert json.loads(run(*challenge, 2, "--json")[1])["instances"] == 2
    assert run(*challenge, 0)[::2] == (
        2,
        "exactflow: error: expected a number of instances >= 1 as --challenge, got 0\n",
    )
    assert "need the NAME of a theorem" in run("theorems", "--challenge", 2)[2]
    code, _, err = run(*challenge, 2, "--check", "m.csv")
    assert code == 2
    assert "--check: not allowed with argument --challenge" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--latex"], "\\documentclass"),
        (["--markdown"], "$M$ is the product of 2 couplings"),
        (["--json"], '"steps"'),
        (["--depth", "additive"], "M takes exactly 2 additive layers."),
        (["--depth", "additive", "--partition", "1,1"], "M takes exactly 2 additive layers."),
        (["--method", "transvection"], "checked: "),
    ],
)
def test_explanations(run, options, words):
    code, out, err = run("explain", "m.csv", *options)
    assert (code, err) == (0, "")
    assert words in out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("m.csv --depth additive --partition 1,2", "got (1, 2) with sum 3"),
        ("m.csv --depth additive --method short", "--depth and --method cannot be combined"),
        ("w.npy", "expected at most 64 coordinates, got 66: an explanation is checked by"),
    ],
)
def test_explanations_that_are_refused_at_once(run, monkeypatch, options, told):
    np.save("w.npy", np.random.default_rng(0).standard_normal((66, 66)))
    monkeypatch.setattr("exactflow.linear.factor.factor", None)
    code, out, err = run("explain", *options.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err


def test_exports(run):
    """Of layers, of a depth and of layers of floats; to a file as to the terminal."""
    assert run("depth", "m.csv", "-q", "-o", "d.json")[0] == 0
    assert run("balance", "m.csv", "-q", "-o", "b.json")[0] == 0
    for name in ("c", "d", "b"):
        code, out, err = run("export", f"{name}.json")
        assert (code, "Theorem " in out, err) == (0, True, "")
        assert run("export", f"{name}.json", "--to", "rocq", "-o", "flow.txt") == (0, "", "")
        assert Path("flow.txt").read_text() == out


def test_every_command_is_here():
    assert set(COMMANDS) == {name.split()[0] for name in BAD}
    assert set(COMMANDS) == {*GOOD, "diagnose"}


NPY, NPZ = io.BytesIO(), io.BytesIO()
np.save(NPY, np.array([[1, 2], [3, 7]]))
np.savez(NPZ, np.array([[1, 2], [3, 7]]))

STDIN = {
    "csv": b"1,2\n3,7\n",
    "json": b' [["1", 2], [3, "7"]]',
    "npy": NPY.getvalue(),
    "npz": NPZ.getvalue(),
}


def test_a_file_of_pytorch_on_standard_input(run, monkeypatch, tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"W": torch.tensor([[1, 2], [3, 7]])}, tmp_path / "weight.pt")
    given(monkeypatch, (tmp_path / "weight.pt").read_bytes())
    assert run("check", "c.json", "--target", "-", "--key", "W")[0] == 0


def given(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.mark.parametrize("kind", STDIN)
def test_standard_input_in_the_place_of_a_matrix(run, monkeypatch, kind):
    for name in ("factor", "depth", "explain", "balance"):
        given(monkeypatch, STDIN[kind])
        code, out, err = run(name, "-")
        assert (code, err) == (0, "")
        assert out
    given(monkeypatch, STDIN[kind])
    assert (
        run("check", "c.json", "--target", "-")[:2]
        == run("check", "c.json", "--target", "m.csv")[:2]
    )


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "stdin: expected a matrix of at least one row"),
        (b"1,2\n3\n", RAGGED.replace("bad.csv", "stdin")),
        (b"[[1, 2], [3", "stdin: the text is not JSON at line 1, column 12"),
        (b"PK\x03\x04 and no more", "stdin: expected"),
        (b"\xff\xfe", "stdin: expected UTF-8 text"),
        (
            b'{"format": "exactflow-certificate"}',
            "stdin: expected rows of numbers, got a JSON object",
        ),
    ],
)
def test_standard_input_that_is_no_matrix(run, monkeypatch, data, told):
    given(monkeypatch, data)
    code, out, err = run("factor", "-", "-o", "new.json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err
    assert not os.path.exists("new.json")


@pytest.mark.parametrize("name", ["factor", "theorems", "prove", "explain"])
def test_a_narrow_terminal_breaks_no_words(run, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "40")
    line = {"theorems": "theorems"}.get(name, GOOD[name][0])
    code, out, err = run(*words(line))
    assert (code, err) == (0, "")
    tables = [line for line in out.splitlines() if not set(line) & set(":;.")]
    assert all(len(line.rstrip()) <= 40 for line in tables)
    assert "…" not in out
    if name == "factor":
        assert "moves  scale" in out
        assert "second not 1: 1" in out


@POSIX
@pytest.mark.parametrize("line", ["theorems six_layers", "balance m.csv", "depth m.csv"])
def test_a_narrow_terminal_breaks_no_words_of_sentences(run, monkeypatch, line):
    wide = run(*words(line))[1]
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    narrow = run(*words(line))[1]
    assert (narrow != wide, narrow.split()) == (True, wide.split())
    assert all(
        len(text) <= 40 or len(text.split()) == 1
        for text in narrow.splitlines()
        if "\\" not in text
    )


ENDLESS = """
import time
from exactflow.claims import Claims, Evidence
claims = Claims("Slow")
with claims.check("nothing", Evidence.EXACT) as check:
    time.sleep(60)
"""


@POSIX
@pytest.mark.parametrize("command", ["factor w.csv --orientation flip", "prove slow.py good.py"])
def test_ctrl_c_ends_at_once_and_hides_no_cursor(tmp_path, command):
    rows = np.random.default_rng(0).standard_normal((48, 48)).tolist()
    (tmp_path / "w.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    (tmp_path / "slow.py").write_text(ENDLESS)
    (tmp_path / "good.py").write_text(HOLDS)
    name = command.split()[0]
    options = {"cwd": tmp_path, "stdout": subprocess.DEVNULL}
    with on_terminal("-m", "exactflow", *command.split(), **options) as (process, ours):
        shown = b""
        while f"% {name}: ".encode() not in shown:
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        assert process.wait() in (-signal.SIGINT, 130)  # for a shell, 130 in any case
        shown += written_to(ours).encode()
    assert b"\x1b[?25l" not in shown
    assert sorted(os.listdir(tmp_path)) == ["good.py", "slow.py", "w.csv"]


COMPILING = """
import sys, time
from exactflow import __main__
from exactflow.files.rocq import theorem
theorem.require_coqc_or_rocq = lambda: None
theorem.run_coqc_within_limit = lambda *arguments: time.sleep(60)
sys.argv = ["exactflow", "check", "c.json", "--kernel"]
sys.exit(__main__.main())
"""


@POSIX
def test_ctrl_c_leaves_no_folder_of_coqc(run, tmp_path):
    (tmp_path / "scratch").mkdir()
    options = {"env": os.environ | {"TERM": "dumb", "TMPDIR": str(tmp_path / "scratch")}}
    with on_terminal("-c", COMPILING, **options) as (process, ours):
        while not list(tmp_path.glob("scratch/*/theorem.v")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert (written_to(ours), process.wait()) == ("exactflow: interrupted\n", 130)
    assert os.listdir(tmp_path / "scratch") == []
