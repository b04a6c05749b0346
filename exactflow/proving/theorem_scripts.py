"""The proof scripts of the theorems, which come with the package."""

from pathlib import Path

from exactflow.errors import InvalidInputError
from exactflow.proving.theory import theorems

__all__ = ["find_theorem_scripts"]


def find_theorem_scripts() -> dict[str, Path]:
    """Return a mapping from the name of each theorem to the path of its proof script.

    The scripts are in ``exactflow/scripts/proofs`` of an installed package, where setup.cfg puts
    them, and in ``proofs`` of a clone of the repository. Raises `InvalidInputError` if they are in
    neither.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "scripts" / "proofs", package.parent / "proofs"):
        paths = {name: folder / f"{row.script}.py" for name, row in theorems.items()}
        if all(path.is_file() for path in paths.values()):
            return paths
    raise InvalidInputError(
        "the proof scripts are not beside this copy of exactflow: install exactflow's wheel, or "
        "clone its repository"
    )
