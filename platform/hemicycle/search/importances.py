"""Which hyperparameters made trials good."""

from collections.abc import Sequence

import optuna
import pandas as pd
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from hemicycle.search.config import SearchConfig
from hemicycle.search.optuna_study import directions, flattened, frozen, quiet
from hemicycle.search.space import Space
from hemicycle.search.trials import Trial

FEWEST = 10
"""Trials without which nothing is said."""
_TOP = 5


def importances(config: SearchConfig, space: Space, trials: Sequence[Trial]) -> pd.DataFrame:
    """Return the share of each hyperparameter in what told the best trials from the others.

    PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023): how far the values of the best tenth of the trials, at least
    five, are distributed otherwise than those of all; dimensions that exist only in some trials count by how often
    they do. It uses no random numbers. Trials that were stopped or failed are left out; infeasible ones are not.

    Returns:
        Columns ``metric`` (an objective), ``param`` (its key; ``branch/key`` where a branch has a dimension to itself;
        ``branch``) and ``importance``, which sums to 1 for each metric, or is 0 throughout when nothing tells them
        apart; most important first. Empty with fewer than ``FEWEST`` complete trials.
    """
    rows: list[tuple[str, str, float]] = []
    with quiet():
        study = optuna.create_study(directions=directions(config))
        study.add_trials([frozen(config, trial, flattened(space)) for trial in trials])
        if len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])) >= FEWEST:
            for n, objective in enumerate(config.objectives):
                rows += [(objective.name, *pair) for pair in _shares(study, n)]
    frame = pd.DataFrame(rows, columns=["metric", "param", "importance"])
    return frame.astype({"metric": "str", "param": "str", "importance": "float64"})


def _shares(study: optuna.Study, n: int) -> list[tuple[str, float]]:
    """Importances for one objective, the greatest first."""
    sign = -1.0 if study.directions[n] == optuna.study.StudyDirection.MAXIMIZE else 1.0

    def loss(trial: FrozenTrial) -> float:
        return sign * float(trial.values[n])  # noqa: PD011 - objectives of a trial, not of a table

    count = len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]))
    evaluator = PedAnovaImportanceEvaluator(target_quantile=max(0.1, _TOP / count))
    raw = get_param_importances(study, evaluator=evaluator, target=loss, normalize=False)
    total = sum(raw.values())
    shares = {param: value / total if total > 0 else 0.0 for param, value in raw.items()}
    return sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))
