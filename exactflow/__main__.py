"""``exactflow`` and ``python -m exactflow``: the command line as a process of its own."""

import os
import signal
import sys
import threading
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from exactflow.errors import ProcessDiedError


def main(exit_code_file: str | None = None) -> int:
    """Run the command line and return the exit code; a signal ends the process at once.

    The exit code is also written to the file `exit_code_file`, if there is one, which
    `_run_command_in_new_process` reads.
    """
    end_process_at_signals()
    if isinstance(sys.stdout, TextIOWrapper):  # stdout is None if it was closed
        sys.stdout.reconfigure(errors="backslashreplace")  # file names can be invalid Unicode
    from exactflow import cli

    runs_a_script = exit_code_file is None and sys.argv[1:2] == ["diagnose"]
    code = cli.run_reporting_errors(_run_command_in_child_process) if runs_a_script else cli.main()
    if exit_code_file is not None:
        Path(exit_code_file).write_text(str(code), "utf-8")
    try:
        print(end="", flush=True)
        print(end="", file=sys.stderr, flush=True)
    except OSError:  # a normal exit would flush again, fail, and change the exit code
        os._exit(code)
    return code


def end_process_at_signals() -> None:
    """Let Ctrl-C, and an output that nobody reads, end the process at once.

    Python's own handler of Ctrl-C waits until the library call that is running returns, which can
    take minutes. Files are written as a whole or not at all, so a signal leaves no file incomplete.
    """
    for name in ("SIGINT", "SIGPIPE"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


def _run_command_in_child_process() -> int:
    """Run the command in a forked process, and return its exit code. On systems without fork, run
    it in a new process.

    A script that the command runs can end its process with any exit code, so the forked process
    reports the exit code of the command through a pipe. Raises `ProcessDiedError` if that process
    ends before it reports; if a signal ended that process, the same signal ends this one.
    """
    if not hasattr(os, "fork"):
        return _run_command_in_new_process()
    from exactflow import cli

    reading, writing = os.pipe()
    parent, child = os.getpid(), os.fork()
    if not child:
        from exactflow.files.parallel import wait_and_exit_with_parent

        threading.Thread(target=wait_and_exit_with_parent, args=[parent], daemon=True).start()
        code = cli.main()
        os.write(writing, bytes([code]))
        return code
    os.close(writing)
    exit_code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.set_blocking(reading, False)
    # read without waiting, since processes that the script started can keep the pipe open
    with suppress(BlockingIOError):
        if reported := os.read(reading, 1):
            return reported[0]
    if exit_code < 0:
        os.kill(os.getpid(), -exit_code)
    raise _make_process_died_error(exit_code)


def _run_command_in_new_process() -> int:
    """Run the command in a new process, and return the exit code that it reports in a file.

    It replaces `_run_command_in_child_process` on systems without fork, and raises the same errors.
    """
    import subprocess
    from tempfile import TemporaryDirectory

    child = "import sys; from exactflow.__main__ import main; sys.exit(main(sys.argv.pop(1)))"
    with TemporaryDirectory() as folder:
        exit_code_file = Path(folder, "code")
        command = [sys.executable, "-P", "-c", child, str(exit_code_file), *sys.argv[1:]]
        exit_code = subprocess.run(command, check=False).returncode
        if exit_code_file.exists():
            return int(exit_code_file.read_text("utf-8"))
    raise _make_process_died_error(exit_code)


def _make_process_died_error(exit_code: int) -> ProcessDiedError:
    text = f"the process of the script ended without a verdict, with exit code {exit_code}"
    return ProcessDiedError(f"{text}: remove what ends it, such as sys.exit or os._exit")


if __name__ == "__main__":
    sys.exit(main())
