"""Libraries that own a metric and that not everybody needs: optional extras, imported when a study asks for them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from abgap.errors import EngineError

_EXTRAS = {
    "sklearn": "clustering",
    "sacrebleu": "text",
    "rouge_score": "text",
    "nltk": "text",
    "pycocotools": "vision",
}


def optional(module: str, *, task: str) -> Any:
    """The module of an extra. Raises EngineError that says what to install when it is not there."""
    package = module.split(".", maxsplit=1)[0]
    try:
        return import_module(module)
    except ImportError as error:
        raise EngineError(
            f'task = "{task}" needs {package}, which is not installed: install abgap[{_EXTRAS[package]}], or bring '
            "ready-made scores per example in [offline.scores]"
        ) from error
