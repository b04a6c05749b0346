"""Lossless flows in PyTorch and in ONNX: the bits of NumPy, in both directions, and refusals."""

import copy
import io
import pickle
from functools import partial

import numpy as np
import pytest
from interop.modules import onnx_session

from exactflow import permutation
from exactflow.errors import InvalidInputError
from exactflow.floats.lossless import lossless as refusing
from exactflow.interop import to_module

lossless = partial(refusing, orientation="flip")
torch = pytest.importorskip("torch")


ROTATION = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
RESULTS = {
    "plain": lambda: lossless(ROTATION),
    "step": lambda: lossless(0.3 * ROTATION, partition=[1, 0, 0, 1, 1, 0]),
    "split": lambda: lossless(ROTATION, bits=45, limit=2**30),
    "odd": lambda: lossless(np.random.default_rng(1).standard_normal((5, 5))),
    "permutation": lambda: lossless(permutation([2, 0, 1])),
}
SHAPES = [(), (3,), (2, 3)]


@pytest.fixture(params=RESULTS)
def result(request):
    return RESULTS[request.param]()


def batch(result, shape=(), n: int = 20, dtype=torch.int64):
    size = (n, result.dimension, *shape)
    rng = np.random.default_rng(n)
    return torch.tensor(rng.integers(-result.limit, result.limit + 1, size)).to(dtype)


def columns(x) -> np.ndarray:
    return np.moveaxis(x.numpy(), 1, 0).reshape(x.shape[1], -1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [0, 1, 20])
def test_the_bits_of_numpy(result, shape, n):
    module = to_module(result)
    x = batch(result, shape, n)
    y, log_det = module(x)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert (columns(y) == result.forward(columns(x))).all()
    back, inverse = module.inverse(y)
    assert torch.equal(back, x)
    expected = float(result.log_abs_det()) * np.prod(shape)
    assert np.allclose(log_det.numpy(), np.full(n, expected), atol=1e-12)
    assert torch.equal(inverse, -log_det)


def test_types_are_kept_or_refused():
    module = to_module(lossless(ROTATION, limit=100))
    for dtype in (torch.int8, torch.int16, torch.int32, torch.int64):
        x = torch.full((2, 6), 20, dtype=dtype)
        y, _ = module(x)
        assert y.dtype == dtype
        assert torch.equal(module.inverse(y)[0], x)
    x = torch.full((1, 6), 100, dtype=torch.int8)
    x[0] = torch.tensor(np.sign(ROTATION[0]) * 100)  # one coordinate of the image is largest
    with pytest.raises(InvalidInputError, match="int8 holds"):
        module(x)
    with pytest.raises(InvalidInputError, match="uint8 holds"):
        module(-torch.ones((1, 6)).to(torch.int8).to(torch.int16).to(torch.uint8) // 3)


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (torch.zeros(2, 6), "expected integers"),
        (torch.zeros(2, 6, dtype=torch.bool), "expected integers"),
        (torch.zeros(2, 6, dtype=torch.complex64), "expected integers"),
        (torch.zeros(6, dtype=torch.int64), "expected vectors"),
        (torch.zeros(6, 2, dtype=torch.int64), "expected vectors"),
        (torch.full((2, 6), 2**40), "within a limit"),
        (torch.full((2, 6), -(2**63)), "within a limit"),
    ],
)
def test_what_is_refused(x, match):
    module = to_module(lossless(ROTATION))
    for run in (module, module.inverse):
        with pytest.raises(InvalidInputError, match=match):
            run(x)


def test_only_images_have_an_inverse():
    result = lossless(ROTATION, limit=50)
    module = to_module(result)
    outcomes = set()
    for seed in range(60):
        y = np.random.default_rng(seed).integers(-60, 61, (1, 6))
        try:
            x = torch.tensor(result.backward(y.T).T)
        except InvalidInputError:
            outcomes.add("refused")
            with pytest.raises(InvalidInputError, match="only what forward returned"):
                module.inverse(torch.tensor(y))
        else:
            outcomes.add("mapped")
            assert torch.equal(module.inverse(torch.tensor(y))[0], x)
    assert len(outcomes) == 2


