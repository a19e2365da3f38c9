"""The command line: parses, calls, prints. Every command is a few lines; the work is elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from pipelines.lake.reader import open_lake
from ray_jobs import views
from ray_jobs.output import Output
from schemas.errors import PostlakeError

app = App(name="postlake", help="Raw dumps of social-media posts in; a lake, instruction data and a trained model out.")

Json = Annotated[bool, Parameter(name="--json", help="Print one JSON value instead of text.")]
Config = Annotated[str | None, Parameter(help="TOML file, or the name of a shipped one such as `demo`.")]
Set = Annotated[tuple[str, ...], Parameter(name="--set", help="Override, e.g. `clean.ranking.keep=3`; repeatable.")]
LakeUri = Annotated[str | None, Parameter(name="--lake", help="Folder or s3:// URI of the lake.")]
EngineName = Annotated[Literal["ray", "inline"] | None, Parameter(help="Where work items run; default ray.")]
Restart = Annotated[bool, Parameter(help="Ignore what an interrupted run has finished.")]


@app.command
def synth(
    out: Path, *, posts: int = 1000, seed: int = 0, media: int | None = None, broken: bool = True, json: Json = False
) -> None:
    """Write raw dumps in true platform formats, with planted faults and their truth, to a folder.

    Parameters
    ----------
    out: Folder to write to; must be absent or empty.
    posts: Number of posts; each has about 6.7 comments.
    seed: Same seed, same bytes.
    media: Posts whose pictures and clips are drawn; default all up to 2,000.
    broken: Plant corrupt lines, truncated files and broken media.
    """
    from ray_jobs.synth import synth as make

    make(out, posts=posts, seed=seed, media=media, broken=broken, output=Output(as_json=json))


@app.command
def run(
    *,
    config: Config,
    lake: LakeUri = None,
    out: Path | None = None,
    plan: bool = False,
    restart: Restart = False,
    engine: EngineName = None,
    set_: Set = (),
    json: Json = False,
) -> None:
    """Do every stage that the configuration names, from raw dumps to scores, and commit once.

    Parameters
    ----------
    out: Folder for the trained model and its scores; default `<lake>.model`.
    plan: Print items, bytes and what is done already, and do nothing.
    """
    from ray_jobs.run import run as run_all

    session = _session(config, set_, engine, json)
    run_all(session, lake, out=out, plan_only=plan, restart=restart)


@app.command
def ingest(
    *inputs: str,
    lake: LakeUri = None,
    config: Config = None,
    keep_raw: bool = False,
    media_root: str | None = None,
    restart: Restart = False,
    engine: EngineName = None,
    set_: Set = (),
    json: Json = False,
) -> None:
    """Read raw dumps (SOURCE:PATH, PATH a file, folder, glob or URI) into a lake.

    Parameters
    ----------
    inputs: For example `reddit:dumps/RC_2020-01.zst` or `youtube:export/`.
    keep_raw: Keep the bytes of unreadable records in the quarantine.
    media_root: Folder that the paths in jsonl's `media[].url` are relative to.
    """
    from ray_jobs import jobs

    extra = [f"ingest.{name}.keep_raw=true" for name in ("reddit", "youtube", "jsonl")] if keep_raw else []
    if media_root is not None:
        extra.append(f"ingest.jsonl.media_root={media_root}")
    jobs.ingest(_session(config, (*set_, *extra), engine, json), lake, inputs, restart=restart)


@app.command
def media(
    *,
    lake: LakeUri = None,
    config: Config = None,
    root: tuple[str, ...] = (),
    restart: Restart = False,
    engine: EngineName = None,
    set_: Set = (),
    json: Json = False,
) -> None:
    """Find the posts' media among downloaded files, check them, copy them into the lake, cut scenes.

    Parameters
    ----------
    root: Folder with downloaded media; repeatable. Adds to `[media] roots`.
    """
    from ray_jobs import jobs

    jobs.media(_session(config, set_, engine, json), lake, root, restart=restart)


def _stage_command(name: Literal["dedup", "clean", "samples"], meaning: str) -> None:
    def command(
        *,
        lake: LakeUri = None,
        config: Config = None,
        restart: Restart = False,
        engine: EngineName = None,
        set_: Set = (),
        json: Json = False,
    ) -> None:
        from ray_jobs import jobs

        jobs.derived(name, _session(config, set_, engine, json), lake, restart=restart)

    command.__doc__ = meaning
    app.command(command, name=name)


_stage_command("dedup", "Find copies among the posts and choose which one stands for each cluster.")
_stage_command("clean", "Judge every comment and keep the best few of each canonical post.")
_stage_command("samples", "Put canonical posts and their audience's behaviour into words for training.")


@app.command
def train(
    out: Path,
    *,
    lake: str,
    version: int | None = None,
    config: Config = None,
    set_: Set = (),
    json: Json = False,
) -> None:
    """Fine-tune a vision-language model on the lake's samples with Ray Train and DeepSpeed.

    Parameters
    ----------
    out: Folder for checkpoints, the exported model, metrics.jsonl and scores.json.
    version: The lake's version; default the latest.
    """
    from ray_jobs.scores import show_scores
    from ray_jobs.train import train as fit

    session = _session(config, set_, None, json)
    scores = fit(open_lake(lake, version=version), out, session.config.train, session.output)
    session.output.result(scores)
    show_scores(scores, session.output)


@app.command
def evaluate(
    checkpoint: Path,
    *,
    lake: str,
    version: int | None = None,
    split: Literal["train", "val", "test"] = "test",
    samples: int = 256,
    json: Json = False,
) -> None:
    """Score an exported model on held-out behaviour: comment perplexity, likes and replay against baselines.

    Parameters
    ----------
    checkpoint: Folder with the exported adapter or model.
    """
    from ray_jobs.scores import evaluate as score
    from ray_jobs.scores import show_scores

    output = Output(as_json=json)
    scores = score(open_lake(lake, version=version), checkpoint, split=split, count=samples, output=output)
    output.result(scores)
    show_scores(scores, output)


@app.command
def inspect(lake: str, table: str | None = None, *, json: Json = False) -> None:
    """Show a lake's tables, or one table (`posts` or `posts@3`): counts per reason, schema, provenance."""
    views.inspect(open_lake(lake), table, Output(as_json=json))


@app.command
def query(lake: str, sql: str, *, format: Literal["table", "json", "csv", "arrow"] = "table") -> None:
    """Run SQL over the lake's tables, latest or `"posts@3"` (double-quoted)."""
    views.query(open_lake(lake), sql, format, Output(as_json=format == "json"))


@app.command
def explain(lake: str, id: str, *, json: Json = False) -> None:
    """Show where a post or comment came from, what became of it, and why."""
    views.explain(open_lake(lake), id, Output(as_json=json))


@app.command
def verify(lake: str, *, version: int | None = None, json: Json = False) -> None:
    """Re-hash and re-count everything that a version names; exit code 3 if anything differs."""
    sys.exit(views.verify(open_lake(lake, version=version), Output(as_json=json)))


def _session(config: str | None, overrides: tuple[str, ...], engine: Literal["ray", "inline"] | None, json: bool):  # type: ignore[no-untyped-def]
    from ray_jobs.session import Session, configure

    command = " ".join(["postlake", *sys.argv[1:2]])
    return Session(Output(as_json=json), configure(config, overrides), command, engine)


def main() -> None:
    """Entry point: runs a command; a known error is one line on stderr and its exit code."""
    try:
        app()
    except PostlakeError as error:
        print(f"postlake: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
