"""Half precision, inverses by iteration, and condition numbers that are none."""

import json
import math

import pytest

torch = pytest.importorskip("torch")

from interop.toy_flows import Affine, Linear, Model, Scale, assert_only_numbers, data, model  # noqa: E402
from torch import nn  # noqa: E402

from exactflow.errors import InvalidInputError  # noqa: E402
from exactflow.interop import diagnose  # noqa: E402


class Replacement(Linear):
    """Its inverse needs an operation that half precision does not have."""

    def forward(self, x):
        return x @ self.W.T, self.W.float().logdet().expand(len(x))

    def inverse(self, y):
        return torch.linalg.solve(self.W, y.T).T, None


class Cholesky(Replacement):
    def inverse(self, y):
        return torch.cholesky_solve(y.T, torch.linalg.cholesky(self.W)).T, None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", [Replacement, Cholesky])
def test_an_operation_that_a_dtype_does_not_have(kind, dtype):
    found = diagnose(model(at=2, layer=kind(2 * torch.eye(4))).to(dtype), data())
    raised = [row.path for row in found.layers if "raises" in " ".join(row.notes)]
    assert raised == ["layers.2"]
    assert found.layers[2].condition == pytest.approx(1)
    assert "not implemented for" in str(found)


def test_an_operation_that_is_missing_on_the_way_ahead():
    with pytest.raises(InvalidInputError) as raised:
        diagnose(model(at=1, layer=Linear(torch.eye(4))).bfloat16(), data())
    assert "layers.1 raises" in str(raised.value)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_no_fault(dtype):
    found = diagnose(model(count=2).to(dtype), data())
    assert_only_numbers(found, level=0.1)
    assert found.dtype == str(dtype).removeprefix("torch.")


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
    layers = diagnose(model(at=at, layer=kind(steps), kind=Plain), data()).layers
    assert [k for k, layer in enumerate(layers) if layer.error > 1e-4] == [at]
    assert layers[at].condition < 10
    assert_only_numbers(diagnose(model(at=at, layer=kind(60), kind=Plain), data()))


@pytest.mark.parametrize(("kind", "steps"), [(Residual, 17), (Bisected, 13)])
def test_many_that_stop_just_below_the_threshold(kind, steps):
    """Each comes back to within half of the digits; together they do not."""
    torch.manual_seed(0)
    found = diagnose(Plain(*(kind(steps) for _ in range(10))).eval(), data())
    assert found.round_trip_error > 3.5e-4
    assert max(layer.error for layer in found.layers) < 4e-4


def test_a_wrong_inverse_is_no_iteration():
    class Guarded(Scale):
        def inverse(self, y):
            return y / (self.a.exp() + 1e-2), -self.a.sum().expand(len(y))

    layers = diagnose(model(at=1, layer=Guarded([0.0, 0.1, 0.2, 0.3])), data()).layers
    assert [layer.error > 1e-3 for layer in layers] == [False, True, False, False]


@pytest.mark.parametrize("most", [1.0, 0.999])
def test_an_activation_that_saturates(most):
    class Squashed(nn.Module):
        def forward(self, x):
            return x.tanh(), (1 - x.tanh() ** 2).log().sum(1)

        def inverse(self, y):
            return y.clamp(-most, most).atanh(), -(1 - y**2).log().sum(1)

    layers = diagnose(model(at=1, layer=Squashed()), 6 * data()).layers
    assert [layer.error > 1e-3 for layer in layers] == [False, True, False, False]
    assert (layers[1].error == float("inf")) == (most == 1)


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


@pytest.mark.parametrize(("kind", "least"), [(Rooted, 1e2), (Flat, 1e9), (Projected, math.inf)])
def test_no_condition_number_is_nan(kind, least):
    x = data(1)
    x[0, 0] = 0.0
    found = diagnose(Plain(kind(), Affine(4)).eval(), x)
    assert found.layers[0].condition >= least
    everything = found.table() + found.to_json() + str(found) + repr(found)
    assert "nan" not in everything.lower().replace("determinant", "")
    assert json.loads(found.to_json())["layers"]


class SteepAt(Affine):
    """Contracts by exp(-16) wherever the kept half is one."""

    def parameters_of(self, kept):
        return -16 * kept, kept


def test_the_member_that_loses_most_is_among_those_with_a_jacobian():
    x = torch.linspace(-0.01, 0.01, 9)[:, None].repeat(1, 2)
    x[5] = 1.0
    (layer,) = diagnose(Model(SteepAt(2)), x).layers
    assert layer.condition > 1e6
