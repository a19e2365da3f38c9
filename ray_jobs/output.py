"""What a command says: results to stdout, as text or JSON; progress and logs to stderr."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_LOG_EVERY_SECONDS = 10.0
_UNBOUNDED = 10_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class Output:
    """The one way out for every command."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        # A pipe or a file has no width: nothing is wrapped there.
        width = None if sys.stdout.isatty() else _UNBOUNDED
        self._out = Console(file=sys.stdout, soft_wrap=True, highlight=False, width=width)
        self._err = Console(file=sys.stderr, soft_wrap=True, highlight=False)

    def result(self, value: Any) -> None:
        """A result as JSON on one line, with `--json` only."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
            sys.stdout.flush()

    def line(self, text: str) -> None:
        """A line of a result for people."""
        if not self.as_json:
            self._out.print(_printable(text), markup=False, emoji=False)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table for people; numbers are right-aligned with thousands separators and never broken over lines."""
        if self.as_json:
            return
        if title:
            self._out.print(Text(title, style="bold"))
        table = Table(box=None, pad_edge=False, show_header=any(columns))
        for index, name in enumerate(columns):
            values = [row[index] for row in rows]
            numeric = any(_is_number(value) for value in values) and all(
                value in (None, "") or _is_number(value) for value in values
            )
            table.add_column(
                Text(name), justify="right" if numeric else "left", no_wrap=numeric or index == 0, overflow="fold"
            )
        for row in rows:
            table.add_row(*(Text(_printable(_cell(value))) for value in row))
        with self._out.capture() as capture:
            self._out.print(table, soft_wrap=False)
        self._out.out("\n".join(line.rstrip() for line in capture.get().splitlines()), highlight=False)

    def log(self, text: str) -> None:
        """A line about the work, to stderr."""
        self._err.print(_printable(text), markup=False, emoji=False)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Progress | LogProgress]:
        """A bar on a terminal, a line every 10 s elsewhere; what is yielded has `advance(0, n)`."""
        if not self._err.is_terminal:
            log = LogProgress(self, what, total)
            yield log
            log.finish()
            return
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._err, transient=True) as bar:
            bar.add_task(what, total=total)
            yield bar


class LogProgress:
    """Progress as log lines, with rate and time left."""

    def __init__(self, output: Output, what: str, total: int) -> None:
        self._output, self._what, self._total = output, what, total
        self._done, self._begun = 0, time.monotonic()
        self._last = self._begun

    def advance(self, _task: int, n: float = 1) -> None:
        self._done += int(n)
        if time.monotonic() - self._last >= _LOG_EVERY_SECONDS:
            self._last = time.monotonic()
            rate = self._done / (self._last - self._begun)
            left = f"{(self._total - self._done) / rate:.0f} s left" if rate else "starting"
            self._output.log(f"{self._what}: {self._done}/{self._total}, {rate:.1f}/s, {left}")

    def finish(self) -> None:
        seconds = time.monotonic() - self._begun
        if seconds >= 1:
            self._output.log(f"{self._what}: {self._done}/{self._total} in {seconds:.1f} s")


def _printable(text: str) -> str:
    """The text on one line, without what would steer the terminal: dumps hold whatever people wrote."""
    return _CONTROL.sub(" ", text)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
