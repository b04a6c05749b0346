"""What a verdict of the kernel needs: exit codes of check --kernel, and what coqc must print."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import sympy
from linear.depth.examples import diagonal
from sympy import GF, QQ

from exactflow import cli, factor, save
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.progress import listening_to_stages
from exactflow.files.certificate import certificate_text
from exactflow.files.depth_certificate import depth_certificate_text
from exactflow.files.rocq import theorem
from exactflow.files.rocq.syntax import LIBRARY, read_library_file, require_or_include_library
from exactflow.linear.depth import minimal_depth

CORPUS = Path(__file__).parents[2] / "corpus"
GUIDE = Path(__file__).parents[3] / "proofs" / "book" / "guides" / "certificates.md"
M = [[1, QQ(1, 2)], [3, 4]]
NEAR = [[1 + QQ(1, 1000), QQ(1, 2)], [3, 4]]
FLOW = certificate_text(factor(M))
WITHIN = certificate_text(factor(M), NEAR, within=QQ(1, 500))
DEPTH = depth_certificate_text(minimal_depth([[2, 3], [3, 5]]))
SIX = diagonal(-1, -1, 1, 1)
CLOSED = "Closed under the global context\n"
NO_COQ = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Check a certificate's text with --kernel: the code, and what is printed."""
    monkeypatch.chdir(tmp_path)

    def run(text, *options):
        Path("c.json").write_text(text)
        code = cli.main(["check", "c.json", "--kernel", *options])
        out, err = capsys.readouterr()
        return code, out + err

    return run


@pytest.fixture
def says(monkeypatch):
    """Let coqc do nothing but what the test says, by the theorem; the files that it is given."""
    given = []

    def of(code, printed):
        def coqc(source):
            given.append(text := source.read_text())
            _, _, statement = text.rpartition("\nTheorem ")
            return code, printed(statement.partition(".\nProof.")[0])

        monkeypatch.setattr(theorem, "require_coqc_or_rocq", lambda: None)
        monkeypatch.setattr(theorem, "run_coqc_within_limit", coqc)
        return given

    return of


@pytest.mark.parametrize("text", [FLOW, WITHIN, DEPTH])
@pytest.mark.parametrize(
    ("code", "printed", "expected"),
    [
        (0, lambda statement: f"{statement}\n{CLOSED}", 0),
        (0, lambda statement: f"{statement.replace(' ', '  ')}\n\n{CLOSED}", 0),
        (0, lambda statement: "", 3),
        (0, lambda statement: statement, 3),
        (0, lambda statement: CLOSED, 3),
        (0, lambda statement: f"{statement}\nAxioms:\nx : False\n", 3),
        (0, lambda statement: f"{statement}\n{CLOSED}Axioms:\nx : False\n", 3),
        (0, lambda statement: f"{statement.replace('forall', 'exists', 1)}\n{CLOSED}", 3),
        (1, lambda statement: f"{statement}\n{CLOSED}", 3),
        (1, lambda statement: "Stack overflow.", 3),
        (-9, lambda statement: "", 3),
        (None, lambda statement: "", 3),
    ],
)
def test_only_what_coq_prints_is_a_verdict(text, code, printed, expected, says, check):
    given = says(code, printed)
    found, out = check(text)
    assert found == expected
    assert out.endswith("s VERIFIED\n" if expected == 0 else "s NOT VERIFIED\n")
    assert ("c incomplete: coqc" in out) == (expected == 3)
    (file,) = given
    assert file == theorem.theorem_file_text_if_verified(text.encode(), standalone=True)
    assert "exactflow.certificates" not in file  # no compiled file of a cache gives it its words
    end = r"\nTheorem (\w+) :\n.*\nCheck \1\.\nPrint Assumptions \1\.\n\Z"
    assert re.search(end, file, re.DOTALL)


