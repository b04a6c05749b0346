"""One Ctrl-C interrupts, another does not interrupt the cleanup, and then all is as before."""

import signal

import pytest

from exactflow.files.ctrl_c import ignoring_ctrl_c, raising_keyboard_interrupt_at_first_ctrl_c


@pytest.fixture(params=[signal.SIG_DFL, signal.default_int_handler], ids=["kills", "raises"])
def handler(request):
    before = signal.signal(signal.SIGINT, request.param)
    yield request.param
    signal.signal(signal.SIGINT, before)


def press_ctrl_c_and_clean_up(cleaned):
    with ignoring_ctrl_c():
        signal.raise_signal(signal.SIGINT)
    with raising_keyboard_interrupt_at_first_ctrl_c():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            with raising_keyboard_interrupt_at_first_ctrl_c(), ignoring_ctrl_c():
                signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            cleaned.append(True)


def test_a_cleanup_is_not_interrupted(handler):
    cleaned = []
    with pytest.raises(KeyboardInterrupt):
        press_ctrl_c_and_clean_up(cleaned)
    assert cleaned
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_handler_of_the_program_stays(handler):
    interrupts = []
    signal.signal(signal.SIGINT, lambda *arguments: interrupts.append(arguments))
    for context in (raising_keyboard_interrupt_at_first_ctrl_c, ignoring_ctrl_c):
        with context():
            signal.raise_signal(signal.SIGINT)
    assert len(interrupts) == 2
