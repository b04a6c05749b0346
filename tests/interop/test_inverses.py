"""``by="inverse"``: a matrix and its inverse, each entry the nearest float, in every library."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch
from interop.modules import data

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.interop import convert, restore
from exactflow.interop.conversion.replacements import round_inverse_and_log_abs_det
from exactflow.interop.modules import AffineModule

nn = torch.nn

TYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def exact_inverse(W):
    return sympy.Matrix(len(W), len(W), [sympy.Rational(x) for x in W.flat]).inv()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("d", [1, 2, 5, 8])
def test_every_entry_is_nearest(d, dtype):
    W = (np.eye(d) + data(d, d).numpy() / 3).astype(float)
    inverse, error, log_det = round_inverse_and_log_abs_det(W, dtype)
    held = torch.tensor(inverse).to(dtype)
    assert torch.equal(held.double(), torch.tensor(inverse))
    neighbours = [torch.nextafter(held, torch.full_like(held, s)) for s in (-np.inf, np.inf)]
    errors = []
    for k, exact in enumerate(exact_inverse(W)):
        distance, *others = (
            abs(sympy.Rational(float(x.flatten()[k])) - exact) for x in (held, *neighbours)
        )
        assert distance <= min(others)
        errors.append(distance)
    assert max(errors) <= error <= max(errors) + Fraction(1, 2**100)
    assert log_det == pytest.approx(np.linalg.slogdet(W)[1])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("step", [1, 3])
def test_an_entry_between_two_floats_becomes_the_even_one(step, dtype):
    half = torch.finfo(dtype).eps / 2
    if dtype is torch.float64:  # which holds no such number itself
        W = np.array([[1.0, 0, 0], [-1, 1, 0], [0, -step * half, 1]])
    else:
        W = np.array([[1.0, 0, 0], [-1 - step * half, 1, 0], [0, 0, 1]])
    inverse, error, _ = round_inverse_and_log_abs_det(W, dtype)
    exact = exact_inverse(W)
    assert error >= max(
        abs(sympy.Rational(x) - y) for x, y in zip(inverse.flat, exact, strict=True)
    )
    if dtype is not torch.float64:
        assert inverse[1, 0] == 1 + (step - 1) * half + (step == 3) * half * 2
        assert float(error) == pytest.approx(half)


@pytest.mark.parametrize("W", [np.ones((3, 3)), np.zeros((2, 2)), np.diag([1.0, 0.0])])
def test_singular_matrices(W):
    with pytest.raises(SingularMatrixError, match="determinant zero"):
        round_inverse_and_log_abs_det(W, torch.float32)
    layer = nn.Linear(len(W), len(W))
    layer.weight.data = torch.tensor(W, dtype=torch.float32)
    _, report = convert(nn.Sequential(layer, nn.Tanh(), nn.Linear(3, 3)), by="inverse")
    reasons = {x.path: x.reason for x in report.unconverted}
    assert reasons["0"] == "the matrix of the layer is singular"


def test_nearly_singular_and_badly_scaled_matrices():
    for W in (
        np.array([[1.0, 1.0], [1.0, 1 + 2.0**-52]]),
        np.array([[2.0**-500, 1.0], [1.0, 2.0**-1000]]),
        np.diag([5e-324, 1.0])[::-1] * 2.0**60,
    ):
        inverse, error, _ = round_inverse_and_log_abs_det(W, torch.float64)
        exact = exact_inverse(W)
        pairs = zip(inverse.flat, exact, strict=True)
        assert max(abs(sympy.Rational(x) - y) for x, y in pairs) <= error
    with pytest.raises(InvalidInputError, match=r"an entry of about 2.*range of float32"):
        round_inverse_and_log_abs_det(np.diag([2.0**-200, 1.0]), torch.float32)


def test_the_report_certifies_both_and_the_state_is_restored():
    torch.manual_seed(0)
    model, x = (
        nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6)),
        data(9, 6),
    )
    new, report = convert(model, x, by="inverse")
    merged, single = report.layers
    assert (merged.merged, single.merged) == (("1",), ())
    assert single.error == 0
    one, two = (layer.weight.detach().double().numpy() for layer in model[:2])
    W = sympy.Matrix(two.tolist()).applyfunc(sympy.Rational) * sympy.Matrix(one.tolist()).applyfunc(
        sympy.Rational
    )
    held = new[0].couplings
    assert isinstance(held, AffineModule)
    stored = sympy.Matrix(held.weight.tolist()).applyfunc(sympy.Rational)
    inverse = sympy.Matrix(held.weight_inverse.tolist()).applyfunc(sympy.Rational)
    assert max(abs(stored - W)) == merged.error > 0
    assert max(abs(inverse - stored.inv())) / max(abs(inverse)) <= merged.relative_error < 1e-5
    assert "matrices and their inverses, certified within" in report.summary
    assert list(new.parameters()) == []
    again = restore(model, new.state_dict())
    assert torch.equal(again(x), new(x))
    assert torch.equal(again[0].inverse(x), new[0].inverse(x))


@pytest.mark.parametrize("condition", [1e1, 1e4])
def test_sampling_is_as_accurate_as_by_couplings(condition):
    U, V = (torch.linalg.qr(data(24, 24) + k)[0].double() for k in (0, 1))
    W = U @ torch.diag(torch.logspace(0, -np.log10(condition), 24, dtype=torch.float64)) @ V
    layer = nn.Linear(24, 24, bias=False)
    layer.weight.data = W.float()
    x = data(64, 24)
    y = x.double() @ layer.weight.detach().double().T
    errors = []
    for by in ("inverse", "couplings"):
        new, _ = convert(layer, by=by)
        back = new.inverse(y.float()).detach().double()
        errors.append(float((back - x.double()).abs().mean()))
    assert errors[0] < 1.2 * errors[1]
