"""The packages that setup.cfg lists are those of the tree."""

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = {"exactflow": "exactflow", "proofs": "exactflow.scripts.proofs"}


def test_every_package_of_the_tree_is_installed():
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg", "utf-8")
    found = {
        ".".join([name, *path.parent.relative_to(ROOT / folder).parts])
        for folder, name in PLACES.items()
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert set(settings["options"]["packages"].split()) == found
