"""Latents that are drawn, decoded and encoded again; and the sizes of Jacobians."""

import math
import warnings

import pytest

torch = pytest.importorskip("torch")

from interop.modules import library  # noqa: E402
from interop.toy_flows import Affine, Linear, Model, Scale, data, model  # noqa: E402
from torch import nn  # noqa: E402

from exactflow.errors import InvalidInputError  # noqa: E402
from exactflow.interop import diagnose  # noqa: E402


class Steep(Affine):
    """Scales by exp(a^3): latents far out overflow on the way to data, though no x does."""

    def parameters_of(self, kept):
        a = -(kept**3) * 10
        return a, kept


def test_draws_that_overflow_name_the_first_layer():
    x = data() / 10
    found = diagnose(model(at=2, layer=Steep(4)), x, draws=1000)
    assert found.round_trip_error < 1e-4
    lost = [row.draws_lost for row in found.rows]
    assert (lost[3], lost[2] > 20, lost[4]) == (0, True, sum(lost[:4]))
    says = f"{lost[4]} of 1000 draws become NaN or inf, first in layers.2"
    assert says in found.whole.notes


def test_draws_that_are_finite_come_back():
    found = diagnose(model(), data())
    assert found.draws == 256
    assert [row.draws_lost for row in found.rows] == [0] * 5
    assert all(row.draw_error < 1e-5 for row in found.rows)


def test_draws_of_which_none_is_finite():
    found = diagnose(model(at=1, layer=Scale([0.0, -95.0, 0.0, 0.0])).half(), data())
    assert found.whole.draws_lost == 256
    assert found.whole.draw_error is None


class Clamped(nn.Module):
    """x is within [-1, 1], where it comes back; latents beyond do not."""

    def forward(self, x):
        return x, torch.zeros(len(x))

    def inverse(self, y):
        return y.clamp(-1, 1), torch.zeros(len(y))


def test_an_error_on_draws_alone():
    found = diagnose(model(at=1, layer=Clamped(), count=2), torch.tanh(data()) / 9)
    assert found.round_trip_error < 1e-5 < 0.1 < found.layers[1].draw_error
    assert found.layers[0].draw_error < 1e-5
    assert found.whole.draw_error > 0.1


def test_none_are_drawn_if_none_are_wanted():
    found = diagnose(model(), data(), draws=0)
    assert [row.draws_lost for row in found.rows] == [None] * 5
    assert found.draws == 0


def test_a_base_that_cannot_be_drawn_from_is_named():
    nf = library("normflows")

    class Base(nn.Module):
        def forward(self, count):
            raise NotImplementedError("densities alone")

    flow = nf.NormalizingFlow(Base(), [nf.flows.ActNorm(4)])
    note = "draws not checked, because the base raises NotImplementedError: densities alone"
    assert note in diagnose(flow, data()).whole.notes


def wide_base(name):
    """Return a flow whose base is far wider than a normal distribution: draws overflow."""
    if name == "normflows":
        nf = library("normflows")
        base = nf.distributions.DiagGaussian(4)
        torch.nn.init.constant_(base.log_scale, 80.0)
        return nf.NormalizingFlow(base, [nf.flows.AffineConstFlow((4,), scale=True)])

    class Wide(library("nflows.distributions").Distribution):
        def _sample(self, count, context):
            return torch.full((count, 4), 1e36)

    transform = library("nflows.transforms").PointwiseAffineTransform(0.0, 1e-10)
    return library("nflows.flows").Flow(transform, Wide())


@pytest.mark.parametrize("name", ["normflows", "nflows"])
def test_draws_are_those_of_the_base_of_the_model(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flow = wide_base(name)
    if name == "normflows":
        torch.nn.init.constant_(flow.flows[0].s, 20.0)
    assert diagnose(flow, data()).whole.draws_lost > 0


def test_the_largest_and_the_least_singular_value():
    (layer,) = diagnose(Linear(torch.diag(torch.tensor([4.0, 0.5, 1.0, 1.0]))), data()).layers
    assert (layer.largest, layer.least, layer.condition) == pytest.approx((4, 0.5, 8))


def test_singular_values_are_the_extremes_of_up_to_four_members():
    class Power(nn.Module):
        def forward(self, x):
            return x**3, None

        def inverse(self, y):
            return y.sign() * y.abs() ** (1 / 3), None

    x = torch.tensor([[1.0, 1.0], [2.0, 2.0], [1.0, 3.0]])
    found = diagnose(Power(), x)
    (layer,) = found.layers
    assert (layer.largest, layer.least, layer.condition) == pytest.approx((27, 3, 9), rel=1e-4)
    assert found.inverse_lipschitz_lower_bound == pytest.approx(1 / 3, rel=1e-4)


def test_no_stretch_is_known_without_a_jacobian_or_a_way_back():
    assert diagnose(model(), data(), jacobian_rows=0).inverse_lipschitz_lower_bound is None
    assert diagnose(model(kind=OneWay), data()).inverse_lipschitz_lower_bound is None


class OneWay(Model):
    def inverse(self, y):
        raise ValueError("no way back")


def test_the_limit_of_rows_is_an_option():
    d = 300
    flow = Model(Linear(torch.eye(d) * 2), Affine(d)).eval()
    found = diagnose(flow, data(3, d), jacobian_rows=d)
    assert found.layers[0].condition == pytest.approx(1)
    assert found.layers[0].log_det_due == pytest.approx(d * math.log(2))
    assert all(row.log_det_error < 1e-6 for row in found.rows)
    found = diagnose(flow, data(3, d), jacobian_rows=d - 1)
    assert all(row.condition is None for row in found.rows)
    assert "has 300 rows, above the limit of 299" in found.whole.notes[0]
    assert all(row.log_det_back_error < 1e-6 for row in found.layers)


@pytest.mark.parametrize("options", [{"draws": -1}, {"jacobian_rows": 1.5}, {"draws": "many"}])
def test_options_that_are_refused(options):
    with pytest.raises(InvalidInputError):
        diagnose(model(), data(), **options)


class Conditional(nn.Module):
    """Multiplies with its condition: data of condition zero cannot be decoded."""

    def forward(self, x, context):
        return x * context, context.abs().log().sum(1)

    def inverse(self, z, context):
        return z / context, -context.abs().log().sum(1)


def test_draws_take_the_conditions_cyclically():
    context = torch.tensor([[1.0], [2.0], [0.0]])
    found = diagnose(Conditional(), data(3, 1), context=context, draws=9)
    assert (found.draws, found.whole.draws_lost) == (9, 3)
