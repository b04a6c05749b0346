"""The same function on many items, in several processes: joblib's pool, or another of its backends.

Results come in the order of the items, and where items fail, the error of the first one in that
order is raised as it is, after the results before it. A worker that ends while it computes ends the
work, or costs only its own items where the caller says what stands for their results.
"""

import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from types import ModuleType
from typing import Any, TypeVar

from exactflow.errors import InvalidInputError, ProcessDiedError, require
from exactflow.exact.progress import with_progress
from exactflow.files.atomic import interruptible

_MOST_JOBS = 60  # Windows waits for no more processes
_ENDED = "a worker process ended before its work was done"

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    jobs: int = 1,
    label: str | None = None,
    backend: str | None = None,
    lost: Callable[[Item], Result] | None = None,
) -> Iterator[Result]:
    """Return an iterator of function(item) for every item, in order, computed in `jobs` processes.

    One job, or one item, is computed in this process, unless a `backend` of joblib is named. There
    are at most as many processes as items, and 60; the backends of clusters have the workers that
    they have. Ctrl-C, an error and a consumer that stops end the workers at once. On a stderr that
    is a terminal the line of progress shows the label. `lost` maps an item whose worker ended, as
    by ``os._exit`` or a killer of processes, to a result.
    Raises `InvalidInputError` for fewer jobs than one, or a backend that joblib does not have, and
    `ProcessDiedError` where a worker has ended and there is no `lost`.
    """
    if not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 1:
        raise InvalidInputError(f"expected at least one job, got {jobs!r}")
    items = list(items)
    jobs = min(jobs, max(len(items), 1), _MOST_JOBS)
    results: Iterator[Result]
    if backend is None and jobs < 2:
        results = map(function, items)
    elif backend == "dask":
        results = _on_dask(function, items, lost)
    else:
        results = _on_backend(function, items, jobs, backend, lost)
    return results if label is None else with_progress(results, len(items), label)


def _on_backend(
    function: Callable[[Item], Result],
    items: list[Item],
    jobs: int,
    backend: str | None,
    lost: Callable[[Item], Result] | None,
) -> Iterator[Result]:
    """Yield the results from a backend of joblib; None is the one that is active."""
    pool = partial(_elsewhere, function, backend=backend)
    in_flight: dict[str, Any] = {}
    done = 0
    while done < len(items):
        try:
            for result in pool(items[done:], jobs, **in_flight):
                done += 1
                yield result
        except ProcessDiedError:
            if lost is None:
                raise
            # the first item without a result is computed alone, and the rest a few at a time,
            # so that the items that end their workers are told from their neighbours
            in_flight = {"batch_size": 1, "pre_dispatch": "n_jobs"}
            yield _alone(pool, items[done], lost)
            done += 1


def _alone(
    pool: Callable[..., Iterator[Result]], item: Item, lost: Callable[[Item], Result]
) -> Result:
    """Return the result of an item that shares its worker with no other."""
    try:
        (result,) = pool([item], 2)
    except ProcessDiedError:
        return lost(item)
    return result


def _active(backend: str | None) -> AbstractContextManager:
    """Return a context in which a backend of joblib is the active one, made anew."""
    if backend is None:
        return nullcontext()
    import joblib
    from joblib.parallel import BACKENDS, EXTERNAL_BACKENDS

    known = sorted({*BACKENDS, *EXTERNAL_BACKENDS})
    if backend not in known:
        raise InvalidInputError(f"expected a backend among {', '.join(known)}, got {backend!r}")
    try:
        return joblib.parallel_config(backend)
    except (ImportError, ValueError) as error:
        raise InvalidInputError(f"joblib cannot use the backend {backend}: {error}") from None


def _require_dask(module: str) -> ModuleType:
    return require(module, "cluster", "the backend dask")


@contextmanager
def _dask_client() -> Iterator[Any]:
    """Connect to dask's scheduler, where dask's configuration finds it."""
    distributed, dask = map(_require_dask, ("distributed", "dask"))
    if not dask.config.get("scheduler-address", None):
        raise InvalidInputError(
            "no scheduler is known for the backend dask: start dask scheduler and its workers, and "
            "set DASK_SCHEDULER_ADDRESS"
        )
    try:
        client = distributed.Client()
    except OSError as error:
        raise InvalidInputError(f"dask's scheduler cannot be reached: {error}") from None
    with client:
        yield client


def _on_dask(
    function: Callable[[Item], Result], items: list[Item], lost: Callable[[Item], Result] | None
) -> Iterator[Result]:
    """Yield the results from dask's workers, a task for each item.

    Not by joblib, which waits forever for a task whose workers have ended. Dask gives the tasks of
    a worker that has ended to others, and gives up a task under which four have ended. As it may
    have been a neighbour in the queue that ended them, such a task is tried once more.
    """
    with _dask_client() as client:
        KilledWorker = _require_dask("distributed").KilledWorker
        submit = partial(client.submit, partial(_outcome, function, os.getcwd()), pure=False)
        for item, future in [(item, submit(item)) for item in items]:
            try:
                try:
                    result, error = future.result()
                except KilledWorker:
                    result, error = submit(item).result()
            except KilledWorker:
                if lost is None:
                    raise ProcessDiedError(_ENDED) from None
                result, error = lost(item), None
            if error is not None:
                raise error
            yield result


def _elsewhere(
    function: Callable[[Item], Result],
    items: list[Item],
    jobs: int,
    *,
    backend: str | None,
    **in_flight: Any,
) -> Iterator[Result]:
    """Yield the results from joblib's workers; only this process hears of Ctrl-C, and ends them."""
    from joblib import Parallel, delayed

    # arrays travel as copies, writable as they are here: shared memory is read-only
    with _active(backend):
        pool = Parallel(
            jobs, return_as="generator", max_nbytes=None, initializer=_follow_parent, **in_flight
        )
    task = delayed(partial(_outcome, function, os.getcwd()))
    try:
        with interruptible(), _closing(pool(map(task, items))) as outcomes:
            for result, error in outcomes:
                if error is not None:
                    raise error
                yield result
    except BrokenProcessPool:
        raise ProcessDiedError(_ENDED) from None


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
