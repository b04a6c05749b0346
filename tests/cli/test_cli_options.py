"""Options that all commands share: help, JSON and silence."""

import json
import re

import pytest

from exactflow import cli
from exactflow.cli import COMMANDS, GROUPS


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.csv").write_text("1,2\n3,7\n")
    (tmp_path / "sigma.csv").write_text("2,1\n1,2\n")
    (tmp_path / "minus.csv").write_text("0,1\n1,0\n")

    def run(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(run, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = run(name, "--help")
    assert (code, err) == (0, "")
    usage, purpose, *sections = out.split("\n\n")
    assert usage.startswith(f"usage: exactflow {name} ")
    assert purpose == COMMANDS[name]
    for section in sections:
        title, *lines = section.splitlines()
        assert title.endswith(":")
        starts = [i for i, line in enumerate(lines) if re.match(r"  [-A-Z{]", line)]
        for i in starts:  # its text is on its own line, or on the next one
            assert re.search(r"\S  +\S", lines[i]) or lines[i + 1].startswith("     "), lines[i]
    assert "%" not in out.replace("# %%", "")


def test_the_help_lists_every_command_in_a_group_and_the_exit_codes(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for title, commands in GROUPS.items():
        _, _, rest = out.partition(f"\n{title}:\n")
        rows = rest.split("\n\n")[0].splitlines()
        assert [row.split(maxsplit=1) for row in rows] == [*map(list, commands.items())]
    _, codes = out.split("\nexit codes:\n")
    assert [int(row.split()[0]) for row in codes.splitlines()] == [0, 1, 2, 3, 130]


def test_a_keyword_of_python_is_written_as_an_option_of_the_command(run):
    assert "or --orientation pad " in run("factor", "minus.csv")[2]
    assert "use --method auto" in run("factor", "m.csv", "--method", "permutation")[2]
    assert "='" not in run("depth", "minus.csv")[2]


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"export"}))
def test_options_stand_in_groups(run, name):
    _, out, _ = run(name, "--help")
    assert len(re.findall(r"^[a-z][\w ]*:$", out, re.MULTILINE)) >= 3


WRITERS = {
    "factor": ["factor", "m.csv"],
    "depth": ["depth", "m.csv"],
    "balance": ["balance", "m.csv"],
    "whiten": ["whiten", "sigma.csv"],
}


@pytest.mark.parametrize("name", WRITERS)
def test_json(run, name):
    code, out, err = run(*WRITERS[name], "--json", "-o", "c.json")
    record = json.loads(out)
    assert (code, err, record["output"]) == (0, "", "c.json")
    assert run("check", "c.json", "--quiet")[0] == 0
    assert json.loads(run(*WRITERS[name], "--json")[1])["output"] is None


def test_what_the_json_says(run):
    record = json.loads(run("factor", "minus.csv", "--orientation", "flip", "--json")[1])
    assert (record["depth"], record["flips"], len(record["layers"])) == (3, [0], 3)
    assert record["verdict"] == "equal in all 4 entries (layers composed: 3)"
    assert record["layers"][0] == {
        "moves": record["layers"][0]["moves"],
        "scales_not_1": 0,
        "nonzeros": 1,
        "bits": 1,
        "largest_magnitude": "1.0",
    }
    record = json.loads(run("depth", "m.csv", "--json")[1])
    assert (record["lower"], record["upper"], record["evidence"]) == (2, 2, "exact")
    assert record["obstructions"] == [
        "not U: C = 0 fails at (0, 0)",
        "not L: D = I fails at (0, 0)",
    ]
    record = json.loads(run("balance", "m.csv", "--json")[1])
    assert len(record["condition_numbers"]) == record["depth"]
    record = json.loads(run("whiten", "sigma.csv", "--json")[1])
    assert record["depth"] == 2


@pytest.mark.parametrize("name", WRITERS)
def test_quiet(run, name, tmp_path):
    assert run(*WRITERS[name], "-q", "-o", "c.json") == (0, "", "")
    assert (tmp_path / "c.json").exists()
    code, out, err = run(*WRITERS[name], "--quiet", "-o", "none/c.json")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_check_is_quiet_but_for_what_is_malformed(run, tmp_path):
    run("factor", "m.csv", "-o", "c.json")
    assert run("check", "c.json", "--quiet") == (0, "", "")
    (tmp_path / "c.json").write_text((tmp_path / "c.json").read_text().replace('"7"', '"8"'))
    assert run("check", "c.json", "-q") == (1, "", "")
    (tmp_path / "c.json").write_text("{")
    assert run("check", "c.json", "-q")[2].startswith("c.json: malformed: ")


@pytest.mark.parametrize(
    "line",
    [
        "check c.json --target",
        "check c.json --key",
        "check c.json --timeout 99 --target",
        "theorems two --check",
        "theorems two --key",
        "theorems two --partition",
        "factor --demo --key",
        "factor m.csv --partition",
    ],
)
def test_an_empty_value_is_no_missing_option(run, line):
    """A variable of a shell that is not set gives such a value."""
    run("factor", "m.csv", "-o", "c.json")
    code, out, err = run(*line.split(), "")
    assert (code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("factor m.csv --json --quiet", "argument -q/--quiet: not allowed with argument --json: "),
        ("factor m.csv --orientation flop", "got 'flop': did you mean flip?"),
        ("factor m.csv --method lu", "argument --method: expected one of auto, "),
        ("factor m.csv --partition abc", "expected sizes such as 2,3 or a mask such as 0101, got"),
        ("factor m.csv --partition 1,", "a mask such as 0101, got '1,': `exactflow factor --help`"),
        ("factor m.csv --partition", "argument --partition: expected one argument: "),
        ("factor m.csv --partition 1,x", "got '1,x': `exactflow factor --help` describes all"),
        ("theorems two --check m.csv --challenge 3", "--challenge: not allowed with argument --ch"),
        ("theorems six layers --check m.csv --partition 1,1", "is not about a partition: leave"),
        ("theorems two --partition 1,1", "about the matrix of --check: add --check FILE"),
        ("theorems two --seed 1", "about the draws of --challenge: add --challenge N"),
        ("theorems --key W", "about the matrix of --check: add --check FILE"),
        ("factor --demo --transpose", "--key and --transpose say how to read a FILE: leave out"),
        ("export c.json --to onnx", "argument --to: expected one of rocq, got 'onnx'"),
        ("check c.json -j x", "argument -j/--jobs: invalid int value: 'x': `exactflow check --h"),
        ("check", "the following arguments are required: CERT.json: `exactflow check --help` "),
        ("theorems --json=x", "argument --json: ignored explicit argument 'x': "),
        ("factor m.csv --or flip --o x", "ambiguous option: --o could match "),
    ],
)
def test_wrong_usage_is_one_line(run, line, told):
    code, out, err = run(*line.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("exactflow: error: ")
    assert told in err
