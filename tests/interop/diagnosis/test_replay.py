"""The replay in mpmath follows the model, and finds the digits that x needs."""

import mpmath
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from interop.diagnosis.test_libraries import MODELS, built  # noqa: E402
from interop.toy_flows import Affine, Linear, Model, Scale, data, mlp, model  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import parametrizations  # noqa: E402

from exactflow.conditioning import digits_to_invert  # noqa: E402
from exactflow.flows.flow import CouplingFlow  # noqa: E402
from exactflow.flows.linear import LinearCoupling  # noqa: E402
from exactflow.interop import diagnose, to_module  # noqa: E402
from exactflow.interop.diagnosis import replay  # noqa: E402
from exactflow.interop.diagnosis.arithmetic import numbers  # noqa: E402
from exactflow.interop.diagnosis.doors import as_module, latent, returned, root_door  # noqa: E402
from exactflow.interop.diagnosis.replay import shadowed  # noqa: E402

ACTIVATIONS = [
    *(nn.ReLU, nn.Tanh, nn.LeakyReLU, nn.GELU, nn.Softplus, nn.SiLU, nn.ELU, nn.Sigmoid),
    *(nn.LogSigmoid, nn.Mish, nn.Hardtanh, nn.CELU, nn.SELU, nn.Softsign),
    *(lambda: nn.GELU("tanh"), lambda: nn.LayerNorm(8), lambda: nn.Softmax(1)),
]


