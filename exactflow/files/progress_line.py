"""Progress in a terminal: one line on stderr, redrawn at each stage.

Text that is printed during the work appears above the line. At the end the line is erased.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from functools import cached_property
from typing import TYPE_CHECKING, TextIO, TypeVar, cast

from exactflow.exact.progress import has_stage_listener, listening_to_stages, report_stage

if TYPE_CHECKING:
    from rich.console import Console

Result = TypeVar("Result")


@contextmanager
def show_progress(label: str) -> Iterator[None]:
    """Show the current stage of the work on a line, such as "50 % counting: to three".

    The line is shown only if stderr is a terminal.
    """
    with ExitStack() as shown:
        if is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb":
            line = _ProgressLine(label, sys.stderr)
            shown.callback(line.erase)
            shown.enter_context(
                redirect_stderr(cast(TextIO, _ProgressErasingStream(sys.stderr, line)))
            )
            if is_terminal(sys.stdout):
                shown.enter_context(
                    redirect_stdout(cast(TextIO, _ProgressErasingStream(sys.stdout, line)))
                )
            shown.enter_context(listening_to_stages(line.draw))
        yield


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal; False for None, the value of a closed `sys.stderr`."""
    return stream is not None and stream.isatty()


def yield_and_report_progress(
    results: Iterator[Result], total: int, label: str
) -> Iterator[Result]:
    """Yield the results, and report after each one how many of `total` are done.

    The report goes to the listener to stages, or to a line in the terminal if there is none.
    """

    def report_progress(done_count: int) -> None:
        if done_count < total > 1:
            report_stage(f"{label} {done_count + 1} of {total}", done_count / total)

    with show_progress("") if not has_stage_listener() else nullcontext():
        report_progress(0)
        for done_count, result in enumerate(results, 1):
            yield result
            report_progress(done_count)


class _ProgressLine:
    """A line of progress in a terminal, erased before other text is printed."""

    def __init__(self, label: str, stream: TextIO) -> None:
        self.label, self.stream = label, stream
        self.is_drawn, self.is_free = False, True

    @cached_property
    def console(self) -> "Console":
        """The stream as a console of the library rich, which knows the width of the terminal."""
        from rich.console import Console

        return Console(file=self.stream, markup=False, highlight=False)

    def draw(self, stage: str, fraction_done: float | None) -> None:
        """Draw the name of a stage, after the percentage done; None draws no percentage."""
        self.erase()
        if self.is_free and self.console.is_terminal and not self.console.is_dumb_terminal:
            part = "" if fraction_done is None else f"{100 * fraction_done:.0f} % "
            text = part + ": ".join(filter(None, [self.label, stage]))
            self.console.print(text[: self.console.width - 1], end="", no_wrap=True)
            self.is_drawn = True

    def erase(self) -> None:
        """Erase the line if it is drawn."""
        if self.is_drawn:
            from rich.control import Control
            from rich.segment import ControlType

            erasing = ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)
            self.console.control(Control(*erasing))
            self.is_drawn = False


class _ProgressErasingStream:
    """A stream that erases the progress line, then writes the text to another stream."""

    def __init__(self, stream: TextIO, line: _ProgressLine) -> None:
        self.stream, self.line = stream, line

    def write(self, text: str) -> int:
        self.line.erase()
        if text:
            self.line.is_free = text.endswith("\n")
        return self.stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)
