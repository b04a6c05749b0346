"""Thirty faults that users report, each in one row of a model: the right row and the right column.

The same model without the fault shows nothing (``test_healthy.py``).
"""

import math

import pytest

torch = pytest.importorskip("torch")

from interop.modules import library  # noqa: E402
from interop.toy_flows import Affine, Linear, Model, Scale, batch_norm_mlp, data, model  # noqa: E402
from torch import nn  # noqa: E402

from exactflow.interop import diagnose  # noqa: E402

D = 4
TURN = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(3)))[0]


class Both(Model):
    """Returns log-determinants in both directions."""

    def inverse(self, y):
        total = 0.0
        for layer in reversed(self.layers):
            y, log_det = layer.inverse(y)
            total = total + log_det
        return y, total


def planted(build, at=1):
    """Return a model of couplings, with a layer in the place of one of them."""
    return lambda: model(at=at, layer=build(), kind=Both)


def changed(base, forward=None, inverse=None):
    """Return a class of layers whose results are changed, in one direction or in both."""

    class Changed(base):
        def forward(self, x):
            y, log_det = super().forward(x)
            return forward(y, log_det) if forward else (y, log_det)

        def inverse(self, y):
            x, log_det = super().inverse(y)
            return inverse(x, log_det) if inverse else (x, log_det)

    return Changed


def signs(y, log_det):
    return y, -log_det


def nothing(y, log_det):
    return y, 0 * log_det


class Conv(nn.Module):
    """A 1x1 convolution, whose inverse multiplies with the inverse matrix."""

    def __init__(self, W, pixels=16):
        super().__init__()
        self.W, self.pixels = nn.Parameter(W), pixels

    def forward(self, x):
        log_det = self.pixels * torch.linalg.slogdet(self.W)[1].expand(len(x))
        return nn.functional.conv2d(x, self.W[:, :, None, None]), log_det

    def inverse(self, y):
        log_det = self.pixels * torch.linalg.slogdet(self.W)[1].expand(len(y))
        return nn.functional.conv2d(y, self.W.inverse()[:, :, None, None]), -log_det


class Permuted(nn.Module):
    """Its inverse applies the permutation once more."""

    order = (1, 2, 3, 0)

    def forward(self, x):
        return x[:, self.order], torch.zeros(len(x))

    def inverse(self, y):
        return y[:, self.order], torch.zeros(len(y))


class Stale(nn.Module):
    """A batch norm whose inverse uses moments of another batch."""

    def forward(self, x):
        std = x.std(0)
        return (x - x.mean(0)) / std, -std.log().sum().expand(len(x))

    def inverse(self, y):
        return 3 * y + 1, math.log(3.0) * y.shape[1] * torch.ones(len(y))


class Narrow(Affine):
    """Maps in half precision."""

    def forward(self, x):
        y, log_det = super().forward(x)
        return y.half().to(y.dtype), log_det


class Cached(Scale):
    """Its inverse returns the last x of its size, whatever y is."""

    kept = None

    def forward(self, x):
        if self.kept is None or len(self.kept) != len(x):
            self.kept = x.detach().clone()
        return super().forward(x)

    def inverse(self, y):
        kept = self.kept
        x, log_det = super().inverse(y)
        return (kept.to(y) if kept is not None and len(kept) == len(y) else x + 1), log_det


class Drifting(Scale):
    """Its scale changes with each call."""

    def inverse(self, y):
        with torch.no_grad():
            self.a += 0.01
        return super().inverse(y)


class Overwriting(Affine):
    """Writes on the half that it keeps, on the way back."""

    def inverse(self, y):
        y[:, : y.shape[1] // 2] *= 2
        return super().inverse(y)


class Clipped(Scale):
    def forward(self, x):
        y, log_det = super().forward(x)
        return y.clamp(-0.5, 0.5), log_det


class Sigmoid(nn.Module):
    """Saturates in float32."""

    def forward(self, x):
        z = 30 * x
        log_det = (nn.functional.logsigmoid(z) + nn.functional.logsigmoid(-z) + math.log(30)).sum(1)
        return z.sigmoid(), log_det

    def inverse(self, y):
        return y.logit() / 30, -((30 * y * (1 - y)).log()).sum(1)


class Unclamped(Affine):
    """exp(a) without a bound: a grows with the latents."""

    def parameters_of(self, kept):
        return -10 * kept**3, 0 * kept


class Iterated(nn.Module):
    """x + 0.9 sin(x), its inverse by two steps of a fixed point iteration."""

    def forward(self, x):
        return x + 0.9 * x.sin(), (1 + 0.9 * x.cos()).log().sum(1)

    def inverse(self, y):
        x = y - 0.9 * (y - 0.9 * y.sin()).sin()
        return x, -(1 + 0.9 * x.cos()).log().sum(1)


class HalfCounted(Both):
    def forward(self, x):
        total = 0.0
        for layer in self.layers[:-1]:
            x, log_det = layer(x)
            total = total + log_det
        return self.layers[-1](x)[0], total


class OtherOrder(Both):
    def inverse(self, y):
        self.layers = nn.ModuleList([*self.layers[1:], self.layers[0]])
        return super().inverse(y)


def dropout(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 8), nn.Dropout(0.5), nn.Linear(8, outputs))


def normflows(change):
    """Return a flow of normflows, whose second layer (the first that data meets) is changed."""

    def made():
        nf = library("normflows")
        torch.manual_seed(0)
        layers = [
            nf.flows.AffineCouplingBlock(nf.nets.MLP([2, 8, 4], init_zeros=False)),
            nf.flows.AffineConstFlow((4,)),
        ]
        with torch.no_grad():
            change(layers[1])
        return nf.NormalizingFlow(nf.distributions.DiagGaussian(4), layers)

    return made


