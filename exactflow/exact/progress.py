"""What a terminal shows while work goes on: one line, drawn by a process of its own.

A call into FLINT may keep the interpreter for a minute, so that none of its threads can draw
meanwhile. The line is on stderr, if that is a terminal, from half a second on; whatever is printed
meanwhile stands above it. Its process follows this one: it waits while this one is stopped or in
the background, and erases the line when this one ends, however that ends. No cursor is hidden.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import (
    ExitStack,
    contextmanager,
    nullcontext,
    redirect_stderr,
    redirect_stdout,
    suppress,
)
from contextvars import ContextVar
from io import TextIOWrapper
from queue import Empty, SimpleQueue
from typing import TextIO, TypeVar, cast

__all__ = ["hearing", "is_terminal", "shown_progress", "stage", "with_progress"]

Result = TypeVar("Result")
Hear = Callable[[str, float | None], object]

DELAY, TICK = 0.5, 0.1  # seconds: before the line is seen, and between two pictures of it
PAUSE, ANSWER = "", b"\n"
_HEAR: ContextVar[Hear | None] = ContextVar("_HEAR", default=None)


def stage(what: str, done: float | None = None) -> None:
    """Tell whoever listens, if anybody does, what begins now.

    Parameters
    ----------
    what : it, in a few words.
    done : which part of the whole is behind, from 0 to 1, where that is known.
    """
    if (hear := _HEAR.get()) is not None:
        hear(what, done)


@contextmanager
def hearing(hear: Hear) -> Iterator[None]:
    """Let a function hear the stages of what is done within.

    >>> from exactflow import factor
    >>> with hearing(lambda what, done: print(what)):
    ...     flow = factor([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [-1, 0, 0, 0]])
    the determinant
    the route permutation
    composing the layers
    """
    token = _HEAR.set(hear)
    try:
        yield
    finally:
        _HEAR.reset(token)


@contextmanager
def shown_progress(label: str) -> Iterator[None]:
    """Show in a terminal what is being done, for how long, and the stages of it.

    >>> with shown_progress("counting"):  # in a terminal: | 0:07 50 % counting: to three
    ...     stage("to three", 0.5)
    """
    with ExitStack() as shown:
        if is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb":
            with suppress(OSError):  # of a machine that has no room for one process more
                line = _Line(label)
                shown.callback(line.close)
                shown.enter_context(redirect_stderr(cast(TextIO, _Above(sys.stderr, line))))
                if is_terminal(sys.stdout):
                    shown.enter_context(redirect_stdout(cast(TextIO, _Above(sys.stdout, line))))
                shown.enter_context(hearing(line.tell))
        yield


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person sees what is written; a stream that was closed is None."""
    return stream is not None and stream.isatty()


def with_progress(results: Iterator[Result], total: int, label: str) -> Iterator[Result]:
    """Yield the results, and tell how many there are; where nobody listens, a terminal shows it.

    Parameters
    ----------
    results, total : what is yielded, and how many they are.
    label : what one of them is called.

    >>> list(with_progress(iter([3, 2]), 2, "counting"))
    [3, 2]
    """

    def tell(count: int) -> None:
        if count < total > 1:
            stage(f"{label} {count + 1} of {total}", count / total)

    with shown_progress("") if _HEAR.get() is None else nullcontext():
        tell(0)
        for count, result in enumerate(results, 1):
            yield result
            tell(count)


class _Line:
    """The line of a terminal, seen from the process that works."""

    def __init__(self, label: str) -> None:
        self.label = self.text = label
        self.hidden_until = time.monotonic() + DELAY / 2  # at least
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(getattr(os, "getpgrp", int)())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C ends this process; that one ends with it
        )
        self.show()

    def tell(self, what: str, done: float | None) -> None:
        """Say what is done, and how far it is."""
        part = "" if done is None else f"{100 * done:.0f} % "
        self.text = part + ": ".join(filter(None, [self.label, what]))
        if self.hidden_until < float("inf"):
            self.show()

    def show(self) -> None:
        """Have the last text shown, after a while."""
        if self.text:
            self.send(self.text)

    def send(self, text: str) -> None:
        """Have a text shown, or, for PAUSE, nothing."""
        if (stream := self.process.stdin) is not None and self.process.poll() is None:
            with suppress(OSError):
                stream.write(f"{text}\n".encode())
                stream.flush()

    def pause(self) -> None:
        """Return when nothing is shown any more, until a text is sent."""
        if time.monotonic() > self.hidden_until and (stream := self.process.stdout) is not None:
            self.send(PAUSE)
            stream.readline()
            self.hidden_until = float("inf")

    def resume(self) -> None:
        """Let texts be seen again, after a while."""
        self.hidden_until = time.monotonic() + DELAY / 2
        self.show()

    def close(self) -> None:
        """Erase the line, for good."""
        if time.monotonic() <= self.hidden_until:
            self.process.kill()
        self.process.communicate()


class _Above:
    """A stream of the terminal, which hides the line while it is written to."""

    def __init__(self, stream: TextIO, line: _Line) -> None:
        self.stream, self.line = stream, line

    def write(self, text: str) -> int:
        self.line.pause()
        self.stream.write(text)
        self.stream.flush()
        if text.endswith("\n"):
            self.line.resume()
        return len(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


def _draw(group: int) -> None:
    """Draw the line, as long as a group of processes owns the terminal, until stdin ends."""
    texts: SimpleQueue[str | None] = SimpleQueue()
    threading.Thread(target=_read, args=[texts], daemon=True).start()
    frames, text, is_drawn, count = _frames(), PAUSE, False, 0
    start = visible = time.monotonic()
    while True:
        with suppress(Empty):
            said = texts.get(timeout=TICK)
            if said in (None, PAUSE):
                if is_drawn and _is_in_front(group):
                    sys.stderr.write("\r\x1b[K")
                    sys.stderr.flush()
                if said is None:
                    return
                text, is_drawn = PAUSE, False
                os.write(1, ANSWER)
            else:
                visible = visible if text else time.monotonic() + DELAY
                text = str(said)
        now = time.monotonic()
        if text and now >= visible and _is_in_front(group):
            minutes, seconds = divmod(int(now - start), 60)
            line = f"{frames[count % len(frames)]} {minutes}:{seconds:02} {text}"
            sys.stderr.write(f"\r{line[: _columns() - 1]}\x1b[K")
            sys.stderr.flush()
            is_drawn, count, visible = True, count + 1, now + TICK


def _read(texts: "SimpleQueue[str | None]") -> None:
    """Put what stdin says into a queue, and None at its end."""
    for line in sys.stdin.buffer:
        texts.put(line.decode().rstrip("\n"))
    texts.put(None)


def _frames() -> str:
    """Return the characters that turn, in an encoding that has them."""
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr.reconfigure(errors="replace")
    return "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if sys.stderr.encoding.lower() == "utf-8" else "|/-\\"


def _is_in_front(group: int) -> bool:
    """Return whether a group owns the terminal, where that is ours to know."""
    try:
        return os.tcgetpgrp(2) == group
    except (AttributeError, OSError):
        return True


def _columns() -> int:
    try:
        return os.get_terminal_size(2).columns or 80
    except OSError:  # of an editor, whose streams say that they are a terminal
        return 80


if __name__ == "__main__":
    for name in ("SIGINT", "SIGTTOU"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _draw(int(sys.argv[1]))
