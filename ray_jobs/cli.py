"""The command line: parses, calls, prints. Every command is a few lines; the work is elsewhere."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

from cyclopts import App, CycloptsError, Parameter

from pipelines.lake.reader import open_lake
from ray_jobs import lake_commands, read_commands
from ray_jobs.output import Output
from ray_jobs.parameters import AtVersion, Broken, Config, Engine, EngineName, GivenLake, Json, LakeUri, Restart, Set
from schemas.errors import PostlakeError

if TYPE_CHECKING:
    from ray_jobs.session import Session

app = App(
    name="postlake",
    help="Raw dumps of social-media posts in; a lake, instruction data and a trained model out.",
    suppress_keyboard_interrupt=False,
    version=lambda: importlib.metadata.version("postlake"),
    default_parameter=Parameter(negative=()),
)


@app.command
def synth(
    out: Path, *, posts: int = 1000, seed: int = 0, media: int | None = None, broken: Broken = True, json: Json = False
) -> None:
    """Write raw dumps in true platform formats, with planted faults and their truth, to a folder.

    Parameters
    ----------
    out
        Folder to write to; must be absent or empty.
    posts
        Number of posts; each has about 6.7 comments.
    seed
        Same seed, same bytes.
    media
        Posts whose pictures and clips are drawn; default all up to 2,000.
    broken
        Plant corrupt lines, truncated files and broken media.
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
    out
        Folder for the trained model and its scores; default `<lake>.model`.
    plan
        Print items, bytes and what is done already, and do nothing.
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
    inputs
        For example `reddit:dumps/RC_2020-01.zst` or `youtube:export/`.
    keep_raw
        Keep the bytes of unreadable records in the quarantine.
    media_root
        Folder that the paths in jsonl's `media[].url` are relative to.
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
    root
        Folder with downloaded media; repeatable. Adds to `[media] roots`.
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
    lake: GivenLake,
    version: AtVersion = None,
    config: Config = None,
    set_: Set = (),
    json: Json = False,
) -> None:
    """Fine-tune a vision-language model on the lake's samples with Ray Train and DeepSpeed.

    Parameters
    ----------
    out
        Folder for checkpoints, the exported model, metrics.jsonl and scores.json.
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
    lake: GivenLake,
    version: AtVersion = None,
    split: Literal["train", "val", "test"] = "test",
    samples: int = 256,
    json: Json = False,
) -> None:
    """Score an exported model on held-out behaviour: comment perplexity, likes and replay against baselines.

    Parameters
    ----------
    checkpoint
        Folder with the exported adapter or model.
    split
        Which samples to score.
    samples
        At most so many of them.
    """
    from ray_jobs.scores import evaluate as score
    from ray_jobs.scores import show_scores

    output = Output(as_json=json)
    scores = score(open_lake(lake, version=version), checkpoint, split=split, count=samples, output=output)
    output.result(scores)
    show_scores(scores, output)


read_commands.register(app)
lake_commands.register(app)


def _session(config: str | None, overrides: tuple[str, ...], engine: Engine, json: bool) -> Session:
    from ray_jobs.session import Session, configure

    command = " ".join(["postlake", *sys.argv[1:2]])
    return Session(Output(as_json=json), configure(config, overrides), command, engine)


_EXTRA_OF = {
    **dict.fromkeys(("ray", "zstandard", "msgspec", "numba", "langdetect", "PIL", "av"), "pipeline"),
    **dict.fromkeys(("torch", "transformers", "tokenizers", "safetensors", "peft", "deepspeed", "scipy"), "train"),
}
"""The optional packages by the name of their module, each with the extra that installs it."""


def main() -> None:
    """Entry point: runs a command; an error that the user can mend is one line on stderr and exit code 2."""
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _stop("UsageError", f"{' '.join(str(error).split())} (see {_help_of(sys.argv[1:2])})", 2)
    except PostlakeError as error:
        _stop(type(error).__name__, str(error), error.exit_code)
    except ModuleNotFoundError as error:
        extra = _EXTRA_OF.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        _stop("MissingExtra", f"{error.name} is not installed (expected pip install 'postlake[{extra}]')", 2)
    except (PermissionError, NotADirectoryError, IsADirectoryError) as error:
        _stop("PathError", f"{error.filename}: {error.strerror}", 2)
    except BrokenPipeError:
        # The reader of our output, `head` for instance, has seen enough. Python's own flush at exit must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        print("postlake: interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(130)


def _help_of(words: list[str]) -> str:
    known = [word for word in words if word in app and not word.startswith("-")]
    return " ".join(["postlake", *known, "--help"])


def _stop(kind: str, line: str, code: int) -> NoReturn:
    print(f"postlake: {kind}: {line}", file=sys.stderr)
    sys.exit(code)
