"""From verified links to clusters and their survivors: the rows of `duplicates`; called once per dedup run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipelines.dedup.survivor import by_merit
from schemas.contract import conform
from schemas.duplicates import DUPLICATES, EVIDENCE
from schemas.errors import ContractError

Indices = npt.NDArray[np.int64]


def duplicates(posts: pa.Table, edges: pa.Table) -> pa.Table:
    """One row of DUPLICATES per post, sorted by its key, independent of the order of rows and edges.

    `posts` has post_id (unique), likes, created_at; `edges` are EDGES. A copy's evidence, similarity and witness are
    those of its link on a shortest way to the canonical post, the strongest evidence first; a canonical post has none.
    Raises ContractError where an edge names a post that is not there, or an evidence that no one declared.
    """
    # Numbered by merit, the smallest number of a cluster is its survivor.
    ranked = by_merit(pl.DataFrame(posts).select("post_id", "likes", "created_at")).with_row_index("number")
    links = _numbered(pl.DataFrame(edges), ranked)
    left, right = links["left"].to_numpy(), links["right"].to_numpy()
    labels = components(ranked.height, left, right)
    depth = depths(labels, left, right)
    ids = ranked["post_id"]
    rows = (
        pl.DataFrame({"number": np.arange(ranked.height), "post_id": ids, "canonical_id": ids.gather(labels)})
        .join(_joining_links(links, depth), on="number", how="left")
        .join(ranked.select(pl.col("number").cast(pl.Int64).alias("near"), witness="post_id"), on="near", how="left")
        .select("post_id", "canonical_id", "evidence", "similarity", "witness")
        .sort("canonical_id", "post_id")
    )
    return conform(rows.to_arrow(), DUPLICATES, where="duplicates")


def components(num_posts: int, left: Indices, right: Indices) -> Indices:
    """The smallest number in the connected component of each of `num_posts` posts, links joining left[i] and right[i].

    Every round hooks the roots of both ends to the smaller and then flattens the trees, so that rounds grow with the
    logarithm of the longest chain.
    """
    labels = np.arange(num_posts, dtype=np.int64)
    while left.size:
        ends = labels[left], labels[right]
        low = np.minimum(*ends)
        if np.array_equal(*ends):
            break
        np.minimum.at(labels, ends[0], low)
        np.minimum.at(labels, ends[1], low)
        while not np.array_equal(flat := labels[labels], labels):
            labels = flat
    return labels


def depths(labels: Indices, left: Indices, right: Indices) -> Indices:
    """Links on the shortest way from each post to its canonical post, which is the one that bears its own label."""
    depth = np.where(labels == np.arange(labels.size), 0, -1).astype(np.int64)
    here, there = np.concatenate([left, right]), np.concatenate([right, left])
    level = 0
    while here.size:
        depth[there[(depth[here] == level) & (depth[there] < 0)]] = level + 1
        level += 1
        open_ends = depth[there] < 0
        here, there = here[open_ends], there[open_ends]
    return depth


def _numbered(edges: pl.DataFrame, ranked: pl.DataFrame) -> pl.DataFrame:
    """The edges with posts as numbers and evidence as its place in EVIDENCE."""
    numbers = ranked.select(pl.col("post_id"), pl.col("number").cast(pl.Int64))
    links = edges.join(numbers.rename({"number": "left"}), on="post_id", how="left").join(
        numbers.rename({"post_id": "witness", "number": "right"}), on="witness", how="left"
    )
    lost = links.filter(pl.col("left").is_null() | pl.col("right").is_null())
    if lost.height:
        post, witness = lost.row(0)[:2]
        raise ContractError("an edge names a post that is not there", where="edges", got=f"{post} - {witness}")
    strange = edges.filter(~pl.col("evidence").is_in(EVIDENCE))
    if strange.height:
        got = str(strange["evidence"][0])
        raise ContractError("unknown evidence", where="edges", field="evidence", expected=", ".join(EVIDENCE), got=got)
    return links.select("left", "right", "evidence", "similarity")


def _joining_links(links: pl.DataFrame, depth: Indices) -> pl.DataFrame:
    """For each post but the canonical ones its link to a post one step nearer: number, near, evidence, similarity."""
    both = pl.concat(
        [
            links.rename({"left": "number", "right": "near"}),
            links.select(pl.col("right").alias("number"), pl.col("left").alias("near"), "evidence", "similarity"),
        ]
    )
    nearer = depth[both["number"].to_numpy()] == depth[both["near"].to_numpy()] + 1
    strength = pl.col("evidence").replace_strict(list(EVIDENCE), list(range(len(EVIDENCE))), return_dtype=pl.Int8)
    ordered = both.filter(pl.Series(nearer)).sort(
        "number", strength, "similarity", "near", descending=[False, False, True, False]
    )
    return ordered.unique("number", keep="first", maintain_order=True)
