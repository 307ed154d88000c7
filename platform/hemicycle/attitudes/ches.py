"""Chapel Hill Expert Survey: the waves of 2019 and 2024 and the trend file, with columns named as in 2019.

Jolly et al. (2022), *Chapel Hill Expert Survey trend file, 1999-2019*, Electoral Studies 75; https://www.chesdata.eu.
Most positions are answers from 0 to 10; positions on European integration go from 1 to 7.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.attitudes.parties import PartyColumns, PartyPositions, Scale, positions_of, read_parties
from hemicycle.core.errors import InputError, raise_problems
from hemicycle.data.columns import NUMBER, TEXT, TableFile, locate, numbers

FILES = {"2019": "ches/CHES2019V3.csv", "2024": "ches/CHES_2024_final_v2.csv"}
"""Wave -> file."""
TREND = "ches/1999-2019_CHES_dataset_means_v3.csv.gz"
YEARS = ("1999", "2002", "2006", "2010", "2014", "2019")
"""Waves of the trend file."""
_CODES = (
    "1:be 2:dk 3:de 4:gr 5:es 6:fr 7:ie 8:it 10:nl 11:gb 12:pt 13:at 14:fi 16:se 20:bg 21:cz 22:ee 23:hu 24:lv 25:lt "
    "26:pl 27:ro 28:sk 29:si 31:hr 34:tr 35:no 36:ch 37:mt 38:lu 40:cy 45:is ge:de esp:es irl:ie uk:gb por:pt aus:at "
    "fin:fi sv:se bul:bg est:ee hun:hu lat:lv lith:lt pol:pl rom:ro slo:sk sle:si cro:hr tur:tr nor:no swi:ch mal:mt "
    "lux:lu cyp:cy ice:is"
)
COUNTRIES = {own: iso for own, _, iso in (pair.partition(":") for pair in _CODES.split())}
"""Codes of the survey, numbers or abbreviations -> ISO 3166."""
_RENAMED = {
    "anti_elite_salience": "antielite_salience",
    "people_v_elite": "people_vs_elite",
    "environment_salience": "enviro_salience",
    "anti_islam": "anti_islam_rhetoric",
}
_SEVEN = re.compile(
    r"eu_(position|ep|fiscal|intmark|employ|budgets|agri|cohesion|environ|asylum|foreign|turkey|\w+_require)"
)
_OTHER = (
    "country eastwest eumember year expert party_id cmp_id party vote seat seatperc electionyear epvote family govt "
    "chesversion mip_one mip_two mip_three eu_econ_require eu_political_require eu_googov_require"
)
_NO_POSITION = frozenset(_OTHER.split())


def read_ches(wave: str, attitudes: Sequence[str] = (), path: str = "") -> PartyPositions:
    """Read a wave.

    Standard deviations between experts are in the file of 2019 alone, for three scales; the number of experts is in
    the trend file alone.

    Args:
        wave: ``2019``, ``2024``, or ``trend-YEAR`` for a year of the trend file, e.g. ``trend-2014``.
        attitudes: columns, named as in 2019; none: all.
        path: file; default: the data set ``ches`` in ``$HEMICYCLE_DATA``.

    Raises:
        InputError: the wave, a column or the file is missing, or the file does not hold what it should.
    """
    year, trend = wave.removeprefix("trend-"), wave.startswith("trend-")
    file = TableFile(locate(path or _file_of(wave)))
    raise_problems(file.missing({n: n for n in ("country", "party_id", "party", *(("year", "expert") * trend))}))
    scales = [name for name in file.names if name not in _NO_POSITION]
    words = {"country": TEXT, "party_id": TEXT, "party": TEXT}
    table = file.read({**words, **dict.fromkeys(("year", "expert") * trend, NUMBER), **dict.fromkeys(scales, NUMBER)})
    if trend:
        table = table.filter(pa.array(numbers(table["year"])[0] == float(year)))
    return _positions(file, table, scales, f"CHES {wave}").choose(attitudes)


def party_table(name: str, attitudes: Sequence[str] = (), columns: PartyColumns | None = None) -> PartyPositions:
    """Read party positions by name: ``ches:2019``, ``ches:2024``, ``ches:trend-2014``, or the path of a table."""
    survey, _, wave = name.partition(":")
    return read_ches(wave, attitudes) if survey == "ches" else read_parties(name, columns, attitudes)


def table_path(name: str) -> Path:
    """Return the file that :func:`party_table` reads.

    Raises:
        InputError: there is none.
    """
    survey, _, wave = name.partition(":")
    return locate(_file_of(wave) if survey == "ches" else name)


def _file_of(wave: str) -> str:
    """File of a wave, below the data."""
    year, trend = wave.removeprefix("trend-"), wave.startswith("trend-")
    if year not in (YEARS if trend else FILES):
        known = ", ".join([*FILES, *(f"trend-{known}" for known in YEARS)])
        raise InputError(f"there is no wave {wave!r} of the survey", "ches", f"choose from {known}")
    return TREND if trend else FILES[year]


def _positions(file: TableFile, table: pa.Table, scales: Sequence[str], source: str) -> PartyPositions:
    values: dict[str, NDArray[np.float64]] = {}
    problems = []
    for name in scales:
        values[_RENAMED.get(name, name)], bad = numbers(table[name])
        problems += file.problem("are no numbers", name, bad, "get the file again")
    raise_problems(problems)
    text: dict[str, list[Any]] = {name: table[name].to_pylist() for name in ("country", "party_id", "party")}
    kept = {name: column for name, column in values.items() if np.isfinite(column).any()}
    return positions_of(
        [str(value).removesuffix(".0") for value in text["party_id"]],
        kept,
        names=[str(value).strip() for value in text["party"]],
        countries=[COUNTRIES.get(str(value).strip().lower(), str(value).lower()) for value in text["country"]],
        experts=numbers(table["expert"])[0] if "expert" in table.column_names else np.full(table.num_rows, np.nan),
        scales={name: scale_of(name) for name in kept},
        source=source,
    )


def scale_of(attitude: str) -> Scale:
    """Lowest and highest answer of one of the survey's questions."""
    if attitude == "eu_benefit":
        return (1.0, 3.0)
    return (1.0, 7.0) if _SEVEN.fullmatch(attitude) else (0.0, 10.0)
