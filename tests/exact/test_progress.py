"""What a terminal shows while work goes on, as it is read from the terminal."""

import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from terminal import POSIX, on_terminal, written_to

from exactflow import balance, factor, random_matrix
from exactflow.exact.progress import hearing, shown_progress, stage, with_progress

pytestmark = POSIX

FRAME = re.compile(r"\r[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏|/\\-] (\d+:\d\d) ([^\r\x1b]*)\x1b\[K")
ERASED = "\r\x1b[K"

BUSY = """
import ctypes, sys, time
from exactflow.exact.progress import shown_progress, stage, with_progress
def hold(seconds):  # as FLINT does: no other thread of Python runs meanwhile
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))
"""


def shown_by(script, **options):
    """Return what a script writes to a terminal on stderr, and its exit code."""
    env = os.environ | {"TERM": "xterm"} | options
    with on_terminal("-c", BUSY + script, env=env) as (process, ours):
        return written_to(ours), process.wait()


def printed(shown):
    """Return what a terminal keeps; no frame is left before it, on the same line."""
    assert not re.search(FRAME.pattern + r"[^\r]", shown)
    assert not FRAME.search(shown) or shown.endswith(ERASED) or shown[-1] == "\n"
    return FRAME.sub("", shown).replace(ERASED, "")


def test_the_line_moves_while_the_interpreter_is_held():
    shown, code = shown_by("with shown_progress('factor'): stage('shears', 0.25); hold(2)")
    frames = FRAME.findall(shown)
    assert code == 0
    assert len(frames) >= 3
    assert {what for _, what in frames} == {"25 % factor: shears"}
    assert printed(shown) == ""


def test_what_is_printed_stands_above():
    shown, _ = shown_by("""
with shown_progress("factor"):
    hold(1)
    print("one", "two", file=sys.stderr)
    hold(1)
    print("no end of a line", end="", file=sys.stderr)
    stage("more")
    hold(1)
    print(", and its end", file=sys.stderr)
""")
    assert printed(shown) == "one two\nno end of a line, and its end\n"


def test_a_stream_that_only_says_that_it_is_a_terminal():
    """As those of editors do: the line is drawn, and its process does not end in a traceback."""
    script = "sys.stderr.isatty = lambda: True\nwith shown_progress('factor'): hold(1.5)"
    run = [sys.executable, "-c", BUSY + script]
    env = os.environ | {"TERM": "xterm"}
    shown = subprocess.run(run, env=env, stderr=subprocess.PIPE, check=True).stderr.decode()
    assert FRAME.search(shown)
    assert printed(shown) == ""


@pytest.mark.slow
def test_items_are_above_the_line_and_used_up():
    shown, _ = shown_by("""
def items():
    yield from (1, 2)
    hold(0.8)
    print("used up", file=sys.stderr)
for item in with_progress(items(), 2, "item"):
    hold(0.8)
    print(item, file=sys.stderr)
""")
    assert {what for _, what in FRAME.findall(shown)} <= {"0 % item 1 of 2", "50 % item 2 of 2"}
    assert printed(shown) == "1\n2\nused up\n"


@pytest.mark.slow
def test_many_items_and_those_within():
    shown, _ = shown_by("""
for _ in with_progress(iter(range(2)), 2, "outer"):
    for _ in with_progress(iter(range(2)), 2, "inner"):
        hold(0.7)
""")
    seen = {what for _, what in FRAME.findall(shown)}
    assert seen <= {"50 % outer 2 of 2", "0 % inner 1 of 2", "50 % inner 2 of 2"}
    assert printed(shown) == ""


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("with shown_progress('factor'): pass", {}),
        ("with shown_progress('factor'): hold(1)", {"TERM": "dumb"}),
    ],
)
def test_nothing_is_shown_of_short_work_and_where_nothing_can_be(script, options):
    assert shown_by(script, **options) == ("", 0)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_the_line_ends_with_its_process_however_that_ends(number):
    shown, code = shown_by(f"""
import os, signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
with shown_progress("factor"):
    hold(1)
    os.kill(os.getpid(), {int(number)})
    hold(9)
""")
    assert (code, printed(shown)) == (-number, "")


def test_a_line_is_no_longer_than_the_terminal():
    import termios

    script = f"{BUSY}time.sleep(0.2)\nwith shown_progress('factor' * 9): hold(0.8)"
    with on_terminal("-c", script) as (_, ours):
        termios.tcsetwinsize(ours, (24, 40))
        shown = written_to(ours)
    assert {len(frame[0]) for frame in re.finditer(r"\r[^\r\x1b]+", shown)} <= {40}


def heard(work):
    stages = []
    with hearing(lambda *said: stages.append(said)):
        work()
    return stages


@pytest.mark.parametrize(
    ("d", "method", "named"),
    [
        (6, "transvection", "controller bases"),
        (6, "commutator", "a commutator"),
        (7, "hyperplane", "their similarity"),
        (6, "partition", "their similarity"),
        (6, "classical", "the route classical"),
    ],
)
def test_every_route_tells_its_stages_in_order(d, method, named):
    M = random_matrix(d, seed=3)
    stages = heard(lambda: factor(M, method=method, orientation="flip"))
    parts = [done for _, done in stages]
    assert named in [what for what, _ in stages]
    assert (stages[0], stages[-1]) == (("the determinant", 0), ("composing the layers", 0.7))
    assert parts == sorted(parts)


def test_balance_tells_its_stages_and_nobody_need_listen(capfd):
    W = np.random.default_rng(0).standard_normal((4, 4))
    stages = heard(lambda: balance(W, orientation="flip"))
    assert {"a path to the matrix", "the last digits", "the account"} <= {s for s, _ in stages}
    stage("to nobody", 0.5)
    with shown_progress("no terminal"):
        assert list(with_progress(iter("ab"), 2, "letter")) == ["a", "b"]
    assert capfd.readouterr() == ("", "")


def test_work_goes_on_where_no_line_can_be_shown(monkeypatch):
    def full(*arguments, **options):
        raise BlockingIOError("no process more")

    monkeypatch.setattr(sys, "stderr", None)
    with shown_progress("closed"):
        stage("still at work")
    monkeypatch.undo()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(subprocess, "Popen", full)
    with shown_progress("full"):
        stage("still at work")
