"""The verb that asks waves of opinions for the mechanism behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hemicycle.core import config as configuration
from hemicycle.core.errors import InputError
from hemicycle.estimation.estimate import Estimates, EstimationOptions, People
from hemicycle.estimation.estimate import estimate as estimated
from hemicycle.estimation.files import WaveFiles, read_waves
from hemicycle.estimation.kernels import Floats
from hemicycle.graphs.interaction import InteractionGraph


def estimate(
    waves: Floats | WaveFiles,
    graphs: InteractionGraph | Sequence[InteractionGraph] = (),
    options: EstimationOptions | Mapping[str, Any] | None = None,
    people: People | None = None,
) -> Estimates:
    """Estimate mechanisms of opinion change from waves and who follows whom, and compare them.

    >>> files = WaveFiles("waves.csv", ("follows.csv",), ("wave_1", "wave_2", "wave_3"))  # doctest: +SKIP
    >>> found = estimate(files, options={"error": "estimate"})  # doctest: +SKIP
    >>> found.verdict, found.results  # doctest: +SKIP

    Args:
        waves: opinions, NaN where unknown, shape (n_users, n_waves), two waves or more; or files with their columns.
        graphs: row u: whom u follows; one for all waves, one for each pair of waves, or one for each wave, of which the
            last tells of changes of ties alone. Files bring their own.
        options: of the estimation; names and values of some of them, or none.
        people: innate opinions and groups. Files bring their own.

    Raises:
        InputError: everything that is wrong with files, shapes, values and options.
    """
    if not isinstance(options, EstimationOptions):
        options = configuration.validate(EstimationOptions, configuration.Raw(dict(options or {}), {}))
    if not isinstance(waves, WaveFiles):
        given = [graphs] if isinstance(graphs, InteractionGraph) else list(graphs)
        if not given:
            raise InputError("waves without a graph", "graphs", "give who follows whom, row u: whom u follows")
        return estimated(waves, given, options, people)
    if isinstance(graphs, InteractionGraph) or graphs or people is not None:
        raise InputError("files, and a graph or people beside them", "waves", "name all in the files, or give arrays")
    read = read_waves(waves)
    found = estimated(read.waves, list(read.graphs), options, read.people)
    return replace(found, notes=(*read.notes, *found.notes))
