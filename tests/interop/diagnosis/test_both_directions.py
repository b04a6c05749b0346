"""The way back: numbers that are not finite, its log-determinants, and what it is given."""

import math

import pytest

torch = pytest.importorskip("torch")

from interop.modules import library  # noqa: E402
from interop.toy_flows import Affine, Model, Scale, assert_only_numbers, data, model  # noqa: E402
from torch import nn  # noqa: E402

from exactflow.errors import InvalidInputError  # noqa: E402
from exactflow.exact.numbers import format_down  # noqa: E402
from exactflow.interop import diagnose  # noqa: E402
from exactflow.laws.conditioning import bound_conditioning  # noqa: E402


class Saturated(Scale):
    """x exp(a), whose inverse multiplies with 1 / exp(a): infinite in float32 from a = -88 on."""

    def inverse(self, y):
        return y * (1 / self.a.exp()), -self.a.sum().expand(len(y))


class Undefined(Scale):
    def inverse(self, y):
        return (y * 0).log() - (y * 0).log(), None


@pytest.mark.parametrize("at", [0, 2])
def test_an_inverse_that_overflows_is_named_and_the_rest_is_kept(at):
    found = diagnose(model(at=at, layer=Saturated([0.0, -95.0, 0.0, 0.0])), data())
    layer, others = found.layers[at], [x for k, x in enumerate(found.layers) if k != at]
    assert (layer.error, layer.spread) == (math.inf, 0)
    assert layer.notes[0] == "the inverse returns NaN or inf"
    assert (layer.condition > 1e40, layer.log_det, layer.log_det_back) == (True, -95, 95)
    says = f"on the way back the numbers are NaN or inf, from layers.{at} on"
    assert found.summary == f"x does not come back in float32: {says}"
    assert all(row.error < 1e-6 and not row.notes for row in others)


def test_equal_runs_that_are_nan_are_equal():
    layer = diagnose(model(at=1, layer=Undefined([0.0] * 4)), data()).layers[1]
    assert (layer.error, layer.spread) == (math.inf, 0)
    assert "the inverse returns NaN or inf" in layer.notes


def test_latents_that_are_not_finite_name_the_layer_where_it_begins():
    found = diagnose(model(at=1, layer=Scale([0.0, 95.0, 0.0, 0.0])), data())
    says = "the latents are NaN or inf, from layers.1 on"
    assert found.summary == f"x does not come back in float32: {says}"


def wrong_back(change, kind=Affine):
    """Return a layer whose inverse returns another log-determinant."""

    class Wrong(kind):
        def inverse(self, y):
            x, log_det = super().inverse(y)
            return x, change(log_det, y)

    return Wrong


BACK = {
    "wrong sign": lambda log_det, y: -log_det,
    "missing": lambda log_det, y: 0 * log_det,
    "half": lambda log_det, y: log_det / 2,
    "a mean": lambda log_det, y: log_det.mean().expand(len(y)),
    "a term of another point": lambda log_det, y: log_det + y.sum(1),
    "NaN": lambda log_det, y: log_det * math.nan,
}


@pytest.mark.parametrize("name", BACK)
@pytest.mark.parametrize("rows", [256, 0], ids=["by the Jacobian", "by the sum"])
def test_a_log_determinant_of_the_inverse_alone(name, rows):
    flow = model(at=2, layer=wrong_back(BACK[name])(4))
    layers = diagnose(flow, data(), jacobian_rows=rows).layers
    assert [not row.log_det_back_error < 1e-2 for row in layers] == [False, False, True, False]
    if rows:
        assert all(row.log_det_error < 1e-9 for row in layers)
    assert all(row.error < 1e-5 for row in layers)


class Backward(Model):
    """Counts the log-determinants on the way back so many times each."""

    weights = (1, 1, 1, 1)

    def inverse(self, y):
        total = 0.0
        for weight, layer in reversed(list(zip(self.weights, self.layers, strict=True))):
            y, log_det = layer.inverse(y)
            total = total + weight * log_det
        return y, total


