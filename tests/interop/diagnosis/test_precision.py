"""Half precision, inverses by iteration, and condition numbers that are none."""

import json

import pytest

torch = pytest.importorskip("torch")

from interop.toy_flows import Affine, Linear, Model, Scale, data, model  # noqa: E402
from torch import nn  # noqa: E402

from exactflow.errors import InvalidInputError  # noqa: E402
from exactflow.interop import diagnose  # noqa: E402
from exactflow.interop.diagnosis import Fault  # noqa: E402


class Solved(Linear):
    """Its inverse needs an operation that half precision does not have."""

    def forward(self, x):
        return x @ self.W.T, self.W.float().logdet().expand(len(x))

    def inverse(self, y):
        return torch.linalg.solve(self.W, y.T).T, None


class Cholesky(Solved):
    def inverse(self, y):
        return torch.cholesky_solve(y.T, torch.linalg.cholesky(self.W)).T, None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", [Solved, Cholesky])
def test_an_operation_that_a_dtype_does_not_have(kind, dtype):
    (layer,) = diagnose(model(at=2, layer=kind(2 * torch.eye(4))).to(dtype), data()).guilty
    assert (layer.fault, layer.path) == (Fault.FAILS, "layers.2")
    name = str(dtype).removeprefix("torch.")
    assert f"works in float64: an operation is missing for {name}" in layer.verdict


def test_an_operation_that_is_missing_on_the_way_ahead():
    with pytest.raises(InvalidInputError) as raised:
        diagnose(model(at=1, layer=Linear(torch.eye(4))).bfloat16(), data())
    assert "operations exist in torch.bfloat16" in str(raised.value)
    assert "layers.1 raises" in str(raised.value)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_no_fault(dtype):
    found = diagnose(model(count=2).to(dtype), data())
    assert found.comes_back
    assert not found.guilty


class Residual(nn.Module):
    """x + g(x), its inverse by a number of steps of a fixed point iteration."""

    def __init__(self, steps, size=0.6):
        super().__init__()
        self.W = nn.Parameter(size * torch.linalg.qr(torch.randn(4, 4))[0])
        self.steps = steps

    def g(self, x):
        return torch.tanh(x @ self.W.T)

    def forward(self, x):
        return x + self.g(x), None

    def inverse(self, y):
        x = y
        for _ in range(self.steps):
            x = y - self.g(x)
        return x, None


class Bisected(nn.Module):
    """x + sin(x) / 3, its inverse by bisection."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def forward(self, x):
        return x + x.sin() / 3, (1 + x.cos() / 3).log().sum(1)

    def inverse(self, y):
        low, high = y - 1, y + 1
        for _ in range(self.steps):
            middle = (low + high) / 2
            is_above = self(middle)[0] > y
            low, high = torch.where(is_above, low, middle), torch.where(is_above, middle, high)
        x = (low + high) / 2
        return x, -self(x)[1]


class Plain(Model):
    """Without log-determinants."""

    def forward(self, x):
        for layer in self.layers:
            x, _ = layer(x)
        return x


@pytest.mark.parametrize(("kind", "steps"), [(Residual, 2), (Residual, 7), (Bisected, 7)])
@pytest.mark.parametrize("at", [0, 2])
def test_an_iteration_that_stops_too_early_is_not_ill_conditioned(kind, at, steps):
    torch.manual_seed(0)
    (layer,) = diagnose(model(at=at, layer=kind(steps), kind=Plain), data()).guilty
    assert (layer.fault, layer.path) == (Fault.NOT_CONVERGED, f"layers.{at}")
    assert layer.error64 == pytest.approx(layer.error, rel=1e-2)
    assert "in float64" in layer.verdict
    assert not diagnose(model(at=at, layer=kind(60), kind=Plain), data()).guilty


@pytest.mark.parametrize(("kind", "steps"), [(Residual, 17), (Bisected, 13)])
def test_many_that_stop_just_below_the_threshold(kind, steps):
    """Each comes back to within half of the digits; together they do not."""
    torch.manual_seed(0)
    found = diagnose(Plain(*(kind(steps) for _ in range(10))).eval(), data())
    assert not found.comes_back
    assert {layer.fault for layer in found.guilty} == {Fault.NOT_CONVERGED}
    assert max(layer.error for layer in found.layers) < 3.5e-4


def test_a_wrong_inverse_is_no_iteration():
    class Guarded(Scale):
        def inverse(self, y):
            return y / (self.a.exp() + 1e-2), -self.a.sum().expand(len(y))

    (layer,) = diagnose(model(at=1, layer=Guarded([0.0, 0.1, 0.2, 0.3])), data()).guilty
    assert (layer.fault, layer.path) == (Fault.INVERSE, "layers.1")


@pytest.mark.parametrize("most", [1.0, 0.999])
def test_an_activation_that_saturates(most):
    class Squashed(nn.Module):
        def forward(self, x):
            return x.tanh(), (1 - x.tanh() ** 2).log().sum(1)

        def inverse(self, y):
            return y.clamp(-most, most).atanh(), -(1 - y**2).log().sum(1)

    (layer,) = diagnose(model(at=1, layer=Squashed()), 6 * data()).guilty
    assert layer.path == "layers.1"
    assert layer.fault is (Fault.NOT_FINITE if most == 1 else Fault.INVERSE)


class Rooted(nn.Module):
    """sign(x) sqrt|x|, whose derivative at 0 is not finite."""

    def forward(self, x):
        return x.sign() * x.abs().sqrt(), None

    def inverse(self, y):
        return y.sign() * y.square(), None


class Flat(nn.Module):
    """x^3, which has no inverse derivative at 0."""

    def forward(self, x):
        return x**3, None

    def inverse(self, y):
        return y.sign() * y.abs() ** (1 / 3), None


class Projected(nn.Module):
    def forward(self, x):
        return x * torch.tensor([1.0, 1.0, 1.0, 0.0]), None

    def inverse(self, y):
        return y, None


@pytest.mark.parametrize(
    ("kind", "known"), [(Rooted, None), (Flat, float("inf")), (Projected, float("inf"))]
)
def test_no_condition_number_is_nan(kind, known):
    x = data(1)
    x[0, 0] = 0.0
    found = diagnose(Plain(kind(), Affine(4)).eval(), x)
    assert found.layers[0].condition == known
    everything = found.table() + found.to_json() + str(found) + found._repr_html_()
    assert "nan" not in everything.lower().replace("nano", "")
    assert json.loads(found.to_json())["layers"]
