"""The commands that tend a lake: gc, forget, diff. Registered by `ray_jobs.cli`; the work is in `pipelines.lake`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from pipelines.lake.absence import Proof, Scan, prove
from pipelines.lake.commit import Draft, check_key
from pipelines.lake.diff import Difference, open_at
from pipelines.lake.diff import diff as compare
from pipelines.lake.forget import count
from pipelines.lake.gc import drop_runs
from pipelines.lake.gc import gc as collect
from pipelines.lake.reader import Lake, open_lake
from pipelines.lake.tombstones import Graves, read_tombstones
from pipelines.storage import Store
from ray_jobs.output import Output
from schemas.errors import InputError
from schemas.manifest import FORGOTTEN, Manifest

GivenLake = Annotated[str, Parameter(help="Folder or s3:// URI of the lake.")]
Grace = Annotated[
    float,
    Parameter(help="Hours for which an expired version, or a file that nobody names, stays; 0 only while no job runs."),
]
Json = Annotated[bool, Parameter(name="--json", help="Print one JSON value instead of text.")]
GRACE_HOURS = 24.0

IRREVOCABLE = (
    "cannot be undone here: releases and other copies of earlier versions, and the weights of models trained on them"
)


def register(app: App) -> None:
    for command in (gc, forget, diff):
        app.command(command)


def gc(
    lake: GivenLake,
    *,
    grace: Grace = GRACE_HOURS,
    keep: Annotated[int | None, Parameter(help="Expire all but this many of the newest versions.")] = None,
    dry_run: Annotated[bool, Parameter(help="Say what would go, and remove nothing.")] = False,
    json: Json = False,
) -> None:
    """Remove what no version and no run under way has a use for, and the data of versions that have expired."""
    if keep is not None and keep < 1:
        raise InputError("a lake keeps a version", field="--keep", expected="1 or more", got=str(keep))
    output = Output(as_json=json)
    done = collect(open_lake(lake).store, grace=_hours(grace), now=datetime.now(UTC), keep=keep, dry_run=dry_run)
    output.result(
        {
            "files": len(done.files),
            "bytes": done.bytes,
            "expired": done.expired,
            "waiting": done.waiting,
            "young": done.young,
            "dry_run": dry_run,
            "paths": done.files,
        }
    )
    if dry_run:
        for path in done.files:
            output.line(path)
    output.line(
        f"{'would remove' if dry_run else 'removed'} {_many(len(done.files), 'file')}, {_many(done.bytes, 'byte')}"
    )
    output.line(
        f"expired versions without data: {_list(done.expired)}; within their grace period: {_list(done.waiting)}"
    )
    if done.young:
        output.line(f"younger than {grace:g} hours, and kept: {_many(done.young, 'file')} that nothing names")


def forget(
    lake: GivenLake,
    *,
    ids: Annotated[Path | None, Parameter(help="File with a post_id or comment_id a line.")] = None,
    authors: Annotated[Path | None, Parameter(help="File with `<platform>:<author id, else name>` a line.")] = None,
    prove: Annotated[bool, Parameter(help="Remove nothing: search the whole lake for what was forgotten.")] = False,
    dry_run: Annotated[bool, Parameter(help="Say what would go, and change nothing.")] = False,
    grace: Grace = GRACE_HOURS,
    engine: Annotated[Literal["ray", "inline"], Parameter(help="Where work items run.")] = "ray",
    json: Json = False,
) -> None:
    """Remove posts, comments or authors from every table, for good, and prove by a search that they are gone.

    Earlier versions that hold them expire; their files go after the grace period, with the `gc` at the end of this
    command or a later one. Tombstones, readable with the lake's key alone, keep later dumps from bringing them back.
    Jobs under way on the lake lose what they have done, and must be started again.
    """
    from ray_jobs.config import RunConfig
    from ray_jobs.forget import forget as forget_rows
    from ray_jobs.forget import look_up
    from ray_jobs.runtime import Runtime
    from ray_jobs.session import Session

    output = Output(as_json=json)
    opened = open_lake(lake)
    if prove:
        if ids or authors or dry_run:
            given = "--ids, --authors, --dry-run"
            raise InputError("--prove looks for all that was ever forgotten", field=given, expected="none")
        found = _search(opened, output, now=None)
        _report(opened, found, output, {})
        sys.exit(3 if found.live.holders else 0)
    wanted, names = _lines(ids), _lines(authors)
    if not wanted and not names:
        raise InputError("nothing to forget", field="--ids, --authors", expected="a file with at least one line")
    hours = _hours(grace)
    if dry_run:
        targets, nowhere = look_up(opened, wanted, names)
        _foretell(opened, count(opened, targets), nowhere, output)
        return
    nowhere = ()

    def stage(draft: Draft, _config: RunConfig, runtime: Runtime) -> bool:
        nonlocal nowhere
        targets, nowhere = look_up(draft, wanted, names)
        return forget_rows(draft, targets, runtime)

    session = Session(output, RunConfig(), "postlake forget", engine)
    before = opened.version.version
    version, _ = session.publish(lake, [("forget", stage)])
    now = datetime.now(UTC)
    drop_runs(opened.store)
    Store(opened.store.uri + ".scratch").delete_all("")
    made = Lake(opened.store, version.version)
    found = _search(made, output, now=now)
    rows = _removed(opened, made)
    removed = collect(opened.store, grace=hours, now=now)
    facts = {"removed_files": len(removed.files), "rows": rows, "nowhere": nowhere, "before": before}
    _report(made, found, output, facts)
    sys.exit(3 if found.live.holders else 0)


def diff(
    a: Annotated[str, Parameter(help="LAKE or LAKE@N.")],
    b: Annotated[str, Parameter(help="LAKE or LAKE@N.")],
    *,
    json: Json = False,
) -> None:
    """Say which tables of two versions differ, and why; exit code 3 if any does."""
    output = Output(as_json=json)
    found = compare(open_at(a), open_at(b))
    output.result({"a": a, "b": b, "same": not found, "tables": [_as_json(one) for one in found]})
    for one in found:
        _show_difference(one, output)
    if not found:
        output.line("same: every table has the same digest")
    sys.exit(3 if found else 0)


def _hours(grace: float) -> timedelta:
    if grace < 0:
        raise InputError("not a duration", field="--grace", expected="0 or more hours", got=f"{grace:g}")
    return timedelta(hours=grace)


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(str(number) for number in numbers) or "none"


def _lines(path: Path | None) -> frozenset[str]:
    """The values of a file, one a line; raises InputError naming the first that has no platform."""
    if path is None:
        return frozenset()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read", where=str(path), got=str(error)) from error
    for number, line in enumerate(lines, 1):
        platform, colon, rest = line.strip().partition(":")
        if line.strip() and not (platform and colon and rest):
            raise InputError("not an id", where=f"{path}:{number}", expected="<platform>:<id>", got=line.strip()[:80])
    return frozenset(line.strip() for line in lines if line.strip())


def _search(lake: Lake, output: Output, *, now: datetime | None) -> Proof:
    graves = Graves(check_key(lake), read_tombstones(lake))
    with output.progress("search (bytes)", sum(size for _, size in lake.store.walk())) as progress:
        return prove(lake.store, graves, now=now, advance=lambda n: progress.advance(0, n))  # type: ignore[arg-type]


def _removed(before: Lake, after: Lake) -> dict[str, int]:
    """Rows, accepted and rejected, that each table has lost; less than none where it was made anew with more."""
    found = {}
    for table in before.version.tables:
        one, two = before.manifest(table), after.manifest(table)
        if one is not None and two is not None and (lost := _rows(one) - _rows(two)):
            found[table] = lost
    return found


def _rows(manifest: Manifest) -> int:
    rejected = sum(rows for reason, rows in manifest.ledger.rejected.items() if reason != FORGOTTEN)
    return manifest.ledger.accepted + rejected


def _foretell(lake: Lake, rows: dict[str, int], nowhere: tuple[str, ...], output: Output) -> None:
    output.result({"version": lake.version.version, "dry_run": True, "rows": rows, "nowhere": nowhere})
    for table, lost in rows.items():
        output.line(f"  {table}: {_many(lost, 'row')} would go")
    if not rows:
        output.line("nothing of it is in the lake")
    _show_nowhere(nowhere, output)
    made = [name for name in ("duplicates", "clean_comments", "samples") if name in lake.version.tables]
    output.line("nothing was changed" + (f"; {', '.join(made)} would be made anew from what stays" if made else ""))


def _show_nowhere(nowhere: tuple[str, ...], output: Output) -> None:
    if nowhere:
        output.line(
            f"{len(nowhere):,} found nowhere in this lake; tombstones keep them out of later dumps all the same:"
        )
    for name in nowhere:
        output.line(f"  {name}")


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _report(lake: Lake, proof: Proof, output: Output, facts: dict[str, Any]) -> None:
    stones = read_tombstones(lake)
    counts = {"posts": len(stones.posts), "comments": len(stones.comments), "authors": len(stones.authors)}
    output.result(
        {
            "version": lake.version.version,
            "tombstones": counts,
            **facts,
            "versions_in_force": proof.versions,
            "expired": proof.expired,
            "live": proof.live.__dict__,
            "waiting": proof.waiting.__dict__,
            "trainings": proof.trainings,
            "irrevocable": IRREVOCABLE,
        }
    )
    output.line(f"version {lake.version.version}")
    for table, rows in facts.get("rows", {}).items():
        output.line(f"  {table}: {_many(abs(rows), 'row')} {'fewer' if rows > 0 else 'more'}")
    if facts and not facts["rows"]:
        output.line("nothing of it was in the lake")
    _show_nowhere(facts.get("nowhere", ()), output)
    # An id is buried as a post's and as a comment's: which of the two a later dump has is not known.
    output.line(f"tombstones in this lake: {sum(counts.values()):,}")
    output.line(f"searched, versions {_list(proof.versions)} in force and runs: {_scanned(proof.live)}")
    if proof.expired:
        output.line(f"expired: versions {_list(proof.expired)}")
    if proof.waiting.files:
        output.line(f"waiting for gc at the time of the search: {_scanned(proof.waiting)}")
    for path in proof.live.holders:
        output.line(f"STILL THERE: {path}")
    for training in proof.trainings:
        saw = "its data are gone" if training["saw"] is None else f"{training['saw']:,} forgotten samples"
        output.line(f"trained on version {training['lake_version']}, {saw}: {training['out']}")
    output.line(IRREVOCABLE)


def _scanned(scan: Scan) -> str:
    held = f"{_many(len(scan.holders), 'file')} with" if scan.holders else "none with"
    seen = ((scan.files, "file"), (scan.rows, "row"), (scan.bytes, "byte"), (scan.objects, "media object"))
    return f"{', '.join(_many(number, noun) for number, noun in seen)}; {held} something forgotten"


def _as_json(one: Difference) -> dict[str, Any]:
    from ray_jobs.views import plain_value

    rows = [{"key": plain_value(r["key"]), "columns": plain_value(_listed(r["columns"]))} for r in one.rows]
    return {
        "table": one.table,
        "digests": one.digests,
        "counts": one.counts,
        "causes": one.causes,
        "surroundings": one.surroundings,
        "bucket": one.bucket,
        "rows": rows,
    }


def _listed(pairs: dict[str, Any]) -> dict[str, Any]:
    return {name: list(pair) for name, pair in pairs.items()}


def _show_difference(one: Difference, output: Output) -> None:
    output.line(f"{one.table}: {' -> '.join((digest or 'absent')[:12] for digest in one.digests)}")
    for group in (one.counts, one.causes, one.surroundings):
        for name, (mine, other) in group.items():
            output.line(f"  {name}: {_short(mine)} -> {_short(other)}")
    if one.bucket is not None:
        output.line(f"  same inputs, recipe and parents; the first bucket that differs: {one.bucket}")
    for row in _as_json(one)["rows"]:
        output.line(f"    {row['key']}")
        for name, (mine, other) in row["columns"].items():
            output.line(f"      {name}: {_short(mine)} -> {_short(other)}")


def _short(value: Any) -> str:
    text = ", ".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 200 else text[:197] + "..."
