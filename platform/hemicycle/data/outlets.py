"""Which outlet a URL belongs to: the longest of the outlets' prefixes that it starts with.

Addresses are compared as the parts of the host from the last to the first, then the parts of the path, so that
``http://www.lemonde.fr/blogs`` is found under ``lemonde.fr`` and under ``lemonde.fr/blogs``, ``blog.lemonde.fr`` under
``lemonde.fr``, and ``twitter.com/lemondefr`` not under ``twitter.com/lemonde`` (the reversed URLs of the crawler
Hyphe: Jacomy, Girard, Ooghe-Tabanou and Venturini 2016, *Hyphe, a curation-oriented approach to web crawling*, ICWSM).
Scheme, user, port, ``www.``, mobile and language hosts (``m.``, ``fr-fr.``), query, fragment, case and a last slash
play no part; ``%C3%A9`` and ``xn--`` are read as the letters they stand for; ``x.com`` is ``twitter.com``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.assembly import Column
from hemicycle.data.attributes import numbers_or_text
from hemicycle.data.columns import TEXT, TableFile, blank_to_null, locate

_HEAD = r"^(?:[A-Za-z][A-Za-z0-9+.-]*://|//)?(?:[^/?#@]*@)?"
_NO_PAGE = r"^(?i:mailto|tel|javascript|data|about|file):"
_SPARE_HOST = r"^(?:(?:www\d*|m|mobile|amp|touch|[a-z]{2}-[a-z]{2})\.)+([^/.]+\.[^/])"
_TRACKING = r"(?:utm_[a-z]+|fbclid|gclid|dclid|mc_[ce]id|xtor|at_[a-z_]+|ref_src|ref_url|igshid)=[^&]*(?:&|$)"
_HOST = r"^[^/?#.]+(?:\.[^/?#.]+)+$"


class OutletOptions(Options):
    """A table of outlets, one a row, with the prefixes of their addresses."""

    path: str
    """File, e.g. ``french_media_medialab/medias.csv.gz``."""
    id: str = "name"
    """Column of names, all different."""
    prefixes: str = "prefixes"
    """Column of prefixes of URLs."""
    separator: str = Field("|", min_length=1)
    """Between the prefixes of an outlet."""
    columns: dict[str, Literal["label", "group", "covariate", "name"]] = Field(default_factory=dict)
    """Column -> role: the experts' categories, which become columns of the items."""
    unmatched: Literal["domain", "drop"] = "domain"
    """What becomes of URLs of no outlet: an item of their own for each domain, or left out."""


@dataclass(frozen=True)
class Outlets:
    """Outlets by the prefixes of their addresses.

    Args:
        names: one an outlet, shape (n_outlets,).
        columns: what is known of each.
        prefixes: for each number of parts, the prefixes of so many parts and their outlets.
        ambiguous: prefixes that several outlets claim; they lead to none of them.
    """

    names: list[str]
    columns: Mapping[str, Column]
    prefixes: Mapping[int, tuple[pa.Array, NDArray[np.int64]]]
    ambiguous: int

    def find(self, urls: pa.Array) -> NDArray[np.int64]:
        """Return each URL's outlet, -1 where it has none, shape (n_urls,)."""
        parts = address_parts(urls)
        lengths = pc.list_value_length(parts).fill_null(0).to_numpy(zero_copy_only=False)
        found = np.full(len(urls), -1, np.int64)
        for size in sorted(self.prefixes, reverse=True):
            rows = np.flatnonzero((found < 0) & (lengths >= size))
            heads = pc.binary_join(pc.list_slice(parts.take(pa.array(rows)), 0, size), "\n")
            known, outlets = self.prefixes[size]
            place = pc.index_in(heads, value_set=known).fill_null(-1).to_numpy(zero_copy_only=False)
            found[rows] = np.append(outlets, -1)[place]
        return found


def address_parts(urls: pa.Array) -> pa.Array:
    """Return the parts of each address: of the host from the last to the first, then ``/`` and the path's parts."""
    bare = pc.utf8_lower(_decoded(bare_address(urls)))
    bare = pc.replace_substring_regex(bare, r"[?#].*$", "")
    host = pc.replace_substring_regex(bare, "/.*$", "")
    path = pc.utf8_trim(pc.replace_substring_regex(bare, "^[^/]*/?", ""), "/")
    path = pc.replace_substring_regex(path, "/+", "\n/")
    head = _reversed(host)
    whole = pc.if_else(pc.equal(path, ""), head, pc.binary_join_element_wise(head, path, "\n/"))
    return pc.split_pattern(whole, "\n")


def _reversed(hosts: pa.Array) -> pa.Array:
    """Return the parts of each host from the last to the first, one a line."""
    encoded = hosts.dictionary_encode()
    turned = ["\n".join(host.split(".")[::-1]) for host in encoded.dictionary.to_pylist()]
    return pa.array(turned, TEXT).take(encoded.indices)


