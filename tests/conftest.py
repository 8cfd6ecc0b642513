"""One fixture over all implementations, and the stand-in vocabulary in each."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest

from helpers import pieces

IMPLEMENTATIONS = {"python": "gemma4_parser._pure", "rust": "gemma4_parser._rust"}
"""By name: the module that offers the public names."""


@pytest.fixture(scope="session", params=sorted(IMPLEMENTATIONS))
def impl(request: pytest.FixtureRequest) -> ModuleType:
    """The module of one implementation."""
    return importlib.import_module(IMPLEMENTATIONS[request.param])


@pytest.fixture(scope="session")
def vocabulary(impl: ModuleType) -> Any:
    """The stand-in vocabulary of the implementation."""
    return impl.Vocabulary(pieces())
