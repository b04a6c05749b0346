"""Exported texts say what the flow is: the SymPy one is run, the others are compared."""

import contextlib
import io
import json

import pytest
import sympy
from matrices import NEGATIVE, POSITIVE

from exactflow import CouplingFlow, LinearCoupling, cli, factor, permutation, save
from exactflow.errors import InvalidInputError
from exactflow.files.systems import export


@pytest.mark.parametrize("name", ["identity d=2", "random d=4", "huge determinant", "two shears"])
def test_sympy_runs(name):
    namespace, output = {}, io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(export(factor(POSITIVE[name]), "sympy"), namespace)
    assert output.getvalue() == "True\n"
    assert namespace["target"] == POSITIVE[name]


def test_sympy_with_flips():
    M = NEGATIVE["transposition"]
    namespace = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(export(factor(M, orientation="flip"), "sympy"), namespace)
    assert namespace["product"] == namespace["target"] == M


MASKS = [
    (NEGATIVE["transposition"], [0, 1, 0, 1]),
    (permutation([1, 0, 3, 2]), [1, 0, 1, 0]),
    (sympy.Matrix([[1, 2, 0], [0, 1, 3], [1, 0, 1]]), [1, 0, 1]),
    (sympy.eye(4), [0, 1, 0, 1]),
]


@pytest.mark.parametrize(("M", "mask"), MASKS)
def test_masks_are_about_the_matrix_in_its_own_order(M, mask):
    flow = factor(M, partition=mask, orientation="flip")
    assert flow.order
    namespace, output = {}, io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(export(flow, "sympy"), namespace)
    assert output.getvalue() == "True\n"
    assert namespace["product"] == namespace["target"] == M


def test_sage_and_latex():
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [["-1/2"]], scale=[3])])
    sage = export(flow, "sage")
    assert "target = matrix(QQ, [\n        [3, -1/2],\n        [0, 1]])" in sage
    assert export(flow, "latex").startswith(r"\begin{pmatrix} 3 & -\frac{1}{2} \\ 0 & 1")


def test_refuses():
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [[sympy.sqrt(2)]])])
    with pytest.raises(InvalidInputError, match="over QQ"):
        export(flow, "sage")
    with pytest.raises(InvalidInputError, match="'sympy', 'sage', 'latex'"):
        export(flow, "maple")


def test_command(tmp_path, capsys):
    save(factor(POSITIVE["random d=4"]), tmp_path / "c.json")
    assert cli.main(["export", str(tmp_path / "c.json"), "--to", "latex"]) == 0
    assert capsys.readouterr().out.startswith(r"\begin{pmatrix}")
    output = tmp_path / "c.sage"
    assert cli.main(["export", str(tmp_path / "c.json"), "--to", "sage", "-o", str(output)]) == 0
    assert "matrix(QQ" in output.read_text()
    content = json.loads((tmp_path / "c.json").read_text())
    content["target"][0][0] = "12345"
    (tmp_path / "c.json").write_text(json.dumps(content))
    assert cli.main(["export", str(tmp_path / "c.json"), "--to", "json"]) == 2
    assert "entry (0, 0)" in capsys.readouterr().err
