"""Layers as float64 arrays: equal to the exact ones, or refused."""

import io
import sys

import numpy as np
import pytest
import sympy

from exactflow import CouplingFlow, LinearCoupling, cli, factor, permutation
from exactflow.errors import InvalidInputError
from exactflow.files.arrays import flow_arrays, write_arrays
from exactflow.flows.flow import LinearFlow
from exactflow.flows.relabelled import relabelled


def rebuilt(arrays) -> LinearFlow:
    """The flow that the arrays describe."""
    p, q = (int(size) for size in arrays["partition"])
    depth = sum(name.endswith("_shift") for name in arrays)
    layers = [
        LinearCoupling(
            (p, q),
            "first" if arrays[f"layer_{k}_moves_first"] else "second",
            np.asarray(arrays[f"layer_{k}_shift"]),
            [float(s) for s in arrays[f"layer_{k}_scale"]],
        )
        for k in range(depth)
    ]
    order = [int(i) for i in arrays["order"]]
    flips = [order.index(i) for i in arrays["flips"]]
    return relabelled(CouplingFlow(layers, (p, q), flips), order)


FLOWS = {
    "permutation": factor(permutation([2, 3, 1, 0, 5, 4]), orientation="flip"),
    "mask": factor(permutation([2, 0, 1, 3]), partition=[1, 0, 1, 0]),
    "dyadic": CouplingFlow([LinearCoupling((1, 2), "first", [["3/8", 2]], scale=["1/2"])]),
}


@pytest.mark.parametrize("name", FLOWS)
def test_round_trip(name, tmp_path):
    flow = FLOWS[name]
    assert rebuilt(flow_arrays(flow)).matrix() == flow.matrix()
    write_arrays(flow, tmp_path / "flow.npz")
    with np.load(tmp_path / "flow.npz") as arrays:
        assert rebuilt(dict(arrays)) == flow


def test_safetensors(tmp_path):
    load = pytest.importorskip("safetensors.numpy").load_file
    write_arrays(FLOWS["dyadic"], tmp_path / "flow.safetensors")
    assert rebuilt(load(tmp_path / "flow.safetensors")) == FLOWS["dyadic"]


def test_torch(tmp_path):
    torch = pytest.importorskip("torch")
    write_arrays(FLOWS["dyadic"], tmp_path / "flow.pt")
    data = io.BytesIO((tmp_path / "flow.pt").read_bytes())
    tensors = torch.load(data, weights_only=True)
    assert rebuilt({name: t.numpy() for name, t in tensors.items()}) == FLOWS["dyadic"]


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
    monkeypatch.setattr("exactflow.factorization.factor", lambda *_, **__: pytest.fail("work"))
    (tmp_path / "w.csv").write_text("1,0\n0,1\n")
    assert cli.main(["factor", str(tmp_path / "w.csv"), "-o", str(tmp_path / "flow.pt")]) == 2
    assert "exactflow[torch]" in capsys.readouterr().err


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
