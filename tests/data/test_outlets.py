import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.data.outlets import OutletOptions, address_parts, domains, normalised, read_outlets

TABLE = """name,prefixes,leaning,origin
Le Monde,http://lemonde.fr|https://www.lemonde.fr|http://twitter.com/lemondefr,Centre,france
Blogs,http://lemonde.fr/blogs/,Left,france
Channel,https://www.youtube.com/channel/UCabc|http://caf%C3%A9.fr,Right,
Shared,http://two.org|http://own.org,Right,france
Other,https://www.two.org/,Left,belgique
"""


@pytest.fixture
def outlets():
    Path("o.csv").write_text(TABLE, encoding="utf-8")
    return read_outlets(OutletOptions(path="o.csv", columns={"leaning": "group", "origin": "covariate"}))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://www.lemonde.fr/politique/a.html", "Le Monde"),
        ("HTTPS://LeMonde.FR:443", "Le Monde"),
        ("lemonde.fr", "Le Monde"),
        ("//m.lemonde.fr/x?y=http://two.org", "Le Monde"),
        ("http://user:word@abonnes.lemonde.fr/#top", "Le Monde"),
        ("https://www.lemonde.fr/Blogs//post/", "Blogs"),
        ("https://www.lemonde.fr/blogs2", "Le Monde"),
        ("https://mobile.twitter.com/LemondeFR/status/12?s=20", "Le Monde"),
        ("https://x.com/lemondefr", "Le Monde"),
        ("https://twitter.com/lemondefrance", None),
        ("https://twitter.com", None),
        ("https://youtube.com/channel/ucabc/videos", "Channel"),
        ("https://xn--caf-dma.fr/menu", "Channel"),
        ("https://café.fr", "Channel"),
        ("https://notlemonde.fr", None),
        ("https://lemonde.fr.evil.com", None),
        ("https://two.org/a", None),
        ("https://own.org/a", "Shared"),
        ("mailto:a@lemonde.fr", None),
        ("no address", None),
        ("", None),
        (None, None),
    ],
)
def test_longest_prefix_wins(outlets, url, name):
    row = outlets.find(pa.array([url], pa.string()))[0]
    assert (None if row < 0 else outlets.names[row]) == name


def literal(url, prefixes):
    """The slow reference: try every prefix, part by part."""
    parts = address_parts(pa.array([url])).to_pylist()[0] or []
    best, owner = 0, -1
    for prefix, number in prefixes:
        own = address_parts(pa.array([prefix])).to_pylist()[0]
        if own == parts[: len(own)] and len(own) > best:
            best, owner = len(own), number
    return owner


HOSTS = st.sampled_from(["a.fr", "b.a.fr", "www.a.fr", "c.com", "x.c.com"])
PATHS = st.lists(st.sampled_from(["p", "q", "P", "pq"]), max_size=3).map("/".join)
URLS = st.tuples(st.sampled_from(["http://", "https://", ""]), HOSTS, PATHS).map(lambda t: f"{t[0]}{t[1]}/{t[2]}")


@settings(max_examples=25, deadline=None)
@given(st.lists(URLS, min_size=1, max_size=8))
def test_find_is_what_trying_every_prefix_finds(urls):
    owned = [("a.fr", 0), ("http://b.a.fr/p", 1), ("c.com/p/q", 2), ("https://c.com/p", 0)]
    rows = ["0,a.fr|https://c.com/p", "1,http://b.a.fr/p", "2,c.com/p/q"]
    Path("h.csv").write_text("name,prefixes\n" + "\n".join(rows))
    found = read_outlets(OutletOptions(path="h.csv")).find(pa.array(urls))
    assert found.tolist() == [literal(url, owned) for url in urls]


def test_categories_and_ambiguous_prefixes(outlets):
    assert outlets.columns["leaning"].values.to_pylist() == ["Centre", "Left", "Right", "Right", "Left"]
    assert outlets.columns["origin"].values.to_pylist() == ["france", "france", None, "france", "belgique"]
    assert outlets.ambiguous == 1


def test_equal_pages_have_equal_addresses():
    same = ["http://www.a.fr/x?id=3", "https://A.fr:80/x/?utm_source=b&utm_medium=c&id=3&fbclid=d#top", "a.fr/x?id=3&"]
    assert set(normalised(pa.array(same)).to_pylist()) == {"a.fr/x?id=3"}
    other = ["a.fr/X", "a.fr/x?id=4", "b.a.fr/x", "a.fr"]
    assert len(set(normalised(pa.array(other)).to_pylist())) == 4
    assert normalised(pa.array(["nothing", None, "tel:123"])).to_pylist() == [None] * 3
    assert domains(pa.array(["https://www.m.fr/a", "http://m.site.fr?x", "localhost"])).to_pylist() == [
        "m.fr",
        "site.fr",
        None,
    ]


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("name,", "title,", "no column 'name'"),
        ("Blogs", "Le Monde", "o.csv:3 column 'name': 1 values are names that stand above"),
        ("Blogs", "", "o.csv:3 column 'name': 1 values are empty"),
    ],
)
def test_bad_tables(old, new, match):
    Path("o.csv").write_text(TABLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=match):
        read_outlets(OutletOptions(path="o.csv"))


def test_no_address_at_all():
    Path("o.csv").write_text("name,prefixes\na,none\n")
    with pytest.raises(InputError, match="no prefix is the address of a site"):
        read_outlets(OutletOptions(path="o.csv"))


@pytest.mark.data
@pytest.mark.skipif("HEMICYCLE_DATA" not in os.environ, reason="HEMICYCLE_DATA is not set")
def test_french_media():
    found = read_outlets(OutletOptions(path="french_media_medialab/medias.csv.gz", columns={"wheel_category": "group"}))
    assert (len(found.names), found.ambiguous) == (478, 0)
    urls = ["https://www.lefigaro.fr/politique/x", "https://twitter.com/acrimed_info/status/1", "https://example.org"]
    names = [found.names[row] if row >= 0 else None for row in found.find(pa.array(urls))]
    assert names == ["Le Figaro", "Acrimed.org", None]
