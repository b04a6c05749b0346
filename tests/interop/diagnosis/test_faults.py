"""A fault of every kind, planted among healthy layers: it is found, and nothing else is blamed."""

import json

import pytest

torch = pytest.importorskip("torch")

from interop.toy_flows import Affine, Linear, Model, Scale, assert_only_numbers, data, model  # noqa: E402
from torch import nn  # noqa: E402

from exactflow.interop import diagnose  # noqa: E402


class TwiceForward(Affine):
    def inverse(self, y):
        return self(y)


class SlippedSign(Affine):
    def inverse(self, y):
        moved, kept = y.chunk(2, 1)
        a, t = self.parameters_of(kept)
        return torch.cat([kept, (moved + t) * (-a).exp()], 1), -a.sum(1)


class Broken(Affine):
    def inverse(self, y):
        raise NotImplementedError("no inverse yet")


class BrokenOnceMore(Affine):
    """Raises one and the same error each time, which is then among its own causes."""

    error = NotImplementedError("no inverse yet")

    def inverse(self, y):
        raise self.error


class Translated(nn.Module):
    """A model whose own error says that a layer of it raised one."""

    def __init__(self):
        super().__init__()
        self.inner = model(at=1, layer=Broken(4))

    def forward(self, x):
        return self.inner(x)

    def inverse(self, y):
        try:
            return self.inner.inverse(y)
        except NotImplementedError as error:
            raise RuntimeError("no way back") from error


class Noisy(Affine):
    def forward(self, x):
        y, log_det = super().forward(x)
        return y + torch.rand_like(y) / 256, log_det


class Split(nn.Module):
    """Keeps half of the entries and fills up with what `filled` gives."""

    def __init__(self, filled):
        super().__init__()
        self.filled = filled

    def forward(self, x):
        return x.chunk(2, 1)[0], 0.0

    def inverse(self, y):
        return torch.cat([y, self.filled(y)], 1), 0.0


class Reordered(Model):
    def inverse(self, y):
        for i in (3, 1, 2, 0):
            y, _ = self.layers[i].inverse(y)
        return y


class Misdirected(Model):
    def inverse(self, y):
        for i in (3, 2, 1, 0):
            y, _ = self.layers[i](y) if i == 1 else self.layers[i].inverse(y)
        return y


class Forgetful(Model):
    def inverse(self, y):
        for i in (3, 2, 0):
            y, _ = self.layers[i].inverse(y)
        return y


class Undone(Model):
    def forward(self, x):
        for layer in self.layers[:2]:
            x, _ = layer(x)
        x = 3 * x.flip(1) + 1
        for layer in self.layers[2:]:
            x, _ = layer(x)
        return x

    def inverse(self, y):
        for layer in reversed(self.layers):
            y, _ = layer.inverse(y)
        return y


class Block(Model):
    """A model within a model, which hands on half of its numbers."""

    def forward(self, x):
        y, log_det = super().forward(x)
        return y[:, :2], log_det, y[:, 2:]

    def inverse(self, y, rest):
        return super().inverse(torch.cat([y, self.factor * rest], 1))

    factor = 1.0


class TwoLevels(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.block, self.last = Block(*layers), Affine(2)

    def forward(self, x):
        y, _, rest = self.block(x)
        return [self.last(y)[0], rest]

    def inverse(self, latents):
        return self.block.inverse(self.last.inverse(latents[0])[0], latents[1])


def rescaled():
    """Latents of the first level are taken for noise of another size on the way back."""
    flow = model(kind=TwoLevels)
    flow.block.factor = 0.7
    return flow


class Dequantized(Model):
    def forward(self, x):
        return super().forward(x + torch.rand_like(x) / 8)


class Resampled(Model):
    def inverse(self, y):
        return super().inverse(torch.cat([y[:, :2], torch.randn_like(y[:, 2:])], 1))


class Truncated(Model):
    def forward(self, x):
        return super().forward(x)[0][:, :3]

    def inverse(self, y):
        return super().inverse(nn.functional.pad(y, (0, 1)))


def with_module(part, *arguments):
    def net(inputs, outputs):
        return nn.Sequential(nn.Linear(inputs, 8), part(*arguments), nn.Linear(8, outputs))

    return net


def training(layer):
    built = model(at=2, layer=layer)
    return built.train()


ROTATION = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(3)))[0]
SHARES = torch.tensor([1.0, 0.3, 0.01, 1e-6])
STEEP = ROTATION @ torch.diag(SHARES) @ ROTATION.T

