"""The checker takes at most forty times the memory of its files, or refuses them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from exactflow import checker

CHECKER = Path(checker.__file__)
FIELD = {"modulus": ["2", *["0"] * 15, "1"]}  # of degree 16
BASE = 2**27  # bytes: the interpreter, and two products of layers of a short certificate


MEASURED = """
import re, sys
sys.path.insert(0, sys.argv.pop())
import checker
code = checker.main(sys.argv[1:])
print(code, re.search(r"VmHWM:\\s*([0-9]+) kB", open("/proc/self/status").read())[1])
"""


def peak(*arguments):
    """Return the exit code, and the most memory that a process of the checker took, in bytes."""
    command = [sys.executable, "-I", "-c", MEASURED, *map(str, arguments), str(CHECKER.parent)]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    code, size = result.stdout.split()[-2:]
    return int(code), int(size) * 1024


def certificate(field, partition, target, layers, **more):
    head = {"format": "exactflow-certificate", "version": 2, "field": field}
    content = head | {"partition": partition, "target": target, "layers": layers} | more
    return json.dumps(content, separators=(",", ":"))


def layer(moves, scale, shift, **more):
    return {"moves": moves, "scale": scale, "shift": shift} | more


def identity(d):
    return [[["1"] if i == j else [] for j in range(d)] for i in range(d)]


CASES = {
    "many trivial layers over a field of degree 16": (
        certificate(FIELD, [399, 1], identity(400), [layer("second", [["1"]], [[[]] * 399])] * 600),
        0,
    ),
    "scales that are not one": (
        certificate(
            FIELD,
            [199, 1],
            identity(200),
            [layer("first", [[s]] * 199, [[[]]] * 199) for s in ("2", "1/2")] * 5,
        ),
        0,
    ),
    "a target of many denominators": (
        certificate(
            "QQ",
            [300, 300],
            [[f"1/{10**9 + 7 * (600 * i + j)}" for j in range(600)] for i in range(600)],
            [],
        ),
        3,
    ),
    "a target of residues modulo a large prime": (
        certificate(f"GF({2**3217 - 1})", [350, 350], [["-1"] * 700] * 700, []),
        3,
    ),
    "a layer of many denominators": (
        certificate(
            "QQ",
            [300, 300],
            [["0"] * 600] * 600,
            [
                layer(
                    "first",
                    ["1"] * 300,
                    [[f"1/{10**14 + 7 * (300 * i + j)}" for j in range(300)] for i in range(300)],
                )
            ],
        ),
        3,
    ),
    "a dense target": (certificate("QQ", [100, 100], [["12"] * 200] * 200, []), 1),
    "a target of one entry among many pads": (
        certificate(
            FIELD,
            [999, 1],
            [[["1"]]],
            [layer("first", [["1"]] * 999, [[["0", "1"] * 8]] * 999)],
            pads=list(range(999)),
        ),
        1,
    ),
    "numbers that grow in every entry": (
        certificate(
            "QQ",
            [50, 50],
            [["0"] * 100] * 100,
            [
                layer("first", ["1"] * 50, [["1"] * 49 + ["7" * 10**5], *[["1"] * 50] * 49]),
                layer("second", ["1"] * 50, [["1"] * 50] * 50),
            ]
            * 3,
        ),
        3,
    ),
    "lists in the place of the format": ('{"format":[' + "[]," * 2**23 + "[]]}", 3),
    "objects in the provenance": ('{"provenance":[' + '{"":0},' * 2**19 + "{}]}", 2),
    "nested lists": ("[" * 10**6, 2),
    "a long string": ('{"format":"' + "9" * 10**8 + '"}', 2),
    "text that is not ASCII": ('{"format":"' + "\N{GRINNING FACE}" * 10**7 + '"}', 2),
    "a fault after a large target": (
        certificate("QQ", [500, 500], [["12"] * 1000] * 1000, [layer("third", [], [])]),
        2,
    ),
}


QUICK_CASES = (
    "many trivial layers over a field of degree 16",
    "lists in the place of the format",
    "objects in the provenance",
    "nested lists",
)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the accounts of Linux")
@pytest.mark.parametrize(
    "name",
    [name if name in QUICK_CASES else pytest.param(name, marks=pytest.mark.slow) for name in CASES],
)
def test_memory_is_bounded_by_the_size_of_the_file(tmp_path, name):
    text, expected = CASES[name]
    path = tmp_path / "c.json"
    path.write_text(text, "utf-8")
    code, memory = peak(path)
    assert code == expected
    assert memory < BASE + 40 * path.stat().st_size
    assert code != 2 or memory < 600 * 10**6


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the accounts of Linux")
@pytest.mark.slow
def test_memory_is_bounded_by_the_size_of_the_target_too(tmp_path):
    d = 1500
    path, target = tmp_path / "c.json", tmp_path / "t.csv"
    path.write_text(certificate("QQ", [1, 1], [["1", "0"], ["0", "1"]], []))
    target.write_text("\n".join([",".join("1" * d)] * d))
    code, memory = peak(path, "--target", target)
    assert code == 1
    assert memory < BASE + 40 * (path.stat().st_size + target.stat().st_size)


@pytest.mark.parametrize(
    ("suffix", "data"),
    [(".json", b"[" + b"[]," * 2**22 + b"[]]"), (".csv", b"," * 2**24), (".csv", b"\n" * 2**24)],
)
def test_targets_that_take_too_much_memory_are_not_read(suffix, data):
    claim = certificate("QQ", [1, 1], [["1", "0"], ["0", "1"]], []).encode()
    report = checker.check(claim, (data, suffix))
    assert report.verdict is checker.Verdict.INCOMPLETE
    assert "may take more than 536870912 bytes" in report.lines[-1]


@pytest.mark.parametrize(("entry", "code"), [("1", 1), ("x", 2), (False, 2)])
def test_a_target_of_another_size_is_refuted_if_it_is_a_matrix(tmp_path, capsys, entry, code):
    path, target = tmp_path / "c.json", tmp_path / "t.json"
    path.write_text(certificate("QQ", [1, 1], [["1", "0"], ["0", "1"]], []))
    target.write_text(json.dumps([[entry] * 3] * 3))
    assert checker.check_file(path, target) == code
    assert "2 rows in the certificate, 3 in" in capsys.readouterr().out or code == 2
