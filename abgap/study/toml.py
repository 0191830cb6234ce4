"""Text that is valid TOML, and user-made names that are safe to show.

Used to name a key the way the study file would (``offline_metrics."ndcg@10".gain``) and to write a first
study from names found in data, which can be any text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

Loc = tuple[str | int, ...]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST_SHOWN = 60


def toml_string(text: str) -> str:
    """``text`` as a quoted TOML string; lone surrogates, which TOML cannot hold, become U+FFFD."""
    clean = _SURROGATE.sub("\ufffd", text)
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(key: str) -> str:
    """``key`` as a TOML key: bare where that is allowed, quoted otherwise."""
    return key if _BARE_KEY.match(key) else toml_string(key)


def toml_comment(text: str) -> str:
    """``text`` as the inside of a one-line TOML comment: no line break and no control character."""
    return _CONTROL.sub(" ", _SURROGATE.sub("\ufffd", text))


def dotted(loc: Sequence[str | int]) -> str:
    """A place in the file as a dotted path: ``metrics.revenue.covariate[0].column``."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += ("." if path else "") + toml_key(part)
    return path


def quoted(text: str) -> str:
    """A user-made name in quotes for a message, on one line, shortened when it is long."""
    shown = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
    return repr(shown)
