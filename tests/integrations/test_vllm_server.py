"""`vllm serve` itself, by the command of README.md, asked over HTTP by OpenAI's own client.

All of the server's process is as it is installed: the command line, plugins, registry, routes, chat template,
tokenizer, detokeniser, stop strings, chat and responses endpoints, metrics. Not run are the engine core, which is
scripted (`vllm_engine`), and with it the model, sampling, and structured output.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here")
for needed in ("uvicorn", "watchfiles", "model_hosting_container_standards"):
    pytest.importorskip(needed, reason=f"{needed}, which vLLM's server needs, is not installed here: make bench-peers")

from helpers import Case
from integrations import vllm_engine_path
from integrations.test_vllm_stream import CALL, CASES, THOUGHT, TOOLS, expected, output, tools_of, turn, visible
from integrations.vllm_host import Said, tokenizer, two_halves
