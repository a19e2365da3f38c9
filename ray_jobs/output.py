"""What a command says: results to stdout, as text or JSON; progress and logs to stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

_LOG_EVERY_SECONDS = 10.0


class Output:
    """The one way out for every command."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = Console(file=sys.stdout, soft_wrap=True, highlight=False)
        self._err = Console(file=sys.stderr, soft_wrap=True, highlight=False)

    def result(self, value: Any) -> None:
        """A result as JSON on one line, with `--json` only."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
            sys.stdout.flush()

    def line(self, text: str) -> None:
        """A line of a result for people."""
        if not self.as_json:
            self._out.print(text, markup=False)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table for people; numbers are right-aligned with thousands separators."""
        if self.as_json:
            return
        table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for index, name in enumerate(columns):
            numeric = all(isinstance(row[index], int | float) for row in rows) and rows
            table.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(_cell(value) for value in row))
        self._out.print(table)

    def log(self, text: str) -> None:
        """A line about the work, to stderr."""
        self._err.print(text, markup=False)

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
            left = (self._total - self._done) / rate if rate else 0.0
            self._output.log(f"{self._what}: {self._done}/{self._total}, {rate:.1f}/s, {left:.0f} s left")

    def finish(self) -> None:
        seconds = time.monotonic() - self._begun
        if seconds >= 1:
            self._output.log(f"{self._what}: {self._done}/{self._total} in {seconds:.1f} s")


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
