"""The checker as a referee uses it: on the corpus and on targets of every format.

Each way of calling it is tried in a process of its own, what it answers mostly in this one.
"""

import ast
import io
import itertools
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from corpus.remarks import TITLES, remark, remarks
from hypothesis import given
from hypothesis import strategies as st

from exactflow import checker

CHECKER = Path(__file__).parents[2] / "exactflow" / "checker.py"
CORPUS = Path(__file__).parents[1] / "corpus"
VERDICTS = {
    "correct": (0, "s VERIFIED"),
    "incorrect": (1, "s NOT VERIFIED"),
    "malformed": (2, None),
    "incomplete": (3, "s NOT VERIFIED"),
}
FEWEST = {"correct": 20, "incorrect": 40, "malformed": 60, "incomplete": 1}


def process(*arguments, stdin=b"", program=CHECKER):
    """Return exit code, lines of stdout, and stderr of a bare interpreter on the checker."""
    command = [sys.executable, "-I", "-W", "error", str(program), *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=120, check=False)
    stderr = done.stderr.decode()
    assert "Traceback" not in stderr
    return done.returncode, done.stdout.decode("ascii").splitlines(), stderr


def run(*arguments):
    """Return the same of the checker in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = checker.main([*map(str, arguments)])
    assert (out.getvalue() + err.getvalue()).isascii()
    return code, out.getvalue().splitlines(), err.getvalue()


def certificate(target, layers=(), partition=(1, 1), field="QQ", **more):
    """Return a certificate as an object to be written."""
    head = {"format": "exactflow-certificate", "version": 1, "field": field}
    return head | {"partition": partition, "target": target, "layers": list(layers)} | more


def shear(moves, entry, scale="1"):
    """Return a layer of two coordinates."""
    return {"moves": moves, "scale": [scale], "shift": [[entry]]}


def write(folder, content, name="certificate.json"):
    """Write bytes, text or JSON, and return the path."""
    path = folder / name
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    path.write_bytes(content)
    return path


# ---- the corpus


@pytest.mark.parametrize("kind", VERDICTS)
def test_corpus_has_enough_files(kind):
    assert len(list((CORPUS / kind).glob("*.json"))) >= FEWEST[kind]


@pytest.mark.parametrize("kind", VERDICTS)
def test_corpus_files(kind, capsys):
    for path in sorted((CORPUS / kind).glob("*.json")):
        code = checker.main([str(path)])
        out, stderr = capsys.readouterr()
        lines = out.splitlines()
        assert (code, lines[-1] if lines else None) == VERDICTS[kind], path.name
        assert stderr.startswith("malformed: ") == (code == 2), path.name
        assert (stderr == "") == (code != 2), path.name
        assert stderr.isascii(), path.name
        assert ": expected None" not in stderr, path.name
        assert "found null" not in stderr or b"null" in path.read_bytes(), path.name
        if path.stem != "deep_nesting_in_an_entry":  # how deep it is read depends on the version
            assert remark(out, stderr) == remarks()[TITLES[path]], path.name
        if code == 1:
            assert any(line.startswith("c first differing entry: row ") for line in lines)
        if code == 3:
            assert lines[-2].startswith("c incomplete: "), path.name


@pytest.mark.parametrize("kind", VERDICTS)
def test_corpus_file_in_a_process_of_its_own(kind):
    for path in sorted((CORPUS / kind).glob("*.json"))[::120]:
        assert process(path) == run(path)


def test_a_certificate_that_must_fail_fails():
    code, lines, _ = process(CORPUS / "incorrect" / "shift_with_the_wrong_sign.json")
    assert (code, lines[-1]) == (1, "s NOT VERIFIED")
    assert lines[-2] == ("c first differing entry: row 0, column 0: expected 3/5, derived 7/5")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("correct/sqrt2", "equality"),
        ("correct/within_a_thousandth", "within"),
        ("correct/covariance_of_shears", "covariance"),
        ("correct/covariance_within", "covariance"),
        ("depth/correct/depth_zero", "depth"),
    ],
)
def test_a_report_names_the_kind_of_claim(name, kind):
    assert checker.check((CORPUS / f"{name}.json").read_bytes()).kind == kind


def test_entries_are_shown_in_lowest_terms_and_reduced(tmp_path):
    claim = certificate([["2/4", "0"], ["0", "1"]], [shear("first", "0", "3/9")])
    assert run(write(tmp_path, claim))[1][-2].endswith("expected 1/2, derived 1/3")
    claim = certificate([["9", "0"], ["0", "1"]], [shear("first", "0", "-4")], field="GF(7)")
    assert run(write(tmp_path, claim))[1][-2].endswith("expected 2, derived 3")


def test_corpus_is_what_its_generator_writes(tmp_path):
    generator = [sys.executable, "-I", "-W", "error", str(CORPUS / "generate.py"), str(tmp_path)]
    subprocess.run(generator, check=True, timeout=120)
    committed = {p.relative_to(CORPUS): p.read_bytes() for p in CORPUS.glob("*/*.json")}
    assert committed == {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*.json")}


def test_copied_anywhere_with_one_digit_corrupted(tmp_path):
    program = shutil.copy(CHECKER, tmp_path / "checker.py")
    good = (CORPUS / "correct" / "rationals_two_and_two.json").read_text()
    path = write(tmp_path, good)
    assert process(path, program=program)[0] == 0
    data = json.loads(good)
    data["target"][2][1] = str(Fraction(data["target"][2][1]) + Fraction(1, 10**6))
    code, lines, _ = process(write(tmp_path, data), program=program)
    assert code == 1
    assert "row 2, column 1" in lines[-2]


def test_checker_imports_only_the_standard_library():
    """At its head and anywhere else; nothing is imported by a name in a string."""
    nodes = [*ast.walk(ast.parse(CHECKER.read_bytes()))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    of = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    names |= {node.module for node in of}
    assert {node.level for node in of} == {0}
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)
    assert not {"importlib", "runpy"} & names
    called = {node.id for node in nodes if isinstance(node, ast.Name)}
    assert not {"__import__", "eval", "exec"} & called
    program = [sys.executable, "-I", "-S", str(CHECKER), "--help"]
    assert subprocess.run(program, capture_output=True, check=False).returncode == 0


# ---- usage


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.json", "b.json"],
        ["a.json", "--target"],
        ["a.json", "--strict"],
        ["-", "--target", "-"],
        ["no such file.json"],
        ["."],
        ["\N{SNOWMAN}.json"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments):
    code, lines, stderr = run(*arguments)
    assert code == 2
    assert lines == []
    assert stderr


def test_a_second_certificate_is_named():
    _, _, stderr = run("a.json", "b.json")
    assert "expected one certificate and known options, got also 'b.json'" in stderr


def test_help_is_the_docstring(capsys):
    assert checker.main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("s VERIFIED" in line for line in lines)
    assert lines[-1] != "s VERIFIED"
    options = "[-h] [--target FILE] [--transpose] [--within BOUND] [--quick] CERT.json"
    assert f"usage: checker.py {options} " in " ".join(" ".join(lines).split()) + " "


def test_main_in_process(capsys):
    path = str(CORPUS / "correct" / "sqrt2.json")
    assert checker.main([path]) == 0
    assert capsys.readouterr().out.endswith("s VERIFIED\n")
    assert checker.main([]) == 2
    assert checker.main(["\0"]) == 2
    assert checker.check_file(Path(path)) == 0


@pytest.mark.parametrize("kind", ["correct", "malformed"])
def test_standard_input(kind):
    path = min((CORPUS / kind).glob("*.json"))
    assert process("-", stdin=path.read_bytes())[:2] == run(path)[:2]


# ---- exit code 1 means refuted, and nothing else


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("arguments", [[], ["--target", "no such file"]])
def test_a_verdict_that_cannot_be_written(arguments):
    command = [sys.executable, "-I", str(CHECKER), str(CORPUS / "correct" / "sqrt2.json")]
    with open("/dev/full", "w") as full:
        done = subprocess.run([*command, *arguments], stdout=full, stderr=full, check=False)
        assert done.returncode == 2
        done = subprocess.run([*command, *arguments], stdout=full, stderr=-1, check=False)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_a_reader_that_left():
    command = [sys.executable, "-I", str(CHECKER), str(CORPUS / "correct" / "sqrt2.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait() not in (0, 1)
        assert process.stderr.read() == b""


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_an_interruption():
    import fcntl
    import termios

    command = [sys.executable, "-I", str(CHECKER), "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdin.write(b"{" * 10)
        process.stdin.flush()
        while any(fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4))):
            time.sleep(0.01)  # until it has read that: it waits for more
        process.send_signal(signal.SIGINT)
        assert process.wait() == -signal.SIGINT
        assert process.stderr.read() == b""


@pytest.mark.parametrize("error", [MemoryError, RecursionError, OverflowError])
def test_what_is_beyond_the_machine_is_incomplete(monkeypatch, capsys, error):
    def derive(certificate):
        raise error

    monkeypatch.setattr(checker, "compose_product_or_covariance", derive)
    assert checker.main([str(CORPUS / "correct" / "sqrt2.json")]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [f"c incomplete: {error.__name__}", "s NOT VERIFIED"]


# ---- a small file costs little


def sparse_modulus(degree, constant="2"):
    """Return a certificate over QQ[x]/(x^degree + constant) whose claim is true."""
    modulus = {"modulus": [constant] + ["0"] * (degree - 1) + ["1"]}
    layer = {"moves": "first", "scale": [["1"]], "shift": [[["0", "1"]]]}
    return certificate([[["1"], ["0", "1"]], [[], ["1"]]], [layer], field=modulus)


LONG = [str(n**40) for n in range(10**9, 10**9 + 16)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (sparse_modulus(16), 0),
        (sparse_modulus(17, "0"), 3),
        (sparse_modulus(1000), 3),
        (sparse_modulus(3000), 3),
        (sparse_modulus(16, "9" * 5000), 3),
        ("{" + ", ".join(f'"{k}": 1' for k in [*range(100_000), 99_999]) + "}", 2),
        (certificate([], field={"modulus": [*LONG, "1"]}), 3),
        (certificate([], field=f"GF({10**1200})"), 2),
        (certificate([["1"]], partition=[10**9, 10**9]), 2),
    ],
    ids=[
        "degree 16",
        "degree 17",
        "degree 1000",
        "degree 3000",
        "5000 digits",
        "100,000 keys",
        "long coefficients",
        "a long prime",
        "many coordinates",
    ],
)
def test_a_small_file_costs_little(tmp_path, content, code):
    path, start = write(tmp_path, content), time.process_time()
    assert run(path)[0] == code
    assert time.process_time() - start < 5


def test_roots_that_lie_close_cost_little():
    long = 2**100  # x^16 - 2 (long x - 1)^2 has two roots at a distance of 2^-850
    modulus = (-2, 4 * long, -2 * long**2, *[0] * 13, 1)
    start = time.process_time()
    assert len(checker.isolate_real_roots(tuple(map(Fraction, modulus)))) == 4
    assert time.process_time() - start < 5


def test_signs_of_long_scales_cost_little():
    modulus = [Fraction(n) for n in range(-2001, -1985)] + [Fraction(1)]
    field = checker.Field("K", 0, tuple(modulus))
    scale = tuple(Fraction(n**40, 3**70) for n in range(10**9, 10**9 + 16))
    start = time.process_time()
    pairs = tuple(c.as_integer_ratio() for c in scale)
    assert checker.decide_positivity_or_invertibility(pairs, field) == 0
    assert checker.decide_positivity_or_invertibility((*pairs[:8], *[(0, 1)] * 8), field) == 0
    assert time.process_time() - start < 5


# ---- separate targets

HALF = [["1/2", "-3"], ["1/4", "1/2"]]
HALF_LAYERS = [shear("second", "1/2", "1"), shear("first", "-3", "2")]


@pytest.fixture
def half(tmp_path):
    """A certificate of the target [[1/2, -3], [1/2, 1]], of which every entry is a dyadic."""
    target = [["1/2", "-3"], ["1/2", "1"]]
    return write(tmp_path, certificate(target, HALF_LAYERS))


SAME = [[0.5, -3], [0.5, 1]]


@pytest.mark.parametrize(
    "content",
    [
        SAME,
        [[0.5, -3.0], [0.5, 1.0]],
        [["1/2", "-3"], ["0.5", "1.000"]],
        [["5e-1", "-30E-1"], ["+0.5"[1:], "0.01e+2"]],
        [["2/4", "-6/2"], [".5", "1."]],
        "[[5e-1, -3e0], [0.05E1, 1]]",
    ],
)
def test_json_target(half, tmp_path, content):
    assert run(half, "--target", write(tmp_path, content, "target.json"))[0] == 0


def test_a_target_or_a_certificate_from_standard_input(half, tmp_path):
    path = write(tmp_path, SAME, "target.json")
    assert process(half, "--target", "-", stdin=path.read_bytes())[0] == 0
    assert process("-", f"--target={path}", stdin=half.read_bytes())[0] == 0


@pytest.mark.parametrize(
    "content",
    [
        '\ufeff"1/2", "-3"\r\n\r\n"+1/2" ,"+1."\n\n',
        '" 1/2",-3\n" +.5 ",1',
        "1/2,-3\n1/2,1\n",
        "0.5, -3e0\r\n5e-1,\t1.0\r\n",
        "0.5,-3\n0.5,1",
        "2/4,-3.000\n50E-2,001\n",
    ],
)
def test_csv_target(half, tmp_path, content):
    assert run(half, "--target", write(tmp_path, content, "target.csv"))[0] == 0


FLOATS = ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]
INTEGERS = ["|i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8"]


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("dtype", FLOATS)
def test_npy_target_of_floats(half, tmp_path, dtype, order, version):
    array = np.array(SAME, dtype=dtype, order=order)
    with open(tmp_path / "t.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version)
    assert checker.check_file(half, tmp_path / "t.npy") == 0
    array[1, 0] = 0.25
    np.save(tmp_path / "t.npy", array)
    assert checker.check_file(half, tmp_path / "t.npy") == 1


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("dtype", INTEGERS + [s.replace("i", "u") for s in INTEGERS] + ["|b1"])
def test_npy_target_of_integers(tmp_path, dtype, order):
    path = write(tmp_path, certificate([["1", "1"], ["0", "1"]], [shear("first", "1")]))
    for tail in [(), (1,), (1, 1)]:
        array = np.array([[1, 1], [0, 1]], dtype=dtype).reshape(2, 2, *tail)
        np.save(tmp_path / "t.npy", np.asarray(array, order=order))
        assert checker.check_file(path, tmp_path / "t.npy") == 0
        np.save(tmp_path / "t.npy", np.asarray(array.swapaxes(0, 1), order=order))
        assert checker.check_file(path, tmp_path / "t.npy") == 1


def test_npy_extreme_values(tmp_path):
    values = [2**63, 2**64 - 1, 7, 5e-324, -1.7976931348623157e308, 0.1]
    for value, dtype in zip(values, ["u8", "u8", "u8", "f8", "f8", "f8"], strict=True):
        array = np.array([[1, value], [0, 1]], dtype=dtype)
        np.save(tmp_path / "t.npy", array)
        entry = str(Fraction(value))
        path = write(tmp_path, certificate([["1", entry], ["0", "1"]], [shear("first", entry)]))
        assert checker.check_file(path, tmp_path / "t.npy") == 0
        near = str(Fraction(value) + Fraction(1, 10**400))
        path = write(tmp_path, certificate([["1", near], ["0", "1"]], [shear("first", near)]))
        assert checker.check_file(path, tmp_path / "t.npy") == 1


def npy(header, body=b"\0" * 32, version=b"\1\0"):
    """Return the bytes of an .npy file with any header."""
    header = header if isinstance(header, bytes) else header.encode("latin-1")
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + body


GOOD = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\1\0",
        b"\x93NUMPY\1\0\xff\xff",
        npy(GOOD, version=b"\4\0"),
        npy(GOOD, version=b"\1\1"),
        npy(GOOD, body=b"\0" * 31),
        npy(GOOD, body=b"\0" * 33),
        npy(GOOD, body=struct.pack("<4d", 1, 0, float("nan"), 1)),
        npy(GOOD, body=struct.pack("<4d", 1, 0, float("-inf"), 1)),
        npy(GOOD.replace("<f8", "|O")),
        npy(GOOD.replace("<f8", "<c16")),
        npy(GOOD.replace("<f8", "|f8")),
        npy(GOOD.replace("<f8", "=f8")),
        npy(GOOD.replace("<f8", "")),
        npy(GOOD.replace("'<f8'", "[('x', '<f8')]")),
        npy(GOOD.replace("'<f8'", "None")),
        npy(GOOD.replace("False", "0")),
        npy(GOOD.replace("(2, 2)", "(2, 2, 2)")),
        npy(GOOD.replace("(2, 2)", "(4, 1)")),
        npy(GOOD.replace("(2, 2)", "(2, 3)")),
        npy(GOOD.replace("(2, 2)", "(2, 3)"), body=b"\0" * 48),
        npy(GOOD.replace("(2, 2)", "(2, 2, 1, 1, 1)")),
        npy(GOOD.replace("(2, 2)", "[2, 2]")),
        npy(GOOD.replace("(2, 2)", "(2.0, 2)")),
        npy(GOOD.replace("(2, 2)", "(True, True)")),
        npy(GOOD.replace("(2, 2)", "()")),
        npy(GOOD.replace("(2, 2)", "(0, 0)"), body=b""),
        npy(GOOD.replace("(2, 2)", "(-2, -2)")),
        npy(GOOD.replace("(2, 2)", "(10**9, 10**9)")),
        npy(GOOD.replace("(2, 2)", f"({10**600}, {10**600})")),
        npy(GOOD.replace("(2, 2)", f"({'9' * 3000}, {'9' * 900})")),
        npy("__import__('os').abort()"),
        npy("{[]: 1}"),
        npy("("),
        npy("(" * 2000),
        npy("-" * 4000 + "1"),
        npy("'\\d'"),
        npy(b"\0" * 50),
        npy(b"\xff" * 50),
        npy("[]"),
        npy("{'descr': '<f8'}"),
        npy(GOOD.replace("}", "'more': 1}")),
        b"\x80\x04\x95\x02\0\0\0\0\0\0\0]\x94.",
    ],
)
def test_malformed_npy(half, tmp_path, data, capsys):
    path = write(tmp_path, data, "t.npy")
    assert checker.check_file(half, path) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("exponent", [10_000, -10_000])
def test_the_longest_decimals(exponent):
    assert checker.read_bound(f"1e{exponent}", "") == Fraction(10) ** exponent


def test_npy_of_pickled_objects_is_not_read(half, tmp_path):
    np.save(tmp_path / "t.npy", np.array([[0.5, None], [0.5, 1]], dtype=object))
    assert run(half, "--target", tmp_path / "t.npy")[0] == 2


@pytest.mark.parametrize(
    "content",
    [
        "",
        "1,2\n3\n",
        "1,2,3\n4,5,6\n",
        "1;2\n3;4\n",
        "1e999999999,0\n0,1\n",
        "1e-999999999,0\n0,1\n",
        "1e-10001,0\n0,1\n",
        "1e10001,0\n0,1\n",
        "1e99999999999999999999,0\n0,1\n",
        "inf,0\n0,1\n",
        "nan,0\n0,1\n",
        "0x1,0\n0,1\n",
        "1_0,0\n0,1\n",
        "1/0,0\n0,1\n",
        ".,0\n0,1\n",
        "e5,0\n0,1\n",
        "1.5/2,0\n0,1\n",
        "+-1,0\n0,1\n",
        "++1,0\n0,1\n",
        '"1,0\n0,1\n',
        '1","0\n0,1\n',
        " \n1,0\n0,1\n",
        "\u0661,0\n0,1\n",
        "\u00a01,0\n0,1\n",
        "1\u2028,0\n0,1\n",
        b"\xff\xfe",
        b"1/2,-3\n1/2,\xff1\n",
    ],
)
def test_malformed_csv(half, tmp_path, content, capsys):
    path = write(tmp_path, content, "t.csv")
    assert checker.check_file(half, path) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        "[1, 2]",
        "[[1, 0], [0]]",
        "[[1e999, 0], [0, 1]]",
        "[[NaN, 0], [0, 1]]",
        "[[true, 0], [0, 1]]",
        "[[null, 0], [0, 1]]",
        '[["1e999999999", 0], [0, 1]]',
        '[["", 0], [0, 1]]',
        '[["1/0", 0], [0, 1]]',
        '[[["1"], 0], [0, 1]]',
        '[[{"a": 1, "a": 1}, 0], [0, 1]]',
        "[" * 100_000,
    ],
)
def test_malformed_json_target(half, tmp_path, content, capsys):
    path = write(tmp_path, content, "t.json")
    assert checker.check_file(half, path) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["t.npz", "t.txt", "t", "json"])
def test_target_of_unknown_format(half, tmp_path, name):
    assert run(half, "--target", write(tmp_path, SAME, name))[0] == 2


def test_given_target_differs(half, tmp_path):
    path = write(tmp_path, [[0.5, -3], [0.5, 0.9999]], "t.json")
    code, lines, _ = run(half, "--target", path)
    assert (code, lines[-1]) == (1, "s NOT VERIFIED")
    assert lines[-3] == "c the certificate's target is not the given target"
    assert "row 1, column 1: certificate 1, given " in lines[-2]


def test_given_target_of_another_size(half, tmp_path):
    path = write(tmp_path, [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "t.json")
    assert run(half, "--target", path)[0] == 1


def test_a_float_is_a_dyadic_and_a_string_a_decimal(tmp_path):
    exact, dyadic = "1/10", str(Fraction(0.1))
    for entry, string_code, float_code in [(exact, 0, 1), (dyadic, 1, 0)]:
        path = write(tmp_path, certificate([["1", entry], ["0", "1"]], [shear("first", entry)]))
        strings = write(tmp_path, [["1", "0.1"], ["0", "1"]], "strings.json")
        floats = write(tmp_path, [[1, 0.1], [0, 1]], "floats.json")
        assert checker.check_file(path, strings) == string_code
        assert checker.check_file(path, floats) == float_code
        assert checker.check_file(path, write(tmp_path, "1,0.1\n0,1", "s.csv")) == string_code


def test_target_over_other_fields(tmp_path):
    finite = certificate([["1", "-1"], ["0", "1"]], [shear("first", "6")], field="GF(7)")
    path = write(tmp_path, finite)
    assert checker.check_file(path, write(tmp_path, "8,13\n0,1.0", "t.csv")) == 0
    assert checker.check_file(path, write(tmp_path, "8,12\n0,1", "t.csv")) == 1
    assert checker.check_file(path, write(tmp_path, "8,1/2\n0,1", "t.csv")) == 2
    root = {"modulus": ["-2", "0", "1"]}
    layer = {"moves": "first", "scale": [["1"]], "shift": [[["1/2", "1"]]]}
    target = [[["1"], ["1/2", "1"]], [[], ["1"]]]
    path = write(tmp_path, certificate(target, [layer], field=root))
    given = [[1, ["1/2", "1"]], ["0.0", ["1"]]]
    assert checker.check_file(path, write(tmp_path, given, "t.json")) == 0
    given[0][1] = ["1/2", "-1"]
    assert checker.check_file(path, write(tmp_path, given, "t.json")) == 1
    given[0][1] = ["1/2", "1", "0"]
    assert checker.check_file(path, write(tmp_path, given, "t.json")) == 2
    assert checker.check_file(path, write(tmp_path, "1,0.5\n0,1", "t.csv")) == 1


# ---- numbers


def test_primality_agrees_with_trial_division():
    def by_trial(n):
        return n > 1 and all(n % r for r in range(2, int(n**0.5) + 1))

    assert [n for n in range(5000) if checker.is_prime(n)] == list(filter(by_trial, range(5000)))


@pytest.mark.parametrize(
    "composite",
    [
        561,
        1105,
        1729,
        9746347772161,
        43**2,
        43 * 47,
        2047,
        3215031751,
        3825123056546413051,
        318665857834031151167461,
        2**64,
        2**67 - 1,
        (2**61 - 1) ** 2,
        (2**127 - 1) * (2**521 - 1),
        2**128 + 1,
    ],
)
def test_composites_are_refused(composite):
    # Carmichael numbers, strong pseudoprimes to the first k prime bases, squares, large products
    assert checker.is_prime(composite) is False


@pytest.mark.parametrize("prime", [2, 3, 41, 43, 97, 7919, 2**31 - 1, 2**61 - 1, 10**24 + 7])
def test_primes_are_decided(prime):
    assert checker.is_prime(prime) is True


@pytest.mark.parametrize("number", [2**89 - 1, 2**127 - 1, 2**521 - 1, 2**4423 - 1])
def test_large_primes_are_undecided(number):
    assert checker.is_prime(number) is None


def test_a_pseudoprime_to_all_the_bases_is_undecided():
    # psi_13, the least composite that passes: the bound below which the bases decide
    assert 3317044064679887385961981 == 1287836182261 * 2575672364521
    assert checker.is_prime(3317044064679887385961981) is None


@pytest.mark.parametrize("digits", [1, 599, 600, 601, 1200, 1201, 4300, 4301, 20_000])
@pytest.mark.parametrize("sign", [1, -1])
def test_whole_numbers_of_any_length(digits, sign):
    n = sign * (10**digits // 7)
    written = []
    rest = abs(n)
    while rest:
        rest, last = divmod(rest, 10**300)
        written.append(f"{last:0300d}")
    text = "".join(reversed(written)).lstrip("0")
    assert checker.parse_integer(("-" if sign < 0 else "") + (text or "0")) == n
    shown = checker.format_abbreviated_integer(n)
    assert len(shown) < 60
    if digits > 41:
        assert f"({len(text)} digits)" in shown
        assert shown.lstrip("-").startswith(text[:12])


@pytest.mark.parametrize("digits", [640, 641, 1281])
def test_the_least_limit_that_python_permits_is_enough(digits):
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert checker.parse_integer("7" * digits) == 7 * (10**digits // 9)
    finally:
        sys.set_int_max_str_digits(limit)


@pytest.mark.parametrize("size", [40, 41, 100, 4300, 10_000])
def test_digits_are_counted_at_powers_of_ten(size):
    assert f"({size + 1} digits)" in checker.format_abbreviated_integer(10**size)
    if size > 40:
        assert f"({size} digits)" in checker.format_abbreviated_integer(10**size - 1)


@pytest.mark.parametrize(
    ("modulus", "shown"),
    [
        ([3, 1], True),
        ([-2, 0, 1], True),
        ([-(10**20) - 39, 0, 1], True),
        ([Fraction(-1, 2), Fraction(1, 3), 1], True),
        ([-2, 0, 0, 1], True),
        ([1, 0, 0, 0, 1], True),
        ([1, 0, -10, 0, 1], True),
        ([576, 0, -960, 0, 352, 0, -40, 0, 1], True),
        ([2] + [0] * 15 + [1], True),
        ([-2, 0, -1, 0, 1], None),
        ([6, 0, 5, 0, 1], None),
    ],
)
def test_irreducibility(modulus, shown):
    # cyclotomic ones and those of sums of square roots are reducible modulo every prime
    assert checker.is_irreducible(tuple(map(Fraction, modulus))) is shown


@pytest.mark.parametrize("most", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_no_product_is_shown_irreducible(most):
    small = [[a, b, 1] for a in range(-most, most + 1) for b in range(-most, most + 1)]
    undecided = 0
    for f, g in itertools.islice(itertools.combinations_with_replacement(small, 2), 0, None, 3):
        product = [sum(f[i] * g[k - i] for i in range(3) if 0 <= k - i < 3) for k in range(5)]
        shown = checker.is_irreducible(tuple(map(Fraction, product)))
        assert not shown
        undecided += shown is None
    assert undecided > 30


@pytest.mark.parametrize(
    "modulus",
    [
        [0, 0, 1],
        [-1, 0, 1],
        [Fraction(-4, 9), 0, 1],
        [-6, 11, -6, 1],
        [0, 1, 0, 1],
        [4, 0, -4, 0, 1],
        [-35, 2, 1],
    ],
)
def test_moduli_are_proved_reducible(modulus):
    assert checker.is_irreducible(tuple(map(Fraction, modulus))) is False


@pytest.mark.parametrize(
    ("element", "modulus", "sign"),
    [
        ([3, 1], [-2, 0, 1], 1),
        ([1, 1], [-2, 0, 1], 0),
        ([-3, 1], [-2, 0, 1], -1),
        ([0, 1], [-2, 0, 0, 1], 1),
        ([0, -1, 0], [-2, 0, 0, 1], -1),
        ([0, 1], [1, 0, 1], 0),
        ([5, 0], [1, 0, 1], 1),
        ([0, 0], [-2, 0, 1], -1),
        ([Fraction(7, 5), -1], [-2, 0, 1], 0),
        ([Fraction(3, 2), -1], [-2, 0, 1], 1),
        ([4, 0, -1], [1, -3, 0, 1], 1),
        ([3, 0, -1], [1, -3, 0, 1], 0),
    ],
)
def test_signs_at_the_real_roots(element, modulus, sign):
    # with 1 - 3x + x^3, of roots -1.879, 0.347, 1.532: 4 - x^2 is positive at each, 3 - x^2 is not
    element = tuple(Fraction(c).as_integer_ratio() for c in element) + ((0, 1),) * len(modulus)
    element = element[: len(modulus) - 1]
    field = checker.Field("K", modulus=tuple(Fraction(c) for c in modulus))
    assert checker.decide_positivity_or_invertibility(element, field) == sign


# ---- products


def test_many_layers_cost_little():
    pair = [shear("first", "1/3"), shear("first", "-1/3"), shear("second", "2")]
    back = [shear("second", "-2")]
    data = json.dumps(certificate([["1", "0"], ["0", "1"]], (pair + back) * 1500)).encode()
    start = time.process_time()
    assert checker.check(data).verdict is checker.Verdict.VERIFIED
    assert time.process_time() - start < 5


# ---- inequalities, transposes, the quick test


@pytest.mark.parametrize(
    ("bound", "code"), [("1/1000", 0), ("4e-4", 0), ("0.0004", 0), ("3.99e-4", 1), ("0", 1)]
)
def test_a_bound_that_the_referee_demands(bound, code):
    path = CORPUS / "correct" / "within_a_thousandth.json"
    got, lines, _ = run(path, "--within", bound)
    assert got == code
    assert "c the largest difference is 0.0004" in lines
    if code:
        assert lines[-2].startswith("c first differing entry: row 0, column 0: expected 1501/2500")


def test_a_bound_does_not_save_a_false_equality():
    assert run(CORPUS / "incorrect" / "target_singular.json", "--within", "1000")[0] == 1
    assert run(CORPUS / "incorrect" / "covariance_off_by_one.json", "--within", "1000")[0] == 1
    assert run(CORPUS / "correct" / "sqrt2.json", "--within", "0")[0] == 0
    assert run(CORPUS / "correct" / "covariance_within.json", "--within", "1e-4")[0] == 1


@pytest.mark.parametrize(
    "arguments", [["--within", "-1"], ["--within", "x"], ["--within", "1e99999"], ["--transpose"]]
)
def test_wrong_bounds_and_a_transpose_of_nothing(arguments):
    code, lines, stderr = run(CORPUS / "correct" / "within_zero.json", *arguments)
    assert (code, lines) == (2, [])
    assert stderr


def test_transposed_target(half, tmp_path):
    path = write(tmp_path, [[0.5, 0.5], [-3, 1]], "t.json")
    assert run(half, "--target", path)[0] == 1
    assert run(half, "--target", path, "--transpose")[0] == 0


def test_target_of_a_certificate_with_pads(tmp_path):
    path = CORPUS / "correct" / "pads_between.json"
    assert checker.check_file(path, write(tmp_path, "0,2\n1,0", "t.csv")) == 0
    assert checker.check_file(path, write(tmp_path, "0,2\n1,1", "t.csv")) == 1
    assert checker.check_file(path, write(tmp_path, np.eye(4).tolist(), "t.json")) == 1


def test_quick_on_the_corpus(capsys):
    for path in CORPUS.glob("*/*.json"):
        code = checker.main([str(path), "--quick"])
        lines = capsys.readouterr().out.splitlines()
        expected, last_line = VERDICTS[path.parent.name]
        if expected == 0 and not path.stem.startswith(("within", "covariance")):
            expected, last_line = 3, "s PROBABLY VERIFIED (error <= 2^-100)"
        assert (code, (lines or [None])[-1]) == (expected, last_line)


def test_quick_draws_other_primes_where_one_divides_a_denominator():
    prime = next(q for q in range(2**60 + 1, 2**61) if checker.is_prime(q))
    found = checker.read_certificate(
        json.dumps(
            certificate([["1", f"1/{prime}"], ["0", "1"]], [shear("first", f"1/{prime}")])
        ).encode()
    )
    with pytest.raises(ValueError, match="invertible"):
        checker.multiply_by_vector_modulo(found.target, [1, 1], prime)
    assert checker.passes_quick_test(found)


def test_large_numbers_that_must_not_meet_the_digit_limit(tmp_path):
    long = "1" + "0" * 6000 + "7"
    layers = [shear("first", f"1/{long}"), shear("second", long)]
    target = [["1", f"1/{long}"], [long, "2"]]
    given = write(tmp_path, f"1,1/{long}\n{long},2", "t.csv")
    assert run(write(tmp_path, certificate(target, layers)))[0] == 0
    assert run(tmp_path / "certificate.json", "--target", given)[0] == 0
    given = write(tmp_path, f"[[1, 0.0], [{long}, 2]]", "t.json")
    code, lines, _ = run(tmp_path / "certificate.json", "--target", given)
    assert code == 1
    assert "6002 digits" in lines[-2]


@pytest.mark.parametrize(
    ("x", "above", "below"),
    [
        ("0", "0", "0"),
        ("1/2500", "0.0004", "0.0004"),
        ("1/3", "0.334 (rounded up)", "0.333 (rounded down)"),
        ("9999/10", "1e+03 (rounded up)", "999 (rounded down)"),
        ("1234", "1.24e+03 (rounded up)", "1.23e+03 (rounded down)"),
        (f"1/{10**400}", "1e-400", "1e-400"),
        (f"{10**400 + 1}", "1.01e+400 (rounded up)", "1e+400 (rounded down)"),
        (f"{2**60 + 1}/{2**120}", "8.68e-19 (rounded up)", "8.67e-19 (rounded down)"),
    ],
)
def test_a_difference_is_written_as_a_decimal_on_the_safe_side(x, above, below):
    value = Fraction(x)
    assert checker.format_rounded_with_remark(value, rounds_up=True) == above
    assert checker.format_rounded_with_remark(value, rounds_up=False) == below


@given(st.fractions(min_value=0), st.integers(-600, 600))
def test_a_written_decimal_encloses_the_number(x, power):
    value = x * Fraction(2) ** power
    above, below = (
        checker.format_rounded_with_remark(value, up).split()[0] for up in (True, False)
    )
    assert Fraction(below) <= value <= Fraction(above)
    assert Fraction(above) <= value + value / 100
    assert (value == Fraction(above)) == (
        "rounded" not in checker.format_rounded_with_remark(value, rounds_up=True)
    )


def test_the_lines_of_a_refuted_bound_have_no_long_fraction():
    target = [[str(1 + Fraction(1, 3**90)), "1"], ["0", "1"]]
    text = certificate(target, [shear("first", "1")], within="1/9999", version=2)
    data = json.dumps(text).encode()
    lines = checker.check(data).lines
    assert "c the largest difference is 1.15e-43 (rounded up)" in lines
    assert "c within 0.000101 (rounded up) in all entries" in lines
    report = checker.check(data, bound=Fraction(1, 3**91))
    assert report.verdict is checker.Verdict.REFUTED
    assert report.lines[-2:] == [
        "c not within 3.81e-44 (rounded down)",
        "c first differing entry: row 0, column 0: the difference is 1.14e-43 (rounded down)",
    ]
