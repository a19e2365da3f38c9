"""Turns the shape of a JSON record into a format string, so that records are rendered without a JSON encoder.

In the shape, `"<<name>>"` stands for a raw JSON value, `<name>` inside a string for a piece of it, a key `@name` for
whole members. Used by reddit.py and youtube.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_SLOT = re.compile(r'"@(\w+)":\s?null|"<<(\w+)>>"|<(\w+)>')


class Template:
    """A record's shape, with slots that `render` fills from columns."""

    def __init__(self, shape: Mapping[str, Any], *, spaced: bool = False, end: str = "\n") -> None:
        text = json.dumps(shape, separators=(", ", ": ") if spaced else (",", ":")).replace("%", "%%")
        self.names: list[str] = [next(filter(None, match.groups())) for match in _SLOT.finditer(text)]
        self._format = _SLOT.sub("%s", text) + end

    def render(self, columns: Mapping[str, Sequence[object]]) -> list[str]:
        """One record per row; every slot must have a column, and all columns one length."""
        used = [columns[name] for name in self.names]
        return list(map(self._format.__mod__, zip(*used, strict=True)))
