"""Made-up but realistic tables of an analysis of attention: seven groups, some issues, two ways to treat lags."""

from functools import cache
from itertools import permutations

import numpy as np
import pandas as pd

GROUPS = (
    *("Democrats", "Republicans", "Media", "Public", "Democratic_Supporters", "Republican_Supporters", "Random_Users"),
)
ISSUES = ("all", "Economy", "Healthcare", "Immigration", "Gun_Policy", "Foreign_Policy", "Social_Issue")
SHOCKS = {"one-time": 0.4, "one-time cumulative": 4.0, "permanent": 5.0}
DAYS = 6


def rng(*key):
    return np.random.default_rng([ord(letter) for letter in "".join(map(str, key))])


def strength(impulse, response, issue="all"):
    """Supporters move their own legislators most, the media follow everybody, random users nobody."""
    own = impulse[:5] == response[:5] and "Supporters" in impulse
    base = 0.9 if own else 0.12 if response == "Random_Users" else 0.55 if "Media" in (impulse, response) else 0.3
    return base + rng(impulse, response, issue).normal(0, 0.12)


def shocks_of(mode):
    return {k: v for k, v in SHOCKS.items() if mode == "panel" or k != "one-time cumulative"}


def responses(groups=GROUPS, issues=("all",), modes=("panel",)):
    rows = []
    for mode in modes:
        for issue in issues:
            for shock, size in shocks_of(mode).items():
                scale = size * (1.3 if mode == "stacked" else 1)
                for impulse in groups:
                    for response in groups:
                        rows += _response((mode, issue, shock), scale, impulse, response)
    return pd.DataFrame(rows)


def _response(of, size, impulse, response):
    (mode, issue, shock), found = of, []
    for day in range(DAYS + 1):
        shape = np.exp(-day / 4) * (day > 0) * 3 if shock == "one-time" else 1 - np.exp(-day / 5)
        value = 10.0 * (shape if shock == "one-time" else 1) if impulse == response else 0
        value += size * shape * strength(impulse, response, issue) * (impulse != response)
        half = 0.15 * size * (0.2 + shape)
        row = {"agenda": "legislators", "issue": issue, "mode": mode, "kind": "orthogonalised", "shock": shock}
        row |= {"impulse": impulse, "response": response, "day": day, "scale": "points"}
        found.append(row | {"value": value, "ci_low": value - half, "ci_high": value + half})
    return found


def following(groups=GROUPS, issues=("all",), modes=("panel",)):
    rows = []
    for mode in modes:
        for issue in issues:
            for shock, size in shocks_of(mode).items():
                for place, a in enumerate(groups):
                    for b in groups[place + 1 :]:
                        on_a, on_b = (size * strength(x, y, issue) for x, y in ((b, a), (a, b)))
                        gap, half = on_a - on_b, 0.2 * size
                        row = {"agenda": "legislators", "issue": issue, "mode": mode, "shock": shock, "a": a, "b": b}
                        row |= {"b_on_a": on_a, "a_on_b": on_b, "difference": gap}
                        rows.append(row | {"ci_low": gap - half, "ci_high": gap + half})
    return pd.DataFrame(rows)


def following_shares(groups=GROUPS, modes=("panel",)):
    rows = following(groups, modes=modes).query("shock == 'permanent'").drop(columns="shock")
    ends = {"difference": -rows["difference"] / 50, "ci_low": -rows["ci_high"] / 50, "ci_high": -rows["ci_low"] / 50}
    return rows.assign(b_in_a=rows["a_on_b"] / 50, a_in_b=rows["b_on_a"] / 50, **ends).drop(
        columns=["b_on_a", "a_on_b"]
    )


def var(modes=("panel", "stacked")):
    rows = [
        {"mode": m, "lags": 7, "topics": 46, "rows": 33_000, "largest_root": 0.97, "explosive": False} for m in modes
    ]
    return pd.DataFrame(rows).assign(agenda="legislators", issue="all", message="")


def decomposition(groups=GROUPS):
    rows = []
    for response in groups:
        weights = np.array([4.0 if g == response else strength(g, response) for g in groups]).clip(0.05)
        for impulse, share in zip(groups, weights / weights.sum(), strict=True):
            row = {"agenda": "legislators", "issue": "all", "mode": "panel", "response": response, "impulse": impulse}
            rows.append(row | {"day": DAYS, "share": share, "ci_low": share - 0.02, "ci_high": share + 0.02})
    return pd.DataFrame(rows)


