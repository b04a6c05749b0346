"""Stages of a long computation, reported to a listener."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, float | None], object]
"""A function of the name of a stage and the finished fraction of the computation."""

_LISTENER: ContextVar[Listener | None] = ContextVar("_LISTENER", default=None)


def report_stage(name: str, finished_fraction_of_computation: float | None = None) -> None:
    """Report that a stage begins. The finished fraction, from 0 to 1, is None if unknown."""
    if (listener := _LISTENER.get()) is not None:
        listener(name, finished_fraction_of_computation)


def has_stage_listener() -> bool:
    """Whether stages are reported to a listener."""
    return _LISTENER.get() is not None


@contextmanager
def listening_to_stages(listener: Listener) -> Iterator[None]:
    """Context manager: call `listener` for each stage that is reported within the block."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)
