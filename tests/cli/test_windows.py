"""What Windows does otherwise, as far as it can be tried here: line ends, paths, no fork."""

import json
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest
from cli.scripts import DIES, FAILS, HOLDS

import exactflow
from exactflow import checker, cli, load
from exactflow.files.matrices import read_square_matrix
from exactflow.pytest_plugin import FILES, SCRIPTS, _matches_a_pattern

TEMPLATE = (Path(exactflow.__file__).parent / "proving" / "my_theorem.py.txt").read_text("utf-8")
CORPUS = Path(__file__).parents[1] / "corpus"
FOLDERS = {"correct": 0, "depth/correct": 0, "incorrect": 1, "malformed": 2, "incomplete": 3}


def with_crlf(path, folder):
    """A copy of a file as an editor of Windows, or Git there, writes it."""
    copy = folder / path.name
    copy.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    return copy


@pytest.mark.parametrize("folder", FOLDERS)
def test_line_ends_change_no_verdict(folder, tmp_path, capsys):
    files = sorted((CORPUS / folder).glob("*.json"))[::3]
    assert files
    for path in files:
        verdicts = []
        for each in (path, with_crlf(path, tmp_path)):
            code = checker.check_file(each)
            verdicts.append((code, capsys.readouterr().out))
        assert verdicts[0] == verdicts[1], path.name


@pytest.mark.parametrize("folder", ["correct", "depth/correct"])
def test_line_ends_are_read_over(folder, tmp_path):
    for path in sorted((CORPUS / folder).glob("*.json"))[::12]:
        assert str(load(path)) == str(load(with_crlf(path, tmp_path))), path.name


@pytest.mark.parametrize("text", ["1,2\n3,7\n", '"1", 2\n3, 7', "[[1, 2],\n[3, 7]]\n"])
def test_line_ends_of_a_matrix(text, tmp_path):
    path = tmp_path / ("m.json" if text.startswith("[") else "m.csv")
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert read_square_matrix(path).matrix.to_Matrix().tolist() == [[1, 2], [3, 7]]
    assert cli.main(["factor", str(path), "-o", str(tmp_path / "c.json"), "--quiet"]) == 0
    assert checker.check_file(tmp_path / "c.json", path) == 0


@pytest.mark.slow
def test_line_ends_of_a_script(tmp_path, capsys):
    path = tmp_path / "mine.py"
    for text in (TEMPLATE, TEMPLATE.replace("\n", "\r\n")):
        path.write_bytes(text.encode())
        assert cli.main(["prove", str(path), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    claims = [[(c["checked"], c["line"]) for c in one["claims"]] for one in lines]
    assert claims[0] == claims[1]


@pytest.mark.parametrize(
    ("path", "patterns", "is_match"),
    [
        (r"C:\work\flows\a.cert.json", FILES, True),
        (r"C:\work\proofs\mine.py", SCRIPTS, True),
        (r"C:\work\other\mine.py", SCRIPTS, False),
        (r"C:\work\deep\down\a.json", ("work/**/*.json",), True),
    ],
)
def test_patterns_of_files_have_slashes(path, patterns, is_match):
    assert _matches_a_pattern(PureWindowsPath(path), patterns) == is_match


NO_FORK = (
    "import multiprocessing, os, sys; del os.fork, os.forkpty; "
    "multiprocessing.set_start_method('spawn'); "
    "from exactflow.__main__ import main; sys.exit(main())"
)


def without_fork(*words, folder):
    command = [sys.executable, "-c", NO_FORK, *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_scripts_without_fork(tmp_path):
    (tmp_path / "mine.py").write_text(HOLDS)
    (tmp_path / "false.py").write_text(FAILS)
    both = without_fork("prove", "mine.py", "false.py", "--jobs", "2", folder=tmp_path)
    assert (both.returncode, "FAILED" in both.stdout) == (1, True)


def test_a_script_that_ends_the_process_is_no_verdict_without_fork(tmp_path):
    (tmp_path / "dies.py").write_text(DIES)
    done = without_fork("prove", "dies.py", folder=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        3,
        "dies.py: its process ended with exit code 0, before the script did",
    )


@pytest.mark.slow
def test_certificates_in_parallel_without_fork(tmp_path):
    names = sorted(map(str, (CORPUS / "correct").glob("*.json")))[:3]
    false = sorted(map(str, (CORPUS / "incorrect").glob("*.json")))[0]
    done = without_fork("check", *names, false, "--jobs", "2", folder=tmp_path)
    assert (done.returncode, done.stdout.count("s VERIFIED")) == (1, 3), done.stderr
