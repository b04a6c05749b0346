"""The step of the action: run exactflow on what FILES and SCRIPTS match, and tell GitHub.

Patterns stand one a line, absolute or relative to the working directory. Each file that fails
becomes an error annotation, all of them a table in the summary. The exit code is 0 if everything
holds, 1 if something is refuted, 2 also where nothing matches: a check of nothing would pass for
ever. A file without a verdict, as the check was killed by a signal or ran out of memory, is a 3. Of
the rows and the exit code of exactflow the worse counts.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """A file, what was checked, the verdict, and where and why it is not what it should be."""

    file: str
    checked: str
    verdict: str
    line: int = 1
    problem: str = ""


CODES = {"verified": 0, "passed": 0, "refuted": 1, "malformed": 2, "broken": 2, "refused": 2}


def main() -> int:
    try:
        certificates, scripts = matching("FILES"), matching("SCRIPTS")
    except (ValueError, IndexError) as error:  # as **.cert.json is before Python 3.13
        print(f"::error::{escaped(f'expected patterns such as **/*.cert.json: {error}')}")
        return 2
    if not certificates and not scripts:
        print("::error::nothing matches the patterns: expected a certificate or a proof script")
        return 2
    within = os.environ.get("WITHIN", "").strip()
    bound = [f"--within={within}"] if within else []
    rows = exactflow("check", bound, certificates) + exactflow("prove", [], scripts)
    for row in rows:
        if row.problem:
            where = f"file={property_of(row.file)},line={row.line}"
            print(f"::error {where},title={row.verdict}::{escaped(row.problem)}")
    summarise(rows)
    return worst(rows)


def worst(rows: list[Row]) -> int:
    """Return the exit code of all rows together."""
    codes = {CODES.get(row.verdict, 3) for row in rows}
    return next((code for code in (1, 2, 3) if code in codes), 0)


def matching(name: str) -> list[str]:
    """Return the files that match the patterns of a variable, each once."""
    found: dict[str, None] = {}
    for line in filter(None, map(str.strip, os.environ.get(name, "").splitlines())):
        top = Path(line).anchor
        paths = Path(top).glob(str(Path(line).relative_to(top)))
        found |= dict.fromkeys(str(path) for path in sorted(paths) if not path.is_dir())
    return list(found)


def exactflow(command: str, options: list[str], files: list[str]) -> list[Row]:
    """Run the command line, and nothing of the repository (-P); return a row for each file."""
    if not files:
        return []
    done = subprocess.run(
        [sys.executable, "-P", "-m", "exactflow", command, "--json", *options, "--", *files],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    found = {row.file: row for row in map(row_of, done.stdout.splitlines()) if row}
    verdict = "refused" if done.returncode == 2 else "not checked"
    problem = f"no verdict: exactflow {command} ended with exit code {done.returncode}"
    rows = [found.get(file) or Row(file, "", verdict, problem=problem) for file in files]
    if done.returncode and not worst(rows):
        problem = f"every row holds, yet exactflow {command} ended with exit code {done.returncode}"
        rows.append(Row(f"exactflow {command}", "", verdict, problem=problem))
    return rows


def row_of(line: str) -> Row | None:
    """Return the row of an object that exactflow prints, None for a line that is none."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    return of_script(record) if "script" in record else of_certificate(record)


def of_certificate(record: dict) -> Row:
    problem = "" if record["verdict"] == "verified" else "\n".join(record["lines"])
    return Row(record["file"], record["kind"], record["verdict"], problem=problem)


def of_script(record: dict) -> Row:
    missing = dict.fromkeys(c["missing"] for c in record["claims"] if c["missing"])
    problem = record["failure"] or "\n".join(missing)
    claims = f"{sum(c['verdict'] == 'passed' for c in record['claims'])} claims"
    return Row(record["script"], claims, record["verdict"], record["line"] or 1, problem)


def escaped(text: str) -> str:
    """Return text as a workflow command takes it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def property_of(text: str) -> str:
    """Return text as a property of a workflow command takes it."""
    return escaped(text).replace(":", "%3A").replace(",", "%2C")


def cell_of(name: str) -> str:
    """Return a name of a file as a cell: no line of its own, which may be a command, no markup."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
    return re.sub(r"[^\w ,./-]", lambda found: f"&#{ord(found[0])};", shown)


def summarise(rows: list[Row]) -> None:
    """Print a table, and add it to the summary of the job."""
    lines = ["| file | checked | verdict |", "| --- | --- | --- |"]
    lines += [f"| {cell_of(row.file)} | {row.checked} | {row.verdict} |" for row in rows]
    text = "\n".join([*lines, ""])
    print(text)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(summary, "a", encoding="utf-8") as file:
            file.write(f"{text}\n")


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # a name may be no Unicode
    try:
        sys.exit(main())
    except OSError as error:  # the summary cannot be written, or no process be started
        print(f"::error::{escaped(str(error))}")
        sys.exit(3)
