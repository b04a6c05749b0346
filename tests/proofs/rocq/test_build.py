"""What is compiled, and what is kept: with shell scripts in the place of Rocq's tools, and Rocq."""

import os
import re
import shutil
from pathlib import Path

import pytest

import proofs
from exactflow.claims import ProofError
from exactflow.files.rocq.syntax import LIBRARY
from exactflow.files.rocq.theorem import PACKAGES
from proofs import __main__ as runner
from proofs.rocq import build as module
from proofs.rocq.build import build, project, run, source_path
from proofs.rocq.restated import definitions_of, restated, theorems_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="scripts of POSIX")
ROOT = Path(proofs.__file__).parent.parent

# a .vo file is the source without its comments, and the .vo files that it requires
COQC = r"""#!/bin/sh
case "$1" in
    --version) cat "$STUBS/version"; exit;;
    -where) echo "$STUBS/libraries"; exit;;
esac
for source; do :; done
echo "$source" >> "$STUBS/log"
text=$(grep -v '^(\*' "$source"); echo "$text" > "${source}o"
case "$text" in
    *Wrong*) echo "$source: a wrong proof"; exit 1;;
    *Meet*)
        touch "$source.here"; tries=0
        until [ "$(ls *.here | wc -l)" -eq 2 ]; do
            sleep 0.01; tries=$((tries + 1)); [ $tries -lt 500 ] || exit 1
        done;;
    *"Require "*)
        for other in $(sed -n 's/^Require \(.*\)\.$/\1/p' "$source"); do
            cat "$other.vo" >> "${source}o" || exit 1
        done;;
esac
case "$text" in
    *"Print Assumptions"*)
        sed -n "s/^Print Assumptions.*/${FOUND:-Closed under the global context}/p" "$source";;
esac
"""
COQDEP = r"""#!/bin/sh
for source; do
    case "$source" in *.v) ;; *) continue;; esac
    required=$(sed -n 's/^Require \(.*\)\.$/\1.vo/p' "$source")
    [ -z "$CHAIN" ] || required="$before"
    echo "${source}o ${source%.v}.glob: $source" $required
    before="${source}o"
done
"""
COQCHK = r"""#!/bin/sh
echo "$*" >> "$STUBS/checked"
echo
for word; do case "$word" in exactflow.*) echo "Checking library: $word";; esac; done
echo "CONTEXT SUMMARY"
echo "==============="
echo "* Axioms:"
echo "    ${AXIOM:-mathcomp.algebra.matrix.matrix_of_fun.body}"
"""
BOTTOM = "exactflow/files/rocq"
PROJECT = {
    "base.v": "Base.\n",
    "left.v": "Require base.\n",
    "right.v": "Require base.\n",
    "other.v": "Other.\n",
    "top.v": "Require left.\nRequire right.\n",
}


@pytest.fixture
def stubs(tmp_path, monkeypatch):
    """The tools as shell scripts, first on the path, and an empty cache."""
    folder = tmp_path / "stubs"
    (folder / "libraries" / "mathcomp").mkdir(parents=True)
    (folder / "libraries" / "mathcomp" / "matrix.vo").write_text("matrices")
    (folder / "version").write_text("8.20")
    for name, script in {"coqc": COQC, "coqdep": COQDEP, "coqchk": COQCHK}.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("STUBS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_project(tmp_path / "project", PROJECT)


def write_project(folder, files):
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "_CoqProject").write_text("\n".join(["-Q . exactflow", "-arg -w", *files]))
    return folder


def built(folder, tmp_path):
    """Build into a new folder; return what is there, and the names of what was compiled now."""
    scratch = tmp_path / f"scratch{len(list(tmp_path.glob('scratch*')))}"
    scratch.mkdir()
    done = list(build(folder, scratch, jobs=2))
    assert all(file.target == (scratch / file.source).with_suffix(".vo") for file in done)
    results = {file.source: (file.key, file.target.read_bytes()) for file in done}
    return results, {file.source for file in done if file.printed is not None}


def entries(tmp_path):
    return sorted((tmp_path / "cache" / "exactflow" / "rocq").iterdir())


def test_what_has_not_changed_is_not_compiled_again(stubs, folder, tmp_path):
    first, compiled = built(folder, tmp_path)
    assert compiled == set(first) == set(PROJECT)
    order = (stubs / "log").read_text().split()
    assert order.index("base.v") < min(order.index("left.v"), order.index("right.v"))
    assert order[-1] == "top.v"
    assert built(folder, tmp_path) == (first, set())