def bare_address(urls: pa.Array) -> pa.Array:
    """Return addresses without scheme, user, port, spare hosts and the last slash, the host in small letters."""
    text = pc.utf8_trim_whitespace(urls.cast(TEXT))
    text = pc.replace_substring_regex(pc.if_else(pc.match_substring_regex(text, _NO_PAGE), "", text), _HEAD, "")
    host = pc.replace_substring_regex(text, r"[/?#].*$", "")
    rest = pc.replace_substring_regex(text, r"^[^/?#]*", "")
    host = pc.utf8_lower(pc.replace_substring_regex(host, r":\d*$", ""))
    host = pc.utf8_rtrim(_unicode_hosts(host), ".")
    host = pc.replace_substring_regex(host, _SPARE_HOST, r"\1")
    host = pc.if_else(pc.equal(host, "x.com"), "twitter.com", host)
    good = pc.match_substring_regex(host, _HOST)
    host = pc.if_else(good, host, None)
    rest = pc.replace_substring_regex(rest, r"/+($|[?#])", r"\1")
    return pc.binary_join_element_wise(host, rest, "")


def normalised(urls: pa.Array) -> pa.Array:
    """Return URLs such that those of one page are equal; missing where there is no host.

    Tracking parameters and fragments go, other queries stay, and the path keeps its case.
    """
    bare = pc.replace_substring_regex(bare_address(urls), "#.*$", "")
    bare = pc.replace_substring_regex(bare, r"([?&])" + _TRACKING, r"\1")
    for _ in range(3):  # what stood behind a parameter that went may be one, too
        bare = pc.replace_substring_regex(bare, r"([?&])" + _TRACKING, r"\1")
    return pc.replace_substring_regex(bare, r"/*[?&]*$", "")


def domains(urls: pa.Array) -> pa.Array:
    """Return the host of each URL without ``www.`` and mobile parts; missing where there is none."""
    return pc.replace_substring_regex(bare_address(urls), r"[/?#].*$", "")


def _unicode_hosts(hosts: pa.Array) -> pa.Array:
    """Read ``xn--`` names as the letters they stand for."""
    coded = pc.match_substring(hosts, "xn--")
    if not pc.any(coded).as_py():
        return hosts
    return pa.array([_unicode(host) if host and "xn--" in host else host for host in hosts.to_pylist()], TEXT)


def _unicode(host: str) -> str:
    try:
        return host.encode("ascii").decode("idna")
    except UnicodeError:
        return host


def _decoded(addresses: pa.Array) -> pa.Array:
    """Read ``%C3%A9`` as the letter it stands for."""
    if not pc.any(pc.match_substring(addresses, "%")).as_py():
        return addresses
    return pa.array([unquote(text) if text and "%" in text else text for text in addresses.to_pylist()], TEXT)


# -- the table -------------------------------------------------------------------------------------------------------


def open_outlets(options: OutletOptions) -> TableFile:
    """Return the file when it has every column that is wanted.

    Raises:
        InputError: the file or a column is missing.
    """
    file = TableFile(locate(options.path))
    wanted = {"id": options.id, "prefixes": options.prefixes, **{f"columns.{n}": n for n in options.columns}}
    raise_problems(file.missing(wanted))
    return file


def read_outlets(options: OutletOptions) -> Outlets:
    """Read a table of outlets.

    Raises:
        InputError: names are missing or stand twice, or no prefix is an address.
    """
    file = open_outlets(options)
    table = file.read(dict.fromkeys((options.id, options.prefixes, *options.columns), TEXT))
    names = blank_to_null(table[options.id]).to_pylist()
    raise_problems(_name_problems(file, options.id, names))
    columns = {name: Column(numbers_or_text(table[name], role), role) for name, role in options.columns.items()}
    split = pc.split_pattern(table[options.prefixes].cast(TEXT).combine_chunks(), options.separator)
    owners = pc.list_parent_indices(split).to_numpy()
    prefixes, ambiguous = _by_length(address_parts(pc.list_flatten(split)), owners)
    if not prefixes:
        where = f"{file.path} column {options.prefixes!r}"
        raise InputError("no prefix is the address of a site", where, "write http://www.example.org|http://example.org")
    return Outlets(names, columns, prefixes, ambiguous)


def _name_problems(file: TableFile, column: str, names: list[str | None]) -> list[Problem]:
    position: dict[str | None, int] = {}
    twice = np.array([position.setdefault(name, row) != row for row, name in enumerate(names)], bool)
    empty = np.array([name is None for name in names], bool)
    return [
        *file.problem("are empty where a name is needed", column, empty, "complete these rows"),
        *file.problem("are names that stand above already", column, twice & ~empty, "keep one row for each"),
    ]


def _by_length(parts: pa.Array, owners: NDArray[np.int64]) -> tuple[dict[int, tuple[pa.Array, NDArray[np.int64]]], int]:
    """Sort prefixes by their number of parts; those of several outlets are left out and counted."""
    lengths = pc.list_value_length(parts).fill_null(0).to_numpy(zero_copy_only=False)
    joined = pc.binary_join(parts, "\n")
    found: dict[int, tuple[pa.Array, NDArray[np.int64]]] = {}
    ambiguous = 0
    for size in np.unique(lengths[lengths > 0]):
        rows = np.flatnonzero(lengths == size)
        encoded = joined.take(pa.array(rows)).dictionary_encode()
        codes, count = encoded.indices.to_numpy(), len(encoded.dictionary)
        low, high = np.full(count, len(owners), np.int64), np.full(count, -1, np.int64)
        np.minimum.at(low, codes, owners[rows])
        np.maximum.at(high, codes, owners[rows])
        ambiguous += int((low != high).sum())
        found[int(size)] = (encoded.dictionary, np.where(low == high, low, -1))
    return found, ambiguous


def outlet_files(options: OutletOptions | None) -> list[Path]:
    """Return the path of the table, if one is named."""
    return [] if options is None else [open_outlets(options).path]
