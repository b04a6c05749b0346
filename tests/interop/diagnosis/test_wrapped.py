"""Models in wrappers, with classes, and those that map latents alone."""

import math
import warnings

import pytest

torch = pytest.importorskip("torch")

from interop.modules import library  # noqa: E402
from interop.toy_flows import Affine, Model, Scale, assert_only_numbers, data, model  # noqa: E402
from torch.optim.swa_utils import AveragedModel  # noqa: E402

from exactflow.errors import InvalidInputError  # noqa: E402
from exactflow.interop import diagnose  # noqa: E402

WRAPPERS = {
    "DataParallel": torch.nn.DataParallel,
    "AveragedModel": AveragedModel,
    "compile": torch.compile,
    "several": lambda flow: AveragedModel(torch.nn.DataParallel(flow)),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrapped_models_are_those_inside(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # DataParallel without a GPU
        wrapped = WRAPPERS[name](model())
    found = diagnose(wrapped, data())
    assert found.to_json() == diagnose(model(), data()).to_json()
    assert_only_numbers(found)


def classes_of_normflows(nf, wide=0.0):
    base = nf.distributions.ClassCondDiagGaussian(4, 3)
    with torch.no_grad():
        base.log_scale[:, 2] = wide
    coupling = nf.flows.AffineCouplingBlock(nf.nets.MLP([2, 8, 4], init_zeros=False))
    return nf.ClassCondFlow(base, [coupling, nf.flows.ActNorm(4)])


@pytest.mark.parametrize(
    "labels", [None, torch.tensor([0, 1, 2, 0, 1, 2]), torch.eye(3).repeat(2, 1)]
)
def test_classes_of_normflows(labels):
    torch.manual_seed(0)
    found = diagnose(classes_of_normflows(library("normflows")), data(), context=labels)
    assert_only_numbers(found)
    assert [layer.path for layer in found.layers] == ["flows.1", "flows.0"]
    assert (found.draws, found.whole.draws_lost) == (256, 0)


def test_draws_are_those_of_the_classes():
    nf = library("normflows")
    labels = torch.tensor([0, 1, 1, 0, 1, 0])
    torch.manual_seed(0)
    flow = classes_of_normflows(nf, wide=90.0)
    assert diagnose(flow, data(), context=labels).whole.draws_lost == 0
    labels[0] = 2
    assert diagnose(flow, data(), context=labels).whole.draws_lost == 43  # of 256, one in six


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
def test_classes_of_a_flow_of_two_levels():
    nf = library("normflows")
    levels = [[nf.flows.GlowBlock(24, 4), nf.flows.Squeeze()]]
    levels += [[nf.flows.GlowBlock(12, 4), nf.flows.Squeeze()]]
    bases = [nf.distributions.ClassCondDiagGaussian(s, 2) for s in [(24, 1, 1), (6, 2, 2)]]
    flow = nf.MultiscaleFlow(bases, levels, [nf.flows.Merge()])
    x = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    found = diagnose(flow, x, context=torch.tensor([0, 1, 0, 1]))
    assert_only_numbers(found)
    assert found.whole.draws_lost == 0


def sampler(*layers):
    nf = library("normflows")
    torch.manual_seed(0)
    made = [layer(nf.flows) for layer in layers]
    return nf.NormalizingFlow(nf.distributions.DiagGaussian(4), made)


def test_models_that_map_latents_alone():
    found = diagnose(sampler(lambda f: f.Planar((4,)), lambda f: f.ActNorm(4)), data())
    assert [row.path for row in found.layers] == ["flows.0", "flows.1"]
    says = "x does not come back in float32: on the way from data to latents flows.0 raises NotImpl"
    assert str(found).startswith(says)
    assert (found.round_trip_error, found.draws) == (math.inf, 256)
    assert all(row.condition and row.log_det_error < 1e-6 for row in found.rows)
    assert [row.draws_lost for row in found.rows] == [0, 0, 0]
    assert (found.layers[0].error, found.layers[1].error < 1e-6) == (None, True)


def test_draws_that_overflow_in_a_model_that_maps_latents_alone():
    flow = sampler(lambda f: f.AffineConstFlow((4,)), lambda f: f.Planar((4,)))
    torch.nn.init.constant_(flow.flows[0].s, 88.5)
    found = diagnose(flow, data())
    lost = found.layers[0].draws_lost
    assert 0 < lost < 256
    assert f"{lost} of 256 draws become NaN or inf, first in flows.0" in found.whole.notes


def test_data_of_another_shape_is_refused_though_the_base_could_be_drawn_from():
    flow = sampler(lambda f: f.ActNorm(4), lambda f: f.LULinearPermute(4))
    with pytest.raises(InvalidInputError, match=r"the model does not run on x of shape"):
        diagnose(flow, data(6, 5))
    with pytest.raises(InvalidInputError, match="raises NotImplementedError"):
        diagnose(sampler(lambda f: f.Planar((4,))), data(), draws=0)


def test_equal_runs_are_compared_where_there_is_no_way_back():
    class Noisy(Affine):
        def forward(self, x):
            y, log_det = super().forward(x)
            return y + torch.randn_like(y), log_det

        def inverse(self, y):
            raise NotImplementedError

    layers = diagnose(Model(Noisy(4), Scale([0.0] * 4)).eval(), data()).layers
    assert [layer.spread > 0.1 for layer in layers] == [True, False]
