"""What is asked of a population's representations beside the probes, and the steps that answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.records import ModelRecord
from hemicycle.studies.interpretation.attacking import AttackOptions, attack_steps
from hemicycle.studies.interpretation.attitudes import ATTITUDES, AttitudeOptions, attitudes_steps
from hemicycle.studies.interpretation.concepts import ConceptOptions, concept_steps
from hemicycle.studies.interpretation.erasing import ErasingOptions, erase_steps
from hemicycle.studies.interpretation.explaining import ExplainOptions, explain_steps
from hemicycle.studies.interpretation.geometry import GeometryOptions, geometry_steps
from hemicycle.studies.interpretation.rewiring import RewireOptions
from hemicycle.studies.interpretation.similarity import SimilarityOptions, similarity_step_of
from hemicycle.studies.steps import Step

INTERPRETED = {
    **ATTITUDES,
    "geometry_results": ("geometry",),
    "trajectory_points": ("geometry",),
    "similarity": ("similarity",),
    "similarity_map": ("similarity",),
    "erasure_results": ("erase",),
    "explanation_results": ("explain",),
    "explanation_flows": ("explain",),
    "explanation_examples": ("explain",),
    "attack_results": ("attack",),
    "cav_results": ("concept",),
}
"""Table -> kinds of steps that make it."""
Asked = Literal["geometry", "erasure", "explanation", "attacks", "concepts", "rewired"]
"""Questions about single models."""


class InterpretationConfig(Options):
    """Questions to a population; each is asked only where it is given, ``{}`` with its defaults."""

    attitudes: AttitudeOptions | None = None
    """Where people stand: correspondence analysis of the data, mapped to the scales of a party survey."""
    geometry: GeometryOptions | None = None
    """Intrinsic dimension, variance that attitudes take, maps along training."""
    similarity: SimilarityOptions | None = None
    """How alike the models' representations are, and a map of the models."""
    erasure: ErasingOptions | None = None
    """What is still read after an attitude is erased, and what it costs."""
    explanation: ExplainOptions | None = None
    """Shares of scores along attitudes, and lists without them."""
    attacks: AttackOptions | None = None
    """What somebody who knows a few users' attributes infers about all others."""
    concepts: ConceptOptions | None = None
    """Concept activation vectors: in which direction attitudes lie, and whether recommendations follow it."""
    rewired: RewireOptions | None = None
    """A control: members are trained again on a graph of the same degrees, and probed."""
    every_layer: bool = False
    """Probe every layer at every checkpoint, not only the read-out along training."""
    members: dict[Asked, tuple[str, ...]] = Field(default_factory=dict)
    """Question -> members of the population of which it is asked; a question that is not named is asked of all."""

    def asks(self, question: Asked, name: str) -> bool:
        """Whether a question is asked of a record, by the record's name: a member's, or that with a seed behind."""
        wanted = self.members.get(question)
        member = name.rsplit("-s", 1)[0]
        return getattr(self, question) is not None and (wanted is None or bool({name, member} & set(wanted)))


def record_steps(
    record: ModelRecord, title: str, inputs: Mapping[str, Step], asked: InterpretationConfig, of: str
) -> list[Step]:
    """Return the steps that answer what is asked of one record.

    Args:
        record: of any status.
        title: its name in the study.
        inputs: the steps ``data``, ``graph`` and ``model``.
        asked: the questions.
        of: name under which members are chosen: the record's, without what marks a twin.
    """
    steps: list[Step] = []
    if asked.geometry is not None and asked.asks("geometry", of):
        steps += geometry_steps(record, title, inputs, asked.geometry)
    if asked.erasure is not None and asked.asks("erasure", of):
        steps += erase_steps(record, title, inputs, asked.erasure)
    if asked.explanation is not None and asked.asks("explanation", of):
        steps += explain_steps(record, title, inputs, asked.explanation)
    if asked.attacks is not None and asked.asks("attacks", of):
        steps += attack_steps(record, title, inputs, asked.attacks)
    if asked.concepts is not None and asked.asks("concepts", of):
        steps += concept_steps(record, title, inputs, asked.concepts)
    return steps


def population_steps(asked: InterpretationConfig, models: Sequence[Step], base: tuple[Step, Step]) -> list[Step]:
    """Return the steps that answer what is asked of the data and of all models together.

    Args:
        asked: the questions.
        models: the steps that yield the models.
        base: the steps of the data and of the split graph.
    """
    data, graph = base
    steps = [] if asked.attitudes is None else attitudes_steps("of the data", {"data": data}, asked.attitudes)
    if asked.similarity is not None and len(models) > 1:
        plain = [replace(step, then=None) for step in models]
        steps.append(similarity_step_of(plain, data, graph, asked.similarity))
    return steps
