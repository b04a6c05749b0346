"""Small flows of plain PyTorch, healthy ones, into which the tests plant one fault each."""

import torch
from torch import nn


def mlp(inputs, outputs, activation=nn.Tanh):
    return nn.Sequential(nn.Linear(inputs, 8), activation(), nn.Linear(8, outputs))


def relu_mlp(inputs, outputs):
    return mlp(inputs, outputs, nn.ReLU)


def batch_norm_mlp(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.Linear(8, outputs))


class Affine(nn.Module):
    """x2 <- x2 exp(a(x1)) + t(x1), |a| < 1; halves are exchanged afterwards."""

    def __init__(self, d, net=mlp):
        super().__init__()
        self.half = d // 2
        self.net = net(self.half, 2 * self.half)

    def parameters_of(self, kept):
        a, t = self.net(kept).chunk(2, 1)
        return torch.tanh(a), t

    def forward(self, x):
        kept, moved = x.chunk(2, 1)
        a, t = self.parameters_of(kept)
        return torch.cat([moved * a.exp() + t, kept], 1), a.sum(1)

    def inverse(self, y):
        moved, kept = y.chunk(2, 1)
        a, t = self.parameters_of(kept)
        return torch.cat([kept, (moved - t) * (-a).exp()], 1), -a.sum(1)


class Scale(nn.Module):
    """x <- x exp(a)."""

    def __init__(self, values):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(values))

    def forward(self, x):
        return x * self.a.exp(), self.a.sum().expand(len(x))

    def inverse(self, y):
        return y / self.a.exp(), -self.a.sum().expand(len(y))


class Linear(nn.Module):
    """x <- W x, its log-determinant by way of the determinant."""

    def __init__(self, W):
        super().__init__()
        self.W = nn.Parameter(W)

    def forward(self, x):
        return x @ self.W.T, torch.linalg.det(self.W).abs().log().expand(len(x))

    def inverse(self, y):
        return torch.linalg.solve(self.W, y.T).T, -torch.linalg.det(self.W).abs().log()


class Model(nn.Module):
    """Layers one after the other."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        total = 0.0
        for layer in self.layers:
            x, log_det = layer(x)
            total = total + log_det
        return x, total

    def inverse(self, y):
        for layer in reversed(self.layers):
            y, _ = layer.inverse(y)
        return y


def model(d=4, at=None, layer=None, count=4, kind=Model):
    """Return a seeded model of couplings, one of which may be replaced."""
    torch.manual_seed(1)
    layers = [Affine(d) for _ in range(count)]
    if at is not None:
        layers[at] = layer
    return kind(*layers).eval()


def data(n=6, d=4):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(2))


def assert_only_numbers(found, level=1e-3):
    """Assert that x comes back, and that nothing is said but small numbers and "not checked"."""
    assert found.round_trip_error < level, found.table()
    for row in found.rows:
        assert all(" not checked, because " in note for note in row.notes), found.table()
        assert row.spread in (None, 0), found.table()
        if row.log_det_due is not None:
            assert row.log_det_error < 1e-3 * max(1, abs(row.log_det_due)), found.table()