@pytest.mark.parametrize("weights", [(1, 1, 0, 1), (1, -1, 1, 1), (-1, -1, -1, -1)])
def test_a_model_that_counts_a_layer_wrongly_on_the_way_back(weights):
    flow = model(kind=Backward)
    assert diagnose(flow, data()).whole.log_det_back_error < 1e-9
    flow.weights = weights
    whole = diagnose(flow, data()).whole
    assert whole.log_det_back_error > 0.1
    assert whole.log_det_error < 1e-9


def test_a_base_in_float64_is_no_layer():
    nf = library("normflows")
    base = nf.distributions.DiagGaussian(4).double()
    flows = [nf.flows.AffineCouplingBlock(nf.nets.MLP([2, 8, 4], init_zeros=False))]
    found = diagnose(nf.NormalizingFlow(base, [*flows, nf.flows.ActNorm(4)]), data())
    assert_only_numbers(found)
    assert (found.dtype, found.whole.draws_lost) == ("float32", 0)


class WithoutSum(Model):
    def forward(self, x):
        for layer in self.layers:
            x, _ = layer(x)
        return x


class Table(nn.Module):
    """Has most numbers of a model, in float64; the next layer takes float32 alone."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(1000, dtype=torch.float64))

    def forward(self, x):
        return x, None

    def inverse(self, y):
        return y, None


def test_the_dtype_is_one_in_which_the_layers_run():
    assert diagnose(model(count=1).double(), data()).dtype == "float64"
    found = diagnose(model(count=2, at=0, layer=Table(), kind=WithoutSum), data())
    assert found.dtype == "float32"


@pytest.mark.parametrize("members", [5, 6, 9])
def test_contexts_of_zuko_for_each_member_of_a_larger_batch(members):
    flow = library("zuko").flows.NSF(4, 2, transforms=2, hidden_features=(8,))
    context = torch.randn(members, 2, generator=torch.Generator().manual_seed(0))
    found = diagnose(flow, data(members), context=context)
    assert_only_numbers(found)
    assert all(row.condition and row.log_det_error < 1e-9 for row in found.rows)
    assert found.whole.draws_lost == 0


class Named(Model):
    """Its inverse takes the dictionary that it returns."""

    def forward(self, x):
        z, log_det = super().forward(x)
        return {"log_det": log_det, "z": z}

    def inverse(self, latents):
        return {"x": super().inverse(latents["z"])}


class Stamped(Named):
    """Its inverse needs a number besides that the way ahead returns."""

    def forward(self, x):
        return super().forward(x) | {"size": x.new_full((len(x), 1), 2.0)}

    def inverse(self, latents):
        return super().inverse(latents)["x"] * latents["size"] / 2


class Tupled(Model):
    def inverse(self, latents):
        z, _ = latents
        return super().inverse(z)


@pytest.mark.parametrize("kind", [Named, Stamped, Tupled])
def test_an_inverse_that_takes_all_that_is_returned(kind):
    found = diagnose(model(kind=kind), data())
    assert_only_numbers(found)
    assert found.whole.log_det_error < 1e-9
    assert found.draws == 256


def test_a_layer_that_fails_under_a_dictionary_is_named():
    class Broken(Affine):
        def inverse(self, y):
            raise NotImplementedError("no inverse yet")

    found = diagnose(model(kind=Named, at=1, layer=Broken(4)), data())
    assert "layers.1 raises NotImplementedError: no inverse yet" in str(found)


@pytest.mark.parametrize("form", [lambda x: x, lambda x: x.numpy(), lambda x: x.tolist()])
def test_one_call_compares_the_stretch_with_that_of_every_flow_near_the_data(form):
    corners = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    found = diagnose(model(), data(6))
    compared = found.compare_lipschitz_with_bound(form(corners), "1/10")
    assert compared.inverse_lipschitz_lower_bound == found.inverse_lipschitz_lower_bound
    assert compared.bounds.lipschitz == bound_conditioning(corners, "1/10").lipschitz > 1
    least = format_down(compared.bounds.lipschitz)
    measured = found.inverse_lipschitz_lower_bound
    assert str(compared) == (
        f"Lipschitz constant of this flow: at least {measured:.3g} (numeric); "
        f"of every smooth bijection within W2 <= 0.1: at least {least} (certified)"
    )
    with pytest.raises(InvalidInputError, match="eps > 0"):
        found.compare_lipschitz_with_bound(form(corners), 0)
