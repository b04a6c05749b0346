"""Apply a function to many items in several processes, by joblib's pool or another backend.

Results come in the order of the items. If the function fails, the error for the first such item in
that order is raised unchanged, after the results for the earlier items. If a worker process dies,
`ProcessDiedError` is raised, unless the caller provides results for the items of this worker.
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
from exactflow.files.ctrl_c import ignoring_ctrl_c, raising_keyboard_interrupt_at_first_ctrl_c
from exactflow.files.progress_line import yield_and_report_progress

_MOST_JOBS = 60  # Windows cannot wait for more processes
_WORKER_ENDED = (
    "a worker process ended before its work was done: use fewer jobs if the memory was full"
)

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    jobs: int = 1,
    label: str | None = None,
    backend: str | None = None,
    result_if_lost: Callable[[Item], Result] | None = None,
) -> Iterator[Result]:
    """Return an iterator over function(item) for each item in order; `jobs` processes compute it.

    One job, or one item, is computed in this process, unless a `backend` of joblib is named. There
    are at most as many processes as items, and at most 60; a cluster chooses the number of its
    workers itself. Workers end at once if Ctrl-C is pressed, an error is raised, or the consumer
    stops. With a label, and if stderr is a terminal, a line shows the progress. If the worker of an
    item dies, as by ``os._exit`` or for lack of memory, `result_if_lost(item)` is its result.
    Raises `InvalidInputError` for less than one job, or a backend that joblib does not have, and
    `ProcessDiedError` if a worker dies and there is no `result_if_lost`.
    """
    if not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 1:
        raise InvalidInputError(f"expected at least one job, got {jobs!r}")
    items = list(items)
    jobs = min(jobs, max(len(items), 1), _MOST_JOBS)
    results: Iterator[Result]
    if backend is None and jobs < 2:
        results = map(function, items)
    elif backend == "dask":
        results = _map_by_dask(function, items, result_if_lost)
    else:
        results = _map_by_joblib(function, items, jobs, backend, result_if_lost)
    return results if label is None else yield_and_report_progress(results, len(items), label)


def _map_by_joblib(
    function: Callable[[Item], Result],
    items: list[Item],
    jobs: int,
    backend: str | None,
    result_if_lost: Callable[[Item], Result] | None,
) -> Iterator[Result]:
    """Yield the results, computed by a backend of joblib; None selects joblib's active backend."""
    pool = partial(_yield_results_of_joblib_workers, function, backend=backend)
    pool_options: dict[str, Any] = {}
    done = 0
    while done < len(items):
        try:
            for result in pool(items[done:], jobs, **pool_options):
                done += 1
                yield result
        except ProcessDiedError:
            if result_if_lost is None:
                raise
            # find the items that crash a worker: compute the first item without a result in a pool
            # of its own, then give the later items to the workers one at a time
            pool_options = {"batch_size": 1, "pre_dispatch": "n_jobs"}
            try:
                (result,) = pool([items[done]], 2)
            except ProcessDiedError:
                result = result_if_lost(items[done])
            yield result
            done += 1


def _activate_backend(backend: str | None) -> AbstractContextManager:
    """Return a context in which joblib uses the named backend or, for None, its active backend."""
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


def _require_dask_module(name: str) -> ModuleType:
    return require(name, "cluster", "the backend dask")


@contextmanager
def _connecting_to_configured_dask_scheduler() -> Iterator[Any]:
    """Yield a client of the scheduler in dask's configuration; close the client at the end.

    Raises `InvalidInputError` if no scheduler is named, or none answers.
    """
    distributed, dask = map(_require_dask_module, ("distributed", "dask"))
    if not dask.config.get("scheduler-address", None):
        raise InvalidInputError(
            "no scheduler is known for the backend dask: start a dask scheduler with workers, and "
            "set DASK_SCHEDULER_ADDRESS"
        )
    try:
        client = distributed.Client()
    except OSError as error:
        raise InvalidInputError(f"dask's scheduler cannot be reached: {error}") from None
    with client:
        yield client


