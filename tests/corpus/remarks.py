"""The class of the error in each file of the corpus, in remarks.txt; run, this file writes it."""

import io
import re
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from textwrap import wrap

CORPUS = Path(__file__).parent
WRITTEN = CORPUS / "remarks.txt"
TITLES = {
    path: path.relative_to(CORPUS).with_suffix("").as_posix() for path in CORPUS.rglob("*.json")
}


def remark(out, err):
    """Return the class of an error: the place of what is malformed, or the statement that fails.

    It is "verified" without an error. Numbers are left out, as the words after a colon are.
    """
    if err:
        return err.removeprefix("malformed: ").partition(":")[0].strip()
    *lines, verdict = (line[2:] for line in out.splitlines())
    if verdict == "VERIFIED":
        return "verified"
    reasons = "; ".join(lines).split("; ")
    found = [text for text in reasons if text.startswith("first differing entry")] or reasons[-1:]
    return re.sub(r"\d+", "N", found[0].partition(":")[0])


@cache
def remarks():
    """Return the class of the error of each file of the corpus, by its title."""
    found, kind = {}, ""
    for line in WRITTEN.read_text().splitlines():
        if line.startswith(" "):
            found |= dict.fromkeys(line.split(), kind)
        else:
            kind = line
    return found


if __name__ == "__main__":
    from exactflow import checker

    rows = []
    for path, title in TITLES.items():
        out, err = io.StringIO(), io.StringIO()
        checker.check_file(path, None, out, err)
        rows.append((remark(out.getvalue(), err.getvalue()), title))
    text = ""
    for kind, pairs in groupby(sorted(rows), itemgetter(0)):
        titles = wrap(
            " ".join(title for _, title in pairs), 100, initial_indent="  ", subsequent_indent="  ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        text += "\n".join([kind, *titles, ""])
    WRITTEN.write_text(text)
