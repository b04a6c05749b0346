"""The command line as a process: signals, closed and full outputs, and what it imports."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.scripts import HOLDS

from exactflow import factor, random_matrix, save

COMMAND = [sys.executable, "-m", "exactflow"]
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def certificate(tmp_path):
    save(factor(random_matrix(4, seed=1)), tmp_path / "c.json")
    return tmp_path / "c.json"


def test_check_help_and_prove_import_neither_sympy_nor_numpy(certificate):
    proof = certificate.with_name("proof.py")
    proof.write_text(HOLDS)
    script = (
        "import sys\n"
        "from exactflow import cli\n"
        f"codes = cli.main(['check', {str(certificate)!r}]), cli.main(['--help'])\n"
        "heavy = {'sympy', 'numpy', 'scipy', 'rich', 'mpmath', 'flint'} & set(sys.modules)\n"
        "print(codes, sorted(heavy))\n"
        f"code = cli.main(['prove', '-q', {str(proof)!r}])\n"
        "print(code, sorted({'sympy', 'numpy', 'scipy', 'mpmath', 'flint'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines()[-2:] == ["(0, 0) []", "0 []"]


def test_the_exact_core_imports_no_numpy_and_balancing_no_scipy(tmp_path):
    (tmp_path / "m.csv").write_text("2,1\n1,1\n")
    script = (
        "import sys\n"
        "from exactflow import CouplingFlow, LinearCoupling, factor, minimal_depth, verify\n"
        "M = [[2, 1], [1, 1]]\n"
        "flow = factor(M)\n"
        "verify(flow, M), minimal_depth(M), flow([1, 2]), str(flow), flow == factor(M)\n"
        "CouplingFlow([LinearCoupling((1, 1), 'first', [['1/2']])]).inverse().matrix()\n"
        "factor([['1/2', 0.5, 0], [0, 3, 1], [1, 0, 1]], partition=[0, 1, 1])\n"
        "from exactflow.files.matrices import read_square_matrix\n"
        "read_square_matrix(sys.argv[1])\n"
        "heavy = {'numpy', 'scipy', 'rich', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "import exactflow.floats.balancing\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", script, tmp_path / "m.csv"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n['numpy']\n", "")


@POSIX
def test_a_reader_that_reads_no_further_is_no_refutation(certificate):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "check", certificate], stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_one_line_and_2(certificate):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "check", certificate], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr == "exactflow: error: [Errno 28] No space left on device\n"


@POSIX
def test_ctrl_c_ends_a_computation_inside_the_library_at_once(certificate):
    script = (
        "from exactflow import __main__, checker\n"
        "from flint import fmpz, fmpz_mat\n"
        "rows = [[fmpz(3) ** (7 * i * j % 9973) for j in range(300)] for i in range(300)]\n"
        "def endless(*_, **__):\n"
        "    print('started', flush=True)\n"
        "    fmpz_mat(rows).det()\n"
        "checker.check = endless\n"
        f"__import__('sys').argv = ['exactflow', 'check', {str(certificate)!r}]\n"
        "__main__.main()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"started\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (-signal.SIGINT, b"")
