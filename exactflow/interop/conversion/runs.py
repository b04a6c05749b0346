"""Runs of a model on an example, on a copy of it: what each layer meets, and what comes out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError, MethodError
from exactflow.interop.conversion.planning import Meeting
from exactflow.interop.copies import cause, copied
from exactflow.interop.libraries import library_of, whole_of
from exactflow.interop.places import chains

__all__ = ["ModelOutput", "largest_difference", "run"]


SEED = 0


@dataclass(frozen=True, eq=False)
class ModelOutput:
    """What a model makes of an example: tensors with axes beside that of the batch are latents,
    the others log-determinants.
    """

    tensors: tuple[Tensor, ...]

    def differences(self, other: "ModelOutput") -> tuple[float | None, float | None]:
        """Return the largest difference of latents, and of log-determinants, None of none.

        Raises `MethodError` where they are not finite, or are of other shapes.
        """
        most = min(2, max((tensor.ndim for tensor in self.tensors), default=0))
        pairs = zip(self.tensors, other.tensors, strict=True)
        found = [(largest_difference(a, b), a.ndim >= most) for a, b in pairs]
        if any(difference != difference for difference, _ in found):
            raise MethodError("expected finite numbers of the converted model, got NaN or inf")
        latents = [difference for difference, is_latent in found if is_latent]
        others = [difference for difference, is_latent in found if not is_latent]
        return max(latents, default=None), max(others, default=None)


def run(
    model: nn.Module, arguments: tuple[Any, ...], context: Any, y: Any
) -> tuple[dict[str, Meeting], ModelOutput | None]:
    """Return what the layers of a model meet in a run on an example, and what comes out, in
    evaluation mode on a copy: an ActNorm that waits for data does so afterwards.

    Raises `InvalidInputError` where the model raises an error, and says where, or where it makes
    no finite numbers of the example.
    """
    if not arguments:
        return {}, None
    if not all(torch.isfinite(x).all() for x in _tensors(arguments)):
        raise InvalidInputError("expected an example of finite numbers, got NaN or inf in it")
    model = copied(model).eval()
    meetings: dict[str, Meeting] = {}
    torch.manual_seed(SEED)  # what a layer draws, it draws again
    try:
        whole = whole_of(model, context, y)
        paths = ((getattr(part, "path", None), part) for part in whole.module.modules())
        steps: dict[Any, nn.Module] = {path: part for path, part in paths if isinstance(path, str)}
        for place in (place for chain in chains(model) for place in chain):
            _watch(steps.get(place.path, place.module), place.path, meetings)
        tensors = tuple(t.detach() for t in _tensors(whole.called(*arguments)))
    except InvalidInputError:
        raise
    except Exception as error:  # whatever a model raises for data that it was not made for
        where = getattr(error, "where", "")
        raise InvalidInputError(
            f"expected a model that runs on the example, got {cause(error)}"
            f"{where and f' (in {where})'}"
        ) from None
    if not all(torch.isfinite(t).all() for t in tensors):
        raise InvalidInputError(
            "expected a model that makes finite numbers of the example, got NaN or inf"
        )
    return meetings, ModelOutput(tensors)


def largest_difference(one: Tensor, two: Tensor) -> float:
    """Return the largest difference of two tensors, in float64; NaN where their shapes differ, and
    neither is a scalar.
    """
    if one.shape != two.shape and one.ndim and two.ndim:
        return float("nan")
    return float((one.double() - two.double()).abs().max()) if one.numel() else 0.0


def _watch(module: nn.Module, path: str, meetings: dict[str, Meeting]) -> None:
    """Let a module, a copy that is thrown away, tell which data it meets on its way ahead."""
    way = library_of(module).way(module)
    name = "forward" if way is None else way.ahead
    method = getattr(module, name)

    def told(*given: Any, **options: Any) -> Any:
        x = given[0] if given else next(iter(options.values()))
        x = x[0] if isinstance(x, tuple | list) else x
        if isinstance(x, Tensor):
            condition = options.get(way.condition) if way is not None and way.condition else None
            meetings.setdefault(path, (x.detach(), condition))
        try:
            return method(*given, **options)
        except Exception as error:
            vars(error).setdefault("where", path)
            raise

    vars(module)[name] = told


def _tensors(result: Any) -> Iterator[Tensor]:
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, float):
        yield torch.tensor(result)
    elif isinstance(result, tuple | list):
        for part in result:
            yield from _tensors(part)
