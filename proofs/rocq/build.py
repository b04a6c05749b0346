"""Compile the files of a Rocq project: side by side, and only what changed since the last time.

Compiled files are kept in the user's cache, each under a hash of all that it comes from: its
source, the compiled files that it requires, the options, and Rocq with its libraries. Whoever can
write there can put anything in their place: so a compiled file is evidence of nothing. `coqchk`
checks the proofs in it again, which says nothing of its statements and definitions. These
`restated` reads from their sources each time, with every word that they use but MathComp's, and
holds them against what the compiled files prove.
"""

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import exactflow
from exactflow.claims import ProofError
from exactflow.errors import InvalidInputError
from exactflow.files.atomic import write_atomically
from exactflow.files.rocq.theorem import coqc_command_unless_only_rocq

__all__ = ["Compiled", "build", "project", "run"]

DAYS = 30  # without use, after which a compiled file is forgotten


@dataclass(frozen=True)
class Compiled:
    """A source, its .vo file, and `key`, a hash of all that the latter comes from.

    `printed` is what Rocq printed, or None if the .vo file is one of an earlier run.
    """

    source: str
    target: Path
    key: str
    printed: str | None


class Project(NamedTuple):
    """The sources with the names of their modules, in an order that compiles, and the options of
    Rocq: where modules are, and all.
    """

    sources: dict[str, str]
    places: list[str]
    options: list[str]


def build(folder: Path, scratch: Path, *, jobs: int, goal: str | None = None) -> Iterator[Compiled]:
    """Compile the project of a folder into another one, and yield each source as it is done.

    Parameters
    ----------
    folder : has _CoqProject, and below it the sources that this lists.
    scratch : where a copy of each source goes, in the same places, and its .vo file.
    jobs : how many files are compiled at once.
    goal : the source that is wanted, with all that it requires; every one if None.

    Raises
    ------
    ProofError
        A source does not compile.
    """
    sources, _, options = project(folder)
    for source in sources:
        (scratch / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source_path(folder, source), scratch / source)
    required, cache = requirements(scratch, list(sources), options), cache_folder()
    if goal is not None:
        required = {source: required[source] for source in needed(required, goal)}
    tools = digest([installation(), *map(str.encode, options)])

    def compiled(source: str) -> Compiled:
        target = compiled_file(scratch, source)
        parts = [scratch / source, *(compiled_file(scratch, other) for other in required[source])]
        key = digest([tools, source.encode(), *(part.read_bytes() for part in parts)]).hex()
        known = read(cache / key)
        if known is not None:
            target.write_bytes(known)
            return Compiled(source, target, key, None)
        printed = run(*coqc_command_unless_only_rocq(), *options, source, folder=scratch)
        keep(cache / key, target.read_bytes())
        return Compiled(source, target, key, printed)

    order, running = TopologicalSorter(required), {}
    order.prepare()
    pool = ThreadPoolExecutor(jobs)
    try:
        while order.is_active():
            running |= {pool.submit(compiled, source): source for source in order.get_ready()}
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield future.result()
                order.done(running.pop(future))
    finally:
        pool.shutdown(cancel_futures=True)
    forget_unused(cache)


def project(folder: Path) -> Project:
    """Return what the _CoqProject of a folder says."""
    text = (folder / "_CoqProject").read_text()
    found = re.findall(r"^-Q (\S+) (\S+)$", text, re.MULTILINE)
    names = {Path(place): name for place, name in found}
    paths = map(Path, re.findall(r"^\S+\.v$", text, re.MULTILINE))
    sources = {path.as_posix(): f"{names[path.parent]}.{path.stem}" for path in paths}
    places = [word for place, name in found for word in ("-Q", place, name)]
    return Project(sources, places, [*places, *re.findall(r"^-arg (\S+)$", text, re.MULTILINE)])


def source_path(folder: Path, source: str) -> Path:
    """Return the path of a source; an installed package holds the library, not the project."""
    path = folder / source
    return path if path.exists() else Path(exactflow.__file__).parents[1] / source


def cache_folder() -> Path:
    """The folder of compiled files: below the user's cache, if there is one."""
    places = [os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache")]
    return Path(next(filter(os.path.isabs, places), os.devnull), "exactflow", "rocq")


def compiled_file(scratch: Path, source: str) -> Path:
    return (scratch / source).with_suffix(".vo")


def run(*command: str, folder: Path | None = None) -> str:
    """Run a tool and return all that it printed; where it fails, `ProofError` says so."""
    out, err = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(command, cwd=folder, stdout=out, stderr=err, text=True, check=False)
    if done.returncode:
        raise ProofError(f"{' '.join(command)}: {done.stdout}")
    return done.stdout


def requirements(
    scratch: Path, sources: Sequence[str], options: Sequence[str]
) -> dict[str, list[str]]:
    """Return which of the sources each source requires, in the order of the project."""
    coqdep = ["coqdep"] if shutil.which("coqdep") else ["rocq", "dep"]
    printed = run(*coqdep, *options, *sources, folder=scratch)
    rules = dict(re.findall(r"^(\S+\.v)o .*?:(.*)$", printed, re.MULTILINE))
    return {
        source: [other for other in sources if f"{other}o" in rules[source].split()]
        for source in sources
    }


def needed(required: dict[str, list[str]], goal: str) -> set[str]:
    """Return a source and all that it requires, directly or not."""
    return {goal}.union(*(needed(required, other) for other in required[goal]))


def installation() -> bytes:
    """Return a hash of Rocq's version and of every compiled file of its libraries."""
    places = [
        run(*coqc_command_unless_only_rocq(), "-where").strip(),
        *os.environ.get("COQPATH", "").split(os.pathsep),
    ]
    libraries = (path for place in filter(None, places) for path in Path(place).rglob("*.vo"))
    contents = (path.read_bytes() for path in sorted(libraries))
    return digest(chain([run(*coqc_command_unless_only_rocq(), "--version").encode()], contents))


def digest(parts: Iterable[bytes]) -> bytes:
    """Return a hash of some bytes, each part for itself."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()


def read(path: Path) -> bytes | None:
    """Return a compiled file that `keep` wrote, if it is there as it was."""
    with suppress(OSError):
        data = path.read_bytes()
        if data[:32] == digest([data[32:]]):
            os.utime(path)
            return data[32:]
    return None


def keep(path: Path, compiled: bytes) -> None:
    """Write a compiled file, after its hash, if the folder is one that can be written."""
    with suppress(OSError, InvalidInputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, digest([compiled]) + compiled)


def forget_unused(cache: Path) -> None:
    """Remove what no run has used for a month, whichever versions of the project it belongs to."""
    with suppress(OSError):
        for path in cache.iterdir():
            if time.time() - path.stat().st_mtime > DAYS * 86400:
                path.unlink()
