"""YouTube beyond the golden files: documents, ids of comments without one, heatmaps, CSV edges."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import zstandard

from pipelines.sources import YouTube
from pipelines.sources.tables import RecordError
from pipelines.sources.youtube_rows import iso_duration
from pipelines.sources.ytdlp import replay

VIDEO = {"kind": "youtube#video", "id": "abcdefghijk", "snippet": {"title": "T", "channelId": "UCx"}}
COMMENTS = b"video_id,comment_text,likes,replies\nv1,same,1,0\nv1,same,2,0\nv2,same,3,0\nv1,other,4,0\n"


def test_a_document_and_lines_give_the_same(read_all: Any) -> None:
    document = {"kind": "youtube#videoListResponse", "items": [VIDEO, {**VIDEO, "id": "b"}]}
    forms = [
        json.dumps(document, indent=2).encode(),
        json.dumps(document).encode(),
        json.dumps(document["items"]).encode(),
        b"".join(json.dumps(item).encode() + b"\n" for item in document["items"]),
    ]
    tables = [read_all(YouTube(), form) for form in forms]
    assert [t.records["posts"] for t in tables] == [2] * 4
    for form, table in zip(forms, tables, strict=True):
        assert table.posts.drop_columns("source_offset").equals(tables[0].posts.drop_columns("source_offset"))
        for at in table.posts["source_offset"].to_pylist():
            assert form[at:].startswith(b"{")
            assert b'"youtube#video"' in form[at : at + 40]


def test_hidden_counts_are_null_not_zero(read_all: Any) -> None:
    row = read_all(YouTube(), json.dumps({**VIDEO, "statistics": {"viewCount": "0"}}).encode()).posts.to_pylist()[0]
    assert (row["views"], row["likes"], row["num_comments"]) == (0, None, None)


def test_comments_without_ids_get_stable_ones(read_all: Any) -> None:
    ids = read_all(YouTube(), COMMENTS).comments["comment_id"].to_pylist()
    assert len(set(ids)) == 4
    assert all(
        i.startswith(f"youtube:{v}.") and len(i) == len(f"youtube:{v}.") + 16
        for i, v in zip(ids, ["v1", "v1", "v2", "v1"], strict=True)
    )
    for packed in (gzip.compress(COMMENTS), zstandard.ZstdCompressor().compress(COMMENTS)):
        assert read_all(YouTube(), packed).comments["comment_id"].to_pylist() == ids
    # A row put between does not change the ids of the others.
    more = COMMENTS.replace(b"v2,same", b"v3,new,9,9\nv2,same")
    assert set(ids) < set(read_all(YouTube(), more).comments["comment_id"].to_pylist())


def test_csv_offsets_are_where_rows_begin(read_all: Any) -> None:
    data = COMMENTS.replace(b"v1,other", b'v1,"two\nlines"').replace(b"\n", b"\r\n")
    got = read_all(YouTube(), data).comments
    for at, video in zip(got["source_offset"].to_pylist(), got["post_id"].to_pylist(), strict=True):
        assert data[at:].startswith(video.removeprefix("youtube:").encode() + b",")
    assert got["text"].to_pylist()[-1] == "two\r\nlines"


def test_a_truncated_csv_keeps_whole_rows(read_all: Any) -> None:
    writer = zstandard.ZstdCompressor().compressobj()
    packed = writer.compress(COMMENTS + b"v1,cut o") + writer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    got = read_all(YouTube(), packed)
    assert len(got.comments) == 4
    assert got.quarantine.to_pylist()[0]["offset"] == len(COMMENTS)
    assert "truncated" in str(got.problem)


def test_trending_dates(read_all: Any) -> None:
    header = b"video_id,title,channel_title,views,date\n"
    got = read_all(YouTube(trending_year=2019), header + b"v1,T,C,1,13.09\n").posts.to_pylist()[0]
    assert got["retrieved_at"].date().isoformat() == "2019-09-13"
    later = header.replace(b"date", b"trending_date") + b"v1,T,C,1,17.14.11\n"
    assert read_all(YouTube(), later).posts["retrieved_at"].to_pylist()[0].date().isoformat() == "2017-11-14"


def test_replay_has_a_hundred_values() -> None:
    bins = [{"start_time": i, "end_time": i + 1, "value": i / 100} for i in range(100)]
    assert replay(bins, "heatmap") == [i / 100 for i in range(100)]
    assert replay([{"value": 0.25}, {"value": 1}], "heatmap") == [0.25] * 50 + [1.0] * 50
    assert replay(None, "heatmap") is None
    for bad in ([{"value": 1.5}], [{"value": None}], [{}], [3], {"value": 1}, [{"value": float("nan")}]):
        with pytest.raises(RecordError, match="heatmap"):
            replay(bad, "heatmap")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT1M2S", 62.0), ("P1DT1S", 86401.0), ("PT10H", 36000.0), ("P0D", None), ("PT0S", None), ("P1W", 604800.0)],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert iso_duration(text, "f") == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "1:02", "PTS", 5, "PT-1S"])
def test_durations_that_are_none(text: Any) -> None:
    with pytest.raises(RecordError, match="ISO 8601"):
        iso_duration(text, "f")


def test_a_channel_of_yt_dlp_without_videos_holds_nothing(read_all: Any) -> None:
    channel = {"extractor": "youtube:tab", "_type": "playlist", "id": "UCx", "entries": []}
    got = read_all(YouTube(), json.dumps(channel, indent=1).encode())
    assert (got.problem, got.records) == (None, {"posts": 0, "comments": 0})
    channel["entries"] = [{"extractor": "youtube", "_type": "video", "id": "abc"}]
    assert read_all(YouTube(), json.dumps(channel).encode()).records == {"posts": 1, "comments": 0}
