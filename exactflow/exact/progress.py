"""Progress in a terminal: one line on stderr, redrawn at each stage.

Whatever is printed meanwhile stands above it, and at the end it is erased.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, TextIO, TypeVar, cast

if TYPE_CHECKING:
    from rich.console import Console

Result = TypeVar("Result")
Hear = Callable[[str, float | None], object]

_HEAR: ContextVar[Hear | None] = ContextVar("_HEAR", default=None)


def stage(what: str, done: float | None = None) -> None:
    """Report that a stage begins, and which part of the whole, from 0 to 1, is done, if known."""
    if (hear := _HEAR.get()) is not None:
        hear(what, done)


@contextmanager
def hearing(hear: Hear) -> Iterator[None]:
    """Call a function at each stage of the work within."""
    token = _HEAR.set(hear)
    try:
        yield
    finally:
        _HEAR.reset(token)


@contextmanager
def shown_progress(label: str) -> Iterator[None]:
    """Show the stages of the work within in a terminal, as in "50 % counting: to three"."""
    with ExitStack() as shown:
        if is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb":
            line = _Line(label, sys.stderr)
            shown.callback(line.erase)
            shown.enter_context(redirect_stderr(cast(TextIO, _Above(sys.stderr, line))))
            if is_terminal(sys.stdout):
                shown.enter_context(redirect_stdout(cast(TextIO, _Above(sys.stdout, line))))
            shown.enter_context(hearing(line.tell))
        yield


def is_terminal(stream: TextIO | None) -> bool:
    """Whether the stream is a terminal; a closed stream is None."""
    return stream is not None and stream.isatty()


def with_progress(results: Iterator[Result], total: int, label: str) -> Iterator[Result]:
    """Yield the results, and report their number, to a listener or in a terminal."""

    def tell(count: int) -> None:
        if count < total > 1:
            stage(f"{label} {count + 1} of {total}", count / total)

    with shown_progress("") if _HEAR.get() is None else nullcontext():
        tell(0)
        for count, result in enumerate(results, 1):
            yield result
            tell(count)


class _Line:
    """The line of a terminal, which gives way to what is printed."""

    def __init__(self, label: str, stream: TextIO) -> None:
        self.label, self.stream = label, stream
        self.is_drawn, self.is_free = False, True

    @cached_property
    def console(self) -> "Console":
        """A rich console on the stream, which knows the width of the terminal."""
        from rich.console import Console

        return Console(file=self.stream, markup=False, highlight=False)

    def tell(self, what: str, done: float | None) -> None:
        """Draw the name of the stage and the part that is done."""
        self.erase()
        if self.is_free and self.console.is_terminal and not self.console.is_dumb_terminal:
            part = "" if done is None else f"{100 * done:.0f} % "
            text = part + ": ".join(filter(None, [self.label, what]))
            self.console.print(text[: self.console.width - 1], end="", no_wrap=True)
            self.is_drawn = True

    def erase(self) -> None:
        """Leave the line empty."""
        if self.is_drawn:
            from rich.control import Control
            from rich.segment import ControlType

            erasing = ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)
            self.console.control(Control(*erasing))
            self.is_drawn = False


class _Above:
    """A stream to the terminal, which erases the progress line before it writes."""

    def __init__(self, stream: TextIO, line: _Line) -> None:
        self.stream, self.line = stream, line

    def write(self, text: str) -> int:
        self.line.erase()
        if text:
            self.line.is_free = text.endswith("\n")
        return self.stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)
