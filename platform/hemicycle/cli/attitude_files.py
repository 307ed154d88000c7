"""What ``hemicycle attitudes`` writes: tables, figures, and the study that follows."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from hemicycle.attitudes.evidence import LabelValues
    from hemicycle.attitudes.follows import Follows
    from hemicycle.attitudes.inference import Inferred

_PLAIN, _WORDS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
STANCE = "text_stance"
"""Label of users whom their texts place."""


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything that is written.

    Args:
        read: follows.
        found: attitudes.
        labels: users' labels from elsewhere, their texts' stances among them.
        tables: further tables, by name.
        public: whether users' ids are kept.
    """

    read: "Follows"
    found: "Inferred"
    labels: "LabelValues" = field(default_factory=dict)
    tables: Mapping[str, "pd.DataFrame"] = field(default_factory=dict)
    public: bool = False


def write_findings(folder: Path, findings: Findings) -> None:
    """Write tables, figures and a study; users' ids are replaced before anything leaves memory."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, not needed for --help

    from hemicycle.attitudes.inference import attitude_table  # noqa: PLC0415 - as above
    from hemicycle.attitudes.map_points import attitude_points  # noqa: PLC0415 - as above
    from hemicycle.core.storage import Folder  # noqa: PLC0415 - as above
    from hemicycle.data.pseudonyms import load_key  # noqa: PLC0415 - as above

    read, found, public = findings.read, findings.found, findings.public
    place, names = Folder(str(folder)), found.map.attitudes
    rows, columns = found.users.index, found.actors.index
    ids = pa.array([read.users[row] for row in rows]) if public else read.pseudonyms(rows, load_key())
    actors = pa.array([read.actors[column] for column in columns])
    place.write_table("attitudes", attitude_table(found.users, names, ids, public=public))
    place.write_table("actors", attitude_table(found.actors, names, actors, public=True))
    place.write_table("follows", _edges(read.table[rows][:, columns].tocoo(), ids, actors, public=public))
    if findings.labels:
        place.write_table("labels", _labels(findings, ids))
    points = attitude_points(found, public=False, members_public=True)
    for name, table in {"map_results": found.map.results, "attitude_points": points, **findings.tables}.items():
        place.write_table(name, pa.Table.from_pandas(table, preserve_index=False))
    _draw(folder, points, found.map.results)
    (folder / "study.yaml").write_text(study_of(names, findings.labels, public=public), encoding="utf-8")


def _edges(edges: Any, users: Any, actors: Any, *, public: bool) -> Any:
    """Return the follows that were analysed, by pseudonyms."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, not needed for --help

    from hemicycle.data.schema import tag  # noqa: PLC0415 - as above

    user = pa.DictionaryArray.from_arrays(pa.array(edges.row.astype("int32")), users)
    actor = pa.DictionaryArray.from_arrays(pa.array(edges.col.astype("int32")), actors)
    return tag(pa.table({"user": user, "actor": actor}), {"user": "id", "actor": "label"}, public=public)


def _labels(findings: Findings, ids: Any) -> Any:
    """Return the labels of the users who were analysed."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, not needed for --help

    from hemicycle.data.schema import Role, tag  # noqa: PLC0415 - as above

    rows = findings.found.users.index
    columns = {name: pa.array(values[rows], from_pandas=True) for name, values in findings.labels.items()}
    roles: dict[str, Role] = {"id": "id", **dict.fromkeys(columns, "label")}
    return tag(pa.table({"id": ids, **columns}), roles, public=findings.public)


def _draw(folder: Path, points: Any, results: Any) -> None:
    from hemicycle.reports.export import png, svg  # noqa: PLC0415 - slow to import, not needed for --help
    from hemicycle.reports.figures_attitudes import attitude_figures  # noqa: PLC0415 - as above

    for figure in attitude_figures(points, results):
        (folder / f"{figure.id}.svg").write_text(svg(figure), encoding="utf-8")
        (folder / f"{figure.id}.png").write_bytes(png(figure))


def study_of(names: Sequence[str], labels: Mapping[str, Any], *, public: bool) -> str:
    """Return a study that trains recommenders on the follows and probes them for attitudes and labels."""
    tables = {"attitudes.parquet": list(names)} | ({"labels.parquet": list(labels)} if labels else {})
    classes = [name for name, values in labels.items() if values.dtype == object]
    numeric = [*names, *(name for name in labels if name not in classes)]
    probes = [("ridge", numeric), *([("logistic", classes)] if classes else [])]
    attributes = "\n".join(_attribute(path, columns) for path, columns in tables.items())
    asked = "\n".join(f"  - {{probe: {probe}, labels: [{', '.join(map(_key, columns))}]}}" for probe, columns in probes)
    about = "Those of labels.parquet come from elsewhere: what is read of them is evidence of its own."
    wanted = (
        "Evidence of its own needs labels from elsewhere (--labels), e.g. answers of some of the users to a survey."
    )
    return f"""# What do recommenders trained on these follows know about attitudes that nobody gave them?
# The attitudes were inferred from these very follows: a high score is a check of recovery.
# {about if labels else wanted}
name: attitudes
title: What recommenders of follows know about attitudes
question: Do recommenders trained only on who follows whom learn the users' attitudes?

data:
  source: tabular
  name: follows
  public: {str(public).lower()}
  items_public: true
  edges: {{path: follows.parquet, user: user, item: actor}}
  attributes:
{attributes}
split: {{kind: random, test: 0.1, valid: 0.1}}

seeds: 3
train: {{epochs: 20, validate_every: 5}}
population:
  mf: {{recommender: {{model: mf, dim: 32}}}}
  lightgcn: {{recommender: {{model: lightgcn, dim: 32, layers: 2}}}}

probes:
{asked}
"""


def _attribute(path: str, columns: Sequence[str]) -> str:
    return f"    - {{path: {path}, id: id, columns: {{{', '.join(f'{_key(name)}: label' for name in columns)}}}}}"


def _key(name: str) -> str:
    """Write a column's name so that YAML reads it as text."""
    return name if _PLAIN.fullmatch(name) and name.lower() not in _WORDS else json.dumps(name)
