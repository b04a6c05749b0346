"""``exactflow diagnose``: the user's script and data, a table, and an exit code of 0 or 2."""

import json
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

from exactflow import cli

LAYERS = """
import torch
from torch import nn

class Linear(nn.Module):
    def __init__(self, W):
        super().__init__()
        self.W = nn.Parameter(torch.tensor(W))

    def forward(self, x):
        print("in forward")
        return x @ self.W.T, torch.linalg.slogdet(self.W)[1]

    def inverse(self, y):
        return torch.linalg.solve(self.W, y.T).T, -torch.linalg.slogdet(self.W)[1]
"""

SCRIPT = """
import sys
from layers import Linear

print("imported by", sys.argv)
good = Linear([[1.0, 2.0], [0.0, 1.0]])
steep = Linear([[1.0, 1.0], [1.0, 1.000001]])

def made():
    return good

class Made(Linear):
    def __init__(self):
        super().__init__([[2.0, 0.0], [0.0, 1.0]])

class Signed(Linear):
    def forward(self, x):
        y, log_det = super().forward(x)
        return y, -log_det

class inner:
    signed = Signed([[2.0, 0.0], [0.0, 3.0]])

class Shifted(Linear):
    def forward(self, x, context):
        return super().forward(x + context)

    def inverse(self, y, context):
        x, log_det = super().inverse(y)
        return x - context, log_det

shifted = Shifted([[1.0, 2.0], [0.0, 1.0]])
tiny = Linear([[1e-38, 0.0], [0.0, 1.0]])
number = 3

def broken():
    raise ValueError("no weights")

def ends():
    sys.exit(1)

class Ending(Linear):
    def forward(self, x):
        sys.exit(1)

ending = Ending([[1.0]])
"""


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Return a function that runs the command in a folder with a script and data."""
    (tmp_path / "layers.py").write_text(LAYERS)
    (tmp_path / "flow.py").write_text(SCRIPT)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((4, 2)))
    monkeypatch.chdir(tmp_path)
    state = sys.argv, list(sys.path)

    def command(*arguments):
        code = cli.main(["diagnose", *map(str, arguments)])
        assert (sys.argv, sys.path) == state
        assert "flow" not in sys.modules
        sys.modules.pop("layers", None)
        return code, *capsys.readouterr()

    return command


def test_a_model_that_is_well(run):
    code, out, err = run("flow.py:good", "x.npy")
    assert code == 0
    assert out.startswith("x comes back with relative error ")
    assert sum(line.startswith("the model ") for line in out.splitlines()) == 2
    assert "imported by ['flow.py']" in err
    assert "in forward" in err


@pytest.mark.parametrize("name", ["made", "Made"])
def test_functions_and_classes_that_make_a_model(run, name):
    assert run(f"flow.py:{name}", "x.npy", "-q")[:2] == (0, "")


def test_faults_are_numbers(run):
    """The exit code is 0: a table of facts refutes nothing."""
    code, out, _ = run("flow.py:steep", "x.npy", "--json")
    (steep,) = json.loads(out)["layers"]
    assert (code, steep["path"], steep["condition"] > 1e6) == (0, "the model", True)
    code, out, _ = run("flow.py:inner.signed", "x.npy", "--json")
    (signed,) = json.loads(out)["layers"]
    assert (code, signed["log_det"]) == (0, pytest.approx(-np.log(6)))
    assert signed["log_det_due"] == pytest.approx(np.log(6))
    code, out, _ = run("flow.py:inner.signed", "x.npy")
    assert "3.6e+00" in out
    assert run("flow.py:steep", "x.npy", "--quiet")[:2] == (0, "")


def test_an_error_above_a_bound(run):
    for name, code, words in (
        ("good", 0, ""),
        ("steep", 1, "the model (Linear): draws off by "),
        ("inner.signed", 1, "the model (Signed): log-determinant off by 3.6e+00, above 0.001"),
    ):
        found = run(f"flow.py:{name}", "x.npy", "--fail-above", "1e-3")
        assert found[0] == code
        assert words in found[2].splitlines()[-1]
    assert run("flow.py:inner.signed", "x.npy", "--fail-above", "4", "-q")[:2] == (0, "")
    code, out, err = run("flow.py:good", "x.npy", "--fail-above", "-1")
    assert (code, out) == (2, "")
    assert "expected a bound >= 0 for --fail-above, got -1.0" in err


def test_draws_that_are_not_finite_are_above_every_bound(run):
    code, _, err = run("flow.py:tiny", "x.npy", "--fail-above", "1e300")
    assert code == 1
    assert "off by inf, above 1e+300" in err


def test_a_context_in_a_file_of_several_arrays_is_refused(run):
    np.savez("c.npz", a=np.ones((4, 2)), b=np.ones((4, 2)))
    code, _, err = run("flow.py:shifted", "x.npy", "--context", "c.npz")
    assert (code, err.count("--key")) == (2, 1)
    assert "c.npz: expected a file of one array as --context, got several: --key is about X" in err


@pytest.mark.parametrize("order", "<>")
def test_arrays_of_each_byte_order_are_read(run, order):
    np.save("x.npy", np.load("x.npy").astype(f"{order}f8"))
    assert run("flow.py:good", "x.npy", "-q")[0] == 0


def test_contexts_are_read_from_a_file(run):
    np.save("c.npy", np.ones((4, 2)))
    code, out, _ = run("flow.py:shifted", "x.npy", "--context", "c.npy", "--json")
    assert (code, json.loads(out)["whole"]["draws_lost"]) == (0, 0)
    code, _, err = run("flow.py:shifted", "x.npy", "--context", "none.npy")
    assert (code, "none.npy" in err) == (2, True)


def test_the_limit_of_rows_and_the_number_of_draws(run):
    arguments = ("--jacobian-rows", "1", "--draws", "7", "--json")
    code, out, _ = run("flow.py:good", "x.npy", *arguments)
    found = json.loads(out)
    assert (code, found["draws"], found["whole"]["condition"]) == (0, 7, None)


@pytest.mark.parametrize("width", [30, 40, 60, 80])
def test_no_line_is_wider_than_the_terminal(run, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = run("flow.py:steep", "x.npy")
    assert max(map(len, out.splitlines())) <= width
    assert out.splitlines()[0].startswith("x comes back")
    assert any(line.startswith("the") for line in out.splitlines())


def test_a_script_beside_a_package_of_its_name(run, tmp_path):
    (tmp_path / "flow").mkdir()
    (tmp_path / "flow" / "__init__.py").write_text("")
    assert run("flow.py:good", "x.npy", "-q")[0] == 0


def test_keys(run):
    np.savez("x.npz", a=np.ones((3, 2)), b=np.ones((3, 2)))
    code, _, err = run("flow.py:good", "x.npz")
    assert code == 2
    assert "x.npz: expected one of the keys 'a' 3 x 2, 'b' 3 x 2 (--key), got none" in err
    assert run("flow.py:good", "x.npz", "--key", "b", "-q")[0] == 0


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("flow.py", "expected SCRIPT.py:MODEL, a script and the name of a model in it, got"),
        ("flow.py:", "expected SCRIPT.py:MODEL"),
        (":model", "expected SCRIPT.py:MODEL"),
        ("none.py:model", "the script 'none.py' does not exist"),
        ("x.npy:model", "name of a model in it, got 'x.npy:model'"),
        (".:model", "expected SCRIPT.py:MODEL"),
        ("folder.py:model", "the script 'folder.py' is not a file"),
        ("model.pt", "the file of a checkpoint has no code, so write a script that makes the"),
        ("model.pt:model", "the file of a checkpoint has no code, so write a script that makes"),
        ("flow:good", "got 'flow:good': did you mean flow.py:good?"),
        ("inner.flow:good", "got 'inner.flow:good': did you mean inner/flow.py:good?"),
        ("flow.py:none", "does not make 'none': it makes Linear, good, steep, made, "),
        ("flow.py:goods", "does not make 'goods': did you mean good?"),
        ("empty.py:model", "does not make 'model': it makes nothing"),
        ("flow.py:inner.none", "AttributeError: "),
        ("flow.py:number", "expected a model as a module of PyTorch, got int"),
        ("flow.py:broken", "does not make 'broken': ValueError: no weights"),
        ("flow.py:ends", "the model ended Python (SystemExit: 1)"),
        ("flow.py:ending", "the model ended Python (SystemExit: 1)"),
        ("flow.py:Linear", "TypeError: "),
        ("bad.py:model", "SyntaxError: "),
        ("exits.py:model", "the model ended Python (SystemExit: 1)"),
        ("skips.py:model", "the model ended Python (Skipped: why): remove what raises it"),
    ],
)
def test_scripts_that_are_refused(run, tmp_path, model, words):
    (tmp_path / "bad.py").write_text("model = (")
    (tmp_path / "empty.py").write_text("import os")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "flow.py").write_text("good = 1")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "exits.py").write_text("raise SystemExit(1)")
    (tmp_path / "skips.py").write_text("import pytest\npytest.skip('why', allow_module_level=True)")
    code, out, err = run(model, "x.npy")
    assert (code, out) == (2, "")
    (line,) = [line for line in err.splitlines() if "error:" in line]
    assert words in line
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "expected a readable file, got 'd.npy'"),
        (b"", "d.npy: expected"),
        (np.ones((2, 2), int), "got torch.int64 of shape (2, 2)"),
        (np.ones((3, 5)), "the model does not run on x of shape (3, 5)"),
        (np.ones((2, 2), np.longdouble), "d.npy: expected an array of a type that"),
        (np.full((2, 2), "1"), "d.npy: expected an array of a type that PyTorch has, got <U1"),
        (np.full((2, 2), np.nan), "expected x to have finite numbers only"),
        (np.ones(2), "expected x as a batch of floats"),
    ],
)
def test_data_that_is_refused(run, tmp_path, content, words):
    if isinstance(content, bytes):
        (tmp_path / "d.npy").write_bytes(content)
    elif content is not None:
        np.save(tmp_path / "d.npy", content)
    code, out, err = run("flow.py:good", "d.npy")
    assert (code, out) == (2, "")
    assert words in err.splitlines()[-1]


def test_usage(run):
    for arguments in ([], ["flow.py:good"]):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert "required: " in err
        assert err.endswith(": `exactflow diagnose --help` describes all arguments\n")


@pytest.mark.parametrize(
    ("model", "x", "words"),
    [
        ("none.py:model", "none.npy", "the script 'none.py' does not exist"),
        ("flow.py:good", "none.npy", "expected a readable file, got 'none.npy': No such file"),
        ("flow.py:good", "x.txt", "x.txt: expected an array in a .npy, .npz, .safetensors, .pt or"),
        ("flow.py:good", "x", "x: expected an array in a .npy, .npz, .safetensors, .pt or"),
    ],
)
def test_a_missing_script_is_named_first_and_text_is_no_array(run, model, x, words):
    np.savetxt("x.txt", np.ones((3, 2)))
    np.savetxt("x", np.ones((3, 2)))
    code, out, err = run(model, x)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1