def leads(groups=GROUPS, issues=ISSUES[:2]):
    rows = []
    for issue in issues:
        for measure, scale in (("granger", 0.02), ("transfer entropy", 0.01), ("cross-correlation", 0.1)):
            for a, b in permutations(groups, 2):
                value = scale * strength(a, b, issue) * (-1 if measure == "cross-correlation" and a == "Media" else 1)
                p = float(np.exp(-12 * abs(strength(a, b, issue) - 0.15)))
                row = {"agenda": "legislators", "issue": issue, "measure": measure, "from": a, "to": b, "lag": 2}
                row |= {"value": value, "ci_low": value - scale / 4, "ci_high": value + scale / 4, "p_value": p}
                rows.append(row | {"p_bh": min(1.0, 2 * p), "edge": p <= 0.025, "control": "shifted series"})
    return pd.DataFrame(rows)


def first_movers(groups=("Democrats", "Republicans", "Media", "Public")):
    rows = [{"group": "all groups", "response group": group, "first": 0.1 * n} for n, group in enumerate(groups, 1)]
    return pd.DataFrame(rows).assign(agenda="legislators", issue="all", half_day=-0.2, n_events=31)


def network(groups=GROUPS):
    rows = [{"measure": "granger", "group": g, "net": 0.004 * (place - 3)} for place, g in enumerate(groups)]
    found = pd.DataFrame(rows).assign(agenda="legislators", issue="all")
    return found.assign(ci_low=found["net"] - 0.003, ci_high=found["net"] + 0.003)


def events(groups=("Democrats", "Republicans", "Media", "Public")):
    rows = []
    for group in groups:
        for response in groups:
            for day in range(-7, 8):
                value = (8 if group == response else 2) * np.exp(-max(day, 0) / 2) * (day >= 0)
                row = {"agenda": "legislators", "issue": "all", "group": group, "response group": response, "day": day}
                row |= {"value": value, "ci_low": value - 0.4, "ci_high": value + 0.5, "n_events": 31, "control": 0.05}
                rows.append(row | {"control_low": -0.1, "control_high": 0.2})
    return pd.DataFrame(rows)


def attention(groups=GROUPS, weeks=40):
    times = pd.date_range("2013-01-01", periods=weeks, freq="7D")
    rows = []
    for place, issue in enumerate(ISSUES[1:]):
        for group in groups:
            level = 0.02 * (7 - place) + 0.01 * rng(issue, group).random()
            wave = np.abs(rng(issue, group, 1).normal(level, 0.012, weeks))
            wave[5 * (place + 2)] += 0.08
            rows.append(
                pd.DataFrame({"agenda": "legislators", "issue": issue, "group": group, "time": times, "share": wave})
            )
    return pd.concat(rows, ignore_index=True)


def hawkes(sources=("Politicians", "Media", "Citizens")):
    rows = []
    for source in sources:
        for target in sources:
            value = 0.35 if source == target else max(0.0, 0.1 * strength(source, target))
            row = {"agenda": "legislators", "issue": "all", "source": source, "target": target, "branching": value}
            rows.append(row | {"ci_low": max(0.0, value - 0.02), "ci_high": value + 0.02, "decay": 3.2})
    return pd.DataFrame(rows)


def endogeneity(sources=("Politicians", "Media", "Citizens")):
    rows = []
    for target in sources:
        parts = {"exogenous": 0.45, "itself": 0.35} | {s: 0.1 for s in sources if s != target}
        for part, share in parts.items():
            row = {"agenda": "legislators", "issue": "all", "target": target, "level": "source", "part": part}
            row |= {"kind": part if part in {"exogenous", "itself"} else "source", "share": share}
            rows.append(row | {"ci_low": share - 0.02, "ci_high": share + 0.02})
    return pd.DataFrame(rows)


def hawkes_fit():
    row = {"agenda": "legislators", "issue": "all", "estimator": "likelihood", "branching_ratio": 0.55}
    return pd.DataFrame([row | {"ci_low": 0.53, "ci_high": 0.57, "stable": True, "message": ""}])


def goodness(sources=("Politicians", "Media", "Citizens")):
    rows = [
        {"source": source, "model": model, "statistic": gap, "p_value": 0.4 if model == "hawkes" else 1e-9}
        for source in sources
        for model, gap in (("hawkes", 0.012), ("poisson", 0.21))
    ]
    return pd.DataFrame(rows).assign(agenda="legislators", issue="all", n=4000)


