"""Matching of links to files that are already there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.media.local import index_files, list_files


def _match(url: str, *paths: str) -> str | None:
    return index_files([(path, 10) for path in paths]).match(url)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("a/b.jpg", "a/b.jpg"),
        ("./a/b.jpg", "a/b.jpg"),
        ("a//b.jpg", "a/b.jpg"),
        ("a/why? #1%20.jpg", "a/why? #1%20.jpg"),
        ("https://i.redd.it/abc123.jpg", "reddit/abc123.jpg"),
        ("https://preview.redd.it/abc123.jpg?width=640&s=0f", "abc123.jpg"),
        ("//i.redd.it/abc123.jpg", "abc123.jpg"),
        ("https://example.org/some%20photo.png", "deep/er/some photo.png"),
        ("https://v.redd.it/x1y2z3a4b5c6d", "x1y2z3a4b5c6d.mp4"),
        ("https://v.redd.it/x1y2z3a4b5c6d/DASH_720.mp4?source=fallback", "v/x1y2z3a4b5c6d.webm"),
        ("https://v.redd.it/x1y2z3a4b5c6d/DASH_720.mp4", "x1y2z3a4b5c6d/DASH_720.mp4"),
        ("https://www.youtube.com/watch?t=3&v=dQw4w9WgXcQ", "dQw4w9WgXcQ.mkv"),
        ("http://m.youtube.com/watch?v=dQw4w9WgXcQ", "thumbs/dQw4w9WgXcQ.jpg"),
        ("https://youtu.be/dQw4w9WgXcQ?si=x", "A title [dQw4w9WgXcQ].webm"),
        ("https://www.youtube.com/shorts/dQw4w9WgXcQ", "dQw4w9WgXcQ.mp4"),
        ("https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ", "dQw4w9WgXcQ.mp4"),
        ("https://i.ytimg.com/vi/dQw4w9WgXcQ/hqdefault.jpg", "dQw4w9WgXcQ.jpg"),
        ("https://i.ytimg.com/vi/dQw4w9WgXcQ/hqdefault.jpg", "dQw4w9WgXcQ/hqdefault.jpg"),
        ("https://i.imgur.com/aBcDeF1.gifv", "aBcDeF1.mp4"),
        ("https://imgur.com/aBcDeF1", "aBcDeF1.png"),
    ],
)
def test_link_finds_its_file(url: str, path: str) -> None:
    assert _match(url, "other/zzzzzz.jpg", path) == path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("../secret.jpg", "secret.jpg"),
        ("a/../../secret.jpg", "secret.jpg"),
        ("/etc/secret.jpg", "etc/secret.jpg"),
        ("a\\b.jpg", "a/b.jpg"),
        ("file:///etc/secret.jpg", "etc/secret.jpg"),
        ("missing/abc123.jpg", "abc123.jpg"),
        ("", "abc123.jpg"),
        ("https://i.redd.it/", "abc123.jpg"),
        ("https://i.redd.it/abc123.jpg", "ABC123.jpg"),
        ("https://i.redd.it/../../abc124.jpg", "../abc124.jpg"),
        ("https://a.example/1.jpg", "1.jpg"),
        ("https://a.example/x/image.png", "image.png"),
        ("https://i.ytimg.com/vi/dQw4w9WgXcQ/hqdefault.jpg", "hqdefault.jpg"),
        ("https://i.ytimg.com/vi/dQw4w9WgXcQ/hqdefault.jpg", "dQw4w9WgXcQ.mp4"),
        ("https://v.redd.it/x1y2z3a4b5c6d/DASH_720.mp4", "another/DASH_720.mp4"),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "dQw4w9WgXcQ.info.json"),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "dQw4w9WgXcQ.mp4.part"),
        ("https://www.youtube.com/channel/dQw4w9WgXcQ", "dQw4w9WgXcQ.mp4"),
        ("https://notyoutube.com/watch?v=dQw4w9WgXcQ", "dQw4w9WgXcQ.mp4"),
        ("http://[broken", "broken"),
    ],
)
def test_link_does_not_find_another_links_file(url: str, path: str) -> None:
    assert _match(url, path) is None


def test_ambiguity_goes_to_the_shortest_path_then_the_first_in_order() -> None:
    paths = ["deep/er/abc123.jpg", "b/abc123.jpg", "a/abc123.jpg"]
    for listing in (paths, paths[::-1]):
        assert _match("https://i.redd.it/abc123.jpg", *listing) == "a/abc123.jpg"


def test_file_in_the_links_own_folder_is_preferred() -> None:
    assert _match("https://a.example/gallery9/photo77.jpg", "photo77.jpg", "x/gallery9/photo77.jpg") == (
        "x/gallery9/photo77.jpg"
    )


def test_video_is_preferred_to_its_thumbnail() -> None:
    paths = ("dQw4w9WgXcQ.jpg", "long/folder/dQw4w9WgXcQ.webm", "long/folder/dQw4w9WgXcQ.mp4")
    assert _match("https://youtu.be/dQw4w9WgXcQ", *paths) == "long/folder/dQw4w9WgXcQ.mp4"


def test_listing_is_ordered_and_stays_inside_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "b").mkdir(parents=True)
    (root / "b" / "two.jpg").write_bytes(b"22")
    (root / "a.jpg").write_bytes(b"1")
    (tmp_path / "outside.jpg").write_bytes(b"secret")
    (root / "link_out.jpg").symlink_to(tmp_path / "outside.jpg")
    (root / "link_in.jpg").symlink_to(root / "a.jpg")
    (root / "loop").symlink_to(root)
    (root / "gone.jpg").symlink_to(root / "nowhere")
    assert list_files(root) == [("a.jpg", 1), ("b/two.jpg", 2), ("link_in.jpg", 1)]
