"""The benchmark against the parsers that `make bench-peers` installed.

    python bench/run.py [--record] [options of `gemma4-parser bench`]

--record keeps the result in bench/record, with the pictures if matplotlib is there.
"""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from common import BENCH, RECORD, machine, note

from gemma4_parser.bench.results import dumps
from gemma4_parser.cli import main as command

PEERS = BENCH.parent / "target" / "peers"


def interpreters() -> list[str]:
    """The environments of the other parsers."""
    return [str(PEERS / name) for name in ("main", "vllm-0.22") if (PEERS / name).is_dir()]


def main() -> int:
    arguments = sys.argv[1:]
    record = "--record" in arguments
    arguments = [argument for argument in arguments if argument != "--record"]
    if "--peers" not in arguments and "--show" not in arguments:
        peers = interpreters()
        if not peers:
            note("no other parsers in target/peers (make bench-peers installs them): this one alone")
        arguments += ["--peers", *peers] if peers else []
    if not record:
        return command(["bench", *arguments])
    about = machine()
    RECORD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        pictures = ["--pictures", str(RECORD)] if find_spec("matplotlib") else []
        status = command(["bench", *arguments, "--json", str(path), *pictures])
        if status == 0:
            result = json.loads(path.read_text(encoding="utf-8"))
            about = {**result.pop("about"), **about}
            wheels = list(BENCH.parent.glob(".venv/wheels/*.whl"))
            if len(wheels) == 1:
                result["memory"]["wheel, MB"] = wheels[0].stat().st_size / 1e6
            record_path = RECORD / f"bench-{about['date']}.json"
            # Where the project lies on this machine is nobody's business.
            text = dumps({"machine": about, **result}).replace(f"{BENCH.parent}/", "")
            record_path.write_text(text, encoding="utf-8")
            note(f"recorded in {record_path.relative_to(BENCH.parent)}")
    return status


if __name__ == "__main__":
    sys.exit(main())
