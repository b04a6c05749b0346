"""Integers through a lossless flow, and back: .npy in, .npy of the same type out."""

import argparse
import io
from pathlib import Path

import numpy as np

from exactflow.cli import common
from exactflow.errors import InvalidInputError
from exactflow.files.atomic import named, read_bytes, write_bytes
from exactflow.files.store import read_lossless
from exactflow.files.tensors import held_arrays


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("certificate", metavar="L.json", help="what exactflow lossless wrote")
    command.add_argument(
        "file", metavar="X.npy", help="integers: d rows, a column for each vector; or one vector"
    )
    command.add_argument("-o", "--output", metavar="Y.npy", required=True, help="the images")
    command.add_argument("--inverse", action="store_true", help="from images to what they are of")


def run(arguments: argparse.Namespace) -> int:
    """Write the images; raise `InvalidInputError` for files of another type, or one for both."""
    if Path(arguments.file).suffix.lower() != ".npy":
        raise InvalidInputError(f"expected a .npy file, got {arguments.file!r}")
    common.check_place(arguments.output, {"integers": (".npy",)}, arguments.file)
    data = read_bytes(arguments.file)
    flow = read_lossless(arguments.certificate)
    with named(arguments.file):
        x, _ = held_arrays(data, ".npy")[None]()
    y = flow.backward(x) if arguments.inverse else flow.forward(x)
    content = io.BytesIO()
    np.save(content, y)
    write_bytes(arguments.output, content.getvalue())
    columns = 1 if y.ndim == 1 else y.shape[1]
    print(f"{'preimages' if arguments.inverse else 'images'}: {columns}, {y.dtype}")
    return 0
