"""The pages cannot fall behind: their commands parse, their links lead somewhere, their runnable blocks run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cyclopts import CycloptsError

from ray_jobs.cli import app

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FOLDERS = ("schemas", "pipelines", "training", "ray_jobs", "infra", "tests")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
COMMANDS = sorted(name for name in app if not name.startswith("-"))
SHELLS = ("bash", "sh", "console")

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)(?:\s+\"[^\"]*\")?\)")
_WORDS = re.compile(r"`(?:postlake|python -m ray_jobs) (?P<command>[a-z]+)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string's words and its text."""

    info: tuple[str, ...]
    text: str

    @property
    def language(self) -> str:
        return self.info[0] if self.info else ""


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(tuple(found["info"].split()), found["text"]) for found in _FENCE.finditer(text)]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def shell_lines(text: str) -> Iterator[list[str]]:
    """The simple commands of a shell block, in words, without comments; a heredoc's body is none."""
    body = re.sub(r"<<\s*-?['\"]?(\w+)['\"]?(.*?)\n.*?^\1$", r"\2", text, flags=re.MULTILINE | re.DOTALL)
    for line in body.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, "#"
        words: list[str] = []
        for word in lexer:
            if word in ("&&", "||", ";", "|", "&", ">", ">>", "2>"):
                yield words
                words = []
            else:
                words.append(word)
        yield words


def own_commands(page: Path) -> list[list[str]]:
    """What follows `postlake` or `python -m ray_jobs` in the page's shell blocks."""
    found = []
    for block in blocks(page):
        if block.language not in SHELLS:
            continue
        for words in shell_lines(block.text):
            for start in (["python", "-m", "ray_jobs"], ["postlake"]):
                at = next((i for i in range(len(words)) if [*words[i : i + len(start)]] == start), None)
                tail = words[at + len(start) :] if at is not None else []
                # Of `pip install postlake` and the like, the word is not the command.
                if at is not None and tail and not (at and words[at - 1] in ("install", "docker", "import")):
                    found.append(tail)
                    break
    return found


CALLS = [(page, words) for page in PAGES for words in own_commands(page)]


@pytest.mark.parametrize(
    ("page", "words"), CALLS, ids=[f"{page.name}-{n}-{' '.join(words)[:40]}" for n, (page, words) in enumerate(CALLS)]
)
def test_every_command_of_a_page_is_one_that_there_is(page: Path, words: list[str]) -> None:
    try:
        app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        pytest.fail(f"{page.relative_to(ROOT)}: postlake {' '.join(words)}: {error}")


def test_commands_named_in_the_text_are_there() -> None:
    for page in PAGES:
        for found in _WORDS.finditer(prose(page)):
            assert found["command"] in COMMANDS, f"{page.relative_to(ROOT)}: {found[0]}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    text = README.read_text(encoding="utf-8")
    assert re.search(rf"(postlake|python -m ray_jobs|`)\s*{command}\b", text), (
        f"README does not say `postlake {command}`"
    )


def test_every_command_of_the_readme_has_help() -> None:
    for words in own_commands(README):
        command = app[words[0]]
        assert command.help, words[0]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for found in _LINK.finditer(prose(page)):
        target, _, anchor = found["target"].partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = page.parent / target if target else page
        assert file.exists(), f"{page.relative_to(ROOT)}: {found[0]}"
        if anchor and file.suffix == ".md":
            heads = re.findall(r"^#+ +(.+?)\s*$", prose(file), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in slugs, f"{page.relative_to(ROOT)}: {found[0]}"


def test_make_targets_of_the_pages_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"`make ([a-z-]+)`", prose(page))
        for block in blocks(page):
            if block.language in SHELLS:
                named += [words[1] for words in shell_lines(block.text) if words[:1] == ["make"] and len(words) > 1]
        for target in named:
            assert target in targets, f"{page.relative_to(ROOT)}: make {target}"


def run_block(block: Block, folder: Path) -> None:
    """Run a block in a folder, with this environment's programs first; assert that it ends well."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    starts = {
        "bash": ["bash", "-euo", "pipefail", "-c"],
        "python": [sys.executable, "-W", "error::SyntaxWarning", "-c"],
    }
    done = subprocess.run(
        [*starts[block.language], block.text], capture_output=True, text=True, cwd=folder, env=env, check=False
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


@pytest.mark.timeout(600)
def test_the_runnable_blocks_of_the_readme_run_in_order(tmp_path: Path) -> None:
    runnable = [block for block in blocks(README) if "run" in block.info[1:]]
    assert runnable, "README marks no block as runnable (```bash run, ```python run)"
    for block in runnable:
        run_block(block, tmp_path)


def test_what_is_read_as_a_command(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```bash run\npostlake synth raw --posts 3   # draws\ncat > a.toml <<'E'\npostlake nosuch\nE\n"
        "pip install 'postlake[s3]' && postlake inspect lake | head\n"
        "ray job submit -- \\\n  python -m ray_jobs verify lake\n"
        "```\n```\npostlake not a command\n```\n"
    )
    assert own_commands(page) == [["synth", "raw", "--posts", "3"], ["inspect", "lake"], ["verify", "lake"]]
    run_block(Block(("bash", "run"), "echo 1 > made\n"), tmp_path)
    assert (tmp_path / "made").read_text() == "1\n"
    with pytest.raises(AssertionError):
        run_block(Block(("bash", "run"), "false | cat\necho\n"), tmp_path)