def _map_by_dask(
    function: Callable[[Item], Result],
    items: list[Item],
    result_if_lost: Callable[[Item], Result] | None,
) -> Iterator[Result]:
    """Yield the results, computed by dask's workers; each item is a task of its own.

    The backend of joblib for dask would wait forever for a task whose workers have died. Dask gives
    the tasks of a dead worker to other workers, and gives up a task that was with four workers when
    they died. Another task of these workers may have killed them, so this task is tried once more.
    """
    with _connecting_to_configured_dask_scheduler() as client:
        KilledWorker = _require_dask_module("distributed").KilledWorker
        submit = partial(
            client.submit, partial(_result_or_error_after_chdir, function, os.getcwd()), pure=False
        )
        for item, future in [(item, submit(item)) for item in items]:
            try:
                try:
                    result, error = future.result()
                except KilledWorker:
                    result, error = submit(item).result()
            except KilledWorker:
                if result_if_lost is None:
                    raise ProcessDiedError(_WORKER_ENDED) from None
                result, error = result_if_lost(item), None
            if error is not None:
                raise error
            yield result


def _yield_results_of_joblib_workers(
    function: Callable[[Item], Result],
    items: list[Item],
    jobs: int,
    *,
    backend: str | None,
    **pool_options: Any,
) -> Iterator[Result]:
    """Yield the results of joblib's workers; the workers ignore Ctrl-C and end with this process.

    Raises the first error of the function, and `ProcessDiedError` if a worker dies.
    """
    from joblib import Parallel, delayed

    # max_nbytes=None copies arrays to the workers, since arrays in shared memory are read-only
    with _activate_backend(backend):
        pool = Parallel(
            jobs,
            return_as="generator",
            max_nbytes=None,
            initializer=_ignore_ctrl_c_hide_progress_exit_with_parent,
            **pool_options,
        )
    task = delayed(partial(_result_or_error_after_chdir, function, os.getcwd()))
    try:
        with (
            raising_keyboard_interrupt_at_first_ctrl_c(),
            _closing_without_warning(_start_workers(pool, map(task, items))) as outcomes,
        ):
            for result, error in outcomes:
                if error is not None:
                    raise error
                yield result
    except BrokenProcessPool:
        raise ProcessDiedError(_WORKER_ENDED) from None


@ignoring_ctrl_c()
def _start_workers(pool: Callable[[Iterator[Any]], Generator], tasks: Iterator[Any]) -> Generator:
    """Start the workers on the tasks, and return the generator of their results.

    A worker that starts does not yet ignore Ctrl-C by itself, and would print a traceback.
    """
    return pool(tasks)


@contextmanager
def _closing_without_warning(outcomes: Generator) -> Iterator[Generator]:
    """Yield a generator, and close it at the end without joblib's warning about unused results.

    Joblib kills its workers then. It fails if Ctrl-C ends the program by which it finds them.
    """
    try:
        yield outcomes
    finally:
        with ignoring_ctrl_c(), warnings.catch_warnings(action="ignore", category=UserWarning):
            outcomes.close()


def _result_or_error_after_chdir(
    function: Callable[[Item], Result], folder: str, item: Item
) -> tuple[Result | None, Exception | None]:
    """Call function(item) in a folder; return (result, None), or (None, error) if it raises.

    A raised error would end joblib's pool, perhaps before an earlier item is finished. The folder
    is set since a worker may still be in the folder of an earlier call.
    """
    with suppress(OSError):
        os.chdir(folder)
    try:
        return function(item), None
    except Exception as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        return None, error


def _ignore_ctrl_c_hide_progress_exit_with_parent() -> None:
    """Ignore Ctrl-C, show no progress, and exit when the parent process ends."""
    os.environ["TERM"] = "dumb"  # on such a terminal no progress is shown
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=wait_and_exit_with_parent, args=[os.getppid()], daemon=True).start()


def wait_and_exit_with_parent(parent_id: int) -> None:
    """Wait until the parent process has ended, then end this process."""
    while os.getppid() == parent_id:
        time.sleep(0.5)
    os._exit(1)
