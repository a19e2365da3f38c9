"""The canonical form of a link, so that two spellings of one address compare equal; called by `signatures`.

What is folded: scheme, user part, port, letter case of the host, `www.`, `m.`, `mobile.` and `amp.`, every language and
layout host of Reddit, doubled and trailing slashes, `/amp`, AMP caches, `&amp;` left over from HTML, the order of
parameters, parameters that only track (`TRACKING`), and fragments (but not `#!` and `#/`, which are addresses inside
one page). Then `SITES` folds what a single site spells in several ways. The case of a path is kept: ids are
case-sensitive. A link to the front page of a site, or what is no http link, has no canonical form (null).
"""

from __future__ import annotations

import polars as pl

_LINK = (
    r"^(?:(?i:https?):)?//(?:[^/?#@]*@)?(?<host>[^/?#:@\s]+\.[^/?#:@\s]+)(?::\d*)?"
    r"(?<path>/[^?#]*)?(?:\?(?<query>[^#]*))?(?:#(?<fragment>.*))?$"
)
_WRAPPED = (
    # A cached AMP page names the page that it shows.
    (r"^(?i:https?)://(?:www\.)?google\.[a-z.]+/amp/(?:s/)?", "https://"),
    (r"^(?i:https?)://[^/]+\.cdn\.ampproject\.org/[a-z]/(?:s/)?", "https://"),
    (
        r"^.*youtube\.com/attribution_link\?(?:.*&)?u=(?:%2F|/)watch%3Fv%3D([A-Za-z0-9_-]{11}).*$",
        "https://youtu.be/${1}",
    ),
    # Reddit gives crossposts as a path.
    (r"^/(r|u|user)/", "https://reddit.com/${1}/"),
)
TRACKING = (
    r"^(?i:utm_[a-z_]*|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|igshid|igsh|mc_[ce]id|mkt_tok|_ga|_gl|si|"
    r"feature|ref|ref_src|ref_url|ref_source|referrer|spm|cmpid|cmp|ocid|ncid|smid|smtyp|sr_share|rdt|share_id|amp|"
    r"app|__twitter_impression)(?:=|$)"
)
_ID = "[A-Za-z0-9_-]"
SITES = (
    # (pattern over host + path + query, its canonical form)
    (
        rf"^(?:music\.|gaming\.)?youtube(?:-nocookie)?\.com/(?:watch)?\?(?:.*&)?v=({_ID}{{11}})(?:&.*)?$",
        "youtube.com/watch?v=${1}",
    ),
    (
        rf"^(?:music\.|gaming\.)?youtube(?:-nocookie)?\.com/(?:v|vi|e|embed|shorts|live)/({_ID}{{11}})(?:[/?&].*)?$",
        "youtube.com/watch?v=${1}",
    ),
    (rf"^youtu\.be/({_ID}{{11}})(?:[/?&].*)?$", "youtube.com/watch?v=${1}"),
    (r"^redd\.it/([a-z0-9]+)(?:\?.*)?$", "reddit.com/comments/${1}"),
    (
        r"^reddit\.com(?:/(?:r|u|user)/[^/?]+)?/comments/([a-z0-9]+)/[^/?]*/([a-z0-9]+)(?:[/?].*)?$",
        "reddit.com/comments/${1}/_/${2}",
    ),
    (r"^reddit\.com(?:/(?:r|u|user)/[^/?]+)?/comments/([a-z0-9]+)(?:/[^/?]*)?(?:\?.*)?$", "reddit.com/comments/${1}"),
    (r"^reddit\.com/gallery/([a-z0-9]+)(?:[/?].*)?$", "reddit.com/gallery/${1}"),
    (r"^reddit\.com/(?:link/[a-z0-9]+/)?video/([a-z0-9]+)(?:[/?].*)?$", "v.redd.it/${1}"),
    (r"^v\.redd\.it/([a-z0-9]+)(?:[/?].*)?$", "v.redd.it/${1}"),
    (r"^(?:i|preview)\.redd\.it/(?:[^/?]*-)?([A-Za-z0-9]+\.[a-z0-9]+)(?:\?.*)?$", "i.redd.it/${1}"),
    (r"^(?:i\.)?imgur\.com/(?:a|album)/([A-Za-z0-9]+)(?:[/?].*)?$", "imgur.com/a/${1}"),
    (r"^(?:i\.)?imgur\.com/gallery/(?:[^/?]*-)?([A-Za-z0-9]+)(?:[/?].*)?$", "imgur.com/gallery/${1}"),
    # Image ids have 5 or 7 characters; one more letter before the extension asks for a thumbnail.
    (r"^(?:i\.)?imgur\.com/([A-Za-z0-9]{5}|[A-Za-z0-9]{7})[sbtmlhgr]?(?:_d)?\.[a-z0-9]+(?:\?.*)?$", "imgur.com/${1}"),
    (r"^(?:i\.)?imgur\.com/(?:r/[^/?]+/)?([A-Za-z0-9]{5,7})(?:\?.*)?$", "imgur.com/${1}"),
    (r"^(?:[a-z]+\.)?gfycat\.com/(?:[a-z]{2}/)?(?:gifs/detail/|ifr/)?([A-Za-z]+)(?:[-./?].*)?$", "gfycat.com/${1}"),
    (r"^streamable\.com/(?:[eos]/)?([a-z0-9]+)(?:[/?].*)?$", "streamable.com/${1}"),
    (r"^(?:player\.)?vimeo\.com/(?:video/|channels/[^/?]+/)?([0-9]+)(?:[/?].*)?$", "vimeo.com/${1}"),
    (r"^(?:twitter|x)\.com/(?:[^/?]+|i/web)/status(?:es)?/([0-9]+)(?:[/?].*)?$", "x.com/i/status/${1}"),
    (rf"^instagram\.com/(?:[^/?]+/)?(?:p|reel|tv)/({_ID}+)(?:[/?].*)?$", "instagram.com/p/${1}"),
    (r"^tiktok\.com/@[^/?]+/video/([0-9]+)(?:[/?].*)?$", "tiktok.com/video/${1}"),
)
_SHOWN_ITSELF = (
    r"^https://(?:youtube\.com/watch\?v=|vimeo\.com/[0-9]|tiktok\.com/video/|instagram\.com/p/|x\.com/i/status/)"
)


