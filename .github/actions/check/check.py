"""The step of the action: run exactflow on what FILES and SCRIPTS match, and tell GitHub.

Patterns stand one a line, relative to the working directory. Each file that fails becomes an error
annotation, all of them a table in the summary. The exit code is 0 if everything holds, and 2 also
where nothing matches: a check of nothing would pass for ever.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """A file, what was checked, the verdict, and where and why it is not what it should be."""

    file: str
    checked: str
    verdict: str
    line: int = 1
    problem: str = ""


def main() -> int:
    certificates, scripts = matching("FILES"), matching("SCRIPTS")
    rows, codes = [], set()
    if certificates:
        within = os.environ.get("WITHIN", "").strip()
        bound = [f"--within={within}"] if within else []
        code, records = exactflow("check", *bound, "--", *certificates)
        codes.add(code)
        rows += map(of_certificate, records)
    if scripts:
        code, records = exactflow("prove", "--", *scripts)
        codes.add(code)
        rows += map(of_script, records)
    if not certificates and not scripts:
        print("::error::nothing matches the patterns: expected a certificate or a proof script")
        return 2
    for row in rows:
        if row.problem:
            where = f"file={property_of(row.file)},line={row.line}"
            print(f"::error {where},title={row.verdict}::{escaped(row.problem)}")
    summarise(rows)
    return next(code for code in (1, 2, 3, 0) if code in codes)


def matching(name: str) -> list[str]:
    """Return the files that match the patterns of a variable, each once."""
    patterns = [line.strip() for line in os.environ.get(name, "").splitlines()]
    found = (path for pattern in patterns if pattern for path in sorted(Path().glob(pattern)))
    return list(dict.fromkeys(str(path) for path in found if path.is_file()))


def exactflow(command: str, *words: str) -> tuple[int, Iterator[dict]]:
    """Run the command line; return its exit code and the objects that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "exactflow", command, "--json", *words],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    objects = (line for line in done.stdout.splitlines() if line.startswith("{"))
    return done.returncode, map(json.loads, objects)


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


def summarise(rows: list[Row]) -> None:
    """Print a table, and add it to the summary of the job."""
    lines = ["| file | checked | verdict |", "| --- | --- | --- |"]
    lines += [
        f"| {row.file.replace('|', '&#124;')} | {row.checked} | {row.verdict} |" for row in rows
    ]
    text = "\n".join([*lines, ""])
    print(text)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(summary, "a", encoding="utf-8") as file:
            file.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
