"""The affine maps of linear layers, each in the direction that its library means.

Which layers there are stands with each library (``libraries/``).
"""

from typing import Any

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap
from exactflow.interop.libraries import library_of


def linear_map(module: Any) -> AffineMap:
    """Return the map x -> A x + bias that a linear module of a flow library applies, to vectors or
    at every pixel, from data to latent.

    Parameters are taken in float64: float32 weights exactly, products of factors rounded once.

    Parameters
    ----------
    module : ``nn.Linear``, a 1x1 convolution, a linear layer, permutation or ActNorm of a flow
        library, of exactly that type.

    Raises
    ------
    InvalidInputError
        Some other module, or one whose map has no inverse for sure: not square, or kernels larger
        than a pixel.

    Examples
    --------
    >>> from normflows.flows import Permute
    >>> linear_map(Permute(3, mode="swap")).matrix
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    library = library_of(module)
    reader = library.readers.get(type(module))
    if reader is None:
        known = ", ".join(kind.__name__ for kind in library.readers)
        wanted = f"a linear layer of {library.name} ({known})"
        if not known:
            wanted = f"a linear layer of another library ({library.name} is only written)"
        kind = type(module)
        raise InvalidInputError(
            f"expected {wanted}, got {kind.__module__}.{kind.__name__}: give its matrix as an "
            "array instead"
        )
    from exactflow.interop.models import doubled  # with PyTorch, which the module has brought

    return reader(doubled(module))


def is_initialized(module: Any) -> bool:
    """Whether an ActNorm has met the data that set its scales; true for other modules."""
    flags = (getattr(module, name, True) for name in ("data_dep_init_done", "initialized"))
    return all(map(bool, flags)) and not getattr(module, "init_on_next_batch", False)
