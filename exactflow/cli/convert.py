"""A trained model with couplings in the place of its linear layers."""

import argparse
from pathlib import Path
from typing import Any

from exactflow.cli.common import printing_arguments
from exactflow.errors import InvalidInputError

__all__ = ["add_arguments", "run"]


def add_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.interop.libraries import LIBRARIES

    command.add_argument(
        "model", metavar="MODEL.pt", help="a model of torch.save, or its state dict"
    )
    add = command.add_argument_group("what is read").add_argument
    known = [name for name in LIBRARIES if name != "zuko"]  # its tensors do not tell
    add("--library", choices=known, help="whose layers a state dict is of")
    add("--example", metavar="FILE", help="a batch of data: .npy, .npz, .safetensors or .pt")
    add("--key", metavar="NAME", help="which array of the example's file")
    add("--only", nargs="+", metavar="PATH", help="layers, or patterns such as 'flows.*'")
    add = command.add_argument_group("couplings").add_argument
    add("--layers", type=int, metavar="K", help="how many for each matrix")
    add("--within", type=float, default=1e-10, metavar="E", help="certified, of the largest entry")
    add("-j", "--jobs", type=int, default=1, metavar="N", help="search N layers at once")
    group = command.add_argument_group("what comes out")
    add = group.add_argument
    add("-o", "--output", metavar="OUT.pt", required=True, help="the model, or its state dict")
    add("--report", metavar="FILE", help="the report, as .json or .html")
    add("--certificates", metavar="FOLDER", help="a certificate for each layer")
    printing_arguments(group, "the report, in the place of the table")


def run(arguments: argparse.Namespace) -> int:
    from exactflow.cli.common import status
    from exactflow.errors import require
    from exactflow.files.atomic import check_place, write_bytes

    require("torch", "torch", "whole models")
    from exactflow.interop.conversion import convert
    from exactflow.interop.restoring import skeleton
    from exactflow.interop.saved import read_model, saved_bytes

    _check_places(arguments)
    found = read_model(_bytes(arguments.model))
    is_state = isinstance(found, dict)
    if is_state != bool(arguments.library):
        got = "a state dict without one" if is_state else "a model with one"
        raise InvalidInputError(f"expected --library for a state dict, and only then, got {got}")
    model = skeleton(found, arguments.library) if isinstance(found, dict) else found
    example = _example(arguments, model) if arguments.example else None
    with status("converting"):
        new, report = convert(
            model,
            example,
            layers=arguments.layers,
            within=arguments.within,
            only=arguments.only,
            jobs=arguments.jobs,
        )
    data = saved_bytes(new.state_dict() if is_state else new)
    if arguments.certificates:
        report.write_certificates(arguments.certificates)
    if arguments.report:
        is_html = Path(arguments.report).suffix.lower() == ".html"
        write_bytes(arguments.report, (report.to_html() if is_html else report.to_json()).encode())
    check_place(arguments.output)
    write_bytes(arguments.output, data)
    if arguments.json:
        print(report.to_json())
    elif not arguments.quiet:
        print(report.table())
        print(f"written: {arguments.output}{_advice(is_state)}")
    return 0


def _check_places(arguments: argparse.Namespace) -> None:
    """Refuse, before the work, files that cannot be written, or that would overwrite the model."""
    from exactflow.files.atomic import check_place

    if Path(arguments.output).suffix.lower() not in (".pt", ".pth"):
        raise InvalidInputError(f"expected a .pt file as output, got {arguments.output!r}")
    check_place(arguments.output)
    if Path(arguments.output).resolve() == Path(arguments.model).resolve():
        raise InvalidInputError(f"expected an output beside the model, got {arguments.output!r}")
    if arguments.report:
        if Path(arguments.report).suffix.lower() not in (".json", ".html"):
            raise InvalidInputError(f"expected .json or .html as report, got {arguments.report!r}")
        check_place(arguments.report)
    if arguments.certificates and not Path(arguments.certificates).is_dir():
        raise InvalidInputError(
            f"expected a folder for certificates, got {arguments.certificates!r}: make it first"
        )
    if arguments.key and not arguments.example:
        raise InvalidInputError("expected --example FILE with --key")


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"expected a readable file, got {path!r}: {error.strerror or error}"
        ) from None


def _example(arguments: argparse.Namespace, model: Any) -> Any:
    """Return a batch from a file, in the type of the model."""
    import torch

    from exactflow.files.tensors import read_array

    array, _ = read_array(_bytes(arguments.example), Path(arguments.example), arguments.key)
    example = torch.from_numpy(array.copy())
    if array.dtype.kind != "f":
        return example
    types = (t.dtype for t in model.state_dict().values() if t.is_floating_point())
    return example.to(next(types, torch.get_default_dtype()))


def _advice(is_state: bool) -> str:
    if is_state:
        return "; in Python, exactflow.interop.restore(model, torch.load(..)) puts it into a model"
    return ""
