"""The proof scripts of the theorems, which come with the package."""

from pathlib import Path

from exactflow.errors import InvalidInputError
from exactflow.proving.theory import theorems

__all__ = ["find_theorem_scripts"]


def find_theorem_scripts() -> dict[str, Path]:
    """Return the path of each theorem's script: name -> path.

    An installed package has the scripts in ``exactflow/scripts/proofs``, where setup.cfg puts them,
    a clone of the repository in ``proofs``.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "scripts" / "proofs", package.parent / "proofs"):
        paths = {name: folder / f"{row.script}.py" for name, row in theorems.items()}
        if all(path.is_file() for path in paths.values()):
            return paths
    raise InvalidInputError(
        "the proof scripts are not beside this copy of exactflow: install its wheel, or clone it"
    )
