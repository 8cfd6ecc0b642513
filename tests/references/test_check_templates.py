"""The digests by which the model check knows Google's chat templates: each file is what it is said to be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from check_cases import right, write_model
from gemma4_parser.check import check
from gemma4_parser.check.templates import NAMES
from references.asked import Reference
from references.report import tell

FILES = {
    "gemma4_v2": ("2026-04-02", "small"),
    "gemma4_v3": ("2026-04-09", "small"),
    "gemma4": ("2026-04-28", "small"),
    "gemma4_v4": ("2026-05", "small"),
    "gemma4_v5": ("2026-07-09", "small"),
    "diffusion_gemma": ("2026-07-09", "diffusion"),
}
"""By file: the template's date, and the size that it is for. The package has all of them, the wheel may be cut."""
CONFIGS = {
    "small": {"model_type": "gemma4", "text_config": {"hidden_size_per_layer_input": 256}},
    "diffusion": {"model_type": "diffusion_gemma"},
}


def test_the_digests(reference: Callable[[str], Reference], tmp_path: Path) -> None:
    reference("template")
    home = Path(os.environ["GEMMA4_REFERENCES"])
    found = {path.stem: path for path in home.glob("trl==*/trl/chat_templates/*.jinja") if path.stem in FILES}
    assert {"gemma4_v5", "diffusion_gemma"} <= set(found)
    for name, path in found.items():
        date, model = FILES[name]
        folder = write_model(
            tmp_path / name, {**right(), "config.json": CONFIGS[model], "chat_template.jinja": path.read_bytes()}
        )
        findings = check(folder).findings
        if date == "2026-07-09":
            assert findings == (), name
        else:
            (finding,) = findings
            assert finding.problem == f"is Google's of {date} for {NAMES[model]}, which is outdated"
        write_model(folder, {"config.json": {"model_type": "gemma4_unified"}})
        (finding,) = check(folder).findings
        assert finding.problem.startswith(f"is Google's of {date} for {NAMES[model]}")
    tell(f"model check: {len(found)} of Google's templates are known by their digests")
