"""Verbs about what goes into a study before it runs: its configuration, its data, a foreign model."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import yaml

from hemicycle.compute.doctor import Check, examine
from hemicycle.core import config as configuration
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data import registry
from hemicycle.data.catalogue import SOURCE
from hemicycle.data.describe import describe
from hemicycle.data.synthetic import Synthetic, SyntheticConfig
from hemicycle.ledger.index import Store, open_store
from hemicycle.population.foreign import ForeignConfig, foreign_kind
from hemicycle.studies.config import NAME, StudyConfig
from hemicycle.studies.models import ingest_foreign
from hemicycle.studies.run import look


def load(config: str | Path | StudyConfig, overrides: Sequence[str] = ()) -> StudyConfig:
    """Read a study: a file, the name of a shipped one, or a configuration as it is.

    Raises:
        InputError: every problem of the configuration, with its file, line and key.
    """
    if not isinstance(config, StudyConfig):
        return configuration.load(StudyConfig, config, overrides)
    if overrides:
        raise InputError("overrides change a file's values, not a configuration's", remedy="use config.replace(...)")
    return config


def population_add(config: str, name: str, file: Path, output: Path | None = None) -> Path:
    """Write a configuration that extends a study by a foreign model; its file is checked against the data.

    Args:
        config: the study's YAML file.
        name: what the model is to be called.
        file: parquet with id and vector (optionally layer, epoch), or with user, item and rank.
        output: the new file; default: beside the old one.

    Raises:
        InputError: the name is taken, or the file cannot be used with this data.
    """
    base = configuration.find(config)
    study = load(base)
    if name in study.population:
        raise InputError(f"{base} has a member {name!r} already", remedy="choose another name")
    kind = foreign_kind(file)
    path = output or Path(f"{base.stem}+{name}.yaml")
    if not NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name for a model", remedy="use letters, digits, dots, dashes and underscores")
    if path.exists():
        raise InputError(f"{path} is there already", remedy="choose another file with --output")
    member = {"population": {name: {kind: str(file.resolve())}}}
    text = yaml.safe_dump({"extends": str(base.resolve()), "name": f"{study.name}-{name}", **member}, sort_keys=False)
    with TemporaryDirectory() as folder:
        draft = Path(folder, path.name)
        draft.write_text(text, encoding="utf-8")
        dataset, _ = look(load(draft), Folder.at(folder))
        ingest_foreign(ForeignConfig(**{kind: file}), dataset, Folder.at(folder))
    path.write_text(text, encoding="utf-8")
    return path


# -- data ------------------------------------------------------------------------------------------------------------


def data_status() -> list[registry.Status]:
    """Return the known data sets and whether they are here."""
    return registry.status()


def data_fetch(name: str) -> Path:
    """Download what is missing of a data set, check its files and return its folder."""
    registry.fetch(name)
    return registry.verify(name)


def data_describe(config: str | StudyConfig, overrides: Sequence[str] = ()) -> pd.DataFrame:
    """Describe the data of a study, or of a data set by name; aggregates only."""
    if isinstance(config, str) and config in registry.entries():
        return describe(registry.open_source(config).read())
    return describe(SOURCE.build(load(config, overrides).data).read())


def data_synthesize(output: str | Path, overrides: Sequence[str] = ()) -> list[str]:
    """Make a synthetic society, write its tables below ``output`` and say what it has."""
    config = configuration.validate(SyntheticConfig, configuration.parse(overrides))
    folder = Folder.at(output)
    try:
        folder.check_writable()
    except InputError as error:
        raise InputError(f"nothing can be written to {folder.uri}", remedy="choose another folder") from error
    dataset = Synthetic(config).read()
    dataset.write(folder)
    folder.finish()
    counts = {"users": dataset.users.num_rows, **{name: r.table.num_rows for name, r in dataset.relations.items()}}
    return [f"{name}: {count:,}" for name, count in counts.items()] + [f"tables: {folder.uri}"]


def doctor(store: Store = None) -> list[Check]:
    """Examine this machine: versions, Ray, storage, the standard library, GPU."""
    return examine(open_store(store))
