"""Files of waves of opinions and of who follows whom. What is slow to import stands in functions, for commands."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hemicycle.core.errors import InputError, Problem, raise_problems

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hemicycle.data.columns import Ids, TableFile
    from hemicycle.estimation.estimate import People
    from hemicycle.graphs.interaction import InteractionGraph


@dataclass(frozen=True)
class WaveFiles:
    """Files and the names of their columns.

    Args:
        waves: table of users.
        follows: tables of who follows whom, at one or two times.
        columns: of the waves, in the order of time.
        id: users, in the table of waves.
        user: who follows.
        followed: who is followed.
        weight: of a follow; empty: all weigh 1.
        innate: column of innate opinions in the table of waves, or empty.
        group: column of groups in the table of waves, or empty.
        undirected: whether ties have no direction.
    """

    waves: str
    follows: tuple[str, ...]
    columns: tuple[str, ...]
    id: str = "id"
    user: str = "user"
    followed: str = "item"
    weight: str = ""
    innate: str = ""
    group: str = ""
    undirected: bool = False

    @property
    def numeric(self) -> tuple[str, ...]:
        """Columns of numbers in the table of waves."""
        return (*self.columns, *filter(None, [self.innate]))


@dataclass(frozen=True, eq=False)
class Read:
    """What was read; users' ids are not kept.

    Args:
        waves: opinions, NaN where unknown, shape (n_users, n_waves).
        graphs: at one or two times.
        people: innate opinions and groups.
        notes: what was left out.
    """

    waves: "NDArray[np.float64]"
    graphs: tuple["InteractionGraph", ...]
    people: "People"
    notes: tuple[str, ...] = field(default=())


def read_waves(files: WaveFiles) -> Read:
    """Read both tables.

    Raises:
        InputError: every missing file and column; ids that are empty or stand twice; opinions that are no numbers;
            follows that lead nowhere. Messages name lines, never ids or opinions.
    """
    import numpy as np  # noqa: PLC0415 - slow to import, not needed for --help

    from hemicycle.data.columns import ID, TEXT, TableFile, blank_to_null, ids_of, locate  # noqa: PLC0415 - as above
    from hemicycle.estimation.estimate import People  # noqa: PLC0415 - as above

    _check(files)
    file = TableFile(locate(files.waves))
    table = file.read(_types(files) | {files.id: ID})
    ids = ids_of(table[files.id])
    repeated = np.bincount(ids.codes + 1, minlength=1)[ids.codes + 1] > 1
    problems = file.problem("are empty where an id is needed", files.id, ids.codes < 0, "complete them")
    problems += file.problem("are users who stand twice", files.id, repeated & (ids.codes >= 0), "keep one row each")
    found = {}
    for name in files.numeric:
        found[name], wrong = _numbers(file, table, name)
        problems += wrong
    raise_problems(problems)
    groups = None
    if files.group:
        groups = np.array([own or "" for own in blank_to_null(table[files.group].cast(TEXT)).to_pylist()], object)
    order = {ids.values[code]: row for row, code in enumerate(ids.codes)}
    graphs = [_graph(path, order, files) for path in files.follows]
    waves = np.stack([found[name] for name in files.columns], axis=1)
    people = People(found.get(files.innate), groups)
    return Read(waves, tuple(graph for graph, _ in graphs), people, tuple(note for _, note in graphs if note))


def _types(files: WaveFiles) -> dict[str, Any]:
    from hemicycle.data.columns import NUMBER, TEXT  # noqa: PLC0415 - slow to import, not needed for --help

    return dict.fromkeys(files.numeric, NUMBER) | ({files.group: TEXT} if files.group else {})


def _check(files: WaveFiles) -> None:
    """Raise one InputError for every missing file and column, before anything is read."""
    from hemicycle.data.columns import TableFile, file_problems, locate  # noqa: PLC0415 - slow, as above

    if len(set(files.columns)) < max(2, len(files.columns)):
        what = f"{len(set(files.columns))} different column of opinions was named; change needs two or more"
        raise InputError(what, "--columns", "name a column for each wave, in the order of time: wave_1,wave_2")
    raise_problems(file_problems([files.waves, *files.follows]))
    wanted = {"--id-column": files.id, "--innate": files.innate, "--group": files.group}
    named = {key: name for key, name in wanted.items() if name} | {f"--columns {c}": c for c in files.columns}
    problems = TableFile(locate(files.waves)).missing(named)
    ends = {"--user-column": files.user, "--followed-column": files.followed}
    ends |= {"--weight-column": files.weight} if files.weight else {}
    for path in files.follows:
        problems += TableFile(locate(path)).missing(ends)
    raise_problems(problems)


def _numbers(file: "TableFile", table: Any, name: str) -> tuple["NDArray[np.float64]", list[Problem]]:
    from hemicycle.data.columns import numbers  # noqa: PLC0415 - slow to import, not needed for --help

    values, bad = numbers(table[name])
    return values, file.problem("are no numbers", name, bad, "correct them, or leave them empty where unknown")


def _graph(path: str, order: dict[str, int], files: WaveFiles) -> tuple["InteractionGraph", str]:
    """Return the follows among the users of the waves, and a note on others."""
    import numpy as np  # noqa: PLC0415 - slow to import, not needed for --help

    from hemicycle.data.columns import ID, NUMBER, TableFile, ids_of, locate  # noqa: PLC0415 - as above
    from hemicycle.graphs.interaction import InteractionGraph  # noqa: PLC0415 - as above

    file = TableFile(locate(path))
    weighted = {files.weight: NUMBER} if files.weight else {}
    table = file.read({files.user: ID, files.followed: ID, **weighted})
    ends = [ids_of(table[name]) for name in (files.user, files.followed)]
    problems = [
        p for own, name in zip(ends, (files.user, files.followed), strict=True) for p in _empty(file, own, name)
    ]
    weights, wrong = _numbers(file, table, files.weight) if files.weight else (np.ones(table.num_rows), [])
    bad = ~(weights > 0) & np.isfinite(weights)
    problems += [
        *wrong,
        *(file.problem("are not positive", files.weight, bad, "remove these rows") if bad.any() else []),
    ]
    raise_problems(problems)
    users, others = (own.at(order) for own in ends)
    known = (users >= 0) & (others >= 0) & (users != others) & np.isfinite(weights)
    if not known.any():
        what = "no follow leads from one user of the waves to another"
        raise InputError(what, f"{path} columns {files.user!r}, {files.followed!r}", "write ids alike in both tables")
    given = weights[known] if files.weight else None
    graph = InteractionGraph.from_edges(
        users[known], others[known], len(order), len(order), social=True, directed=not files.undirected, weights=given
    )
    lost = int((~known).sum())
    note = f"{lost:,} of {len(known):,} follows are not between users of the waves: left out" if lost else ""
    return graph, note


def _empty(file: "TableFile", ids: "Ids", name: str) -> list[Problem]:
    return file.problem("are empty where an id is needed", name, ids.codes < 0, "remove these rows")
