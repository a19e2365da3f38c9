"""Two spellings of one address compare equal, and two addresses do not."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.dedup.canonical_url import canonical_urls

SAME = [
    (
        "https://youtube.com/watch?v=dQw4w9WgXcQ",
        [
            "http://www.youtube.com/watch?v=dQw4w9WgXcQ",
            "https://m.youtube.com/watch?feature=share&v=dQw4w9WgXcQ",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ&amp;list=PL1&amp;t=42s",
            "https://youtu.be/dQw4w9WgXcQ?si=abc&t=3",
            "youtu.be/dQw4w9WgXcQ".join(["//", ""]),
            "https://youtube.com/shorts/dQw4w9WgXcQ?feature=share",
            "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ",
            "https://music.youtube.com/watch?v=dQw4w9WgXcQ",
            "HTTPS://WWW.YouTube.com:443/watch?v=dQw4w9WgXcQ#t=1m",
            "http://www.youtube.com/attribution_link?a=x&u=%2Fwatch%3Fv%3DdQw4w9WgXcQ%26feature%3Dshare",
        ],
    ),
    (
        "https://imgur.com/abcdEFG",
        [
            "http://i.imgur.com/abcdEFG.jpg",
            "https://i.imgur.com/abcdEFGh.png",
            "https://imgur.com/abcdEFG",
            "https://m.imgur.com/r/pics/abcdEFG",
            "https://i.imgur.com/abcdEFG.gifv?1",
            "https://i.imgur.com/abcdEFG_d.webp?maxwidth=640",
        ],
    ),
    ("https://imgur.com/a/Ab1Cd", ["http://imgur.com/a/Ab1Cd#3", "https://m.imgur.com/a/Ab1Cd/layout/grid"]),
    (
        "https://i.redd.it/abc123.jpg",
        [
            "https://i.redd.it/abc123.jpg",
            "https://preview.redd.it/abc123.jpg?width=640&amp;crop=smart&amp;auto=webp&amp;s=0f",
            "https://preview.redd.it/my-cat-v0-abc123.jpg?s=1",
        ],
    ),
    (
        "https://v.redd.it/xyz9",
        [
            "https://v.redd.it/xyz9",
            "https://v.redd.it/xyz9/DASH_720.mp4?source=fallback",
            "https://v.redd.it/xyz9/HLSPlaylist.m3u8?a=1",
            "https://www.reddit.com/video/xyz9",
        ],
    ),
    (
        "https://reddit.com/comments/5abcd",
        [
            "https://old.reddit.com/r/pics/comments/5abcd/some_title/",
            "https://np.reddit.com/r/pics/comments/5abcd/",
            "https://redd.it/5abcd",
            "/r/pics/comments/5abcd/some_title/",
            "http://www.reddit.com/comments/5abcd?ref=share",
        ],
    ),
    (
        "https://example.org/News/a?id=1&q=2",
        [
            "http://www.example.org/News/a/?q=2&id=1&utm_source=x#top",
            "https://user@example.org//News/a/amp?id=1&fbclid=z&q=2",
            "https://www.google.com/amp/s/example.org/News/a?id=1&q=2",
            "https://amp.example.org/News/a/?q=2&id=1&gclid=",
        ],
    ),
    (
        "https://x.com/i/status/12345",
        ["https://twitter.com/someone/status/12345?s=20", "https://x.com/i/web/status/12345"],
    ),
    ("https://vimeo.com/1234", ["https://player.vimeo.com/video/1234?h=a", "https://vimeo.com/channels/best/1234"]),
    (
        "https://gfycat.com/goodbigcat",
        ["https://thumbs.gfycat.com/GoodBigCat-size_restricted.gif", "https://gfycat.com/goodbigcat"],
    ),
]


@pytest.mark.parametrize(("canonical", "spellings"), SAME)
def test_spellings_of_one_address_are_equal(canonical: str, spellings: list[str]) -> None:
    found = canonical_urls(pl.Series("url", [*spellings, canonical])).to_list()
    assert found == [canonical] * (len(spellings) + 1)


def test_different_addresses_stay_different() -> None:
    urls = [
        "https://youtube.com/watch?v=dQw4w9WgXcQ",
        "https://youtube.com/watch?v=dQw4w9WgXcq",
        "https://youtube.com/playlist?list=PL1",
        "https://i.imgur.com/abcdEFG.jpg",
        "https://i.imgur.com/abcdEFX.jpg",
        "https://imgur.com/a/abcdEFG",
        "https://imgur.com/gallery/abcdEFG",
        "https://i.redd.it/abc123.jpg",
        "https://i.redd.it/abc123.png",
        "https://reddit.com/r/a/comments/5abcd/t/",
        "https://reddit.com/r/a/comments/5abcd/t/c0ffee/",
        "https://reddit.com/gallery/5abcd",
        "https://example.org/a?id=1",
        "https://example.org/a?id=2",
        "https://example.org/A?id=1",
        "https://example.org/app#!/one",
        "https://example.org/app#!/two",
    ]
    found = canonical_urls(pl.Series("url", urls)).to_list()
    assert None not in found
    assert len(set(found)) == len(urls)


@pytest.mark.parametrize(
    "url",
    [
        *(None, "", "   ", "https://www.reddit.com/", "http://imgur.com", "https://example.org/?utm_source=x"),
        *("pics/cat.jpg", "cat.jpg", "mailto:a@example.org", "http://[::1", "not a link", "ftp://example.org/a"),
    ],
)
def test_no_link_or_a_front_page_is_no_evidence(url: str | None) -> None:
    assert canonical_urls(pl.Series("url", [url], dtype=pl.String)).to_list() == [None]


def test_canonical_form_is_a_fixed_point() -> None:
    urls = [spelling for _, spellings in SAME for spelling in spellings]
    once = canonical_urls(pl.Series("url", urls))
    assert canonical_urls(once).to_list() == once.to_list()
