"""The architecture as tests: who may import whom, where ray and wandb may be imported, and which names are banned.

Each rule is a function from a source folder to the list of its violations. It is applied to the package, which must
have none, and to a small planted violation, which it must find.
"""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "platform" / "hemicycle"
ORDER = (
    "cli > api > bench > compute > reports > ledger > studies > estimation > simulations | agenda > exposure > "
    "explanation | geometry > probes > population > transforms > search > training > evaluation > recommenders > "
    "attitudes | opinions > graphs > data > core"
)
RANK = {
    name: rank for rank, layer in enumerate(reversed(ORDER.split(" > "))) for name in map(str.strip, layer.split("|"))
}
ALONE = {"ray": "compute", "wandb": "reports"}
BANNED = {"utils", "util", "helpers", "helper", "misc", "types", "common"}


def modules(package: Path) -> dict[str, Path]:
    """Dotted name -> file of every module of a package."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, *, deferred: bool = True) -> Iterator[tuple[int, str]]:
    """Line and dotted target of every import of a module; without ``deferred``, none that stands inside a function."""
    is_package = path.name == "__init__.py"
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"), str(path))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not deferred:
            continue
        pending.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(name, node, is_package=is_package)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _base(name: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    kept = parts[: len(parts) - node.level + is_package]
    return ".".join([*kept, *([node.module] if node.module else [])])


def layer_of(dotted: str) -> str:
    """The layer of ``hemicycle.layer...``; empty for the package itself."""
    second = [*dotted.split("."), ""][1]
    return {"__main__": "cli"}.get(second, second)


def direction_violations(package: Path) -> list[str]:
    """Imports against the order of layers, and modules that belong to none."""
    found = []
    for name, path in modules(package).items():
        here = layer_of(name)
        if here and here not in RANK:
            found.append(f"{name}: {here} is no layer")
            continue
        for line, target in imports(name, path):
            there = layer_of(target) if target.startswith(f"{package.name}.") else here
            if there in RANK and there != here and not RANK.get(here, -1) > RANK[there]:
                found.append(f"{name}:{line} imports {target}")
    return found


def foreign_violations(package: Path) -> list[str]:
    """Imports of ray outside compute and of wandb outside reports."""
    return [
        f"{name}:{line} imports {target}"
        for name, path in modules(package).items()
        for line, target in imports(name, path)
        if layer_of(name) != ALONE.get(target.split(".")[0], layer_of(name))
    ]


def cycles(package: Path) -> list[str]:
    """The first circle of imports at module level, if there is one."""
    known = modules(package)
    edges: dict[str, set[str]] = {}
    for name, path in known.items():
        targets = {target for _, target in imports(name, path, deferred=False)}
        named = {t if t in known else t.rpartition(".")[0] for t in targets}
        edges[name] = (named & known.keys()) - {name}
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        return [" -> ".join(error.args[1])]
    return []


def name_violations(root: Path) -> list[str]:
    """Files that would hide the standard library's ``platform``, and names that say nothing."""
    hiding = [p for p in (root / "platform.py", root / "platform" / "__init__.py") if p.exists()]
    empty = [p for p in (root / "platform").rglob("*") if p.stem in BANNED and (p.suffix == ".py" or p.is_dir())]
    return [str(path.relative_to(root)) for path in hiding + empty]


@pytest.mark.parametrize("rule", [direction_violations, foreign_violations, cycles])
def test_the_package_keeps_the_rule(rule):
    assert rule(PACKAGE) == []


def test_the_package_keeps_its_names():
    assert name_violations(ROOT) == []


def test_the_order_names_every_folder_and_nothing_else():
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and list(p.glob("*.py"))}
    assert folders <= RANK.keys()
    assert RANK["cli"] == max(RANK.values())
    assert RANK["core"] == 0
    assert RANK["simulations"] == RANK["agenda"]
    assert RANK["attitudes"] == RANK["opinions"]


# -- planted violations ----------------------------------------------------------------------------------------------


@pytest.fixture
def plant(tmp_path):
    """Return a function that writes files below a package and returns the package."""

    def write(**files):
        package = tmp_path / "platform" / "hemicycle"
        for name, text in {"__init__": "", **files}.items():
            path = package / f"{name.replace('__in__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return package

    return write


@pytest.mark.parametrize(
    ("module", "source", "caught"),
    [
        ("data__in__schema", "from hemicycle.graphs import interaction", True),
        ("data__in__schema", "import hemicycle.graphs.interaction", True),
        ("data__in__schema", "def late():\n    from hemicycle.api import run", True),
        ("data__in__schema", "from ..graphs import interaction", True),
        ("data__in__schema", "from hemicycle.core.errors import InputError", False),
        ("data__in__schema", "from ..core import errors", False),
        ("data__in__schema", "from . import readers", False),
        ("data__in____init__", "from . import readers", False),
        ("data__in____init__", "from .. import graphs", True),
        ("opinions__in__base", "from hemicycle.attitudes import scaling", True),
        ("attitudes__in__base", "from hemicycle.opinions import base", True),
        ("agenda__in__panel", "from hemicycle.simulations import run", True),
        ("simulations__in__run", "from hemicycle.agenda import panel", True),
        ("core__in__config", "import hemicycle", False),
        ("core__in__config", "from hemicycle import __version__", False),
        ("core__in__config", "from hemicycle import data", True),
        ("__init__", "from hemicycle.core import config", True),
        ("__main__", "from hemicycle.cli import main", False),
        ("api", "import hemicycle.cli", True),
        ("cli", "import hemicycle.api", False),
        ("gadgets__in__base", "", True),
    ],
)
def test_direction_rule_catches_what_it_should_and_no_more(plant, module, source, caught):
    assert bool(direction_violations(plant(**{module: source}))) is caught


@pytest.mark.parametrize(
    ("module", "source", "caught"),
    [
        ("training__in__loop", "import ray", True),
        ("training__in__loop", "def late():\n    import ray.train", True),
        ("training__in__loop", "from ray import tune", True),
        ("compute__in__train", "from ray import tune", False),
        ("compute__in__train", "import wandb", True),
        ("reports__in__tracker", "import wandb", False),
        ("reports__in__tracker", "import ray", True),
        ("training__in__loop", "import rayleigh", False),
        ("api", "import ray", True),
    ],
)
def test_ray_and_wandb_have_one_home_each(plant, module, source, caught):
    assert bool(foreign_violations(plant(**{module: source}))) is caught


def test_a_cycle_is_found_and_a_deferred_import_is_none(plant):
    there = "from hemicycle.core.b import B"
    assert cycles(plant(core__in__a=there, core__in__b="from hemicycle.core import a"))
    assert not cycles(plant(core__in__a=there, core__in__b="def late():\n    from hemicycle.core import a"))


@pytest.mark.parametrize("name", ["platform.py", "platform/__init__.py", "platform/hemicycle/core/utils.py"])
def test_banned_names_are_found(plant, tmp_path, name):
    plant(core__in__config="")
    assert name_violations(tmp_path) == []
    (tmp_path / "platform/hemicycle/core").mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    assert name_violations(tmp_path) == [name]


def test_a_banned_folder_is_found(plant, tmp_path):
    plant(helpers__in__base="")
    assert name_violations(tmp_path) == ["platform/hemicycle/helpers"]