def test_other_libraries_and_a_bias_are_refused():
    for options in ({"library": "nflows"}, {"bias": np.zeros(6)}):
        with pytest.raises(InvalidInputError, match="library='torch' and no bias"):
            to_module(lossless(ROTATION), **options)
    floats = to_module(lossless(ROTATION).flow)
    x = torch.ones(1, 6, dtype=torch.float64)
    assert torch.allclose(floats(x)[0], x @ torch.tensor(ROTATION).T, atol=1e-5)


def test_saved_loaded_copied_and_cast(result):
    module = to_module(result)
    x = batch(result)
    y = module(x)[0]
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    buffer.seek(0)
    state = torch.load(buffer, weights_only=True)
    other = to_module(result)
    other.load_state_dict(state)
    again = [other, copy.deepcopy(module)]
    again += [pickle.loads(pickle.dumps(module)), copy.deepcopy(module).half()]
    again += [copy.deepcopy(module).to(torch.float32)]
    for one in again:
        assert torch.equal(one(x)[0], y)
        assert torch.equal(one.inverse(y)[0], x)
    assert not list(module.parameters())


def test_the_state_of_other_layers_is_refused():
    first, second = (to_module(lossless(W)) for W in ([[2, 1], [1, 1]], permutation([1, 0])))
    with pytest.raises(ValueError, match="expected the state of layers"):
        first.load_state_dict(second.state_dict())


class Inverse(torch.nn.Module):
    """The other direction of a module, as the exporters want it."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, y):
        """Return the preimage and the log-determinant."""
        return self.module.inverse(y)


def session(module, x, dynamo: bool):
    return onnx_session(module, x, ["y", "log_det"], dynamo)


@pytest.mark.parametrize(
    ("name", "shape", "dynamo"),
    [
        ("split", (), False),
        ("step", (2, 3), False),
        ("odd", (), False),
        pytest.param("split", (), True, marks=pytest.mark.slow),
        pytest.param("step", (2, 3), True, marks=pytest.mark.slow),
    ],
)
def test_the_bits_of_onnxruntime(name, shape, dynamo):
    result = RESULTS[name]()
    module = to_module(result)
    x = batch(result, shape)
    y, log_det = module(x)
    there = session(module, x, dynamo)
    back = session(Inverse(module), y, dynamo)
    for n in (20, 7, 1, *([] if shape else [0])):  # exported, "flatten" takes no empty images
        out, logs = there.run(None, {"x": x[:n].numpy()})
        assert (out.dtype, out.shape) == (np.int64, tuple(x[:n].shape))
        assert (out == y[:n].numpy()).all()
        assert (logs == log_det[:n].numpy()).all()
        assert (back.run(None, {"x": out})[0] == x[:n].numpy()).all()


@pytest.mark.parametrize("dynamo", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_exported_graphs_refuse(dynamo):
    result = lossless(ROTATION, limit=100)
    x = batch(result, dtype=torch.int8)
    y = result.forward(x.numpy().T.astype(np.int64)).T
    module = to_module(result)
    small = torch.div(x, 2, rounding_mode="trunc")
    there, back = session(module, small, dynamo), session(Inverse(module), small, dynamo)
    assert (
        back.run(None, {"x": there.run(None, {"x": small.numpy()})[0]})[0] == small.numpy()
    ).all()
    assert np.abs(y).max() > 127
    too_far = np.full((1, 6), 101, np.int8)
    no_image = np.full((1, 6), 127, np.int8) * np.sign(ROTATION[:, 0]).astype(np.int8)
    for graph, values in ((there, too_far), (there, x.numpy()), (back, no_image)):
        with pytest.raises(Exception, match="out of data bounds"):
            graph.run(None, {"x": values})


@pytest.mark.slow
def test_compiled():
    module = to_module(RESULTS["split"]())
    x = batch(RESULTS["split"]())
    y = module(x)[0]
    for direction, start, end in ((module, x, y), (Inverse(module), y, x)):
        program = torch.export.export(
            direction, (start,), dynamic_shapes=({0: torch.export.Dim("n")},)
        ).module()
        for n in (3, 20):
            assert torch.equal(program(start[:n])[0], end[:n])
        with pytest.raises(IndexError):
            program(torch.full((2, 6), 2**50))
