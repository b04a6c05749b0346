"""A file appears whole or not at all, and nothing else stays behind."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from exactflow.errors import InvalidInputError
from exactflow.files.atomic import check_writable, read_file_or_stdin, write_atomically


@pytest.mark.parametrize("action", [signal.SIG_DFL, signal.default_int_handler])
def test_ctrl_c_while_writing_leaves_nothing(tmp_path, monkeypatch, action):
    (tmp_path / "c.json").write_text("precious")

    def interrupted(self, data):
        with open(self, "wb") as file:
            file.write(data[:1])
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    before = signal.signal(signal.SIGINT, action)
    try:
        with pytest.raises(KeyboardInterrupt):
            write_atomically(tmp_path / "c.json", b"{}")
        assert signal.getsignal(signal.SIGINT) is action
    finally:
        signal.signal(signal.SIGINT, before)
    assert [p.name for p in tmp_path.iterdir()] == ["c.json"]
    assert (tmp_path / "c.json").read_text() == "precious"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "file.json")
    write_atomically(tmp_path / "link.json", b"{}")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "file.json").read_bytes() == b"{}"


def test_places_where_nothing_can_be_written(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("folder", "a directory"),
        ("none/c.json", "no such folder"),
        ("pipe", "not a regular file"),
        ("pipe/c.json", "no such folder"),
    ):
        for refuse in (check_writable, lambda path: write_atomically(path, b"")):
            with pytest.raises(InvalidInputError, match=words):
                refuse(tmp_path / name)
    with pytest.raises(InvalidInputError, match="too long"):
        write_atomically(tmp_path / ("x" * 300), b"")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "pipe"]


@pytest.mark.parametrize("name", ["", "a\0b.json"])
def test_names_of_no_file(name):
    for refuse in (check_writable, lambda path: write_atomically(path, b"")):
        with pytest.raises(InvalidInputError, match=r"expected (the|a file) name"):
            refuse(name)


def test_a_pipe_is_read_once_a_process_writes_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr("exactflow.checker.PATIENCE", 1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInputError, match="no process writes to this pipe"):
        read_file_or_stdin(pipe)
    monkeypatch.undo()

    def write():
        with open(pipe, "wb") as file:
            time.sleep(0.3)
            file.write(b"abc" * 10**6)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_file_or_stdin(pipe) == b"abc" * 10**6
    writer.join()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_file_keeps_its_permissions(tmp_path, mode):
    path = tmp_path / "c.json"
    path.write_text("old")
    path.chmod(mode)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == mode
