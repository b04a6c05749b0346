"""Read and write whole files: a file appears complete, or nothing changes.

The bytes are written to a temporary file in the same folder, which then replaces the file. Ctrl-C
removes the temporary file. SIGTERM, SIGKILL and a power cut may leave the temporary file, named
``.exactflow-*.tmp``, but the file itself is never half written.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from exactflow.checker import MalformedError, await_writer_if_named_pipe, open_file_or_stdin
from exactflow.errors import CertificateError, InvalidInputError, SingularMatrixError
from exactflow.files.ctrl_c import raising_keyboard_interrupt_at_first_ctrl_c

# Larger files are not read, so that a link to an endless device does not fill the memory.
MOST_BYTES = 2**29


def check_writable(path: str | Path) -> None:
    """Raise `InvalidInputError` if no file can be written at a path; for use before long work."""
    if str(path) == "-":
        raise InvalidInputError("expected the name of a file to write, got '-' (standard output)")
    if not str(path):
        raise InvalidInputError("expected the name of a file to write, got an empty name")
    if "\0" in str(path):
        raise InvalidInputError(f"expected a file name without zero bytes, got {str(path)!r}")
    place = os.path.realpath(path)
    folder = os.path.dirname(place)
    if not os.path.isdir(folder):
        reason = "no such folder"
    elif os.path.exists(place) and not os.path.isfile(place):
        reason = "it is a directory" if os.path.isdir(place) else "it is not a regular file"
    elif not os.access(folder, os.W_OK):
        reason = "its folder is read-only"
    else:
        return
    raise InvalidInputError(f"cannot write the file {str(path)!r}: {reason}")


def read_file_or_stdin(path: str | Path, noun_in_error: str = "file") -> bytes:
    """Return the bytes of a file, or of standard input for "-".

    Raises `InvalidInputError` if the file cannot be read or is too large; the message calls
    the file a `noun_in_error`, as "certificate".
    """
    data, reason, is_stdin = bytearray(), None, str(path) == "-"
    try:
        with nullcontext(sys.stdin.buffer) if is_stdin else open_file_or_stdin(path) as file:
            data += b"" if is_stdin else await_writer_if_named_pipe(file)
            while len(data) <= MOST_BYTES and (piece := file.read(2**20)):
                data += piece
    except AttributeError:
        reason = "standard input is closed"
    except (OSError, ValueError) as error:  # a name with a zero byte raises ValueError
        reason = getattr(error, "strerror", None) or str(error)
    if len(data) > MOST_BYTES:
        reason = f"it has more than {MOST_BYTES} bytes"
    if reason is not None:
        raise InvalidInputError(f"expected a readable {noun_in_error}, got {str(path)!r}: {reason}")
    return bytes(data)


@contextmanager
def prefixing_content_errors_with_file_name(path: str | Path) -> Iterator[None]:
    """Put the name of a file before the message of an error that reading its content raises."""
    try:
        yield
    except (CertificateError, InvalidInputError, SingularMatrixError) as error:
        raise type(error)(f"{Path(path).name}: {error}") from None


def explain_malformed_certificate(data: bytes, error: MalformedError) -> str:
    """Return a message that says why the content of a file is no certificate.

    It is the message of the checker's error, with a remedy if a later version wrote the file. If
    the content is no JSON object, the message says what a certificate is.
    """
    if re.fullmatch(r"version: .*, found the number ([3-9]|[1-9]\d+)", str(error)):
        return f"{error}: a later exactflow wrote this file, so update exactflow"
    if data.lstrip().startswith(b"{"):
        return str(error)
    return (
        "expected a certificate, which is a JSON object: to get one for a matrix, factor the "
        "matrix and save the flow"
    )


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write a whole file, or raise an error and change nothing; follow symbolic links, and keep the
    permissions of a file that is replaced.

    Raises `InvalidInputError` if the file cannot be written.
    """
    check_writable(path)
    place = Path(os.path.realpath(path))
    temporary = place.with_name(f".exactflow-{os.urandom(8).hex()}.tmp")
    try:
        with raising_keyboard_interrupt_at_first_ctrl_c():
            try:
                mode = place.stat().st_mode & 0o777 if place.exists() else None
                if mode is not None:  # a file that others may not read stays so
                    temporary.touch(0o600)
                temporary.write_bytes(data)
                if mode is not None:
                    temporary.chmod(mode)
                temporary.replace(place)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"cannot write the file {str(path)!r}: {error.strerror or error}"
        ) from None
