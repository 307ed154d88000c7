"""Configuration files: YAML with ``extends`` and dotted overrides -> plain values and where each key stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from hemicycle.core import paths
from hemicycle.core.errors import InputError

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Raw:
    """A configuration before validation: plain values and where each key stands."""

    values: dict[str, Any]
    marks: dict[Key, str]


def find(name: str | Path) -> Path:
    """Return the file of a configuration: a path, or a name below the packaged ``configs``, e.g. ``quickstart``.

    Raises:
        InputError: there is no such file; the message lists the nearest names.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = {entry.stem: entry for root in _roots() for entry in sorted(root.rglob("*.yaml"), reverse=True)}
    relative = {str(entry.relative_to(root)): entry for root in _roots() for entry in root.rglob("*.yaml")}
    text = str(name).removeprefix("configs/")
    found = relative.get(text) or relative.get(f"studies/{text}") or shipped.get(text.removesuffix(".yaml"))
    if found is None:
        raise InputError(
            f"there is no configuration {str(name)!r}", remedy=f"shipped ones: {', '.join(sorted(shipped))}"
        )
    return found


def _roots() -> list[Path]:
    package = Path(str(resources.files("hemicycle")))
    candidates = (package / "configs", package.parent.parent / "configs")
    return [root for root in candidates if root.is_dir()]


def read(name: str | Path, overrides: Sequence[str] = ()) -> Raw:
    """Read a file, what it extends, and overrides such as ``train.epochs=3``; nothing is validated yet."""
    path = find(name)
    paths.remember(path.parent)
    raw = _read_file(path, ())
    for text in overrides:
        _override(raw, text)
    return raw


def parse(overrides: Sequence[str]) -> Raw:
    """Return what overrides alone say."""
    raw = Raw({}, {})
    for text in overrides:
        _override(raw, text)
    return raw


def _read_file(path: Path, chain: tuple[Path, ...]) -> Raw:
    if path.resolve() in chain:
        raise InputError(f"{path} extends itself", where=str(chain[-1]), remedy="break the circle of 'extends'")
    values, marks = _parse(path)
    raw = Raw({}, {})
    for parent in _parents(values.pop("extends", None), marks.get(("extends",), str(path))):
        beside = path.parent / parent
        _merge(raw, _read_file(beside if beside.is_file() else find(parent), (*chain, path.resolve())))
    _merge(raw, Raw(values, marks))
    return raw


def _parents(extends: object, where: str) -> list[str]:
    """Return the files that ``extends`` names."""
    names = [extends] if isinstance(extends, str) else extends or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError("'extends' names one file or a list of files", where=where)
    return names


def _parse(path: Path) -> tuple[dict[str, Any], dict[Key, str]]:
    """Read one YAML file: its values, and the file and line of every key."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        if node is None:
            return {}, {}
        if not isinstance(node, yaml.MappingNode):
            raise InputError("a configuration is a mapping of keys to values", where=f"{path}:1")
        return _plain(node, path, ())
    except UnicodeDecodeError as error:
        raise InputError("not a text file in UTF-8", where=str(path)) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(f"not valid YAML: {getattr(error, 'problem', error)}", where=where) from error
    except RecursionError as error:
        raise InputError("an alias contains itself", where=str(path), remedy="write the value out") from error


def _plain(node: yaml.Node, path: Path, key: Key) -> tuple[Any, dict[Key, str]]:
    """Turn a YAML node into plain values and the file and line of every key."""
    marks: dict[Key, str] = {key: f"{path}:{node.start_mark.line + 1}"}
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = str(key_node.value)
            if name in mapping:
                raise InputError(f"the key {name!r} stands twice", where=f"{path}:{key_node.start_mark.line + 1}")
            mapping[name], inner = _plain(value_node, path, (*key, name))
            marks |= inner
            marks[(*key, name)] = f"{path}:{key_node.start_mark.line + 1}"
        return mapping, marks
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            value, inner = _plain(item, path, (*key, index))
            items.append(value)
            marks |= inner
        return items, marks
    try:
        return yaml.SafeLoader("").construct_object(node), marks
    except ValueError as error:
        raise InputError(f"{node.value!r} is no value: {error}", where=marks[key], remedy="put it in quotes") from error


def _merge(base: Raw, over: Raw) -> None:
    """Lay ``over`` on ``base``: mappings are merged, everything else replaced."""

    def lay(below: dict[str, Any], above: Mapping[str, Any], key: Key) -> None:
        for name, value in above.items():
            if isinstance(value, Mapping) and isinstance(below.get(name), dict):
                lay(below[name], value, (*key, name))
            else:
                below[name] = value
                _forget(base, (*key, name))

    lay(base.values, over.values, ())
    base.marks.update(over.marks)


def _forget(raw: Raw, key: Key) -> None:
    """Forget where the parts of a replaced value stood."""
    for old in [old for old in raw.marks if old[: len(key)] == key]:
        del raw.marks[old]


def _override(raw: Raw, text: str) -> None:
    """Apply one ``dotted.key=value``; the value is read as YAML."""
    dotted, equals, value = text.partition("=")
    if not equals or not dotted:
        raise InputError(f"{text!r} is not of the form key=value", remedy="write for example train.epochs=3")
    keys: Key = tuple(int(part) if part.isdigit() else part for part in dotted.split("."))
    target: Any = raw.values
    for part in keys[:-1]:
        if isinstance(target, dict):
            target = target.setdefault(str(part), {})
        elif isinstance(target, list) and isinstance(part, int) and part < len(target):
            target = target[part]
        else:
            raise InputError(f"{dotted!r} leads nowhere at {part!r}", where="command line")
    try:
        parsed = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{value!r} is not valid YAML", where=f"command line {dotted}") from error
    last = keys[-1]
    if isinstance(target, list) and isinstance(last, int) and last < len(target):
        target[last] = parsed
    elif isinstance(target, dict):
        target[str(last)] = parsed
    else:
        raise InputError(f"{dotted!r} leads nowhere at {last!r}", where="command line")
    _forget(raw, keys)
    for depth in range(1, len(keys) + 1):
        raw.marks.setdefault(keys[:depth], "command line")
