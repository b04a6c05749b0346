"""The same function on many items, in several processes: joblib's pool.

Results come in the order of the items, and where items fail, the error of the first one in that
order is raised as it is, after the results before it.
"""

import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

from exactflow.errors import DiedError, InvalidInputError
from exactflow.exact.progress import with_progress
from exactflow.files.atomic import interruptible

_MOST_JOBS = 60  # Windows waits for no more processes

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    jobs: int = 1,
    label: str | None = None,
) -> Iterator[Result]:
    """Return an iterator of function(item) for every item, in order, computed in `jobs` processes.

    One job, or one item, is computed in this process. There are at most as many processes as items,
    and 60. Ctrl-C, an error and a consumer that stops end the workers at once. On a stderr that is
    a terminal the line of progress shows the label.
    Raises `InvalidInputError` for fewer jobs than one, and `DiedError` where a worker has ended, as
    by ``os._exit``.
    """
    if not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 1:
        raise InvalidInputError(f"expected at least one job, got {jobs!r}")
    items = list(items)
    jobs = min(jobs, len(items), _MOST_JOBS)
    alone = jobs < 2
    results = map(function, items) if alone else _elsewhere(function, items, jobs)
    return results if label is None else with_progress(results, len(items), label)


def _elsewhere(
    function: Callable[[Item], Result], items: list[Item], jobs: int
) -> Iterator[Result]:
    """Yield the results from joblib's workers; only this process hears of Ctrl-C, and ends them."""
    from joblib import Parallel, delayed

    # arrays travel as copies, writable as they are here: shared memory is read-only
    pool = Parallel(jobs, return_as="generator", max_nbytes=None, initializer=_follow_parent)
    task = delayed(partial(_outcome, function, os.getcwd()))
    try:
        with interruptible(), _closing(pool(map(task, items))) as outcomes:
            for result, error in outcomes:
                if error is not None:
                    raise error
                yield result
    except BrokenProcessPool:
        raise DiedError("expected results, got the end of a worker process") from None


@contextmanager
def _closing(outcomes: Generator) -> Iterator[Generator]:
    """Close a generator at the end; that results are left, which joblib warns of, is meant."""
    try:
        yield outcomes
    finally:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            outcomes.close()


def _outcome(
    function: Callable[[Item], Result], folder: str, item: Item
) -> tuple[Result | None, Exception | None]:
    """Return a result, or an error: joblib would raise the one that comes first in time.

    Workers are kept, so that one may still be in the folder of an earlier call.
    """
    with suppress(OSError):
        os.chdir(folder)
    try:
        return function(item), None
    except Exception as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        return None, error


def _follow_parent() -> None:
    """Leave Ctrl-C and the terminal to the parent process; end with it, however it ends."""
    os.environ["TERM"] = "dumb"  # it shows no progress
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()


def end_with(parent: int) -> None:
    """End this process soon after its parent has ended."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
