"""Run the proof scripts of this folder and print one table.

    python -m proofs                 every script
    python -m proofs six_layers ..   some of them
    python -m proofs -v              with what each script prints
    python -m proofs --plot DIR      and write the pictures of those scripts that have any
    python -m proofs --full          with the large settings

Exit code 0 if no claim failed (those whose tools are not installed are listed as not run), 1 if
any did, 2 for a name that is no script.
"""

import argparse
import contextlib
import io
import sys
import traceback
from collections.abc import Sequence
from contextvars import copy_context
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from exactflow.claims import RUNNER_OPTIONS, Claim, Claims, Evidence, Options, ProofError
from exactflow.errors import MissingExtraError

FOLDER = Path(__file__).parent
SCRIPTS = {path.stem: path for path in sorted(FOLDER.glob("[!_]*.py"))}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the scripts named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description="Run the proof scripts.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCRIPTS))
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the scripts print")
    Options.add_to(parser)
    arguments = parser.parse_args(argv)
    unknown = [name for name in arguments.names if name not in SCRIPTS]
    if unknown:
        parser.error(f"expected names from {', '.join(SCRIPTS)}; got {', '.join(unknown)}")

    context = copy_context()  # so that the options end with this run
    context.run(RUNNER_OPTIONS.set, Options(arguments.plot, arguments.full))
    claims, failures = [], []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        names = arguments.names or list(SCRIPTS)
        task = progress.add_task("", total=len(names))
        for name in names:
            progress.update(task, description=name)
            recorded, failure = context.run(run, SCRIPTS[name], quiet=not arguments.verbose)
            claims += recorded
            failures += [failure] if failure else []
            progress.advance(task)
    print_table(claims)
    for failure in failures:
        print(failure)
    passed = sum(claim.passed for claim in claims)
    missing = [claim for claim in claims if claim.missing]
    for reason in dict.fromkeys(claim.missing for claim in missing):
        print(f"not run: {reason}")
    print(
        f"{passed} of {len(claims)} claims checked; {len(missing)} not run; "
        f"{len(failures)} scripts failed"
    )
    return 1 if failures or passed + len(missing) < len(claims) or not claims else 0


def run(path: Path, quiet: bool) -> tuple[list[Claim], str | None]:
    """Run one script; return the claims that it recorded and how it failed, if it did."""
    namespace = {"__name__": f"proofs.{path.stem}", "__file__": str(path)}
    output = io.StringIO() if quiet else sys.stdout
    failure = None
    try:
        with contextlib.redirect_stdout(output):
            exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), namespace)
    except MissingExtraError as error:
        claims = namespace.setdefault("claims", Claims(path.stem))
        if not any(claim.missing for claim in claims.recorded):
            with contextlib.redirect_stdout(output):
                claims.not_run("what needs an extra", Evidence.NUMERIC, str(error))
    except ProofError as error:
        failure = f"{path.stem}: {error}"
    except Exception:  # a broken script is a failed proof, and the other scripts still run
        failure = f"{path.stem}:\n{traceback.format_exc()}"
    recorded = namespace["claims"].recorded if "claims" in namespace else []
    if not recorded and failure is None:
        failure = f"{path.stem}: expected a script that checks claims, got none"
    return recorded, failure


def print_table(claims: list[Claim]) -> None:
    """Print one row per claim."""
    table = Table(title="Theorems checked", title_justify="left")
    table.add_column("theorem", overflow="fold", ratio=2)
    table.add_column("what was checked", overflow="fold", ratio=3)
    table.add_column("evidence", no_wrap=True)
    for name in ("instances", "seconds", "verdict"):
        table.add_column(name, justify="right", no_wrap=True)
    shown = None
    for claim in claims:
        if claim.theorem != shown:
            table.add_section()
        table.add_row(
            "" if claim.theorem == shown else escape(claim.theorem),
            escape(claim.checked),
            str(claim.evidence),
            str(claim.instances),
            f"{claim.seconds:.2f}",
            "passed" if claim.passed else "not run" if claim.missing else "FAILED",
        )
        shown = claim.theorem
    console = Console()
    console.width = max(console.width, 100)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
