"""The library that theorems of certificates require, compiled once for a run of the tests."""

import pytest
from files.rocq.compiling import coqc

from exactflow.files.rocq.syntax import LIBRARY, read_library_file


@pytest.fixture(scope="session")
def library(tmp_path_factory, worker_id):
    """The folder of the library, which the first worker that needs it compiles for all."""
    fcntl = pytest.importorskip("fcntl")
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "library"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in LIBRARY:
            if not (folder / f"{name}.vo").exists():
                (folder / f"{name}.v").write_text(read_library_file(name))
                coqc(folder / f"{name}.v", folder)
    return folder