@pytest.mark.parametrize(
    ("source", "line", "expected"),
    [
        ("base.v", "Lemma new.", {"base.v", "left.v", "right.v", "top.v"}),
        ("right.v", "Lemma new.", {"right.v", "top.v"}),
        ("base.v", "(* a comment *)", {"base.v"}),
    ],
)
def test_a_change_concerns_those_that_require_it(stubs, folder, tmp_path, source, line, expected):
    built(folder, tmp_path)
    with (folder / source).open("a") as file:
        file.write(f"{line}\n")
    assert built(folder, tmp_path)[1] == expected
    assert built(folder, tmp_path)[1] == set()


@pytest.mark.parametrize("name", ["version", "libraries/mathcomp/matrix.vo"])
def test_another_rocq_or_library_compiles_all(stubs, folder, tmp_path, name):
    built(folder, tmp_path)
    (stubs / name).write_text("another one")
    assert built(folder, tmp_path)[1] == set(PROJECT)


def test_other_options_compile_all(stubs, folder, tmp_path):
    built(folder, tmp_path)
    with (folder / "_CoqProject").open("a") as file:
        file.write("\n-arg -allow-sprop\n")
    assert built(folder, tmp_path)[1] == set(PROJECT)


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:-1] + b"?", lambda data: data[:9]]
)
def test_a_damaged_file_is_compiled_again(stubs, folder, tmp_path, damage):
    first, _ = built(folder, tmp_path)
    for path in entries(tmp_path):
        path.write_bytes(damage(path.read_bytes()))
    assert built(folder, tmp_path) == (first, set(PROJECT))
    assert built(folder, tmp_path) == (first, set())


def test_a_cache_that_cannot_be_written_is_none(stubs, folder, tmp_path):
    (tmp_path / "cache").write_text("not a folder")
    first, _ = built(folder, tmp_path)
    assert built(folder, tmp_path) == (first, set(PROJECT))


def test_what_nobody_used_for_a_month_is_forgotten(stubs, folder, tmp_path):
    built(folder, tmp_path)
    (folder / "top.v").write_text("Require left.\n")
    for path in entries(tmp_path):
        os.utime(path, (0, 0))
    _, compiled = built(folder, tmp_path)
    assert compiled == {"top.v"}
    assert len(entries(tmp_path)) == len(PROJECT)


def test_a_relative_cache_folder_is_ignored(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert module.cache_folder() == tmp_path / ".cache" / "exactflow" / "rocq"


def test_rocq_compiles_where_there_is_no_coqc(stubs, folder, tmp_path, monkeypatch):
    dispatch = 'case "$1" in compile) tool=coqc;; dep) tool=coqdep;; esac; shift'
    (stubs / "rocq").write_text(f'#!/bin/sh\n{dispatch}\nexec "$STUBS/$tool" "$@"\n')
    (stubs / "rocq").chmod(0o755)
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda tool: found(tool) if tool == "rocq" else None)
    assert built(folder, tmp_path)[1] == set(PROJECT)
    assert built(folder, tmp_path)[1] == set()


def test_a_goal_is_compiled_with_all_that_it_requires(stubs, folder, tmp_path):
    (tmp_path / "scratch").mkdir()
    done = [file.source for file in build(folder, tmp_path / "scratch", jobs=1, goal="left.v")]
    assert done == ["base.v", "left.v"]


def test_the_project_lists_every_file_of_rocq_after_what_it_requires():
    found = [*(ROOT / BOTTOM).glob("*.v"), *(ROOT / "proofs" / "rocq").glob("*.v")]
    sources, _, _ = project(ROOT)
    assert set(sources) == {path.relative_to(ROOT).as_posix() for path in found}
    listed = [Path(source).stem for source in sources]
    for name, others in LIBRARY.items():
        assert all(listed.index(other) < listed.index(name) for other in others)


OPAM = ROOT / "coq-exactflow.opam"


@pytest.mark.skipif(shutil.which("coq_makefile") is None, reason="coq_makefile is not installed")
def test_the_opam_package_compiles_every_file_of_the_project(tmp_path):
    shutil.copy(ROOT / "_CoqProject", tmp_path)
    assert '["coq_makefile" "-f" "_CoqProject" "-o" "Makefile.coq"]' in OPAM.read_text()
    listed = run("coq_makefile", "-sources-of", "-f", "_CoqProject", folder=tmp_path).split()
    assert sorted(listed) == sorted(project(ROOT).sources)


