"""The padding experiment of the paper: a *numeric* study of trained flows.

A Real NVP (Dinh, Sohl-Dickstein and Bengio 2017) is trained by maximum likelihood without padding,
with zero coordinates appended, and with Gaussian ones. Recorded during training, at fresh data: the
log-likelihood, the singular values of the Jacobian and the error of a round trip in float32
(Koehler, Mehta and Risteski, ICML 2021). Needs the extra ``train``: PyTorch, zuko and scikit-learn.

Log-likelihoods are in nats a point. With Gaussian pads that of the pads themselves is taken off,
which leaves a lower bound for the data (Huang, Dinh and Courville, *Augmented normalizing flows*,
2020); zero pads have no density, so that with them the number has no such meaning and no bound.
zuko keeps the scale of an affine layer within a factor of 1000; so do we.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np

from exactflow.errors import InvalidInputError, require

try:
    import torch
    import zuko
except ImportError:  # importing this module is free; training says what to install
    torch = None

__all__ = ["AVAILABLE", "DATASETS", "PADDINGS", "TrainingRecord", "draw", "train"]

AVAILABLE = torch is not None

DATASETS = {
    "four Gaussians": 2,
    "Swiss roll": 2,
    "checkerboard": 2,
    "a surface in 16 dimensions": 16,
    "digits": 64,
}
"""The data sets, and their dimensions d."""

PADDINGS = {"none": 0, "zero": 1, "Gaussian": 1, "large Gaussian": 3}
"""The paddings, and how many coordinates they append for each of the data."""

POINTS = 64
"""At so many fresh points each look takes the Jacobian."""


@dataclass(frozen=True)
class TrainingRecord:
    """Record of a flow at one step of its training.

    The smallest singular value of the Jacobian of data to noise, its condition number, and the
    error of a round trip in float32, relative to the largest coordinate, are taken at fresh points;
    the record has the median of each over the points, and the worst.
    """

    dataset: str
    padding: str
    seed: int
    step: int
    log_likelihood: float
    sigma_min_median: float
    sigma_min_least: float
    log_kappa_median: float
    log_kappa_largest: float
    round_trip_median: float
    round_trip_largest: float


def draw(dataset: str, count: int, generator: "torch.Generator") -> "torch.Tensor":
    """Return `count` points of a data set among `DATASETS`, in rows, of about unit size."""
    if dataset == "four Gaussians":
        corners = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        chosen = torch.randint(4, (count,), generator=generator)
        return corners[chosen] + 0.2 * torch.randn(count, 2, generator=generator)
    if dataset == "Swiss roll":
        turn = 1.5 * np.pi * (1 + 2 * torch.rand(count, generator=generator))
        roll = torch.stack([turn * turn.cos(), turn * turn.sin()], dim=1)
        return (roll + 0.3 * torch.randn(count, 2, generator=generator)) / 8
    if dataset == "checkerboard":
        column, row = torch.randint(4, (2, count), generator=generator)
        square = torch.stack([column, 2 * (row // 2) + column % 2], dim=1)
        return (square + torch.rand(count, 2, generator=generator)) / 2 - 1
    if dataset == "a surface in 16 dimensions":
        weights = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
        angles = np.pi * (2 * torch.rand(count, 2, generator=generator) - 1)
        return (angles @ weights).sin() + 0.01 * torch.randn(count, 16, generator=generator)
    images = _digits()
    chosen = torch.randint(len(images), (count,), generator=generator)
    noise = torch.rand(count, images.shape[1], generator=generator)
    return (images[chosen] + noise) / 8.5 - 1


@cache
def _digits() -> "torch.Tensor":
    """Return the 1,797 images of 8 x 8 pixels, with values 0 .. 16, of scikit-learn."""
    data = require("sklearn.datasets", "train", "a set of images").load_digits().data
    return torch.from_numpy(data).float()


def padded(points: "torch.Tensor", padding: str, generator: "torch.Generator") -> "torch.Tensor":
    """Return the points with their pads."""
    count, d = points.shape
    shape = count, d * PADDINGS[padding]
    pads = torch.zeros(shape) if padding == "zero" else torch.randn(shape, generator=generator)
    return torch.cat([points, pads], dim=1)


def train(
    dataset: str,
    padding: str,
    seed: int,
    steps: int = 2000,
    looks: int = 10,
    layers: int = 6,
    width: int = 64,
    batch: int = 256,
) -> list[TrainingRecord]:
    """Train one flow by Adam; return records at the start and at `looks` even steps.

    Parameters
    ----------
    dataset, padding : one of `DATASETS`, one of `PADDINGS`.
    seed : fixes initial weights and all draws.
    layers, width : coupling layers, and units in each of the two hidden layers of a conditioner.

    Raises
    ------
    InvalidInputError
        An unknown data set or padding.
    MissingExtraError
        PyTorch, zuko or, for digits, scikit-learn is not installed.
    """
    for name, value, known in (("data set", dataset, DATASETS), ("padding", padding, PADDINGS)):
        if value not in known:
            raise InvalidInputError(f"expected a {name} among {list(known)}, got {value!r}")
    for module in ("torch", "zuko"):
        require(module, "train", "training flows")
    with _one_thread():
        return _train(dataset, padding, seed, steps, looks, layers, width, batch)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run on one thread: for small networks several threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _train(
    dataset: str,
    padding: str,
    seed: int,
    steps: int,
    looks: int,
    layers: int,
    width: int,
    batch: int,
) -> list[TrainingRecord]:
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        features = DATASETS[dataset] * (1 + PADDINGS[padding])
        flow = zuko.flows.RealNVP(features, transforms=layers, hidden_features=(width, width))
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    records = [_record(flow, dataset, padding, seed, 0)]
    for step in range(1, steps + 1):
        points = padded(draw(dataset, batch, generator), padding, generator)
        loss = -flow().log_prob(points).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 10.0)
        optimizer.step()
        if step % max(1, steps // looks) == 0:
            records.append(_record(flow, dataset, padding, seed, step))
    return records


def _record(flow, dataset: str, padding: str, seed: int, step: int) -> TrainingRecord:
    generator = torch.Generator().manual_seed(10_000 + seed)
    points = padded(draw(dataset, 1000, generator), padding, generator)
    with torch.no_grad():
        transform = flow().transform
        likelihood = flow().log_prob(points).mean().item()
        if "Gaussian" in padding:
            pads = torch.distributions.Normal(0.0, 1.0).log_prob(points[:, DATASETS[dataset] :])
            likelihood -= pads.sum(dim=1).mean().item()
        back = transform.inv(transform(points))
        trips = (back - points).abs().amax(dim=1) / points.abs().amax(dim=1)
    values = np.array(list(_singular_values(transform, points[:POINTS])))
    kappas = np.log10(values[:, 0] / values[:, -1])
    measured = values[:, -1], kappas, trips.double().numpy()
    worst = np.min, np.max, np.max
    pairs = ((np.median(v), far(v)) for v, far in zip(measured, worst, strict=True))
    numbers = (float(number) for pair in pairs for number in pair)
    return TrainingRecord(dataset, padding, seed, step, likelihood, *numbers)


def _singular_values(transform, points: "torch.Tensor") -> Iterator[np.ndarray]:
    """Yield the singular values of the Jacobian of data to noise, at every point."""
    for point in points:
        jacobian = torch.autograd.functional.jacobian(transform, point, vectorize=True)
        yield torch.linalg.svdvals(jacobian.double()).numpy()
