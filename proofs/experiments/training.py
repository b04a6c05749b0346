"""The padding experiment of the paper, in small: a *numeric* study of trained flows.

A Real NVP (Dinh, Sohl-Dickstein and Bengio 2017) is trained by maximum likelihood on two densities
in the plane, without padding, with two zero coordinates more, and with two Gaussian ones. Followed
over training: the log-likelihood of fresh data, and the condition number of the Jacobian there
(Koehler, Mehta and Risteski, ICML 2021). Needs the extra ``train``: PyTorch and zuko.

Log-likelihoods are in nats a point. With Gaussian pads that of the pads themselves is taken off,
which leaves a lower bound for the data (Huang, Dinh and Courville, *Augmented normalizing flows*,
2020); zero pads have no density, so that with them the number has no such meaning and no bound.
zuko keeps the scale of an affine layer within a factor of 1000; so do we.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from exactflow.errors import InvalidInputError, require

try:
    import torch
    import zuko
except ImportError:  # importing this module is free; training says what to install
    torch = None

__all__ = ["AVAILABLE", "DATASETS", "PADDINGS", "TrainingRecord", "draw", "train"]

AVAILABLE = torch is not None

DATASETS = ("four Gaussians", "Swiss roll")
PADDINGS = ("none", "zero", "Gaussian")
PADS = 2


@dataclass(frozen=True)
class TrainingRecord:
    """One look at a flow in training; the log10 condition numbers are over fresh data."""

    dataset: str
    padding: str
    seed: int
    step: int
    log_likelihood: float
    log_kappa_median: float
    log_kappa_largest: float


def draw(dataset: str, count: int, generator: "torch.Generator") -> "torch.Tensor":
    """Return `count` points of the plane, in rows, of about unit size."""
    if dataset == "four Gaussians":
        corners = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        chosen = torch.randint(4, (count,), generator=generator)
        return corners[chosen] + 0.2 * torch.randn(count, 2, generator=generator)
    if dataset == "Swiss roll":
        turn = 1.5 * np.pi * (1 + 2 * torch.rand(count, generator=generator))
        roll = torch.stack([turn * turn.cos(), turn * turn.sin()], dim=1)
        return (roll + 0.3 * torch.randn(count, 2, generator=generator)) / 8
    raise InvalidInputError(f"expected a data set among {DATASETS}, got {dataset!r}")


def padded(points: "torch.Tensor", padding: str, generator: "torch.Generator") -> "torch.Tensor":
    """Return the points with their pads."""
    if padding == "none":
        return points
    if padding == "zero":
        pads = torch.zeros(len(points), PADS)
    elif padding == "Gaussian":
        pads = torch.randn(len(points), PADS, generator=generator)
    else:
        raise InvalidInputError(f"expected a padding among {PADDINGS}, got {padding!r}")
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
        PyTorch or zuko is not installed.
    """
    for module in ("torch", "zuko"):
        require(module, "train", "training flows")
    with _one_thread():
        return _train(dataset, padding, seed, steps, looks, layers, width, batch)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run networks this small on one thread: several only wait for each other."""
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
        features = 2 if padding == "none" else 2 + PADS
        flow = zuko.flows.RealNVP(features, transforms=layers, hidden_features=(width, width))
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    records = [_look(flow, dataset, padding, seed, 0)]
    for step in range(1, steps + 1):
        points = padded(draw(dataset, batch, generator), padding, generator)
        loss = -flow().log_prob(points).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 10.0)
        optimizer.step()
        if step % max(1, steps // looks) == 0:
            records.append(_look(flow, dataset, padding, seed, step))
    return records


def _look(flow, dataset: str, padding: str, seed: int, step: int) -> TrainingRecord:
    generator = torch.Generator().manual_seed(10_000 + seed)
    points = padded(draw(dataset, 2000, generator), padding, generator)
    with torch.no_grad():
        likelihood = flow().log_prob(points).mean().item()
        if padding == "Gaussian":
            pads = torch.distributions.Normal(0.0, 1.0).log_prob(points[:, 2:])
            likelihood -= pads.sum(dim=1).mean().item()
    kappas = np.log10(list(_condition_numbers(flow, points[:64])))
    return TrainingRecord(
        dataset, padding, seed, step, likelihood, float(np.median(kappas)), float(kappas.max())
    )


def _condition_numbers(flow, points: "Iterable[torch.Tensor]") -> Iterator[float]:
    """Yield the condition number of the Jacobian of data to noise, at every point."""
    transform = flow().transform
    for point in points:
        jacobian = torch.autograd.functional.jacobian(transform, point)
        values = torch.linalg.svdvals(jacobian.double())
        yield float(values[0] / values[-1])
