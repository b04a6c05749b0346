"""The same results, the same error and a clean end, wherever the work is done."""

import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
import pytest
from terminal import POSIX, on_terminal, written_to

from exactflow import errors, factor, random_matrix
from exactflow.errors import InvalidInputError, MissingExtraError
from exactflow.files.parallel import parallel_map

CORPUS = Path(__file__).parents[1] / "corpus"
BACKENDS = ["loky", "threading", "sequential"]


def flow_of(seed):
    return factor(random_matrix(4, seed=seed))


def unlucky(n):
    if n == 1:
        time.sleep(0.3)  # the other error comes first in time
        raise MissingExtraError("torch", "a test")
    if n == 2:
        raise InvalidInputError("two")
    return n


def overwritten(array):
    array *= 2
    return array


def process(_):
    return os.getpid()


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_gives_the_same_results_in_order(backend):
    here = list(parallel_map(flow_of, range(5)))
    with joblib.parallel_config(backend):
        assert list(parallel_map(flow_of, range(5), jobs=2)) == here


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_first_error_in_order_is_raised_as_it_is(jobs):
    results = parallel_map(unlucky, range(4), jobs=jobs)
    assert next(results) == 0
    with pytest.raises(MissingExtraError, match=r"a test needs .*exactflow\[torch\]") as raised:
        next(results)
    assert (raised.value.extra, raised.value.purpose) == ("torch", "a test")
    notes = "".join(getattr(raised.value, "__notes__", []))
    assert ("in unlucky" in notes) == (jobs == 2)


KINDS = [kind for name in errors.__all__ if isinstance(kind := getattr(errors, name), type)]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_travel_between_processes(kind):
    error = kind(*["torch", "x"][: 2 if kind is MissingExtraError else 1])
    received = pickle.loads(pickle.dumps(error))
    assert (type(received), str(received)) == (kind, str(error))


def test_arrays_are_copies_that_workers_may_write_to():
    large = np.ones(1 << 18)
    doubled = list(parallel_map(overwritten, [large, large], jobs=2))
    assert [array.sum() for array in doubled] == [2 << 18] * 2
    assert large.sum() == 1 << 18


def test_one_job_and_one_item_stay_in_this_process():
    assert set(parallel_map(process, range(3))) == {os.getpid()}
    assert list(parallel_map(process, [0], jobs=2)) == [os.getpid()]
    assert list(parallel_map(process, [], jobs=2)) == []
    assert os.getpid() not in parallel_map(process, range(3), jobs=2)


def folder(_):
    return os.getcwd()


def test_workers_follow_to_another_folder(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert set(parallel_map(folder, range(3), jobs=2)) == {os.getcwd()}


@pytest.mark.parametrize("jobs", [0, -1, 1.5, True, None, "2"])
def test_bad_jobs(jobs):
    with pytest.raises(InvalidInputError, match="at least one job"):
        parallel_map(abs, [1], jobs=jobs)


ENDLESS = """
import sys
sys.path.insert(0, {folder!r})
import endless
from exactflow import __main__
from exactflow.cli import check
check.check_certificate = endless.outcome
sys.argv = ["exactflow", "check", "a.json", "b.json", "c.json", "--jobs", "2"]
sys.exit(__main__.main())
"""
OUTCOME = """
import os, pathlib
def outcome(file, **options):
    pathlib.Path(__file__).with_name(f"{os.getpid()}.pid").touch()
    while True:
        pass
"""


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("to_all", [True, False], ids=["group", "parent"])
def test_no_worker_outlives_the_command(tmp_path, number, to_all):
    if to_all and number == signal.SIGKILL:
        pytest.skip("nothing is left to tidy up")
    (tmp_path / "endless.py").write_text(OUTCOME)
    script = ENDLESS.format(folder=str(tmp_path))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        [sys.executable, "-c", script], start_new_session=True, **pipes
    ) as command:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        workers = [int(path.stem) for path in tmp_path.glob("*.pid")]
        (os.killpg if to_all else os.kill)(command.pid, number)
        wait_for(lambda: not any(map(is_running, workers)))
        out, err = command.communicate(timeout=10)
    assert out == b""
    if number == signal.SIGINT:
        assert (command.returncode, err) == (130, b"exactflow: interrupted\n")


TWO_SCRIPTS = """
import sys
sys.modules["psutil"] = None  # joblib then finds the processes of a worker by another program
sys.argv = ["exactflow", "prove", "a.py", "b.py", "-j", "2"]
from exactflow import __main__
sys.exit(__main__.main())
"""
ENDLESS_PROOF = """
import os, pathlib
pathlib.Path(f"{os.getpid()}.pid").touch()
while True:
    pass
"""


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("repeated", range(2))
@pytest.mark.parametrize("started", [0, 1, 2], ids=lambda number: f"{number}-scripts")
def test_ctrl_c_twice_ends_all_processes_and_prints_one_line(tmp_path, started, repeated):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(ENDLESS_PROOF)
    command = [sys.executable, "-c", TWO_SCRIPTS]
    with subprocess.Popen(
        command, start_new_session=True, cwd=tmp_path, text=True, stderr=subprocess.PIPE
    ) as process:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) >= started)
        time.sleep(0 if started else 1)
        for _ in range(2):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.1)
        try:
            _, err = process.communicate(timeout=20)
            wait_for(lambda: not is_running(process.pid, os.killpg))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert (process.returncode in (130, -signal.SIGINT), err) == (True, "exactflow: interrupted\n")


def wait_for(condition):
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def is_running(process, kill=os.kill):
    try:
        kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@POSIX
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_errors_are_on_the_terminal_and_the_verdicts_in_the_file(tmp_path, jobs):
    good, broken = CORPUS / "correct" / "sqrt2.json", CORPUS / "malformed" / "file_empty.json"
    arguments = ["-m", "exactflow", "check", good, broken, good, "--jobs", jobs]
    with open(tmp_path / "out", "w") as out, on_terminal(*arguments, stdout=out) as (process, ours):
        shown = written_to(ours)
    assert process.returncode == 2
    assert "malformed" in shown
    verdicts = [line for line in (tmp_path / "out").read_text().splitlines() if line[:2] == "s "]
    assert verdicts == ["s VERIFIED", "s VERIFIED"]


NESTED = """
import sys, time
from exactflow.files.parallel import parallel_map
from exactflow.files.progress_line import yield_and_report_progress
def slowly(n):
    for _ in yield_and_report_progress(iter(range(3)), 3, "inner"):
        time.sleep(0.3)
    return n
if __name__ == "__main__":
    print(*parallel_map(slowly, [1, 2], jobs=int(sys.argv[1]), label="outer"))
"""


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize(("jobs", "inner"), [("1", True), ("2", False)])
def test_items_within_items_are_shown_but_in_a_worker(tmp_path, jobs, inner):
    (tmp_path / "nested.py").write_text(NESTED)
    with on_terminal(tmp_path / "nested.py", jobs, stdout=subprocess.PIPE) as (process, ours):
        shown = written_to(ours)
        assert process.stdout.read() == b"1 2\n"
    assert ("inner" if inner else "outer") in shown
    assert ("inner" in shown) == inner
    assert "Traceback" not in shown


def test_there_are_no_more_processes_than_items():
    assert len(set(parallel_map(process, range(2), jobs=99_999_999_999))) <= 2