def test_the_opam_package_needs_the_versions_that_messages_name():
    needed = re.findall(r'"(coq\S*)" \{>= "(\d+\.\d+)', OPAM.read_text())
    assert [name for name, _ in needed] == ["coq", "coq-mathcomp-algebra"]
    assert PACKAGES.startswith("Coq {} with MathComp {} ".format(*(found for _, found in needed)))


def test_a_file_that_requires_ours_gets_no_names_of_one_letter_notations_or_scopes():
    for source in project(ROOT).sources:
        text, letters, rest = (ROOT / source).read_text().partition("Module letters.\n")
        text += rest.partition("End letters.\n")[2]
        assert bool(letters) == source.endswith("/definitions.v")
        kept = r"^(?:Notation|Infix|Coercion|Open Scope|(?:Definition|Theorem|Lemma) \w\b).*"
        assert re.findall(kept, text, re.MULTILINE) == []


def test_the_library_is_found_in_the_package_where_the_project_lacks_it(tmp_path):
    name = f"{BOTTOM}/shears.v"
    assert source_path(ROOT, name) == source_path(tmp_path, name) == ROOT / name
    own = tmp_path / name
    own.parent.mkdir(parents=True)
    own.touch()
    assert source_path(tmp_path, name) == own


def test_the_integers_need_not_wait_for_the_real_numbers():
    text = (ROOT / "proofs" / "rocq" / "integers.v").read_text()
    assert re.findall(r"^From exactflow Require \w+ (.*)\.$", text, re.MULTILINE) == ["involutions"]


def test_two_files_compile_side_by_side(stubs, tmp_path):
    folder = write_project(tmp_path / "project", {"a.v": "Meet.\n", "b.v": "Meet.\n"})
    assert built(folder, tmp_path)[1] == {"a.v", "b.v"}


def test_a_wrong_proof_fails_and_is_not_kept(stubs, folder, tmp_path):
    (folder / "left.v").write_text("Require base.\nWrong.\n")
    for _ in range(2):
        with pytest.raises(ProofError, match=r"left\.v: a wrong proof"):
            built(folder, tmp_path)
    log = (stubs / "log").read_text().split()
    assert log.count("left.v") == 2
    assert "top.v" not in log


def claims_of_the_formal_proofs(capsys):
    code = runner.main(["-v", "formal"])
    return code, capsys.readouterr().out


@pytest.mark.slow
def test_the_formal_proofs_claim_the_same_from_kept_files(stubs, capsys):
    sources, places, options = project(ROOT)
    assert places == ["-Q", BOTTOM, "exactflow.certificates", "-Q", "proofs/rocq", "exactflow"]
    assert options[:6] == places
    assert sources[f"{BOTTOM}/shears.v"] == "exactflow.certificates.shears"
    code, first = claims_of_the_formal_proofs(capsys)
    assert code == 0
    (said,) = [
        line for line in first.splitlines() if re.fullmatch(r"(\d+) of \1 claims hold", line)
    ]
    # headlines.v only: the scripts in the place of the tools see nothing that it requires
    assert first.count(", compiled now") == 1
    code, second = claims_of_the_formal_proofs(capsys)
    assert code == 0
    assert second.count(", compiled before") == 1
    assert said in second.splitlines()


def test_coqchk_checks_each_compiled_file_once_and_begins_before_the_last(
    stubs, capsys, monkeypatch
):
    monkeypatch.setenv("CHAIN", "each file requires the one above it")
    assert claims_of_the_formal_proofs(capsys)[0] == 0
    runs = (stubs / "checked").read_text().splitlines()
    checked = [re.findall(r"-norec (\S+)", one) for one in runs]
    modules = list(project(ROOT).sources.values())
    last = modules.index("exactflow.headlines")
    assert checked == [modules[:last], modules[last : last + 1]]


@pytest.mark.slow
def test_an_axiom_refutes_the_formal_proofs_whatever_is_kept(stubs, capsys, monkeypatch):
    claims_of_the_formal_proofs(capsys)
    monkeypatch.setenv("FOUND", "Axioms:")
    code, out = claims_of_the_formal_proofs(capsys)
    assert code == 1
    assert "no axioms: expected 'Closed under the global context', derived 'Axioms:'" in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("axiom", "said"),
    [
        (
            "exactflow.words.choice",
            "no axiom of ours: expected [], derived ['exactflow.words.choice']",
        ),
        ("Coq.Logic.Classical_Prop.classic", "expected.txt: expected [], derived ['Coq.Logic.C"),
    ],
)
def test_an_axiom_of_ours_or_unexplained_is_refused(stubs, capsys, monkeypatch, axiom, said):
    monkeypatch.setenv("AXIOM", axiom)
    code, out = claims_of_the_formal_proofs(capsys)
    assert code == 1
    assert said in out


