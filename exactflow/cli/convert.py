"""A trained model's state dict with couplings in the place of its linear layers."""

import argparse
import io
import shutil
from pathlib import Path

from exactflow.cli import common
from exactflow.errors import InvalidInputError, require
from exactflow.files.atomic import named, read_bytes, write_bytes
from exactflow.files.tensors import read_state
from exactflow.interop.libraries import TOLD_BY_TENSORS


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model", metavar="MODEL", help="a state dict: .pt as torch.save writes it, or .safetensors"
    )
    add = command.add_argument_group("what is read").add_argument
    add("--library", choices=TOLD_BY_TENSORS, required=True, help="whose layers the tensors are of")
    add("--only", nargs="+", metavar="PATH", help="layers, or patterns such as 'flows.*'")
    add = command.add_argument_group("couplings").add_argument
    add("--permutations", action="store_true", help="those that stand alone, too")
    add("--by", choices=("couplings", "inverse"), default="couplings", help="inverse: W and W^-1")
    add("--layers", type=int, metavar="K", help="how many for each matrix")
    add("--within", type=float, default=1e-10, metavar="E", help="certified, of the largest entry")
    add("-j", "--jobs", type=int, default=1, metavar="N", help="search N layers at once")
    group = command.add_argument_group("what comes out")
    add = group.add_argument
    add("-o", "--output", metavar="OUT.pt", required=True, help="the state dict")
    add("--report", metavar="FILE", help="the report, as .json or .html")
    add("--certificates", metavar="FOLDER", help="a certificate for each layer")
    common.printing_arguments(group, "the report, in the place of the table")


def run(arguments: argparse.Namespace) -> int:
    torch = require("torch", "torch", "state dicts")
    from exactflow.interop.conversion import convert
    from exactflow.interop.conversion.restoring import skeleton

    _check_places(arguments)
    source = Path(arguments.model)
    data = read_bytes(source)
    with named(source):
        state = read_state(data, source.suffix.lower())
    model = skeleton(state, arguments.library)
    names = "by", "permutations", "layers", "within", "only", "jobs"
    new, report = convert(model, **common.fields(arguments, *names))
    content = io.BytesIO()
    torch.save(new.state_dict(), content)
    if arguments.certificates:
        report.write_certificates(arguments.certificates)
    if arguments.report:
        is_html = Path(arguments.report).suffix.lower() == ".html"
        write_bytes(arguments.report, (report.to_html() if is_html else report.to_json()).encode())
    write_bytes(arguments.output, content.getvalue())
    if arguments.json:
        print(report.to_json())
    elif not arguments.quiet:
        print(report.table(shutil.get_terminal_size((120, 24)).columns))
        common.say(
            f"written: {arguments.output}; in Python, exactflow.interop.restore(model, "
            "torch.load(..)) puts it into a model"
        )
    return 0


def _check_places(arguments: argparse.Namespace) -> None:
    """Refuse, before the work, files that cannot be written, or that would overwrite the model."""
    common.check_place(arguments.output, {"a state dict": (".pt", ".pth")}, arguments.model)
    if arguments.report:
        common.check_place(arguments.report, {"the report": (".json", ".html")}, arguments.model)
    if arguments.certificates and not Path(arguments.certificates).is_dir():
        raise InvalidInputError(
            f"expected a folder for certificates, got {arguments.certificates!r}: make it first"
        )
