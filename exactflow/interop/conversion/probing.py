"""Unknown modules, read by what they do: is it an affine map of channels, and which?"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.interop.affine import AffineMap
from exactflow.interop.copies import cause
from exactflow.interop.libraries import whole_of

__all__ = ["probed"]

LARGEST = 1024
TOLERANCE = 1e-9
NOT_LINEAR = "not linear, as it acts on the example"


def probed(module: nn.Module, x: Tensor, context: Any) -> AffineMap | str:
    """Return the affine map of channels that a module is, from data to latent, or why it is none.

    In float64 on a copy: A is read off f(I) - f(0), the same at every pixel, and f(z) = A z + b is
    checked on data that the module meets, and on random data.

    Parameters
    ----------
    x : data that the module meets, (N, d) or (N, d, ..), N > 0.
    context : the condition that it is given.
    """
    d = x.shape[1] if x.ndim > 1 else 0
    if not 2 <= d <= LARGEST or not len(x):
        return f"expected 2 to {LARGEST} channels to probe, got data of shape {tuple(x.shape)}"
    module = copy.deepcopy(module).double().eval()
    generator = torch.Generator().manual_seed(0)
    given = x[:4].detach().double().cpu()
    noise = torch.randn(given.shape, generator=generator, dtype=torch.float64)
    unit = torch.eye(d, dtype=torch.float64).reshape(d, d, *[1] * (x.ndim - 2))
    unit = unit.expand(d, d, *x.shape[2:])
    try:
        with torch.no_grad():
            device = next(iter(module.state_dict().values()), x).device
            z = torch.cat((torch.zeros_like(unit[:1]), unit, given, noise)).to(device)
            y = whole_of(module, context).image(z)[0].cpu()
    except Exception as error:  # whatever a module raises for data that it was not made for
        return f"fails in float64, by {cause(error)}"
    if y.shape != z.shape or not torch.isfinite(y).all():
        return NOT_LINEAR
    bias = y[0].reshape(d, -1)[:, 0]
    A = (y[1 : d + 1] - y[:1]).reshape(d, d, -1)[..., 0].T
    expected = torch.einsum("ij,nj...->ni...", A, z.cpu())
    expected = expected + bias.reshape(-1, *[1] * (x.ndim - 2))
    if (y - expected).abs().max() > TOLERANCE * (1 + y.abs().max()):
        return NOT_LINEAR
    return AffineMap(A.numpy(), bias.numpy() if bias.any() else None).simplified()