def goodness_quantiles(sources=("Politicians", "Media", "Citizens")):
    level = np.array([0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999])
    expected = -np.log1p(-level)
    rows = [
        pd.DataFrame({"source": source, "model": model, "level": level, "expected": expected}).assign(
            observed=expected if model == "hawkes" else 0.4 * expected**1.6
        )
        for source in sources
        for model in ("hawkes", "poisson")
    ]
    return pd.concat(rows, ignore_index=True).assign(agenda="legislators", issue="all")


def recovery():
    rows = []
    for estimator in ("panel var", "hawkes least squares"):
        for replication in range(20):
            for place, truth in enumerate((0.0, 0.1, 0.25, 0.4)):
                estimate = truth + rng(estimator, replication, place).normal(0, 0.02)
                row = {"estimator": estimator, "parameter": f"influence {place}", "truth": truth, "estimate": estimate}
                row |= {"ci_low": estimate - 0.04, "ci_high": estimate + 0.04, "covered": abs(estimate - truth) < 0.04}
                rows.append(row | {"replication": replication})
    return pd.DataFrame(rows)


def power():
    rows = []
    for topics in (5, 20, 50):
        for days in (90, 180, 365, 730):
            for effect in (0.0, 0.05, 0.1, 0.2):
                share = 0.05 + 0.95 * (1 - np.exp(-effect * np.sqrt(days * topics) / 4))
                row = {"days": days, "topics": topics, "effect": effect, "estimator": "granger", "replications": 200}
                row |= {"rejected": round(200 * share) / 200, "low": share - 0.05, "high": min(1, share + 0.05)}
                rows.append(row)
    return pd.DataFrame(rows)


def mediation_effects():
    rows = []
    for arm, size in (("random", 0.0), ("popularity", 0.6), ("model", 1.2), ("untrained", 0.1)):
        names = [("effective issues", g, "") for g in ("all groups", *GROUPS[:3])]
        names += [("correlation", GROUPS[0], GROUPS[1]), ("divergence", "all groups", "")]
        for measure, a, b in names:
            difference = -0.05 * size * (1 + 0.2 * (GROUPS.index(a) if a in GROUPS else 1))
            difference = -difference if measure == "divergence" else difference
            row = {"model": "lightgcn", "arm": arm, "measure": measure, "a": a, "b": b, "mean": 2 + difference}
            row |= {"difference": difference}
            rows.append(row | {"ci_low": difference - 0.02, "ci_high": difference + 0.02, "replications": 10})
    return pd.DataFrame(rows)


def mediation_weight():
    rows = []
    for replication in range(5):
        for group in (*GROUPS[:3], "all groups"):
            estimate = 2.0 + rng("weight", group, replication).normal(0, 0.1)
            row = {"replication": replication, "arm": "model", "group": group, "truth": 2.0, "estimate": estimate}
            rows.append(row | {"ci_low": estimate - 0.2, "ci_high": estimate + 0.2, "covered": abs(estimate - 2) < 0.2})
    return pd.DataFrame(rows)


def false_discoveries():
    row = {"measure": "granger", "level": 0.05, "rate": 0.031, "ci_low": 0.02, "ci_high": 0.042, "found": 0.98}
    return pd.DataFrame([row | {"low": 0.96, "high": 0.99, "replications": 200}])


@cache
def whole(groups=GROUPS):
    """Every table that an analysis with simulations writes; nobody changes them."""
    modes = ("panel", "stacked")
    return {
        "agenda_responses": responses(groups, modes=modes),
        "agenda_following": pd.concat(
            [following(groups, modes=modes), following(groups, ISSUES[1:])], ignore_index=True
        ),
        "agenda_following_shares": following_shares(groups, modes),
        "agenda_var": var(modes),
        "agenda_decomposition": decomposition(groups),
        "agenda_leads": leads(groups),
        "agenda_network": network(groups),
        "agenda_events": events(),
        "agenda_first_movers": first_movers(),
        "agenda_attention": attention(groups),
        "agenda_hawkes": hawkes(),
        "agenda_endogeneity": endogeneity(),
        "agenda_goodness": goodness(),
        "agenda_hawkes_fit": hawkes_fit(),
        "agenda_goodness_quantiles": goodness_quantiles(),
        "agenda_recovery": recovery(),
        "agenda_power": power(),
        "agenda_mediation_effects": mediation_effects(),
        "agenda_mediation_weight": mediation_weight(),
        "agenda_false_discoveries": false_discoveries(),
    }
