"""Couplings beside the layer whose place they take, and the conversion of a Glow of twelve blocks.

    python -m pytest tests/benchmarks/bench_interop.py --benchmark-group-by=param:d

On one thread; a group holds the times that are to be divided: 32 images of 32 x 32 in float32.
"""

import numpy as np
import pytest

from exactflow.floats.balancing import balance
from exactflow.interop import convert, to_module

torch = pytest.importorskip("torch")

SIZES = [12, 24, 48, 96, 192]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def weight(d: int, family: str) -> np.ndarray:
    W = np.random.default_rng(d).standard_normal((d, d))
    return np.linalg.qr(W)[0] if family == "rotation" else W


def runs(d: int, family: str):
    """Every way to apply a 1x1 convolution, by name."""
    W = weight(d, family)
    module = to_module(balance(W, orientation="flip")).float()
    kernel = torch.tensor(W).float()
    convolution = torch.nn.functional.conv2d
    return {
        "conv2d": lambda x: convolution(x, kernel[..., None, None]),
        "matmul": lambda x: kernel @ x.flatten(2),
        "inverse, conv2d": lambda x: convolution(
            x, kernel.double().inverse().float()[..., None, None]
        ),
        "couplings": module,
        "couplings, inverse": module.inverse,
    }


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("family", ["rotation", "Gaussian"])
@pytest.mark.parametrize(
    "way", ["conv2d", "matmul", "inverse, conv2d", "couplings", "couplings, inverse"]
)
def test_one_layer(benchmark, way, family, d):
    x = torch.randn(32, d, 32, 32)
    run = runs(d, family)[way]
    with torch.no_grad():
        benchmark(run, x)


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
@pytest.mark.parametrize("channels", [12, 48])
def test_a_glow_of_twelve_blocks(benchmark, channels):
    flows = pytest.importorskip("normflows").flows
    blocks = [flows.GlowBlock(channels, 16, init_zeros=False) for _ in range(12)]
    model = flows.Composite(blocks)
    x = torch.randn(4, channels, 4, 4)
    with torch.no_grad():
        model.inverse(x)
    _, report = benchmark.pedantic(convert, (model, x), rounds=3)
    benchmark.extra_info["largest difference"] = report.latent_difference
