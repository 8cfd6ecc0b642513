"""Installs the parsers to compare with into target/peers, two environments: `main` and `vllm-0.22`.

    python bench/peers/install.py [FOLDER]

What is there with the pinned version is left alone. What fails is told by name at the end, and stops nothing else: the
benchmark leaves it out by name too. No GPU is needed, no model is fetched; 6 GB of disk, or 3 GB with a CPU build of
torch.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "target" / "peers"
PIP = ("-m", "pip", "--disable-pip-version-check")
# Normalised names. The first of a name is the one that is imported, so it is put in last.
LIST = """
import json, re
from importlib.metadata import distributions
found = [(re.sub("[-_.]+", "-", one.name).lower(), one.version) for one in distributions() if one.name]
print(json.dumps(dict(reversed(found))))
"""


def note(text: str) -> None:
    print(f"bench-peers: {text}", file=sys.stderr, flush=True)


def pins(name: str) -> list[str]:
    """The requirements of a file, one to a line."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


class Environment:
    """A virtual environment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        folder, program = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
        self.python = str(path / folder / program)
        self.failed: list[str] = []

    def create(self) -> bool:
        """Makes it where it is not there; whether it is usable."""
        if (
            Path(self.python).exists()
            and subprocess.run([self.python, *PIP, "--version"], check=False, stdout=subprocess.DEVNULL).returncode == 0
        ):
            return True
        note(f"making {self.path}")
        return subprocess.run([sys.executable, "-m", "venv", "--clear", str(self.path)], check=False).returncode == 0

    def versions(self) -> dict[str, str]:
        """Installed distributions by normalised name."""
        done = subprocess.run([self.python, "-c", LIST], check=True, capture_output=True, text=True)
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def lacks(self, requirements: list[str]) -> list[str]:
        """Those that are not installed in the pinned version."""
        there = self.versions()
        missing = []
        for requirement in requirements:
            name, _, version = requirement.partition(";")[0].strip().partition("==")
            if there.get(name.lower().replace("_", "-").replace(".", "-"), "").partition("+")[0] != version:
                missing.append(requirement)
        return missing

    def install(self, title: str, requirements: list[str], *, dependencies: bool) -> None:
        """Installs them together, and one by one where that fails; keeps the names of those that fail."""
        missing = self.lacks(requirements)
        if not missing:
            note(f"{title}: there")
            return
        started = time.monotonic()
        note(f"{title}: {len(missing)} to install")
        options = [] if dependencies else ["--no-deps"]
        if self.pip(*options, *missing):
            note(f"{title}: done in {time.monotonic() - started:.0f} s")
            return
        for number, requirement in enumerate(missing, 1):
            note(f"{title}: {number}/{len(missing)} {requirement}")
            if not self.pip(*options, requirement):
                self.failed.append(requirement)

    def pip(self, *arguments: str) -> bool:
        command = [self.python, *PIP, "install", "--progress-bar", "off", *arguments]
        return subprocess.run(command, check=False, stdout=sys.stderr).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=TARGET, help="where (default: target/peers)")
    folder: Path = parser.parse_args().folder.absolute()
    shared, older = Environment(folder / "main"), Environment(folder / "vllm-0.22")
    if not shared.create():
        note("no virtual environment can be made here")
        return 1
    shared.install("what they import", pins("support.txt"), dependencies=False)
    shared.install("torch", pins("torch.txt"), dependencies=True)
    shared.install("the parsers", pins("parsers.txt"), dependencies=False)
    if older.create():
        borrow(older, shared)
        older.install("an older vLLM", pins("vllm-0.22.txt"), dependencies=False)
    else:
        older.failed = pins("vllm-0.22.txt")
    for name in shared.failed + older.failed:
        note(f"FAILED: {name}")
    if not shared.failed + older.failed:
        note("all there")
    return 0


def borrow(environment: Environment, lender: Environment) -> None:
    """Lets an environment import the packages of another one, behind its own."""
    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    places = [
        subprocess.run([one.python, "-c", where], check=True, capture_output=True, text=True).stdout.strip()
        for one in (environment, lender)
    ]
    (Path(places[0]) / "zz_borrowed.pth").write_text(places[1] + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
