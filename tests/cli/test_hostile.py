"""Hostile files through every command: 0, 2 or 3, in ten seconds and a gigabyte."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="limits of memory of Linux"
)
HOSTILE = Path(__file__).with_name("hostile.py")
FULL = Path("/dev/full")
DIES = "import os\nos._exit(0)\n"


@pytest.mark.parametrize(
    ("seed", "count"),
    [(0, 24), *(pytest.param(seed, 100, marks=pytest.mark.slow) for seed in range(1, 6))],
)
def test_hostile_files_through_every_command(tmp_path, seed, count):
    command = [sys.executable, HOSTILE, tmp_path, str(seed), str(count)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    runs, decoder = done.stdout.splitlines(), json.JSONDecoder()
    assert done.returncode == 0, f"{runs[-1:]} ended\n{done.stderr[-2000:]}"
    for run in runs:
        words, end = decoder.raw_decode(run)
        code, out, err = json.loads(run[end:])
        is_other = "--target" in words and "the certificate's target is not the given target" in out
        assert code in (0, 2, 3) or (code == 1 and is_other), run
        assert len(err) < 4000, run
        assert err.replace("\n", "").isprintable(), run
        assert "defect" not in err, run
    assert len(runs) >= 11 * count


def exactflow(*words, folder, **options):
    command = [sys.executable, "-m", "exactflow", *map(str, words)]
    return subprocess.run(
        command, cwd=folder, text=True, timeout=120, **{"capture_output": True} | options
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "m.csv").write_text("1,2\n3,7\n")
    assert exactflow("factor", "m.csv", "-o", "c.json", "-q", folder=tmp_path).returncode == 0
    return tmp_path


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
@pytest.mark.parametrize("words", ["factor none.csv", "check none.json", "prove none.py", "depth -x"])
def test_stderr_on_a_full_disk_is_no_refutation(folder, words):
    with FULL.open("w") as full:
        done = exactflow(
            *words.split(), folder=folder, capture_output=False, stdout=subprocess.PIPE, stderr=full
        )
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_a_script_that_ends_the_process_has_no_verdict(folder, jobs):
    template = exactflow("prove", "--template", folder=folder).stdout
    for name, text in (("a.py", DIES), ("b.py", template)):
        (folder / name).write_text(text)
    done = exactflow("prove", jobs, "a.py", "b.py", folder=folder)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("exactflow: error: expected ")
    assert "got the end of " in done.stderr
    assert exactflow("prove", jobs, "b.py", folder=folder).returncode == 0


def test_a_model_that_ends_the_process_has_no_verdict(folder):
    pytest.importorskip("torch")
    (folder / "model.py").write_text(DIES)
    np.save(folder / "x.npy", np.ones((2, 2)))
    assert exactflow("diagnose", "model.py:model", "x.npy", folder=folder).returncode == 3


def test_a_signal_ends_the_command_that_runs_a_script(folder):
    (folder / "a.py").write_text("import os\nos.kill(os.getpid(), 15)\n")
    assert exactflow("prove", "a.py", folder=folder).returncode == -15


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device")
@pytest.mark.parametrize("name", ["z.csv", "z.npy", "z"])
def test_a_link_to_a_device_without_end(folder, name):
    (folder / name).symlink_to("/dev/zero")
    done = exactflow("factor", name, folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"got '{name}': it has more than 536870912 bytes" in done.stderr


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device")
def test_a_certificate_without_end(folder):
    (folder / "z.json").symlink_to("/dev/zero")
    done = exactflow("check", "z.json", folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected a file of at most 2^28 bytes" in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_is_read_as_standard_input_is(folder):
    words = "exactflow=$0; $exactflow factor <(cat m.csv) -q && "
    words += "$exactflow check c.json --target <(cat m.csv) && $exactflow check <(cat c.json)"
    done = subprocess.run(
        ["bash", "-c", words.replace("$exactflow", '"$exactflow" -m exactflow'), sys.executable],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("s VERIFIED") == 2


@pytest.mark.skipif(os.name != "posix", reason="a shell")
@pytest.mark.parametrize("words", ["factor -", "check -", "check c.json --target -"])
def test_closed_standard_input(folder, words):
    command = f'"$0" -m exactflow {words} <&-'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable], cwd=folder, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_which_file_is_refuted_and_which_is_malformed(folder):
    good = (folder / "c.json").read_text()
    (folder / "wrong.json").write_text(good.replace('[["1"', '[["2"'))
    (folder / "bad\x1b[31m.json").write_text("{")
    names = ["bad\x1b[31m.json", "wrong.json", "c.json"]
    for options in ((), ("-q",)):
        done = exactflow("check", *options, *names, folder=folder)
        assert done.returncode == 1
        last = done.stderr.splitlines()[-1]
        assert last == "exactflow: refuted: wrong.json; malformed: bad\\x1b[31m.json"
        assert done.stderr.replace("\n", "").isprintable()
    done = exactflow("check", *names[::2], folder=folder)
    assert done.returncode == 2


@pytest.mark.parametrize("name", ["\x1b[31mred.csv", "\u202egnp.csv", "new\nline.csv", b"\xff.csv"])
def test_names_of_files_are_escaped(folder, name):
    path = os.fsencode(folder) + b"/" + os.fsencode(name)
    for content, code in ((b"1,2\n3\n", 2), (b"1,2\n3,7\n", 0)):
        Path(os.fsdecode(path)).write_bytes(content)
        done = exactflow("factor", os.fsdecode(name), folder=folder)
        assert done.returncode == code
        assert done.stderr.count("\n") == (code == 2)
        assert done.stderr.replace("\n", "").isprintable()
