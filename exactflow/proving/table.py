"""What came of proof scripts, as a table: a row a claim, or in a narrow terminal one a theorem."""

import os
from collections.abc import Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console, OverflowMethod
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from exactflow.claims import Claim
from exactflow.proving.script import Outcome

__all__ = ["print_table", "summary"]

WIDE = 100  # columns: below, sentences would be folded to columns of a few letters
PIPED = 130  # columns where no terminal has others: names of theorems are whole
WITH_TIMES = 60
WORST_FIRST = "FAILED", "not reached", "not run", "passed"


def print_table(outcomes: Sequence[Outcome], verbose: bool = False) -> None:
    """Print what was checked, in the width of the terminal.

    Where that is below 100, each theorem has one line, and its claims follow only if `verbose`.
    """
    console, claims = Console(), [claim for outcome in outcomes for claim in outcome.claims]
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = max(console.width, PIPED)
    if console.width >= WIDE:
        console.print(_wide(claims))
    elif claims:
        console.print(_narrow(claims, console.width, verbose))


def _wide(claims: Sequence[Claim]) -> Table:
    table = Table(title="Theorems checked", title_justify="left")
    table.add_column("theorem", overflow="fold", ratio=2)
    table.add_column("what was checked", overflow="fold", ratio=3)
    table.add_column("evidence", no_wrap=True)
    for name in ("instances", "seconds", "verdict"):
        table.add_column(name, justify="right", no_wrap=True)
    for theorem, rows in groupby(claims, lambda claim: claim.theorem):
        table.add_section()
        for i, claim in enumerate(rows):
            table.add_row(
                "" if i else escape(theorem),
                escape(claim.checked),
                str(claim.evidence),
                str(claim.instances),
                f"{claim.seconds:.2f}",
                claim.verdict,
            )
    return table


def _narrow(claims: Sequence[Claim], width: int, verbose: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    names = ("claims", *["seconds"] * (width >= WITH_TIMES), "verdict")
    rest = width - sum(len(name) + 4 for name in names)  # with rich 13, whose gaps are wider
    way: OverflowMethod = "fold" if verbose else "ellipsis"
    table.add_column("theorem", overflow=way, no_wrap=not verbose, max_width=rest)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))

    def add(text: str | Padding, count: int, seconds: float, verdict: str) -> None:
        times = [f"{seconds:.2f}"] if width >= WITH_TIMES else []
        table.add_row(text, str(count), *times, verdict)

    for theorem, group in groupby(claims, lambda claim: claim.theorem):
        rows = list(group)
        worst = min((claim.verdict for claim in rows), key=WORST_FIRST.index)
        add(escape(theorem), len(rows), sum(claim.seconds for claim in rows), worst)
        for claim in rows if verbose else ():
            checked = Padding(escape(f"{claim.checked} [{claim.evidence}]"), (0, 0, 0, 2))
            add(checked, claim.instances, claim.seconds, claim.verdict)
    return table


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the lines after the table: what is missing, and how many claims were checked."""
    claims = [claim for outcome in outcomes for claim in outcome.claims]
    missing = dict.fromkeys(claim.missing for claim in claims if claim.missing)
    failed = sum(bool(outcome.failure) for outcome in outcomes)
    unreached = sum(not claim.is_reached for claim in claims)
    counts = (
        f"{sum(claim.passed for claim in claims)} of {len(claims)} claims checked",
        f"{sum(bool(claim.missing) for claim in claims)} not run",
        *[f"{unreached} not reached"] * bool(unreached),
        f"{failed} {'script' if failed == 1 else 'scripts'} failed",
    )
    return [*(f"not run: {reason}" for reason in missing), "; ".join(counts)]