def assert_follows(flow, x):
    """Within 53 bits, shadows are what the model in float64 returns."""
    module, _ = as_module(flow)
    way = root_door(module)
    with torch.no_grad():
        value = latent(getattr(module, way.ahead)(x, **way.options(True)), x)
        y = returned(value, x.numel())[0].numpy()
    shadows, image, wanted = shadowed(module, way, x, 16)
    assert np.abs(shadows.astype(float) - y).max() <= 1e-13 * max(1, np.abs(y).max())
    assert np.abs((image - wanted).astype(float)).max() <= 1e-12
    fine, *_ = shadowed(module, way, x, 40)
    assert 0 < np.abs((fine - shadows).astype(float)).max() <= 1e-13 * max(1, np.abs(y).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_conditioners(activation):
    torch.manual_seed(0)
    flow = Model(*(Affine(4, lambda i, o: mlp(i, o, activation)) for _ in range(2)))
    assert_follows(flow.double().eval(), 2 * data(2).double())


@pytest.mark.filterwarnings("ignore:torch.triangular_solve is deprecated")  # nflows 0.13
@pytest.mark.parametrize("name", [name for name in MODELS if "the transform" not in name])
def test_models_of_libraries(name):
    torch.manual_seed(0)
    _, x, _ = MODELS[name]
    flow, points = built(name).double().eval(), x().double()
    way = root_door(as_module(flow)[0])
    with torch.no_grad():  # an ActNorm sets itself
        getattr(as_module(flow)[0], way.ahead)(points, **way.options(True))
    assert_follows(flow, points[:1])


def test_networks_of_convolutions_norms_and_weight_norms():
    class Images(Affine):
        def __init__(self):
            super().__init__(4)
            self.net = nn.Sequential(
                nn.Conv2d(2, 3, 3, padding=1, stride=1),
                nn.BatchNorm2d(3),
                nn.ReLU(),
                parametrizations.weight_norm(nn.Conv2d(3, 4, (1, 3), padding=(0, 2), dilation=2)),
            )

    torch.manual_seed(0)
    layer = Images().double()
    with torch.no_grad():
        layer.net(torch.randn(4, 2, 3, 4, dtype=torch.float64))
    assert_follows(Model(layer).eval(), torch.randn(1, 4, 3, 4, dtype=torch.float64))


def test_the_digits_are_those_of_the_exact_study():
    """On a linear flow, `digits_to_invert` replays the same sums."""
    flow = CouplingFlow(
        [
            LinearCoupling((1, 1), "second", [[10**8]]),
            LinearCoupling((1, 1), "first", [["3/8"]]),
            LinearCoupling((1, 1), "second", [[-(10**4)]]),
        ]
    )
    x = torch.tensor([[0.75, 0.3125]], dtype=torch.float64)
    found = diagnose(to_module(flow), x, high_precision=True)
    expected = digits_to_invert(flow, [["3/4", "5/16"]], tol="3/4000000")
    assert abs(found.least_digits - expected) <= 1
    assert f"with {found.least_digits} digits, not fewer" in found.replay


def test_one_digit_less_does_not_do():
    steep = torch.diag(torch.tensor([1.0, 1.0, 1e-6, 1.0])).double() @ torch.ones(4, 4).double()
    W = steep + torch.diag(torch.tensor([1.0, 2.0, 0.0, 3.0])).double() + 1e-7 * torch.eye(4)
    flow = model(at=1, layer=Linear(W)).double()
    found = diagnose(flow, data(1).double(), high_precision=True)
    way = root_door(flow)

    def error(digits):
        _, image, wanted = shadowed(flow, way, data(1).double(), digits)
        return float(max(map(abs, (image - wanted).flat)) / max(map(abs, wanted.flat)))

    assert found.least_digits > 8
    assert error(found.least_digits) <= 1e-6 < error(found.least_digits - 1)


def test_a_stored_inverse_that_is_rounded_returns_x_in_no_precision():
    class Stored(Linear):
        def __init__(self, W):
            super().__init__(W)
            self.register_buffer("inverted", torch.linalg.inv(W).bfloat16())

        def inverse(self, y):
            return y @ self.inverted.to(y).T, 0.0

    W = torch.tensor([[1.0, 0.7], [0.3, 1.1]])
    flow = Model(Stored(W)).double()
    found = diagnose(flow, torch.tensor([[1.0, -0.3]]), high_precision=True)
    assert found.least_digits is None
    assert "no precision returns x" in found.replay
    assert "not the inverse" in found.replay


def test_what_cannot_be_replayed_is_named():
    class Bessel(Scale):
        def forward(self, x):
            return x * self.a.exp() + 0 * torch.special.bessel_j0(x), self.a.sum()

    found = diagnose(Bessel([0.0, 1.0, 0.0, 0.0]), data(1), high_precision=True)
    assert (found.comes_back, found.least_digits) == (True, None)
    assert found.replay == (
        "not replayed in mpmath: aten.special_bessel_j0 is no operation that it knows"
    )
    assert found.replay in found.table()
    assert found.replay in found._repr_html_()


def test_large_models_are_not_replayed(monkeypatch):
    monkeypatch.setattr(replay, "LARGEST", 1000)
    flow = Linear(torch.eye(32)).double()
    found = replay.replayed(flow, root_door(flow), torch.ones(1, 32).double(), 1e-6)
    assert "more than 1,000 products" in found.sentence


def test_a_scale_that_vanishes_in_float32_is_none_in_mpmath():
    found = diagnose(Scale([0.0, -120.0, 0.0, 0.0]), data(1), high_precision=True)
    assert not found.comes_back
    assert found.least_digits <= 7


def test_writing_into_views_and_masks():
    class Masked(nn.Module):
        def forward(self, x):
            y = torch.empty_like(x)
            y[:, :2] = 2 * x[:, :2]
            y[:, 2:].copy_(x[:, 2:]).mul_(3)
            mask = y > 0
            y[mask] = y[mask] * 5
            y[..., 0] += x[..., 1].tanh()
            return y

        def inverse(self, y):
            x = y.clone()
            x[:, 0] -= torch.where(y[:, 1] > 0, y[:, 1] / 10, y[:, 1] / 2).tanh()
            x = torch.where(x > 0, x / 5, x)
            return torch.cat([x[:, :2] / 2, x[:, 2:] / 3], 1)

    assert_follows(Masked(), data(1).double() + 3)


def test_weights_are_the_floats_that_they_are():
    assert numbers(np.array([0.1]))[0] == mpmath.mp.convert(0.1)
    assert numbers(np.array([3])).dtype == int
