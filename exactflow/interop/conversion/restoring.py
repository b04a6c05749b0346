"""Converted models from their state dicts: `restore` puts layers into a new model."""

from torch import nn

from exactflow.errors import InvalidInputError
from exactflow.interop.libraries import library_of
from exactflow.interop.models import cause, copy_model, place_of, put
from exactflow.interop.modules.flow import (
    BijectionModule,
    FlowModule,
    MatrixModule,
    MergedAway,
    under,
)
from exactflow.interop.modules.layers import State

MARK = "couplings._extra_state"


def restore(model: nn.Module, state: State) -> nn.Module:
    """Return a copy of a model with the couplings and the tensors of a converted one.

    Parameters
    ----------
    model : as it was before `exactflow.interop.convert`, with any numbers.
    state : ``state_dict()`` of the converted model.

    Raises
    ------
    InvalidInputError
        A state without couplings, or one of another model.

    Examples
    --------
    >>> from exactflow.interop import convert
    >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    >>> converted, _ = convert(model)
    >>> again = restore(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), converted.state_dict())
    >>> import torch
    >>> x = torch.randn(3, 4)
    >>> torch.equal(again(x), converted(x))
    True
    """
    heads = [name.removesuffix(MARK) for name in state if f".{name}".endswith(f".{MARK}")]
    if not heads:
        raise InvalidInputError(
            "expected the state of a converted model, got one without couplings"
        )
    new = copy_model(model)
    try:
        for head in heads:
            place = place_of(new, head.removesuffix("."))
            module, own = place.module, under(state, f"{head}couplings.")
            kinds: tuple[type[BijectionModule], ...] = MergedAway, MatrixModule, FlowModule
            couplings = kinds[min(len(own["_extra_state"]), 2)].of_state(own)
            library = library_of(module)
            trained = any(p.requires_grad for p in library.parameters_of(module))
            couplings.requires_grad_(trained)
            new = put(new, place.path, library.in_the_place_of(module, couplings))
        new.load_state_dict(state)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"expected the state of this model after its conversion, got {cause(error)}"
        ) from None
    return new
