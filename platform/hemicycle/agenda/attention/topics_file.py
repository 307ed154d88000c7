"""A table that says which topics there are, what they are called and which issue area they belong to."""

from dataclasses import dataclass, replace
from typing import Any

from hemicycle.agenda.attention.attention import Attention, unknown
from hemicycle.agenda.attention.config import TopicsFile
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.columns import ID, TEXT, TableFile, blank_to_null, ids_of, locate


@dataclass(frozen=True)
class TopicList:
    """Topics of a table.

    Args:
        kept: ids that pass the filter, in the table's order.
        labels: id -> label; empty: none.
        categories: id -> issue area; empty: none.
        only: whether other topics are left out.
        where: the file and its column of ids.
    """

    kept: list[str]
    labels: dict[str, str]
    categories: dict[str, str]
    only: bool
    where: str

    def name(self, attention: Attention) -> Attention:
        """Return attention with the table's labels and categories, where it has them."""
        changes: dict[str, Any] = {}
        for key in ("labels", "categories"):
            given = getattr(self, key)
            before = getattr(attention, key) or ("",) * len(attention.topics)
            if given:
                pairs = zip(attention.topics, before, strict=True)
                changes[key] = tuple(given.get(topic) or old for topic, old in pairs)
        return replace(attention, **changes)


def read_topics(options: TopicsFile) -> TopicList:
    """Read the table.

    Raises:
        InputError: missing columns, empty or repeated ids, a value of ``keep`` that no row has.
    """
    file = TableFile(locate(options.file), options.separator)
    named = {"id": options.id, "label": options.label, "category": options.category}
    wanted = {f"topics_file.{key}": name for key, name in named.items() if name is not None}
    raise_problems(file.missing(wanted | {f"topics_file.keep.{name}": name for name in options.keep}))
    texts = {name for name in (options.label, options.category, *options.keep) if name is not None}
    table = file.read({options.id: ID, **dict.fromkeys(sorted(texts - {options.id}), TEXT)})
    ids = ids_of(table[options.id])
    topics = [ids.values[code] if code >= 0 else "" for code in ids.codes]
    columns = {name: [value or "" for value in blank_to_null(table[name]).to_pylist()] for name in texts}
    raise_problems([*_ids(file, options.id, topics), *_keep(options, columns)])
    kept = [topic for row, topic in enumerate(topics) if _passes(options, columns, row)]
    labels = dict(zip(topics, columns[options.label], strict=True)) if options.label else {}
    categories = dict(zip(topics, columns[options.category], strict=True)) if options.category else {}
    return TopicList(kept, labels, categories, options.only, f"{file.path} column {options.id!r}")


def _allowed(values: str | tuple[str, ...]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else values


def _passes(options: TopicsFile, columns: dict[str, list[str]], row: int) -> bool:
    return all(columns[name][row] in _allowed(values) for name, values in options.keep.items())


def _ids(file: TableFile, column: str, topics: list[str]) -> list[Problem]:
    if not topics:
        raise InputError("the file has no row", str(file.path), "give a row for each topic")
    again = sorted({topic for topic in topics if topic and topics.count(topic) > 1})
    problems = [Problem(f"{topic!r} stands twice", f"{file.path} column {column!r}", "keep one") for topic in again]
    if "" in topics:
        problems.append(Problem("a topic has no id", f"{file.path} column {column!r}", "remove or complete the row"))
    return problems


def _keep(options: TopicsFile, columns: dict[str, list[str]]) -> list[Problem]:
    found: list[Problem] = []
    for name, values in options.keep.items():
        wrong = unknown(f"value of {name!r}", _allowed(values), columns[name])
        found += [replace(problem, where=options.file, remedy="correct topics_file.keep") for problem in wrong]
    return found
