"""A Glow with a mistake, trained on scikit-learn's digits when `model` or `x` is first asked for.

One of its convolutions is written by hand, and counts one pixel of the image in its log-determinant
instead of all four: the mistake of issue 17 of jaywalnut310/glow-tts. README and the site diagnose
the model. The training takes about 15 seconds on one core; it needs the extras ``normflows`` and
``train``.

`model` is the normalizing flow of normflows, `x` holds 64 images of 16 channels and 2 x 2 pixels.
"""

import sys
from functools import cache
from typing import Any

from exactflow.errors import require

torch = require("torch", "torch", "the Glow")
nf = require("normflows", "normflows", "the Glow")
datasets = require("sklearn.datasets", "train", "the Glow")

__all__ = ["model", "x"]  # noqa: F822 (`__getattr__` trains them)

STEPS = 1200


class Conv1x1(nf.flows.Flow):
    """A 1x1 convolution without the number of pixels in its log-determinant."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linalg.qr(torch.randn(channels, channels))[0])

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map latents to data by the inverse of the weight."""
        return self._convolved(z, self.weight.inverse())

    def inverse(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map data to latents by the weight."""
        return self._convolved(z, self.weight)

    def _convolved(
        self, z: torch.Tensor, weight: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        image = torch.nn.functional.conv2d(z, weight[:, :, None, None])
        return image, torch.linalg.slogdet(weight)[1].expand(len(z))


def _coupling() -> nf.flows.AffineCouplingBlock:
    network = nf.nets.ConvNet2d([8, 32, 32, 16], [3, 1, 3], init_zeros=True)
    return nf.flows.AffineCouplingBlock(network, scale_map="sigmoid")


@cache
def _trained() -> tuple[nf.NormalizingFlow, torch.Tensor]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on busy cores several threads wait for each other
    print("training a Glow on digits: about 15 seconds", file=sys.stderr)
    torch.manual_seed(0)
    digits = torch.tensor(datasets.load_digits().images, dtype=torch.float32)[:, None]
    noisy = (digits + torch.rand_like(digits)) / 17 - 0.5
    images = torch.nn.functional.pixel_unshuffle(noisy, 4)
    layers = [
        _coupling(),
        Conv1x1(16),
        _coupling(),
        nf.flows.Invertible1x1Conv(16),
        _coupling(),
        nf.flows.Invertible1x1Conv(16),
    ]
    model = nf.NormalizingFlow(nf.distributions.DiagGaussian((16, 2, 2)), layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(STEPS):
        loss = -model.log_prob(images[torch.randint(len(images), (128,))]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.set_num_threads(threads)
    return model, images[:64]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _trained()[__all__.index(name)]
