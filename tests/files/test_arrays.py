"""Layers as float64 arrays: equal to the exact ones, or refused."""

import sys

import numpy as np
import pytest
import sympy

from exactflow import CouplingFlow, LinearCoupling, cli, factor, permutation
from exactflow.errors import InvalidInputError
from exactflow.files.arrays import flow_to_exact_float64_arrays, read_arrays, write_arrays

FLOWS = {
    "permutation": factor(permutation([2, 3, 1, 0, 5, 4]), orientation="flip"),
    "mask": factor(permutation([2, 0, 1, 3]), partition=[1, 0, 1, 0]),
    "dyadic": CouplingFlow([LinearCoupling((1, 2), "first", [["3/8", 2]], scale=["1/2"])]),
}


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pt"])
@pytest.mark.parametrize("name", FLOWS)
def test_round_trip(name, suffix, tmp_path):
    pytest.importorskip({".npz": "numpy", ".safetensors": "safetensors", ".pt": "torch"}[suffix])
    flow, path = FLOWS[name], tmp_path / f"flow{suffix}"
    write_arrays(flow, path)
    assert read_arrays(path) == flow


def test_the_identity_over_a_finite_field_is_refused():
    with pytest.raises(InvalidInputError, match=r"a flow over QQ .* got a flow over GF\(7\)"):
        flow_to_exact_float64_arrays(CouplingFlow([], (1, 1), field=sympy.GF(7)))


BROKEN = {
    "missing": ({"order": None}, "missing or unknown: 'order'"),
    "other": ({"weight": np.eye(2)}, "'weight'"),
    "order": ({"order": np.array([0, 0, 1])}, "each coordinate from 0 to 2 once"),
    "flips": ({"flips": np.array([3])}, "flips=.. to list distinct coordinates from 0 to 2"),
    "floats": (
        {"partition": np.array([1.0, 2.0])},
        "expected a row of integers as the array 'partition'",
    ),
    "sizes": ({"partition": np.array([3])}, "two sizes"),
    "vast": ({"partition": np.array([2**62, 1])}, "two sizes"),
    "shape": ({"layer_0_shift": np.eye(2)}, "shape 1 x 2"),
    "infinite": ({"layer_0_shift": np.array([[np.inf, 0]])}, "finite"),
    "scale": ({"layer_0_scale": np.array([-1.0])}, "positive scales"),
    "scales": ({"layer_0_scale": np.ones(5)}, "vectors of 1 entries"),
    "no scale": ({"layer_0_scale": np.ones(0)}, "vectors of 1 entries"),
    "one number": ({"layer_0_scale": np.array(1.0)}, "a row of numbers as the array"),
    "moves": ({"layer_0_moves_first": np.array(2)}, "expected 0 or 1 as the array"),
    "no moves": ({"layer_0_moves_first": np.array([], int)}, "expected 0 or 1 as the array"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_arrays_that_are_no_flow(name, tmp_path):
    change, message = BROKEN[name]
    arrays = {
        k: v
        for k, v in (flow_to_exact_float64_arrays(FLOWS["dyadic"]) | change).items()
        if v is not None
    }
    np.savez(tmp_path / "flow.npz", **arrays)
    with pytest.raises(InvalidInputError, match=f"flow.npz: .*{message}"):
        read_arrays(tmp_path / "flow.npz")


@pytest.mark.parametrize("name", ["flow.txt", "none.npz"])
def test_files_that_cannot_be_read(name, tmp_path):
    with pytest.raises(InvalidInputError, match="expected a"):
        read_arrays(tmp_path / name)


def test_a_file_of_one_tensor_is_no_flow(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(torch.eye(2), tmp_path / "flow.pt")
    with pytest.raises(InvalidInputError, match="by name, got an array without a name"):
        read_arrays(tmp_path / "flow.pt")


@pytest.mark.parametrize(
    "entry", ["1/3", 2**53 + 1, 10**400, sympy.Rational(1, 10**400), sympy.Rational(1, 2**1080)]
)
def test_nothing_is_rounded(entry, tmp_path):
    flow = CouplingFlow([LinearCoupling((1, 1), "second", [[entry]])])
    with pytest.raises(InvalidInputError, match=r"at \(0, 0\) of layer 0"):
        write_arrays(flow, tmp_path / "flow.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_library_is_missed_before_the_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("exactflow.cli.factor.factor", lambda *_, **__: pytest.fail("work"))
    (tmp_path / "w.csv").write_text("1,0\n0,1\n")
    assert cli.main(["factor", str(tmp_path / "w.csv"), "-o", str(tmp_path / "flow.pt")]) == 2
    assert "pip install 'exactflow[torch]'" in capsys.readouterr().err


def test_command(tmp_path, capsys):
    path = tmp_path / "w.csv"
    path.write_text("0,0,1,0\n1,0,0,0\n0,1,0,0\n0,0,0,1\n")
    assert cli.main(["factor", str(path), "-o", str(tmp_path / "flow.npz")]) == 0
    assert "equal to the exact ones" in capsys.readouterr().out
    assert cli.main(["factor", str(path), "-o", str(tmp_path / "flow.txt")]) == 2
    assert ".safetensors" in capsys.readouterr().err
    path.write_text("1,1/3\n0,1\n")
    assert cli.main(["factor", str(path), "-o", str(tmp_path / "other.npz")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "balance" in err
    assert not (tmp_path / "other.npz").exists()