def test_what_is_proved_is_named(says, check):
    says(0, lambda statement: f"{statement}\n{CLOSED}")
    _, out = check(WITHIN)
    assert "coupling layers and a matrix; order 0 1; flips none; pads none; bound 1/500\n" in out
    assert "c     [/\\ perm_eq (first ++ second) (iota 0 2), size Ks = " in out
    assert f"c   {CLOSED}" in out
    _, out = check(DEPTH)
    assert "3 additive layers make a matrix, and no fewer; halves of 1 and 1, in the natural" in out


def test_a_smaller_bound_is_what_is_proved(says, check):
    given = says(0, lambda statement: f"{statement}\n{CLOSED}")
    for bound, expected in (("1/1000", "fraction 1 1000]"), ("1", "fraction 1 500]")):
        assert check(WITHIN, "--within", bound)[0] == 0
        assert expected in given[-1]
    assert check(WITHIN, "--within", "1/1001")[0] == 1
    assert check(FLOW, "--within", "1")[0] == 0
    assert "<= fraction" not in given[-1]


def changed(text, **members):
    return json.dumps(json.loads(text) | members)


def with_a_digit_changed(text):
    content = json.loads(text)
    content["layers"][1]["shift"][0][0] += "1"
    return json.dumps(content)


@pytest.mark.parametrize("text", [FLOW, WITHIN, DEPTH])
def test_what_is_false_or_malformed_is_never_compiled(text, says, check):
    given = says(0, lambda statement: f"{statement}\n{CLOSED}")
    assert check(with_a_digit_changed(text))[0] == 1
    assert check(changed(text, layers=1))[0] == 2
    assert check(text[1:])[0] == 2
    assert not given


@pytest.mark.parametrize(
    ("false", "code"),
    [
        ({"depth": 4}, 2),  # not the number of its layers
        ({"target": [["2", "3"], ["3", "6"]]}, 1),
    ],
)
def test_a_false_depth(false, code, says, check):
    says(0, lambda statement: f"{statement}\n{CLOSED}")
    assert check(changed(DEPTH, **false))[0] == code


def test_a_false_count_of_layers(says, check):
    """The identity, appended as a layer, makes a product of four that needs three."""
    content = json.loads(DEPTH)
    one = {"moves": "first", "scale": ["1"], "shift": [["0"]]}
    content |= {"depth": 4, "layers": [*content["layers"], one], "obstructions": [
        {"pattern": pattern, "kind": "linear", "multiplier": [[["1"]]] * 3}
        for pattern in ("ULU", "LUL")
    ]}  # fmt: skip
    given = says(0, lambda statement: f"{statement}\n{CLOSED}")
    code, out = check(json.dumps(content))
    assert (code, "does not exclude" in out, given) == (1, True, [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (certificate_text(factor(as_square_matrix([[1, 2], [0, 1]]).convert_to(GF(5)))), "GF(5)"),
        ((CORPUS / "correct" / "sqrt2.json").read_text(), "a number field"),
        (
            (CORPUS / "depth" / "correct" / "with_an_order.json").read_text(),
            "its coordinates are permuted",
        ),
        (
            (CORPUS / "depth/correct/rationals_5_letters_chain_no_freedom.json").read_text(),
            "is no multiple of C",
        ),
    ],
)
def test_what_no_theorem_states_is_incomplete(text, told, says, check):
    given = says(0, lambda statement: f"{statement}\n{CLOSED}")
    code, out = check(text)
    assert (code, given) == (3, [])
    assert told in out.partition("c incomplete: ")[2]
    assert out.endswith("s NOT VERIFIED\n")


def test_the_target_is_compared(says, check):
    says(0, lambda statement: f"{statement}\n{CLOSED}")
    for rows, options, code in (
        ("1,1/2\n3,4\n", [], 0),
        ("1,3\n1/2,4\n", ["--transpose"], 0),
        ("1,1/2\n3,5\n", [], 1),
        ("1,3\n1/2,4\n", [], 1),
        ("1\n", [], 1),
        ("1,x\n3,4\n", [], 2),
    ):
        Path("m.csv").write_text(rows)
        assert check(FLOW, "--target", "m.csv", *options)[0] == code