def canonical_urls(urls: pl.Series) -> pl.Series:
    """The canonical form of each link as `https://...`; null for null, for what is no http link and for front pages."""
    unwrapped = pl.col("url").str.strip_chars().str.replace_all("&amp;", "&", literal=True)
    for pattern, form in _WRAPPED:
        unwrapped = unwrapped.str.replace(pattern, form)
    parts = urls.alias("url").to_frame().select(unwrapped.str.extract_groups(_LINK).alias("part")).unnest("part")
    # Stage by stage: an expression that is used twice in one query may be computed twice.
    pieces = parts.select(_host(), _path(), _query(parts["query"]), _fragment())
    whole = pieces.select(pl.concat_str("host", "path", "query", "fragment")).to_series()
    for pattern, form in SITES:
        whole = whole.str.replace(pattern, form)
    # Names at gfycat are spelled in any case; ids elsewhere are not.
    lower = whole.str.starts_with("gfycat.com/")
    whole = whole.zip_with(~lower, whole.str.to_lowercase()) if lower.any() else whole
    named = pl.DataFrame({"whole": whole}).select(
        pl.when(whole.str.contains(r"[/?#]")).then("https://" + pl.col("whole"))
    )
    return named.to_series().alias(urls.name)


def shows_itself(canonical: pl.Expr) -> pl.Expr:
    """Whether the address is a medium's own page, so that a post whose permalink it is still links to that medium."""
    return canonical.str.contains(_SHOWN_ITSELF)


def _host() -> pl.Expr:
    host = pl.col("host").str.to_lowercase().str.strip_chars_end(".")
    for _ in range(2):
        host = host.str.replace(r"^(?:www\d?|m|mobile|amp)\.([^.]+\..+)$", "${1}")
    return host.str.replace(r"^[a-z-]+\.reddit\.com$", "reddit.com").alias("host")


def _path() -> pl.Expr:
    path = pl.col("path").fill_null("").str.replace_all(r"/{2,}", "/")
    return path.str.replace(r"/(?:amp/?)?$", "").alias("path")


def _query(queries: pl.Series) -> pl.Series:
    """Wanted parameters in order, with the question mark; most links have none and cost nothing."""
    wanted = pl.element().filter((pl.element() != "") & ~pl.element().str.contains(TRACKING)).sort()
    given = queries.to_frame("query").with_row_index("row").filter(pl.col("query") != "")
    joined = given.select("row", pl.col("query").str.split("&").list.eval(wanted).list.join("&").alias("query"))
    joined = joined.filter(pl.col("query") != "").with_columns(("?" + pl.col("query")).alias("query"))
    rows = pl.DataFrame({"row": pl.arange(queries.len(), dtype=pl.UInt32, eager=True)})
    return rows.join(joined, on="row", how="left", maintain_order="left")["query"].fill_null("")


def _fragment() -> pl.Expr:
    inside = pl.col("fragment").str.contains(r"^[!/]").fill_null(False)
    return pl.when(inside).then("#" + pl.col("fragment")).otherwise(pl.lit("")).alias("fragment")
