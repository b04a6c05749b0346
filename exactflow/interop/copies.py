"""Copies of a model to try things on, and nothing else changed by it."""

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError

__all__ = ["cause", "copied", "untouched"]

Model = TypeVar("Model", bound=nn.Module)


def copied(model: Model) -> Model:
    """Return a copy; tensors that a run of the model left behind are copied without its graph.

    Raises `InvalidInputError` for a model that cannot be copied.
    """
    behind = {
        id(tensor): tensor.detach().clone()
        for module in model.modules()
        for tensor in vars(module).values()
        if isinstance(tensor, Tensor) and not tensor.is_leaf
    }
    try:
        return copy.deepcopy(model, behind)
    except Exception as error:  # whatever a class raises that was not made to be copied
        raise InvalidInputError(
            f"expected a model that copy.deepcopy copies, got {cause(error)}"
        ) from None


@contextmanager
def untouched() -> Iterator[None]:
    """Give the states of the random number generators back afterwards."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def cause(error: BaseException) -> str:
    """Return the type and the first lines of the error that was raised first."""
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
    lines = (line.strip() for line in str(error).splitlines())
    said = " ".join(line for line in lines if line)
    return f"{type(error).__name__}: {said}"[:300].removesuffix(": ")