PLANTED = {
    "dropout": (
        lambda: training(Affine(4, with_module(nn.Dropout, 0.5))),
        Fault.TRAINING,
        "layers.2",
        "net.1 (Dropout) in training mode draws anew",
    ),
    "batch norm": (
        lambda: training(Affine(4, with_module(nn.BatchNorm1d, 8))),
        Fault.TRAINING,
        "layers.2",
        "net.1 (BatchNorm1d) in training mode depends on the batch",
    ),
    "twice forward": (
        lambda: model(at=1, layer=TwiceForward(4)),
        Fault.DIRECTION,
        "layers.1",
        "forward map once more",
    ),
    "broken once more": (
        lambda: model(at=1, layer=BrokenOnceMore(4)),
        Fault.FAILS,
        "layers.1",
        "its inverse raises NotImplementedError: no inverse yet",
    ),
    "translated": (
        Translated,
        Fault.FAILS,
        "inner.layers.1",
        "its inverse raises NotImplementedError: no inverse yet",
    ),
    "slipped sign": (
        lambda: model(at=1, layer=SlippedSign(4)),
        Fault.INVERSE,
        "layers.1",
        "does not undo it",
    ),
    "no inverse": (
        lambda: model(at=0, layer=Broken(4)),
        Fault.FAILS,
        "layers.0",
        "NotImplementedError: no inverse yet",
    ),
    "noise": (lambda: model(at=3, layer=Noisy(4)), Fault.RANDOM, "layers.3", "draws numbers"),
    "latents dropped": (
        lambda: Model(Affine(4), Split(torch.zeros_like), Affine(2)).eval(),
        Fault.DROPPED,
        "layers.1",
        "keeps 2 of 4 numbers",
    ),
    "latents dropped, and drawn": (
        lambda: Model(Affine(4), Split(torch.randn_like), Affine(2)).eval(),
        Fault.RANDOM,
        "layers.1",
        "draws anew what it dropped",
    ),
    "latents dropped by the model": (
        lambda: model(kind=Truncated),
        Fault.DROPPED,
        "the model",
        "returns 3 numbers for 4",
    ),
    "latents drawn by the model": (
        lambda: model(kind=Resampled),
        Fault.RANDOM,
        "the model",
        "its inverse draws numbers",
    ),
    "dequantized": (
        lambda: model(kind=Dequantized),
        Fault.RANDOM,
        "the model",
        "draws numbers: two passes",
    ),
    "order": (
        lambda: model(kind=Reordered),
        Fault.ORDER,
        "the model",
        "calls layers.1 where layers.2 is due",
    ),
    "direction": (
        lambda: model(kind=Misdirected),
        Fault.DIRECTION,
        "the model",
        "runs layers.1 in the same direction",
    ),
    "left out": (
        lambda: model(kind=Forgetful),
        Fault.ORDER,
        "the model",
        "leaves out layers.1",
    ),
    "between layers": (
        lambda: model(kind=Undone),
        Fault.BETWEEN,
        "between layers.1 and layers.2",
        "does not undo",
    ),
    "latents rescaled": (
        rescaled,
        Fault.BETWEEN,
        "between block.layers.3 and last",
        "does not undo",
    ),
    "overflow": (
        lambda: model(at=2, layer=Scale([0.0, 95.0, 0.0, 0.0])),
        Fault.NOT_FINITE,
        "layers.2",
        "a scale overflows",
    ),
    "underflow": (
        lambda: model(at=3, layer=Scale([0.0, -120.0, 0.0, 0.0])),
        Fault.NOT_FINITE,
        "layers.3",
        "a scale leaves the range of float32",
    ),
    "nan": (
        lambda: model(at=2, layer=Scale([0.0, float("nan"), 0.0, 0.0])),
        Fault.NOT_FINITE,
        "layers.2",
        "a parameter is not finite",
    ),
    "determinant": (
        lambda: model(32, at=1, layer=Linear(torch.eye(32) * 0.03)),
        Fault.DETERMINANT,
        "layers.1",
        "log|det| is not finite in float32; it is -112.2",
    ),
    "swamped": (
        lambda: model(at=1, layer=Linear(torch.eye(4) * 1e-9)),
        Fault.ILL_CONDITIONED,
        "layers.2",
        "times as large as what it maps",
    ),
    "ill-conditioned": (
        lambda: model(at=2, layer=Linear(STEEP)),
        Fault.ILL_CONDITIONED,
        "layers.2",
        "condition number 1.0e+06",
    ),
    "ill-conditioned in float64": (
        lambda: model(at=2, layer=Linear(STEEP.double() @ STEEP.double())).double(),
        Fault.ILL_CONDITIONED,
        "layers.2",
        "condition number",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_fault_is_found_and_nothing_else_is_blamed(name):
    build, fault, path, words = PLANTED[name]
    torch.manual_seed(4)
    found = diagnose(build(), data(d=32 if name == "determinant" else 4))
    assert [(layer.fault, layer.path) for layer in found.guilty] == [(fault, path)], found.table()
    assert words in found.guilty[0].verdict
    assert found.ranked[0] is found.guilty[0]
    assert str(found.guilty[0]) in str(found)
    shown = json.loads(found.to_json())
    assert [x["path"] for x in shown["layers"] if x["fault"] == str(fault)] == [path]
    assert found.guilty[0].path in found._repr_html_()
    if fault not in (Fault.DETERMINANT,) and name != "batch norm":
        assert not found.comes_back


def test_two_healthy_levels_come_back():
    found = diagnose(model(kind=TwoLevels), data())
    assert [layer.path for layer in found.layers] == [
        *(f"block.layers.{i}" for i in range(4)),
        "last",
    ]
    assert found.comes_back


def test_rare_dropout_is_no_batch_norm():
    """Most members of the batch meet the same mask in two passes, but one is enough."""
    flow = training(Affine(4, with_module(nn.Dropout, 0.02)))
    (layer,) = diagnose(flow, data(64)).guilty
    assert "draws anew at each pass" in layer.verdict


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_healthy_layers_come_back(count, dtype):
    found = diagnose(model(count=count).to(dtype), data())
    assert_only_numbers(found)
    assert len(found.layers) == count
    assert sum(layer.share for layer in found.layers) == pytest.approx(1, abs=1e-9)
    assert str(found).startswith("x comes back")
