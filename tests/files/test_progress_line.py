"""What a terminal shows while work goes on, as it is read from the terminal."""

import os
import sys

import numpy as np
import pytest
from terminal import POSIX, on_terminal, written_to

from exactflow import balance, factor, random_matrix
from exactflow.exact.progress import listening_to_stages, report_stage
from exactflow.files.progress_line import show_progress, yield_and_report_progress

pytestmark = POSIX

ERASED = "\r\x1b[2K"
HEAD = """import sys
from exactflow.exact.progress import report_stage
from exactflow.files.progress_line import show_progress, yield_and_report_progress
"""


def shown_by(script, **options):
    """Return what a script writes to a terminal on stderr, and its exit code."""
    env = os.environ | {"TERM": "xterm"} | options
    with on_terminal("-c", HEAD + script, env=env) as (process, ours):
        return written_to(ours), process.wait()


def test_the_line_is_drawn_where_a_stage_begins_and_erased_at_the_end():
    shown, code = shown_by("""
with show_progress("factor"):
    report_stage("shears", 0.25)
    report_stage("more")
""")
    assert (shown, code) == (f"25 % factor: shears{ERASED}factor: more{ERASED}", 0)


def test_what_is_printed_stands_above():
    shown, _ = shown_by("""
with show_progress("factor"):
    report_stage("one")
    print("one", "two", file=sys.stderr)
    report_stage("two")
    print("no end of a line", end="", file=sys.stderr)
    report_stage("three")
    print(", and its end", file=sys.stderr)
    report_stage("four")
""")
    above = f"factor: one{ERASED}one two\nfactor: two{ERASED}no end of a line, and its end\n"
    assert shown == f"{above}factor: four{ERASED}"


def test_what_is_printed_on_stdout_stands_above_too_where_that_is_a_terminal(tmp_path):
    script = "with show_progress('f'): report_stage('a'); print('out')"
    both = f"{HEAD}sys.stdout = open(sys.stderr.fileno(), 'w', closefd=False)\n{script}"
    with on_terminal("-c", both) as (_, ours):
        assert written_to(ours) == f"f: a{ERASED}out\n"
    with (
        open(tmp_path / "out", "w") as out,
        on_terminal("-c", HEAD + script, stdout=out) as (_, ours),
    ):
        assert written_to(ours) == f"f: a{ERASED}"
    assert (tmp_path / "out").read_text() == "out\n"


def test_items_are_above_the_line_and_used_up():
    shown, _ = shown_by("""
def items():
    yield from (1, 2)
    print("used up", file=sys.stderr)
for item in yield_and_report_progress(items(), 2, "item"):
    print(item, file=sys.stderr)
""")
    items = f"0 % item 1 of 2{ERASED}1\n50 % item 2 of 2{ERASED}2\n"
    assert shown == f"{items}used up\n"


def test_many_items_and_those_within():
    shown, _ = shown_by("""
for _ in yield_and_report_progress(iter(range(2)), 2, "outer"):
    for _ in yield_and_report_progress(iter(range(2)), 2, "inner"):
        pass
""")
    inner = ["0 % inner 1 of 2", "50 % inner 2 of 2"]
    assert shown.split(ERASED) == ["0 % outer 1 of 2", *inner, "50 % outer 2 of 2", *inner, ""]


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("with show_progress('factor'): pass", {}),
        ("with show_progress('factor'): report_stage('shears')", {"TERM": "dumb"}),
        ("with show_progress('factor'): report_stage('shears')", {"TERM": "unknown"}),
    ],
)
def test_nothing_is_shown_where_there_is_no_stage_and_where_nothing_can_be(script, options):
    assert shown_by(script, **options) == ("", 0)


def test_an_error_and_an_interruption_leave_the_line_empty():
    shown, code = shown_by("""
import os, signal
with show_progress("factor"):
    report_stage("shears")
    os.kill(os.getpid(), signal.SIGINT)
""")
    assert shown.startswith(f"factor: shears{ERASED}Traceback")
    assert code != 0


def test_a_line_is_shorter_than_the_terminal():
    shown, _ = shown_by("with show_progress('factor' * 9): report_stage('x')", COLUMNS="40")
    assert shown == ("factor" * 9)[:39] + ERASED


def heard(work):
    stages = []
    with listening_to_stages(lambda *said: stages.append(said)):
        work()
    return stages


@pytest.mark.parametrize(
    ("d", "method", "named"),
    [
        (6, "transvection", "controller bases"),
        (6, "commutator", "a commutator"),
        (7, "hyperplane", "their similarity"),
        (6, "partition", "their similarity"),
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
    report_stage("to nobody", 0.5)
    with show_progress("no terminal"):
        assert list(yield_and_report_progress(iter("ab"), 2, "letter")) == ["a", "b"]
    assert capfd.readouterr() == ("", "")


def test_work_goes_on_where_stderr_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with show_progress("closed"):
        report_stage("still at work")
