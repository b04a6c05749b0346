"""Results of proof scripts: a summary in one line, and a table with a row for each script."""

import os
from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from exactflow.claims import Evidence
from exactflow.errors import printable
from exactflow.proving.script_run import Outcome

COLUMNS_IF_PIPED = 130  # the width without a terminal, at which no theorem's name is wrapped
COLUMNS_FOR_EVIDENCE = 60  # narrower tables do not show the evidence
WEAKEST_FIRST = (
    Evidence.NUMERIC,
    Evidence.CERTIFIED,
    Evidence.EXACT,
    Evidence.FOR_ALL_N,
    Evidence.FORMAL,
)


def summarize_claims(outcomes: Sequence[Outcome]) -> str:
    """Return one line on how many claims hold, failed, were not run or were not reached, and on how
    many scripts did not end.
    """
    claims = [claim for outcome in outcomes for claim in outcome.claims]
    missing = dict.fromkeys(claim.missing for claim in claims if claim.missing)
    not_run = sum(bool(claim.missing) for claim in claims)
    failed = sum(claim.verdict == "FAILED" for claim in claims)
    unreached = sum(not claim.is_reached for claim in claims)
    broken = sum(
        outcome.verdict == "broken" or (outcome.is_undecided and not outcome.has_ended)
        for outcome in outcomes
    )
    parts = (
        f"{sum(claim.passed for claim in claims)} of {len(claims)} claims hold",
        *[f"{failed} failed"] * bool(failed),
        *[f"{not_run} not run: {'; '.join(missing)}"] * bool(not_run),
        *[f"{unreached} not reached"] * bool(unreached),
        *[f"{broken} {'script' if broken == 1 else 'scripts'} did not end"] * bool(broken),
    )
    return printable("; ".join(parts))


def print_table(
    outcomes: Sequence[Outcome],
    theorem_by_path: Mapping[str, str] | None = None,
    shows_every_claim: bool = False,
) -> None:
    """Print a table with a row for each script: theorem, number of claims, evidence, seconds.

    Parameters
    ----------
    outcomes : the results of the scripts.
    theorem_by_path : path of a script -> name of its theorem; by default the name in the script.
    shows_every_claim : whether to print a row for every claim after the row of its script. Claims
        that do not hold, and the claims of a single script, always have a row.
    """
    console, names = Console(), theorem_by_path or {}
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = max(console.width, COLUMNS_IF_PIPED)
    shows_evidence = console.width >= COLUMNS_FOR_EVIDENCE
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("theorem", overflow="fold")
    table.add_column("claims", justify="right", no_wrap=True)
    if shows_evidence:
        table.add_column("evidence", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)

    def add_row(text: str | Padding, count: str, evidence: str, seconds: float) -> None:
        table.add_row(text, count, *[evidence] * shows_evidence, f"{seconds:.1f}")

    is_alone = len(outcomes) == 1
    for outcome in outcomes:
        if not (claims := outcome.claims):
            continue
        holds = sum(claim.passed for claim in claims)
        count = f"{len(claims)}" if holds == len(claims) else f"{holds} of {len(claims)}"
        title = printable(names.get(outcome.path, claims[0].theorem))
        kinds = {claim.evidence for claim in claims if claim.evidence}
        ordered = sorted(kinds, key=WEAKEST_FIRST.index)
        # the strongest and the weakest kind, as "exact to numeric", or the only kind, as "exact"
        evidence = " to ".join(dict.fromkeys((*ordered[-1:], *ordered[:1])))
        add_row(escape(title), count, evidence, sum(claim.seconds for claim in claims))
        for claim in claims:
            if shows_every_claim or is_alone or not claim.passed:
                head = "" if claim.passed else f"{claim.verdict}: "
                where = f", where {claim.hypotheses}" if claim.hypotheses else ""
                checked = Padding(escape(printable(head + claim.checked + where)), (0, 0, 0, 2))
                add_row(checked, "", str(claim.evidence), claim.seconds)
    if table.rows:
        console.print(table)
