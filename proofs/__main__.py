"""Run the proof scripts of this folder by name, as ``exactflow prove`` runs files.

    python -m proofs                 every script
    python -m proofs six_layers ..   some of them
    python -m proofs -v              with every claim, and the output of the scripts
    python -m proofs --plot DIR      and write the pictures that scripts draw
    python -m proofs --full          with the large settings
    python -m proofs -j 1            one after the other

Exit code 0 if every claim holds; claims whose tools are not installed are listed as not run. Exit
code 1 if a claim failed, 2 for an unknown name or a script that does not run to its end, 3 if a
claim was not reached.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from exactflow import theorems
from exactflow.cli import prove, run_reporting_errors
from exactflow.files.progress_line import show_progress

FOLDER = Path(__file__).parent
SCRIPTS = {path.stem: path for path in sorted(FOLDER.glob("[!_]*.py"))}
LONGEST_FIRST = (
    "formal",
    "depth_for_conditioning",
    "forced_conditioning",
    "affine_depth",
    "universal_approximation",
    "universal_in_kl",
)
"""Scripts to start first, so that no core waits for them at the end."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the scripts named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description="Run the proof scripts.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCRIPTS))
    prove.add_running_options(parser)
    arguments = parser.parse_args(argv)
    unknown = [name for name in arguments.names if name not in SCRIPTS]
    if unknown:
        parser.error(f"expected names from {', '.join(SCRIPTS)}; got {', '.join(unknown)}")
    arguments.files = [SCRIPTS[name] for name in arguments.names or SCRIPTS]
    rows = {row.script: f"{row.number} {row.name}" for row in theorems.values()}
    arguments.titles = {str(path): rows[name] for name, path in SCRIPTS.items() if name in rows}
    order = {str(SCRIPTS[name]): k for k, name in enumerate(LONGEST_FIRST) if name in SCRIPTS}
    arguments.rank = lambda path: order.get(path, len(order))
    arguments.excuses_missing_tools = True  # a reader need not install every tool
    with show_progress("proofs"):
        return run_reporting_errors(lambda: prove.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
