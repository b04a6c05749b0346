"""A fault of every kind, planted among healthy layers: its number shows, and no other."""

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


def wrong(name, least):
    return lambda row: getattr(row, name) is not None and getattr(row, name) > least


def noted(words):
    return lambda row: words in " ".join(row.notes)


PLANTED = {
    "dropout": (
        lambda: training(Affine(4, with_module(nn.Dropout, 0.5))),
        2,
        wrong("spread", 1e-3),
    ),
    "batch norm": (
        lambda: training(Affine(4, with_module(nn.BatchNorm1d, 8))),
        2,
        noted("depends on other members of the batch"),
    ),
    "twice forward": (lambda: model(at=1, layer=TwiceForward(4)), 1, wrong("error", 1e-2)),
    "broken once more": (
        lambda: model(at=1, layer=BrokenOnceMore(4)),
        1,
        noted("layers.1 raises NotImplementedError: no inverse yet"),
    ),
    "slipped sign": (lambda: model(at=1, layer=SlippedSign(4)), 1, wrong("error", 1e-2)),
    "no inverse": (
        lambda: model(at=0, layer=Broken(4)),
        0,
        noted("layers.0 raises NotImplementedError: no inverse yet"),
    ),
    "noise": (lambda: model(at=3, layer=Noisy(4)), 3, wrong("spread", 1e-4)),
    "latents dropped": (
        lambda: Model(Affine(4), Split(torch.zeros_like), Affine(2)).eval(),
        1,
        noted("an input has 4 numbers, and its image 2"),
    ),
    "latents dropped, and drawn": (
        lambda: Model(Affine(4), Split(torch.randn_like), Affine(2)).eval(),
        1,
        wrong("spread", 0.1),
    ),
    "latents dropped by the model": (
        lambda: model(kind=Truncated),
        4,
        noted("an input has 4 numbers, and its image 3"),
    ),
    "latents drawn by the model": (lambda: model(kind=Resampled), 4, wrong("spread", 0.1)),
    "dequantized": (lambda: model(kind=Dequantized), 4, wrong("spread", 1e-3)),
    "order": (lambda: model(kind=Reordered), 4, wrong("error", 1e-2)),
    "direction": (lambda: model(kind=Misdirected), 4, wrong("error", 1e-2)),
    "left out": (lambda: model(kind=Forgetful), 4, wrong("error", 1e-2)),
    "between layers": (lambda: model(kind=Undone), 4, wrong("digits_lost", 3)),
    "latents rescaled": (rescaled, 2, wrong("error", 1e-2)),
    "overflow": (
        lambda: model(at=2, layer=Scale([0.0, 95.0, 0.0, 0.0])),
        2,
        noted("the result has NaN or inf"),
    ),
    "underflow": (lambda: model(at=3, layer=Scale([0.0, -120.0, 0.0, 0.0])), 3, wrong("error", 1)),
    "nan": (
        lambda: model(at=2, layer=Scale([0.0, float("nan"), 0.0, 0.0])),
        2,
        noted("the result has NaN or inf"),
    ),
    "ill-conditioned": (lambda: model(at=2, layer=Linear(STEEP)), 2, wrong("condition", 1e5)),
    "ill-conditioned in float64": (
        lambda: model(at=2, layer=Linear(STEEP.double() @ STEEP.double())).double(),
        2,
        wrong("condition", 1e9),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_number_of_the_planted_fault_shows_and_no_other(name):
    build, at, is_wrong = PLANTED[name]
    torch.manual_seed(4)
    found = diagnose(build(), data())
    assert [k for k, row in enumerate(found.rows[:at]) if is_wrong(row)] == [], found.table()
    assert is_wrong(found.rows[at]), found.table()
    layers = [row for k, row in enumerate(found.layers) if k != at]
    assert not any(is_wrong(row) for row in layers), found.table()
    shown = json.loads(found.to_json())
    assert [x["path"] for x in shown["layers"]] == [row.path for row in found.layers]
    assert repr(found) == found.table()
    assert found.rows[at].path in found.table().replace("\n", "")


def test_an_error_of_a_layer_that_a_model_translates():
    found = diagnose(Translated(), data())
    assert "NotImplementedError: no inverse yet" in str(found)
    assert found.round_trip_error == float("inf")


def test_swamped_digits_are_counted():
    layers = diagnose(model(at=1, layer=Linear(torch.eye(4) * 1e-9)), data()).layers
    assert [layer.digits_lost > 3 for layer in layers] == [False, False, True, False]


def test_two_healthy_levels_come_back():
    found = diagnose(model(kind=TwoLevels), data())
    assert [layer.path for layer in found.layers] == ["block", "last"]
    assert_only_numbers(found)


def test_rare_dropout_is_no_batch_norm():
    """Most members of the batch meet the same mask in two passes, but one is enough."""
    flow = training(Affine(4, with_module(nn.Dropout, 0.02)))
    assert diagnose(flow, data(64)).layers[2].spread > 1e-3


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_healthy_layers_come_back(count, dtype):
    found = diagnose(model(count=count).to(dtype), data())
    assert_only_numbers(found, level=0.1)
    assert len(found.layers) == count
    assert str(found).startswith("x comes back")
