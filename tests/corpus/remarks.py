"""What the checker says of each file of the corpus, in remarks.txt; run, this file writes it."""

import io
import re
from functools import cache
from pathlib import Path

CORPUS = Path(__file__).parent
WRITTEN = CORPUS / "remarks.txt"
TITLES = {
    path: path.relative_to(CORPUS).with_suffix("").as_posix() for path in CORPUS.rglob("*.json")
}


def remark(out, err):
    """Return what is read of a verdict: the lines before it, or what is malformed.

    What Python's own parser says of a file that is no JSON depends on its version.
    """
    lines = [line[2:] for line in out.splitlines()[:-1] if "no target given apart" not in line]
    return re.sub("(JSON in UTF-8): .*\n", r"\1", err.removeprefix("malformed: ")).strip() or (
        "; ".join(lines)
    )


@cache
def remarks():
    """Return the remark on each file of the corpus, by its title."""
    return dict(line.split(": ", 1) for line in WRITTEN.read_text().splitlines())


if __name__ == "__main__":
    from exactflow import checker

    rows = []
    for path in sorted(TITLES):
        out, err = io.StringIO(), io.StringIO()
        checker.check_file(path, None, out, err)
        rows.append(f"{TITLES[path]}: {remark(out.getvalue(), err.getvalue())}\n")
    WRITTEN.write_text("".join(rows))
