"""The formats of both platforms: what real dumps have must be there, in its odd types too."""

from __future__ import annotations

import json

from tests.pipelines.synthetic.conftest import World


def test_field_types_drift_over_the_years(world: World) -> None:
    created = {file[10:14]: type(record["created_utc"]) for file, record in world.reddit("RC")}
    assert created == {"2011": str, "2017": int, "2020": int, "2024": float}
    edited = {type(record["edited"]) for _, record in world.reddit("RC")}
    assert edited == {bool, int, float}
    missing = {file[10:14] for file, record in world.reddit("RS") if "upvote_ratio" not in record}
    assert missing == {"2011", "2017"}
    meta = [record["_meta"]["retrieved_2nd_on"] for file, record in world.reddit("RC") if "2024" in file]
    assert {type(value) for value in meta} == {int, type(None)}


def test_posts_come_in_every_form(world: World) -> None:
    posts = [record for _, record in world.reddit("RS")]
    gallery = next(post for post in posts if post.get("is_gallery"))
    assert [item["media_id"] for item in gallery["gallery_data"]["items"]] == list(gallery["media_metadata"])
    video = next(post for post in posts if post.get("is_video"))
    assert video["media"]["reddit_video"]["fallback_url"].startswith(video["url"] + "/DASH_")
    crosspost = next(post for post in posts if "crosspost_parent" in post)
    assert crosspost["crosspost_parent"] == "t3_" + crosspost["crosspost_parent_list"][0]["id"]
    assert {"pics", "videos"} <= {post["subreddit"] for post in posts}
    assert any(post["is_self"] and len(post["selftext"]) > 200 for post in posts)
    assert any("youtube.com/watch" in post["url"] for post in posts)


def test_comments_hang_together(world: World) -> None:
    posts = {post["id"] for _, post in world.reddit("RS")}
    seen: dict[str, str] = {}
    for _, comment in world.reddit("RC"):
        assert comment["link_id"].removeprefix("t3_") in posts
        kind, parent = comment["parent_id"].split("_")
        assert parent in posts if kind == "t3" else seen[parent] == comment["link_id"]
        assert comment["id"] not in seen
        seen[comment["id"]] = comment["link_id"]
    sizes = [len(json.dumps(comment)) for file, comment in world.reddit("RC") if "2020" in file]
    assert 800 < sum(sizes) / len(sizes) < 1_200


def test_youtube_counts_are_strings_and_may_be_missing(world: World) -> None:
    videos = [item for _, response in world.responses("videos") for item in response["items"]]
    assert {response["kind"] for _, response in world.responses("videos")} == {"youtube#videoListResponse"}
    assert all(isinstance(video["statistics"]["viewCount"], str) for video in videos)
    hidden = [video for video in videos if "likeCount" not in video["statistics"]]
    assert 0 < len(hidden) < len(videos) / 5
    assert all(video["contentDetails"]["duration"].startswith("PT") for video in videos)
    assert any("commentCount" not in video["statistics"] for video in videos)


def test_replies_belong_to_their_thread(world: World) -> None:
    replies = 0
    for _, response in world.responses("commentThreads"):
        for thread in response["items"]:
            answers = thread.get("replies", {}).get("comments", [])
            assert thread["snippet"]["totalReplyCount"] == len(answers)
            for answer in answers:
                assert answer["snippet"]["parentId"] == thread["id"] == answer["id"].split(".")[0]
                replies += 1
    assert replies > 10


def test_info_json_has_comments_and_a_heatmap(world: World) -> None:
    files = sorted((world.out / "youtube").glob("*.info.json"))
    assert len(files) > 20
    comments = 0
    for path in files:
        info = json.loads(path.read_text())
        heat = info["heatmap"]
        assert len(heat) == 100
        assert max(bin_["value"] for bin_ in heat) == 1
        assert min(bin_["value"] for bin_ in heat) >= 0
        assert heat[-1]["end_time"] == info["duration"]
        assert info["id"] == path.name.removesuffix(".info.json")
        ids = {comment["id"] for comment in info["comments"]}
        assert all(comment["parent"] in ids | {"root"} for comment in info["comments"])
        comments += len(info["comments"])
    assert comments > 100


def test_no_real_site_is_named_besides_the_platforms(world: World) -> None:
    for _, comment in world.reddit("RC"):
        for word in comment["body"].split():
            if word.startswith("http"):
                assert ".example" in word or "example.com" in word or "example.org" in word
