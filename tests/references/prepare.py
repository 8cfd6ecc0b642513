"""Fetch the references into target/references, each once; what cannot be had is named with the reason.

    python tests/references/prepare.py

Needs about 200 MB of disk, and 400 MB more for the time of the download of a wheel.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
HOME = HERE.parents[1] / "target" / "references"
STATE = HOME / "state.json"
PIP = ("-m", "pip", "--disable-pip-version-check")


class Failed(Exception):
    """A reference cannot be had here; the text says why."""


class Wheel(NamedTuple):
    """A wheel of which some files are read."""

    pin: str
    sha256: str
    members: tuple[str, ...]


def wheels() -> list[Wheel]:
    """The lines of wheels.txt."""
    lines = (HERE / "wheels.txt").read_text(encoding="utf-8").splitlines()
    found = [line.split() for line in lines if line and not line.startswith("#")]
    return [Wheel(pin, sha256, tuple(members)) for pin, sha256, *members in found]


def run(*command: str) -> None:
    """Run a program whose output is shown.

    Raises:
        Failed: The program is missing or fails.
    """
    try:
        done = subprocess.run(command, check=False)
    except OSError as error:
        raise Failed(str(error)) from None
    if done.returncode:
        raise Failed(f"`{' '.join(command[1:5])} …` failed")


def is_ready(folder: Path, pins: str) -> bool:
    """Whether the folder was made from just these pins."""
    stamp = folder / "pins"
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == pins


def fetch(wheel: Wheel) -> None:
    """Take the files out of a wheel of any platform: they are text."""
    folder = HOME / wheel.pin
    if is_ready(folder, str(wheel)):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=HOME) as scratch:
        platform = ("--only-binary", ":all:", "--platform", "manylinux_2_28_x86_64", "--abi", "abi3", "--abi", "none")
        run(sys.executable, *PIP, "download", "--no-deps", "--no-cache-dir", *platform, "--dest", scratch, wheel.pin)
        (path,) = Path(scratch).glob("*.whl")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != wheel.sha256:
                raise Failed(f"{path.name} is not the wheel that was pinned")
        with zipfile.ZipFile(path) as archive:
            for member in wheel.members:
                archive.extract(member, folder)
    (folder / "pins").write_text(str(wheel), encoding="utf-8")


def environment(name: str, python: str) -> None:
    """An environment with just the packages of requirements-NAME.txt."""
    requirements = HERE / f"requirements-{name}.txt"
    folder, pins = HOME / name, requirements.read_text(encoding="utf-8")
    if is_ready(folder, pins):
        return
    run(python, "-m", "venv", "--clear", str(folder))
    inner = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    run(inner, *PIP, "install", "--quiet", "--no-deps", "--requirement", str(requirements))
    (folder / "pins").write_text(pins, encoding="utf-8")


def python_of(minor: int) -> str:
    """A CPython of 3.`minor` or newer: this one, one on the path, one of pyenv's.

    Raises:
        Failed: There is none.
    """
    names = [shutil.which(f"python3.{number}") for number in range(minor, 20)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    probe = f"import sys; print(sys.implementation.name, sys.version_info >= (3, {minor}))"
    for path in (sys.executable, *filter(None, names), *map(str, sorted(pyenv.glob("3.*/bin/python")))):
        done = subprocess.run([path, "-c", probe], capture_output=True, text=True, check=False)
        if done.stdout.split() == ["cpython", "True"]:
            return path
    raise Failed(f"it needs Python 3.{minor} or newer, and there is none on this machine")


def prepare() -> dict[str, str | None]:
    """By reference: None if it is ready, else why it is not."""
    trl, transformers, old, new = wheels()

    def template() -> None:
        fetch(trl)
        fetch(transformers)
        environment("template", sys.executable)

    steps: dict[str, Callable[[], None]] = {
        "template": template,
        "dialog": lambda: environment("dialog", python_of(12)),
        "vllm 0.22.1": lambda: fetch(old),
        "vllm 0.33.0": lambda: fetch(new),
    }
    state: dict[str, str | None] = {}
    for number, (name, step) in enumerate(steps.items(), 1):
        print(f"[{number}/{len(steps)}] {name}", flush=True)
        try:
            step()
        except Failed as failed:
            print(f"      not available: {failed}", flush=True)
            state[name] = str(failed)
        else:
            state[name] = None
    return state


if __name__ == "__main__":
    HOME.mkdir(parents=True, exist_ok=True)
    STATE.write_text(json.dumps(prepare(), indent=1), encoding="utf-8")
