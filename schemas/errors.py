"""Every error that a caller can act on.

PostlakeError
├── UserError                exit code 2: the user can mend it
│   ├── ConfigError          a configuration value
│   ├── InputError           an input file or path
│   ├── LakeError            a lake: missing, of another kind, wrong key, damaged
│   │   └── LakeConflict     another writer committed first
│   ├── ContractError        a table that does not fit its schema
│   ├── CheckpointError      a model or checkpoint
│   └── MissingExtra         an optional package
└── LedgerError              exit code 1: rows in and rows out differ, which is a bug
"""

from __future__ import annotations


class PostlakeError(Exception):
    """Base of all errors; `str()` is one line: where, then field, expected and got."""

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", field: str = "", expected: str = "", got: str = "") -> None:
        self.message, self.where, self.field, self.expected, self.got = message, where, field, expected, got
        super().__init__(message, where, field, expected, got)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.where, self.field, self.expected, self.got)

    def __str__(self) -> str:
        line = f"{self.where}: {self.message}" if self.where else self.message
        details = [("field", self.field), ("expected", self.expected), ("got", self.got)]
        shown = ", ".join(f"{name} {value}" for name, value in details if value)
        return " ".join((f"{line} ({shown})" if shown else line).split())


def _rebuild(kind: type[PostlakeError], message: str, where: str, field: str, expected: str, got: str) -> PostlakeError:
    return kind(message, where=where, field=field, expected=expected, got=got)


class UserError(PostlakeError):
    """The user can mend it."""

    exit_code = 2


class ConfigError(UserError):
    """A configuration value is missing, unknown or out of range."""


class InputError(UserError):
    """An input cannot be read, or is not what it was declared to be."""


class LakeError(UserError):
    """The lake is missing, damaged, of another kind, or its key differs."""


class LakeConflict(LakeError):
    """Another writer committed first; plan again on the new version."""


class ContractError(UserError):
    """A table does not fit its schema; `field` names the column."""


class CheckpointError(UserError):
    """A model or checkpoint is missing, or does not fit."""


class MissingExtra(UserError):
    """An optional package is not installed; the message names the extra."""


class LedgerError(PostlakeError):
    """Rows in differ from rows accepted, rejected and quarantined."""
