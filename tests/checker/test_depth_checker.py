"""The depth checker as a referee uses it: on a corpus, and on targets of every format."""

import io
import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from corpus.remarks import TITLES, remark, remarks

from exactflow import checker

CHECKER = Path(__file__).parents[2] / "exactflow" / "checker.py"
CORPUS = Path(__file__).parents[1] / "corpus" / "depth"
VERDICTS = {
    "correct": (0, "s VERIFIED"),
    "incorrect": (1, "s NOT VERIFIED"),
    "malformed": (2, None),
    "incomplete": (3, "s NOT VERIFIED"),
}
FEWEST = {"correct": 90, "incorrect": 60, "malformed": 90, "incomplete": 1}


def check(path, target=None, transposed=False):
    """Return exit code, lines of output and of error, in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = checker.check_file(path, target, out, err, transposed=transposed)
    return code, out.getvalue().splitlines(), err.getvalue()


def run(*arguments, stdin=b""):
    """Return exit code, lines of output and of error of a bare interpreter on the checker."""
    command = [sys.executable, "-I", "-W", "error", str(CHECKER), *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=120, check=False)
    stderr = done.stderr.decode()
    assert "Traceback" not in stderr
    return done.returncode, done.stdout.decode("ascii").splitlines(), stderr


def write(folder, content, name="certificate.json"):
    """Write text or JSON, and return the path."""
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def load(name, kind="correct"):
    """Return a certificate of the corpus."""
    return json.loads((CORPUS / kind / f"{name}.json").read_text())


# ---- the corpus


@pytest.mark.parametrize("kind", VERDICTS)
def test_corpus_has_enough_files(kind):
    assert len(list((CORPUS / kind).glob("*.json"))) >= FEWEST[kind]


@pytest.mark.parametrize("kind", VERDICTS)
def test_corpus_files(kind):
    for path in sorted((CORPUS / kind).glob("*.json")):
        code, lines, stderr = check(path)
        assert (code, lines[-1] if lines else None) == VERDICTS[kind], path.name
        assert stderr.startswith("malformed: ") == (code == 2), path.name
        assert (stderr == "") == (code != 2), path.name
        assert ("".join(lines) + stderr).isascii(), path.name
        assert remark("\n".join(lines), stderr) == remarks()[TITLES[path]], path.name
        if code == 3:
            assert lines[-2].startswith("c incomplete: "), path.name


@pytest.mark.parametrize("kind", ["correct", "malformed"])
def test_program_and_standard_input(kind):
    path = min((CORPUS / kind).glob("*.json"))
    assert run(path) == check(path)
    assert run("-", stdin=path.read_bytes())[:2] == check(path)[:2]


def test_corpus_is_what_its_generator_writes(tmp_path):
    generator = CORPUS.parent / "generate_depth.py"
    command = [sys.executable, "-W", "error", str(generator), str(tmp_path)]
    subprocess.run(command, check=True, timeout=120)
    committed = {p.relative_to(CORPUS): p.read_bytes() for p in CORPUS.glob("*/*.json")}
    assert committed == {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*.json")}


def kinds_by_pattern():
    """Return what the correct certificates show: field, scales, pattern and kind."""
    shown = set()
    for path in (CORPUS / "correct").glob("*.json"):
        claim = json.loads(path.read_text())
        field = "QQ" if claim["field"] == "QQ" else "GF"
        for obstruction in claim["obstructions"]:
            key = field, claim["scales"], obstruction["pattern"], obstruction["kind"]
            shown.add(key)
    return shown


def test_the_corpus_has_every_kind_in_every_pattern():
    wanted = set()
    for kind, (_, lengths) in checker.KINDS.items():
        for scales, numbers in lengths.items():
            for length, start in product(numbers, range(2)):
                pattern = "ULULUL"[start : start + length]
                fields = ("QQ", "GF") if scales == "additive" else ("QQ",)
                wanted |= {(field, scales, pattern, kind) for field in fields}
    assert wanted == kinds_by_pattern()


# ---- usage


@pytest.mark.parametrize("target", ["weights.txt", "no such file.npy"])
def test_a_target_that_cannot_be_read(target, capsys):
    path = CORPUS / "correct" / "depth_zero.json"
    assert checker.main([str(path), "--target", target]) == 2
    out, err = capsys.readouterr()
    assert (out, bool(err)) == ("", True)


TARGET = [["1/2", "-3"], ["0", "2"]]


@pytest.fixture
def claim(tmp_path):
    """Return the path of a certificate of TARGET, positive scales, depth 2."""
    content = {
        "format": "exactflow-depth-certificate",
        "version": 1,
        "field": "QQ",
        "target": TARGET,
        "partition": [1, 1],
        "scales": "positive",
        "depth": 2,
        "layers": [
            {"moves": "second", "scale": ["2"], "shift": [["0"]]},
            {"moves": "first", "scale": ["1/2"], "shift": [["-3/2"]]},
        ],
        "obstructions": [
            {"pattern": "U", "kind": "linear", "multiplier": [[["0"]], [["0"]], [["1"]]]},
            {"pattern": "L", "kind": "linear", "multiplier": [[["0"]], [["1"]], [["0"]]]},
        ],
    }
    return write(tmp_path, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.json", [["0.5", "-3"], ["0", "2e0"]]),
        ("t.json", [[0.5, -3], [0, 2.0]]),
        ("t.csv", "1/2, -3\r\n0,\t20e-1\n"),
        ("t.csv", ".5,-3.\n0,002"),
    ],
)
def test_target(claim, tmp_path, name, content):
    assert check(claim, write(tmp_path, content, name))[0] == 0


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8", ">f8"])
def test_npy_target(claim, tmp_path, dtype, order):
    array = np.array([[0.5, -3], [0, 2]], dtype=dtype, order=order)
    np.save(tmp_path / "t.npy", array)
    assert check(claim, tmp_path / "t.npy")[0] == 0
    np.save(tmp_path / "t.npy", array.T)
    assert check(claim, tmp_path / "t.npy")[0] == 1
    assert check(claim, tmp_path / "t.npy", transposed=True)[0] == 0
    np.save(tmp_path / "t.npy", array.reshape(2, 2, 1, 1))
    assert check(claim, tmp_path / "t.npy")[0] == 0


def test_npy_target_of_the_program(claim, tmp_path):
    np.save(tmp_path / "t.npy", np.array([[0.5, 0], [-3, 2]]))
    assert run(claim, "--target", tmp_path / "t.npy", "--transpose")[0] == 0


@pytest.mark.parametrize("dtype", ["|b1", "|i1", "<u2", ">i4", "<i8", "|u1"])
def test_npy_target_of_integers(tmp_path, dtype):
    np.save(tmp_path / "t.npy", np.eye(2, dtype=dtype))
    for name in ("depth_zero", "depth_zero_over_gf2"):
        assert check(CORPUS / "correct" / f"{name}.json", tmp_path / "t.npy")[0] == 0


@pytest.mark.parametrize(
    "array",
    [
        np.eye(3),
        np.eye(2) + 1j,
        np.ones((2, 3)),
        np.full((2, 2), np.nan),
        np.array([["1", "0"], ["0", "1"]]),
        np.zeros((0, 0)),
    ],
    ids=["another size", "complex", "not square", "nan", "strings", "empty"],
)
def test_npy_that_is_no_such_target(claim, tmp_path, array):
    np.save(tmp_path / "t.npy", array)
    code, lines, stderr = check(claim, tmp_path / "t.npy")
    assert (code, bool(lines), bool(stderr)) == (
        (1, True, False) if len(array) == 3 else (2, False, True)
    )


def test_a_difference_is_named(claim, tmp_path):
    code, lines, _ = check(claim, write(tmp_path, "0.5,-3\n0.25,2\n", "t.csv"))
    expected = "c first differing entry: row 1, column 0: certificate 0, given 1/4"
    assert (code, lines[-2:]) == (1, [expected, "s NOT VERIFIED"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.json", "[[1, 0], [0, NaN]]"),
        ("t.json", "[[1, 0], [0, 1e999]]"),
        ("t.json", '[[1, 0], [0, "1e99999"]]'),
        ("t.json", "[[1, 0], [0]]"),
        ("t.json", "{}"),
        ("t.json", "[" * 100_000),
        ("t.csv", ""),
        ("t.csv", "1,0\n0,one\n"),
        ("t.csv", "1;0\n0;1\n"),
        ("t.npy", "\x93NUMPY"),
    ],
)
def test_malformed_target(claim, tmp_path, name, content):
    code, lines, stderr = check(claim, write(tmp_path, content, name))
    assert (code, lines) == (2, [])
    assert stderr.startswith("malformed: target file")


def test_a_fraction_is_no_target_over_a_prime_field(tmp_path):
    path = CORPUS / "correct" / "gf2_1_letter_linear.json"
    assert check(path, write(tmp_path, '[["1/2", 0], [0, 1]]', "t.json"))[0] == 2
    target = json.loads(path.read_text())["target"]
    assert (
        check(path, write(tmp_path, [[int(x) - 2 for x in row] for row in target], "t.json"))[0]
        == 0
    )


# ---- nothing but a refutation ends in 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("kind", ["correct", "incorrect"])
def test_a_full_device(kind):
    path = min((CORPUS / kind).glob("*.json"))
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-I", str(CHECKER), str(path)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"the verdict could not be written")


@pytest.mark.parametrize("error", [MemoryError, RecursionError, OverflowError])
def test_running_out_of_memory_is_incomplete(monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(checker, "compose_product_or_covariance", fail)
    code, lines, _ = check(CORPUS / "correct" / "depth_zero.json")
    assert (code, lines[-1]) == (3, "s NOT VERIFIED")


def test_a_file_too_large_for_memory_is_incomplete(monkeypatch):
    def fail(_):
        raise MemoryError

    monkeypatch.setattr(checker, "read_file_or_stdin", fail)
    code, lines, _ = check("any.json")
    assert (code, lines[-1]) == (3, "s NOT VERIFIED")


def test_many_minors_are_not_counted():
    n = 16
    one = [[int(i == j) for j in range(n)] for i in range(n)]
    with pytest.raises(checker.UndecidedError):
        checker.opposed_principal_minors_exclude_pattern(8, one, one)


# ---- what is said, and where the limits lie


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "rationals_5_letters_chain",
            [
                "c depth 6, additive layers over QQ, 6 coordinates",
                "c compared with the matrix in the certificate: --target FILE compares with yours",
                "c equal in all entries",
                "c not ULULU: chain",
                "c not LULUL: trace",
                "s VERIFIED",
            ],
        ),
        (
            "rationals_0_letters_linear",
            [
                "c depth 1, additive layers over QQ, 2 coordinates",
                "c compared with the matrix in the certificate: --target FILE compares with yours",
                "c equal in all entries",
                "c not the identity: linear",
                "s VERIFIED",
            ],
        ),
    ],
)
def test_each_pattern_has_its_line(name, lines):
    assert check(CORPUS / "correct" / f"{name}.json")[1] == lines


def test_an_obstruction_that_says_nothing_is_named():
    lines = check(CORPUS / "incorrect" / "coefficient_that_agrees.json")[1]
    assert lines[-2:] == [
        'c the obstruction of kind "trace" does not exclude ULULU',
        "s NOT VERIFIED",
    ]


def test_as_many_minors_as_the_limit_are_counted(monkeypatch):
    diagonal = [[int(i == j) * (-1) ** i for j in range(4)] for i in range(4)]
    monkeypatch.setattr(checker, "MOST_MINORS", 6)
    assert checker.opposed_principal_minors_exclude_pattern(2, diagonal, diagonal) is False
    monkeypatch.setattr(checker, "MOST_MINORS", 5)
    with pytest.raises(checker.UndecidedError, match="more than 5 minors"):
        checker.opposed_principal_minors_exclude_pattern(2, diagonal, diagonal)


@pytest.mark.parametrize(("limit", "terms", "minors"), [(4, 4, 4), (3, 4, 4), (4, 4, 3)])
def test_as_many_terms_as_the_limit_are_added(monkeypatch, limit, terms, minors):
    one = [[1, 0], [0, 1]]
    blocks = checker.PatternBlocks(*[one] * 6)
    whole = [[int(i == j) for j in range(4)] for i in range(4)]
    multiplier = [[[1, 0, 0, 0, 0]], [[1, 0, 0, 0, 0]] * 2]  # times 2 and 1 sets: 4 terms
    monkeypatch.setattr(checker, "MOST_TERMS", limit)
    monkeypatch.setattr(checker, "MOST_MINORS", minors)
    if limit < terms or minors < 4:
        with pytest.raises(checker.UndecidedError):
            checker.has_one_signed_polynomial_combination(multiplier, blocks, whole)
    else:
        assert checker.has_one_signed_polynomial_combination(multiplier, blocks, whole) is False


def test_exponents_up_to_the_limit():
    assert checker.read_coefficient_and_exponent_rows([["2", "100", "0"]], "", 1, 0) == [
        [2, 100, 0]
    ]
    with pytest.raises(checker.MalformedError, match="exponents from 0 to 100"):
        checker.read_coefficient_and_exponent_rows([["2", "101", "0"]], "", 1, 0)


@pytest.mark.parametrize(
    ("Q", "holds"), [([[1, 0], [0, 0]], True), ([[1, 0], [1, 0]], False), ([[1, 1], [0, 0]], False)]
)
def test_kernels_on_both_sides(Q, holds):
    """Q is to be in the kernel of a, and to have that of D: one of them is not enough."""
    one, singular, zero = [[1, 0], [0, 1]], [[0, 0], [0, 1]], [[0, 0], [0, 0]]
    blocks = checker.PatternBlocks(A=zero, B=zero, C=one, D=singular, a=singular, c=zero)
    assert checker.excludes_four_scaled_layers(Q, blocks) is holds


def test_eigenvalues_other_than_1_fit_into_the_smaller_block_too():
    """D has size 3 and keeps 2 and 3, a keeps 5: where C has rank 1, all are common to both."""
    factors, Du, aN = [[7 - x, 1] for x in (2, 3, 5)], [[2, 0], [0, 3]], [[5]]
    assert checker.jordan_blocks_exclude_pattern(factors, Du, aN, 1, (3, 3), 7) is False
    assert checker.jordan_blocks_exclude_pattern(factors, Du, aN, 1, (3, 2), 7) is True


def test_a_composite_that_passes_for_a_prime_is_incomplete(tmp_path):
    """Entries that have no inverse modulo it end in no traceback."""
    factor, product = 1287836182261, 3317044064679887385961981
    shears = [("second", "1"), ("first", str(factor - 1))]
    content = {
        "format": "exactflow-depth-certificate",
        "version": 1,
        "field": f"GF({product})",
        "target": [[str(factor), str(factor - 1)], ["1", "1"]],
        "partition": [1, 1],
        "scales": "additive",
        "depth": 2,
        "layers": [{"moves": m, "scale": ["1"], "shift": [[x]]} for m, x in shears],
        "obstructions": [
            {"pattern": "U", "kind": "linear", "multiplier": [[["0"]], [["1"]], [["0"]]]},
            {"pattern": "L", "kind": "linear", "multiplier": [[["0"]], [["1"]], [["0"]]]},
        ],
    }
    code, lines, _ = check(write(tmp_path, content))
    assert (code, lines[-2:]) == (3, ["c incomplete: no proof that p is prime", "s NOT VERIFIED"])