def test_several_files(says, check, tmp_path, capsys):
    says(0, lambda statement: f"{statement}\n{CLOSED}")
    for name, text in (("a", FLOW), ("b", DEPTH), ("c", with_a_digit_changed(FLOW))):
        (tmp_path / f"{name}.json").write_text(text)
    assert cli.main(["check", "a.json", "b.json", "--kernel", "--json"]) == 0
    read = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(found["verdict"], found["kind"]) for found in read] == [
        ("verified", "equality"),
        ("verified", "depth"),
    ]
    assert cli.main(["check", "a.json", "c.json", "b.json", "--kernel", "--quiet"]) == 1


def test_the_run_of_coqc_is_a_stage_of_the_progress_line(says, check):
    stages = []
    says(0, lambda statement: stages.append("coqc runs") or f"{statement}\n{CLOSED}")
    with listening_to_stages(lambda name, fraction: stages.append(name)):
        assert check(FLOW)[0] == 0
    assert stages == [
        "coqc compiles the library and the theorem, which can take minutes",
        "coqc runs",
    ]


def test_quick_proves_nothing(check):
    code, out = check(FLOW, "--quick")
    assert code == 2
    assert "--quick proves nothing" in out


def test_without_coq_what_to_install_is_told(check, monkeypatch):
    monkeypatch.setenv("PATH", "")
    code, out = check(FLOW)
    assert code == 2
    assert "neither coqc nor rocq is on the PATH: install Coq 8.20 with MathComp 2.3" in out
    assert "libcoq-mathcomp-algebra" in out


HOSTILE = '*) Admitted. Load "x". (*'


@pytest.mark.parametrize("text", [FLOW, WITHIN, DEPTH])
def test_nothing_but_numbers_gets_into_the_file(text):
    sources = {"sha256": HOSTILE, "source": HOSTILE}
    file = theorem.theorem_file_text_if_verified(changed(text, provenance=sources).encode())
    assert "Admitted" not in file
    with pytest.raises(Exception, match="expected"):
        theorem.theorem_file_text_if_verified(changed(text, partition=["1 Admitted", 1]).encode())


@pytest.mark.parametrize("text", [FLOW, DEPTH])
def test_an_order_that_is_natural_is_stated(text):
    with_order = changed(text, version=2, order=[0, 1])
    (first, one), (second, other) = (
        theorem.theorem_file_text_if_verified(data.encode()).split(
            "   From a certificate with sha256 "
        )
        for data in (text, with_order)
    )
    assert (first, one[64:]) == (second, other[64:])


@pytest.mark.parametrize("text", [FLOW, DEPTH])
@pytest.mark.parametrize("standalone", [False, True])
def test_the_header_says_how_to_check_the_certificate(text, standalone):
    header = theorem.theorem_file_text_if_verified(text.encode(), standalone).partition("*)")[0]
    assert "Only a file that you exported yourself counts" in header
    assert "\n     exactflow check CERT.json --kernel\n" in header
    assert "\n     coqc theorem.v\n" in header


def test_standalone_is_one_file():
    file = theorem.theorem_file_text_if_verified(FLOW.encode(), standalone=True)
    assert "\nTheorem flow_of_couplings :\n" in file
    assert "exactflow.certificates" not in file


@pytest.mark.parametrize("name", LIBRARY)
def test_one_file_defines_each_name_once(name):
    said = r"^(?:Definition|Fixpoint|Inductive|Lemma|Theorem|Corollary) (\w+)"
    names = re.findall(said, require_or_include_library(name, standalone=True), re.MULTILINE)
    assert names
    assert len(set(names)) == len(names)


def test_the_library_has_at_most_the_lines_that_the_guide_says():
    most = max(len(require_or_include_library(name, True).splitlines()) for name in LIBRARY)
    assert 1000 < most <= 2000
    assert "up to two thousand lines of definitions and proofs" in GUIDE.read_text("utf-8")


WORDS = [
    ("is_shear", "shears"),
    ("is_unequal_shear", "unequal"),
    ("matrix_of", "rationals"),
    ("is_coupling", "scaled"),
    ("is_coupling", "flow"),
    ("matrix_over", "flow"),
    ("signs", "flow"),
]


