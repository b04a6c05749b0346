"""Find the packages: the proof scripts are installed below exactflow; setup.cfg says the rest."""

from setuptools import find_packages, setup

folders = find_packages(include=["proofs", "proofs.*"])
scripts = {f"exactflow.scripts.{name}": name.replace(".", "/") for name in folders}
setup(
    packages=[*find_packages(include=["exactflow", "exactflow.*"]), *scripts], package_dir=scripts
)
