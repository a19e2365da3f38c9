"""Which already downloaded file a media link means. Called by the media job with the listing of a media root.

A link is matched, in this order, by a relative path, by the platform's native id, and by its file name. A name that
many links share (`image.jpg`, `hqdefault.jpg`) counts only together with the folder that it lies in.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipelines.media.native_id import NativeId, native_id

VIDEO_SUFFIXES = (".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v", ".flv")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif")
_MIN_STEM = 5
"""Shorter file names (`1.jpg`) are shared by too many links to tell one; imgur's oldest ids have five letters."""
_SHARED_STEM = re.compile(
    r"image|photo|picture|video|media|default|original|index|thumb|thumbnail|cover|preview|poster|source|giphy|download"
    r"|(hq|mq|sd|maxres)default|dash_.*|hls.*"
)


@dataclass(frozen=True)
class LocalIndex:
    """The files of a media root, ready to be asked; all paths are relative to it, with `/`."""

    paths: frozenset[str]
    by_name: dict[str, tuple[str, ...]]
    """File name -> its paths, best first: shortest, then in order of characters."""
    by_stem: dict[str, tuple[str, ...]]
    """Name without suffix, or yt-dlp's id in brackets -> paths of media files, best first."""

    def match(self, url: str) -> str | None:
        """The path of the file that a link of `posts.media` means, or None."""
        if "://" not in url and not url.startswith("//"):
            return self._match_path(url)
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        if not parts.hostname:
            return None
        found = native_id(parts.hostname, parts.path, parts.query)
        if found is not None:
            by_id = self._match_id(found)
            if by_id is not None:
                return by_id
        return self._match_name(parts.path)

    def _match_path(self, url: str) -> str | None:
        path = posixpath.normpath(url)
        return path if path in self.paths and not _leaves_root(url) else None

    def _match_id(self, wanted: NativeId) -> str | None:
        suffixes = IMAGE_SUFFIXES if wanted.kind == "image" else VIDEO_SUFFIXES + IMAGE_SUFFIXES
        candidates = [path for path in self.by_stem.get(wanted.id, ()) if _suffix(path) in suffixes]
        return min(candidates, key=lambda path: (suffixes.index(_suffix(path)), *_order(path)), default=None)

    def _match_name(self, url_path: str) -> str | None:
        folders, name = posixpath.split(unquote(url_path))
        candidates = self.by_name.get(name, ())
        if not name or not candidates:
            return None
        folder = posixpath.basename(folders)
        beside = [path for path in candidates if folder and posixpath.basename(posixpath.dirname(path)) == folder]
        if beside:
            return beside[0]
        return None if _is_shared(name) else candidates[0]


def index_files(listing: Iterable[tuple[str, int]]) -> LocalIndex:
    """An index over (relative path, size in bytes); the order of the listing does not matter, empty files count."""
    paths = sorted((path for path, _ in listing if not _leaves_root(path)), key=_order)
    by_name: dict[str, list[str]] = {}
    by_stem: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(posixpath.basename(path), []).append(path)
        if _suffix(path) in VIDEO_SUFFIXES + IMAGE_SUFFIXES:
            for stem in _stems(path):
                by_stem.setdefault(stem, []).append(path)
    return LocalIndex(frozenset(paths), _frozen(by_name), _frozen(by_stem))


def list_files(root: Path) -> list[tuple[str, int]]:
    """(relative path, size in bytes) of every regular file under the folder, in order.

    Links to folders are not followed, links to files only where they end inside the folder.
    """
    inside = root.resolve()
    found: list[tuple[str, int]] = []
    for folder, _, names in os.walk(root, followlinks=False):
        for path in (Path(folder, name) for name in names):
            if path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(inside)):
                found.append((path.relative_to(root).as_posix(), path.stat().st_size))
    return sorted(found)


def _leaves_root(path: str) -> bool:
    return path.startswith("/") or "\\" in path or "\0" in path or ".." in path.split("/")


def _order(path: str) -> tuple[int, str]:
    return len(path), path


def _suffix(path: str) -> str:
    return posixpath.splitext(path)[1].lower()


def _stems(path: str) -> set[str]:
    stem = posixpath.splitext(posixpath.basename(path))[0]
    # yt-dlp's default name is `Title [id].ext`.
    bracketed = stem[stem.rfind("[") + 1 : -1] if stem.endswith("]") and "[" in stem else ""
    return {stem, bracketed} - {""}


def _is_shared(name: str) -> bool:
    stem = posixpath.splitext(name)[0].lower()
    return len(stem) < _MIN_STEM or _SHARED_STEM.fullmatch(stem) is not None


def _frozen(groups: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(paths) for name, paths in groups.items()}
