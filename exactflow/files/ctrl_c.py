"""Handle Ctrl-C (SIGINT) while cleanups must run, or while worker processes start.

Nothing changes if the process handles or ignores SIGINT by itself, or outside of the main thread.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


@contextmanager
def raising_keyboard_interrupt_at_first_ctrl_c() -> Iterator[None]:
    """Let one Ctrl-C raise `KeyboardInterrupt`, and ignore others, so that cleanups run."""
    with _replacing_handler(_raise_keyboard_interrupt_once, signal.default_int_handler):
        yield


@contextmanager
def ignoring_ctrl_c() -> Iterator[None]:
    """Ignore Ctrl-C; processes that are started meanwhile ignore it, too, until they end."""
    replaced = signal.default_int_handler, _raise_keyboard_interrupt_once
    with _replacing_handler(signal.SIG_IGN, *replaced):
        yield


def _raise_keyboard_interrupt_once(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def _replacing_handler(
    handler: Callable[..., NoReturn] | signal.Handlers, *replaced: Callable[..., NoReturn]
) -> Iterator[None]:
    """Replace the handler of SIGINT if it is one of these, or kills the process."""
    before = signal.getsignal(signal.SIGINT)
    is_main_thread = threading.current_thread() is threading.main_thread()
    if not is_main_thread or before not in (signal.SIG_DFL, *replaced):
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
