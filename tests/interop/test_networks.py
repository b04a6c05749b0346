"""Universal flows as modules of PyTorch: their shifts are ReLU networks."""

import io

import numpy as np
import pytest

from exactflow.errors import InvalidInputError
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.interop import to_module
from exactflow.laws.universal import (
    Atoms,
    GaussianMixture,
    approximate,
    checkerboard,
)
from proofs.constructions.spheres import Sphere
from proofs.constructions.well_conditioned import approximate_well

torch = pytest.importorskip("torch")

from exactflow.interop.modules.flow import FlowModule  # noqa: E402

nn = torch.nn

FLOWS = {
    "two layers": approximate(checkerboard(), "1/4"),
    "three layers": approximate(checkerboard(), "1/4", layers=3),
    "dimension 5": approximate(Sphere([0] * 5, axes=np.eye(5)[1:4]), "1/2", partition=(3, 2)),
    "one atom": approximate(Atoms([[1, 2]]), "1/10"),
    "well conditioned": approximate_well(GaussianMixture([-2, 2]), condition=20, eps="1/5"),
    "another scale": approximate_well(GaussianMixture([50], 9), condition=20, eps=1),
}


@pytest.mark.parametrize("name", FLOWS)
def test_the_module_is_the_flow(name):
    flow = FLOWS[name].flow
    module = to_module(FLOWS[name])
    z = np.random.default_rng(1).standard_normal((flow.dimension, 200))
    y, log_det = module(torch.tensor(z.T))
    assert np.allclose(y.detach().numpy().T, flow.forward(z), atol=1e-8)
    assert np.allclose(log_det.detach().numpy(), float(flow.log_abs_det()))
    back, back_log_det = module.inverse(y)
    assert torch.allclose(back_log_det, -log_det)
    inverse = flow.inverse().forward(y.detach().numpy().T)
    assert np.median(np.abs(back.detach().numpy().T - inverse)) < 1e-3
    images = module(torch.tensor(z.T).reshape(10, 20, -1).movedim(1, 2))[0]
    assert torch.allclose(images.movedim(2, 1).reshape(200, -1), y)


@pytest.mark.parametrize("name", FLOWS)
def test_modules_are_networks_and_are_saved(name):
    module = to_module(FLOWS[name])
    networks = [layer.network for layer in module.couplings() if hasattr(layer, "network")]
    assert networks
    for network in networks:
        assert [type(part) for part in network] == [nn.Linear, nn.ReLU, nn.Linear]
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    again = FlowModule.of_state(torch.load(file, weights_only=True))
    z = torch.randn(7, module.dimension, dtype=torch.float64)
    assert torch.equal(again(z)[0], module(z)[0])
    module(z)[0].square().sum().backward()
    assert all(p.grad is not None for p in module.parameters())


@pytest.mark.parametrize(
    ("flow", "options", "words"),
    [
        (FLOWS["two layers"], {"library": "nflows"}, "library='torch' for a flow whose shifts"),
        (FLOWS["two layers"], {"bias": [1.0]}, "2 finite numbers as bias"),
        (FLOWS["two layers"], {"accept_error": -1}, "accept_error to be a number"),
        (FLOWS["two layers"], {"accept_error": 0}, "ramps that are too steep: raise eps"),
        (approximate(Atoms([[0, 0], [1, 1]]), "1e-200"), {}, "raise eps"),
        (
            approximate_well(GaussianMixture([-2, 2]), condition=20, eps=1, pad="gaussian"),
            {},
            "constant scales",
        ),
        (approximate(Atoms([[0, 0], [1, 1]]), "1/10").flow.inverse(), {"parameters": "x"}, "'raw'"),
    ],
)
def test_refuses(flow, options, words):
    with pytest.raises(InvalidInputError, match=words):
        to_module(flow, **options)


def test_a_flow_under_a_mask_keeps_its_order():
    network = PiecewiseLinear([-1, 0, 2], [(0, 1), (3, "1/2"), (-1, 2)])
    layers = [PiecewiseCoupling((2, 2), moves, network, scale=2) for moves in ("second", "first")]
    flow = PiecewiseFlow(layers, order=(2, 0, 3, 1))
    module, z = to_module(flow), np.random.default_rng(1).standard_normal((4, 50))
    assert np.allclose(module(torch.tensor(z.T))[0].detach().numpy().T, flow.forward(z))
    again = FlowModule.of_state(module.state_dict())
    assert torch.equal(again(torch.tensor(z.T))[0], module(torch.tensor(z.T))[0])