def test_without_rocq_the_formal_proofs_are_not_run(capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    code, out = claims_of_the_formal_proofs(capsys)
    assert code == 0
    assert "not run: Coq with MathComp" in out


STATED = """\
(* A word. *)
Definition word := forall n : nat,
  n = n.

Theorem one (F : fieldType) (n : nat) (N : F -> nat) :
  let m := n in (m <= n)%N.
Proof. by []. Qed.

Theorem two (F : fieldType) : forall x : F, (* as it stands *) x = x.
Proof.
by [].
Qed.
"""


def test_statements_become_propositions(tmp_path):
    (tmp_path / "statements.v").write_text(STATED)
    (tmp_path / "headlines.v").write_text(STATED.replace("one", "first"))
    assert theorems_of(tmp_path / "statements.v") == {
        "one": "forall (F : fieldType) (n : nat) (N : F -> nat),\n  let m := n in (m <= n)%N",
        "two": "forall (F : fieldType), forall x : F, (* as it stands *) x = x",
    }
    word = "(* A word. *)\nDefinition word := forall n : nat,\n  n = n."
    assert definitions_of(tmp_path / "headlines.v") == [word]
    text = restated(tmp_path)
    assert text.count(f"Module said_in_statements.\n{word}\nDefinition one") == 1
    assert text.count(f"Module said_in_headlines.\n{word}\nDefinition first") == 1
    own = text.index("From exactflow Require statements headlines.")
    words = text.index("Definition coupling (F : numFieldType) p q")
    assert "Require Import definitions" not in text
    assert text.index("Definition two : Prop :=") < words < text.index("Definition first") < own
    assert text.index("exact (@statements.one)") > own


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("coqchk") is None, reason="Rocq is not installed")
def test_rocq_takes_what_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    base = "Lemma two : 1 + 1 = 2.\nProof. reflexivity. Qed.\n"
    top = "From exactflow Require Import base.\nLemma again : 1 + 1 = 2.\nProof. exact two. Qed.\n"
    files = {"base.v": base, "top.v": f"{top}Print Assumptions again.\n"}
    folder = write_project(tmp_path / "project", files)
    (folder / "_CoqProject").write_text("-Q . exactflow\nbase.v\ntop.v\n")
    assert built(folder, tmp_path)[1] == set(files)
    assert built(folder, tmp_path)[1] == set()
    chosen = ["-norec", "exactflow.base", "-norec", "exactflow.top", "-Q", ".", "exactflow"]
    assert "successfully checked" in run("coqchk", *chosen, folder=tmp_path / "scratch1")


WORD = "Definition word (n : nat) := {}.\n"
HEADLINE = """From exactflow.certificates Require Import definitions.
Theorem one (n : nat) : word n.
Proof. exact {}. Qed.
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("coqc") is None, reason="Rocq is not installed")
def test_compiled_definitions_that_say_something_else_prove_nothing(tmp_path, monkeypatch):
    folder, scratch = tmp_path / "proofs", tmp_path / "scratch"
    for place in (folder, scratch / "words", scratch / "own"):
        place.mkdir(parents=True)
    monkeypatch.setattr("proofs.rocq.restated.read_library_file", lambda name: WORD.format("n = n"))
    said = "Theorem two (n : nat) : True.\nProof. exact I. Qed.\n"
    (folder / "statements.v").write_text(said)
    options = ["-w", "none", "-Q", "words", "exactflow.certificates", "-Q", "own", "exactflow"]

    def compiled(said, proof):
        (folder / "headlines.v").write_text(HEADLINE.format(proof))
        (scratch / "words" / "definitions.v").write_text(WORD.format(said))
        (scratch / "own" / "restated.v").write_text(restated(folder))
        for name in ("statements", "headlines"):
            shutil.copy(folder / f"{name}.v", scratch / "own")
        for name in ("words/definitions", "own/statements", "own/headlines"):
            run("coqc", *options, f"{name}.v", folder=scratch)
        return run("coqc", *options, "own/restated.v", folder=scratch)

    assert compiled("n = n", "(eq_refl n)") == "Closed under the global context\n"
    with pytest.raises(ProofError, match=r"headlines\.one"):
        compiled("True", "I")