def saturated(layer):
    layer.s[0, 1] = 100.0


def swapped_log_dets(layer):
    """Both directions return the log-determinant of the other one."""
    layer.s.fill_(0.5)
    forward, inverse = layer.forward, layer.inverse
    layer.forward = lambda z: (forward(z)[0], -forward(z)[1])
    layer.inverse = lambda z: (inverse(z)[0], -inverse(z)[1])


def above(name, least):
    """Whether a number of a row is above another one, or NaN."""
    return lambda row: getattr(row, name) is not None and not getattr(row, name) <= least


def noted(words):
    return lambda row: words in " ".join(row.notes)


ROUND_TRIP, DRAWS = above("error", 1e-3), above("draw_error", 1e-3)
OFF, BACK_OFF = above("log_det_error", 1e-3), above("log_det_back_error", 1e-3)
STEEP, RANDOM = above("condition", 1e6), above("spread", 1e-6)
SCALES = [0.5, -0.2, 0.1, 0.4]
IMAGE = torch.randn(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))
NEARLY = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0 + 1e-6, 0.0], [0.0, 0.0, 1.0]])

FAULTS = {
    "NaN weights": (
        planted(lambda: Scale([0.0, math.nan, 0.0, 0.0])),
        1,
        noted("the result has NaN or inf"),
    ),
    "NaN in the inverse": (
        planted(lambda: changed(Scale, inverse=lambda x, ld: (x * math.nan, ld))(SCALES)),
        1,
        noted("the inverse returns NaN or inf"),
    ),
    "singular matrix": (planted(lambda: Linear(torch.ones(D, D))), 1, noted("raises")),
    "ill-conditioned matrix": (
        planted(lambda: Linear(TURN @ torch.diag(torch.tensor([1.0, 1.0, 1.0, 1e-7])) @ TURN)),
        1,
        STEEP,
    ),
    "ill-conditioned 1x1": (lambda: Both(Conv(torch.eye(3)), Conv(NEARLY)), 1, STEEP),
    "saturated scale": (planted(lambda: Scale([0.0, -95.0, 0.0, 0.0])), 1, STEEP),
    "saturated scale of normflows": (normflows(saturated), 0, STEEP),
    "sigmoid": (planted(Sigmoid), 1, ROUND_TRIP),
    "wrong sign ahead": (planted(lambda: changed(Affine, signs)(D)), 1, OFF),
    "wrong sign back": (planted(lambda: changed(Affine, None, signs)(D)), 1, BACK_OFF),
    "wrong sign in both": (planted(lambda: changed(Affine, signs, signs)(D)), 1, OFF),
    "wrong sign in both, of normflows": (normflows(swapped_log_dets), 0, BACK_OFF),
    "missing term ahead": (planted(lambda: changed(Scale, nothing)(SCALES)), 1, OFF),
    "missing term back": (planted(lambda: changed(Scale, None, nothing)(SCALES)), 1, BACK_OFF),
    "missing term in both": (planted(lambda: changed(Affine, nothing, nothing)(D)), 1, OFF),
    "one pixel counted": (lambda: Both(Conv(torch.eye(3)), Conv(NEARLY + torch.eye(3), 1)), 1, OFF),
    "a layer not counted": (lambda: model(kind=HalfCounted), 4, OFF),
    "wrong inverse permutation": (planted(Permuted), 1, ROUND_TRIP),
    "order of the inverse": (lambda: model(kind=OtherOrder), 4, ROUND_TRIP),
    "stale BatchNorm": (planted(Stale), 1, ROUND_TRIP),
    "BatchNorm of a conditioner": (
        lambda: planted(lambda: Affine(D, batch_norm_mlp))().train(),
        1,
        noted("depends on other members of the batch"),
    ),
    "dropout": (lambda: planted(lambda: Affine(D, dropout))().train(), 1, RANDOM),
    "noise": (
        planted(lambda: changed(Affine, lambda y, ld: (y + torch.randn_like(y) / 9, ld))(D)),
        1,
        RANDOM,
    ),
    "dtype loss": (planted(lambda: Narrow(D)), 1, above("error", 1e-5)),
    "in-place input": (planted(lambda: Overwriting(D)), 1, ROUND_TRIP),
    "cache": (planted(lambda: Cached(SCALES)), 1, DRAWS),
    "a state that drifts": (planted(lambda: Drifting(SCALES)), 1, RANDOM),
    "clipped": (planted(lambda: Clipped(SCALES)), 1, ROUND_TRIP),
    "iteration that stops early": (planted(Iterated), 1, ROUND_TRIP),
    "overflow of draws": (planted(lambda: Unclamped(D)), 1, above("draws_lost", 0)),
    "no inverse": (
        planted(lambda: changed(Affine, None, lambda x, ld: 1 / 0)(D)),
        1,
        noted("raises ZeroDivisionError"),
    ),
    "log-determinant without gradient": (
        planted(lambda: changed(Affine, lambda y, ld: (y, ld.detach()))(D)),
        1,
        noted("has no gradient"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_right_row_and_column_show_the_fault(name):
    build, at, is_wrong = FAULTS[name]
    torch.manual_seed(0)
    flow = build()
    is_image = any(isinstance(layer, Conv) for layer in flow.modules())
    found = diagnose(flow, IMAGE if is_image else data() / 3, draws=1000)
    assert is_wrong(found.rows[at]), found.table()
    wrong = [row.path for k, row in enumerate(found.layers) if k != at and is_wrong(row)]
    assert wrong == [], found.table()


def test_there_are_thirty():
    assert len(FAULTS) >= 30