@pytest.mark.parametrize("word", sorted({word for word, _ in WORDS}))
def test_a_word_of_a_statement_is_defined_where_the_guide_says(word):
    places = {name for name in LIBRARY if f"\nDefinition {word} " in read_library_file(name)}
    assert places == {place for known, place in WORDS if known == word}
    said = GUIDE.read_text("utf-8").partition("The words of the statement")[2]
    assert all(f"`{name}`" in said for name in [word, *(f"{place}.v" for place in places)])


@pytest.mark.parametrize("name", LIBRARY)
def test_the_library_does_not_load_all_of_ssreflect(name):
    assert "all_ssreflect" not in require_or_include_library(name, standalone=True)


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A coqc that does what the file `then` says, and nothing else."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "coqc").write_text('#!/bin/sh\n. "$STUBS/then"\n')
    (tmp_path / "bin" / "coqc").chmod(0o755)
    (tmp_path / "then").write_text("exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("STUBS", str(tmp_path))
    return tmp_path


def test_a_coqc_that_ends_with_0_is_not_believed(stub, check):
    code, out = check(FLOW)
    assert code == 3
    assert "c incomplete: coqc ends with 0 and prints: \n" in out


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (16, 2, "needs Coq 8.20 with MathComp 2.3 (on Debian: apt-get install coq "),
        (99999, 3, "c incomplete: coqc ends with 1 and prints: File"),
    ],
)
def test_a_coq_that_does_not_compile_the_library_is_another_one(stub, check, line, code, told):
    said = f'File "./theorem.v", line {line}, characters 0-9:'
    (stub / "then").write_text(f"echo '{said}'; exit 1")
    found, out = check(FLOW)
    assert (found, told in out) == (code, True)


@NO_COQ
def test_coqc_prints_the_same_without_a_home(monkeypatch, tmp_path):
    monkeypatch.delenv("HOME", raising=False)
    (tmp_path / "a.v").write_text("Check nat.")
    assert theorem.run_coqc_within_limit(tmp_path / "a.v") == (0, "nat\n     : Set\n")


def test_a_coqc_that_does_not_end(stub, check, monkeypatch):
    (stub / "then").write_text("exec sleep 9")
    monkeypatch.setattr(theorem, "LIMIT", 1)
    code, out = check(FLOW)
    assert code == 3
    assert "c incomplete: coqc did not end in 1 seconds" in out


@NO_COQ
@pytest.mark.slow
def test_the_kernel_proves_a_float32_matrix_with_a_pad_a_mask_and_a_flip(check, tmp_path):
    rows = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)
    rows[0] *= np.float32(-np.sign(np.linalg.det(rows)))
    np.save(tmp_path / "w.npy", rows)
    for options, named in (
        (["--orientation", "flip", "--partition", "0101"], "order 1 3 0 2; flips 0;"),
        (["--orientation", "pad"], "flips none; pads 2 5;"),
    ):
        code = cli.main(["factor", "w.npy", *options, "-o", "w.json", "--quiet"])
        assert code == 0
        text = Path("w.json").read_text()
        code, out = check(text, "--target", "w.npy")
        assert (code, named in out) == (0, True)


@NO_COQ
@pytest.mark.slow
@pytest.mark.parametrize("scales", ["additive", "positive"])
def test_the_kernel_proves_a_depth(scales, check, tmp_path):
    save(minimal_depth(SIX, scales=scales), tmp_path / "d.json")
    text = (tmp_path / "d.json").read_text()
    code, out = check(text)
    assert (code, "(size Ks < 6)%N" in out) == (0, True)
    assert check(with_a_digit_changed(text))[0] == 1


@NO_COQ
@pytest.mark.slow
def test_the_kernel_proves_four_by_four(check):
    W = sympy.Matrix(4, 4, lambda i, j: sympy.Rational(1, i + j + 1))
    code, out = check(certificate_text(factor(W)))
    assert (code, f"c   {CLOSED}s VERIFIED\n" in out) == (0, True)
