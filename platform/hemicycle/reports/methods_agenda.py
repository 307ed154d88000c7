"""What the methods say of analyses of attention, from their configuration and tables, and the papers they rest on."""

from collections.abc import Iterator, Mapping
from typing import Any

from hemicycle.reports.agendas import Agenda, agendas, group_label, measure_label
from hemicycle.reports.facts import Tables, table
from hemicycle.reports.theme import listing, number

Plain = Mapping[str, Any]
PUBLISHED = "barbera2019who"
_MEASURE_KEYS = {
    "granger": ["granger1969investigating", "geweke1984measures"],
    "granger bivariate": ["granger1969investigating"],
    "granger by topic": ["granger1969investigating", "dumitrescu2012testing"],
    "gaussian transfer entropy": ["barnett2009granger"],
    "transfer entropy": ["schreiber2000measuring", "barnett2009granger"],
}
_TOPIC_KEYS = {"nmf": ["lee1999learning"], "lda": ["blei2003latent"], "bertopic": ["grootendorst2022bertopic"]}
_ESTIMATOR_KEYS = {"em": ["veen2008estimation"], "least squares": ["reynaudbouret2010adaptive"]}
_ESTIMATORS = {
    "likelihood": "maximum likelihood",
    "least squares": "least squares from moments",
    "em": "expectation maximisation",
}
_KERNELS = {"exponential": "exponential", "exponentials": "a sum of exponentials", "power law": "a power law"}
_KERNELS |= {"power_law": "a power law"}
_CLUSTERS = {
    "topics": "whole topics",
    "blocks": "blocks of {step}s",
    "both": "topics and blocks of {step}s",
    "auto": "topics and blocks of {step}s where topics are many, else blocks of {step}s",
}
_TOPIC_MODELS = {
    "nmf": "non-negative matrix factorisation",
    "lda": "latent Dirichlet allocation",
    "bertopic": "BERTopic",
}


def agenda_methods(config: Plain, tables: Tables) -> list[str]:
    """Paragraphs on every analysis of attention, and one on simulations of agendas."""
    found = [" ".join(parts) for agenda in agendas(tables) if (parts := list(_about(agenda, config)))]
    simulated = " ".join(_simulated(config, tables))
    return [*found, *([simulated] if simulated else [])]


def _plain(value: Any) -> Plain:
    return value if isinstance(value, Mapping) else {}


def _configured(config: Plain, name: str) -> Plain:
    return _plain(_plain(config.get("agenda")).get(name))


def _every(config: Plain) -> list[Plain]:
    """Configurations of all analyses."""
    return [_plain(one) for one in _plain(config.get("agenda")).values()]


def _about(agenda: Agenda, config: Plain) -> Iterator[str]:
    asked = _configured(config, agenda.name)
    yield from _attention(agenda, _plain(asked.get("attention")))
    told: set[str] = set()
    for name, var in _plain(asked.get("var")).items():
        sentences = _autoregression(str(name), _plain(var), agenda.step)
        yield from (text for text in sentences if text not in told)
        yield from [] if told.isdisjoint(sentences) else ["All else is as before."]
        told |= set(sentences)
    if len(agenda.rows("following")):
        yield (
            "A group follows another more than it leads it where its response to the other is larger than the other's "
            "to it; both responses are taken from the same bootstrap samples. Points favour groups that "
            "attend more, shares of forecast variance do not."
        )
    leads = _plain(asked.get("leads"))
    if len(agenda.rows("leads")) and leads:
        yield _leads(leads, agenda.step)
    shocks = _plain(asked.get("shocks"))
    if len(agenda.rows("events")) and shocks:
        yield _events(shocks, agenda.step)
    hawkes = _plain(_plain(asked.get("hawkes")).get("model"))
    if len(agenda.rows("hawkes")) and hawkes:
        yield _hawkes(hawkes)


# -- attention -------------------------------------------------------------------------------------------------------


def _attention(agenda: Agenda, attention: Plain) -> Iterator[str]:
    name = f" ({group_label(agenda.name)})" if agenda.several else ""
    groups = listing([group_label(group) for group in agenda.groups])
    if attention.get("form") == "texts":
        yield f"Attention{name}: {_texts(_plain(attention.get('topic_model')))} The groups are {groups}."
    elif attention:
        kind = "counts, made shares of what each group attends to" if attention.get("values") == "counts" else "shares"
        yield f"Attention{name}: {kind} over time by topic and group, of {groups}."
    if len(agenda.rows("hawkes")):
        yield f"Events{name} in continuous time of {listing(_sources(agenda))}."
    if len(agenda.rows("stationarity")):
        yield (
            "Every series was tested for a unit root (augmented Dickey-Fuller) and for stationarity (KPSS), with a "
            "correction for the number of series."
        )


def _sources(agenda: Agenda) -> list[str]:
    """Sources of events; groups of them, whose shares are told beside, are none."""
    rows = agenda.rows("hawkes")
    known = {*rows["source"].astype(str), *rows["target"].astype(str)}
    return [group_label(source) for source in agenda.sources if source in known]


def _texts(model: Plain) -> str:
    method = _TOPIC_MODELS.get(str(model.get("method")), "a topic model")
    topics, seeds = model.get("topics"), model.get("seeds")
    attended = "mean weight" if model.get("attention") == "weights" else "share of documents"
    text = f"{topics} topics found in texts by {method}; a group's attention to a topic is its {attended} at a time."
    many = isinstance(seeds, int) and seeds > 1
    return f"{text} Stability compares the words of topics over {seeds} seeds." if many else text


def _scale(scale: Plain) -> str:
    """How shares become the values that are analysed."""
    if scale.get("scale") == "share":
        text = "shares as they are"
    else:
        zeros = scale.get("zeros", "half unit")
        floor = {"half unit": "half the rounding unit", "published": ".01 (the published floor)"}.get(str(zeros))
        text = f"log odds of shares, zeros taken for {floor or number(float(zeros), 4)}"
    text += ", missing values for zeros" if scale.get("missing") == "zero" else ""
    detrend, season = scale.get("detrend", "none"), scale.get("season", "none")
    text += {"linear": ", without a linear trend", "differences": ", differenced"}.get(str(detrend), "")
    return text + (f", without the season of the {season}" if season != "none" else "")


# -- who follows, who leads ------------------------------------------------------------------------------------------


def _autoregression(name: str, var: Plain, step: str) -> list[str]:
    """Sentences on the model, its scale, its responses and their intervals."""
    lags, criterion = var.get("lags", 7), str(var.get("lags")).upper()
    many = f"{lags} lags" if isinstance(lags, int) else f"lags chosen by {criterion} (at most {var.get('most_lags')})"
    stacked = var.get("mode") == "stacked"
    borders = "run across topic borders, as published" if stacked else f"stop at topic borders and missing {step}s"
    constants = "a constant a topic" if var.get("fixed_effects") else "one constant"
    constants += " (without the bias that it brings)" if var.get("bias") == "corrected" else ""
    text = f"The vector autoregression {name} has {many} and {constants}; lags {borders}."
    return [text, f"It is fitted to {_scale(_plain(var.get('scale')))}.", _shock(var, step), _bands(var)]


def _shock(var: Plain, step: str) -> str:
    kind = str(var.get("kind", "orthogonalised"))
    order = [group_label(group) for group in var.get("order") or ()]
    how = f"{kind} in the order {listing(order)}" if order else f"{kind} shocks"
    if kind == "orthogonalised" and not order:
        how = "orthogonalised in the order of the data"
    translation = var.get("translation") or ("published" if var.get("mode") == "stacked" else "mean")
    points = f"a rise by {float(var.get('points', 10)):g} points from a group's mean attention"
    if translation == "published":
        points = f"a rise by {float(var.get('points', 10)):g} points, translated as in the published replication code, "
        points += "where effects of a one-time rise are cumulated"
    kept = (
        "new shocks keep it there" if var.get("permanent", "held") == "held" else f"the same shock comes every {step}"
    )
    followed = f"Responses ({how}) are followed for {var.get('horizon', 15)} {step}s after {points}"
    return f"{followed}; it lasts one {step}, or is permanent ({kept})."


def _bands(var: Plain) -> str:
    count = var.get("replications", 0)
    if not count:
        return "No intervals were drawn."
    kinds = {"topics": "whole topics", "auto": "whole topics where there are 20 at least, else of residuals"}
    drawn = kinds.get(str(var.get("bands")), "residuals")
    level = float(var.get("confidence", 0.95))
    return f"Intervals are {level:.0%} percentile intervals of {count:,} bootstrap samples of {drawn}."


def _leads(leads: Plain, step: str) -> str:
    lags = leads.get("lags", 7)
    many = f"{lags} lags" if isinstance(lags, int) else f"lags chosen by {str(lags).upper()}"
    measures = listing([measure_label(name) for name in leads.get("measures", ())])
    text = f"Leading was measured by {measures} ({many}) for every ordered pair of groups"
    clusters = _CLUSTERS.get(str(leads.get("clusters")), "{step}s").format(step=step)
    text += f" on {_scale(_plain(leads.get('scale')))}; p-values are corrected over pairs (false-discovery rate "
    text += f"{float(leads.get('level', 0.05)):.0%}) and allow for clusters of {clusters}."
    text += (
        " Transfer entropy and cross-correlation are compared with series shifted in time." if _shifted(leads) else ""
    )
    text += f" Each {step}'s mean over topics was removed first." if leads.get("common") else ""
    return text


def _shifted(leads: Plain) -> bool:
    return bool({"transfer entropy", "cross-correlation"} & set(leads.get("measures", ())))


def _events(shocks: Plain, step: str) -> str:
    if shocks.get("file"):
        what = f"{step}s given in a file"
    else:
        spread = float(shocks.get("threshold", 5))
        what = f"{step}s {'on' if step == 'day' else 'in'} which a share stands more than {spread:g} robust standard "
        what += "deviations above its running median"
    window, before = shocks.get("window", 7), shocks.get("baseline", 14)
    return (
        f"Events are {what}; responses are shares less their mean over the {before} {step}s before the window of "
        f"{window} {step}s on each side. The control places as many events on random {step}s of the same topics."
    )


def _hawkes(model: Plain) -> str:
    kernel = _plain(model.get("kernel"))
    shape = _KERNELS.get(str(kernel.get("kernel", "exponential")), "a kernel")
    known = kernel.get("estimate") is False or shape == "a sum of exponentials"
    how = _ESTIMATORS.get(str(model.get("estimator", "likelihood")), str(model.get("estimator")))
    return (
        "Events follow a multivariate Hawkes process: each source has a rate from outside, and each event raises the "
        f"rates of all sources by {shape}{' with a known decay' if known else ''}; it was fitted by {how}. Its fit was "
        "judged by time rescaling beside a Poisson process with the same rates from outside."
    )


# -- simulations -----------------------------------------------------------------------------------------------------


def _simulated(config: Plain, tables: Tables) -> Iterator[str]:
    """What is simulated to see whether the estimators can be trusted."""
    if len(table(tables, "agenda_recovery")):
        yield (
            "Agendas with known influence were simulated and estimated again and again; an interval should hold the "
            "truth as often as it says."
        )
    if len(table(tables, "agenda_false_discoveries")):
        yield "The false-discovery rate is the mean share of false edges among those found in simulated agendas."
    power = next((_plain(one["power"]) for one in _every(config) if one.get("power")), {})
    if len(table(tables, "agenda_power")):
        ends = [group_label(power[end]) for end in ("leader", "follower") if power.get(end)]
        edge = f" from {' to '.join(ends)}" if ends else ""
        yield (
            f"Power is the share of simulated agendas in which a planted edge{edge} is found, with Wilson intervals; "
            "the same noise serves all designs."
        )
    if len(table(tables, "agenda_mediation_effects")):
        yield (
            "A recommender of news enters what a group attends to by the share of each topic in what it shows; arms "
            "share all noise, so differences from the arm without are paired, with t-intervals over replications. "
            "Seeds of a model count as their mean, so that intervals say nothing of other seeds; effects on all groups "
            "are means of theirs, groups without lists included."
        )


# -- references ------------------------------------------------------------------------------------------------------


def agenda_keys(config: Plain, tables: Tables) -> list[str]:
    """Keys of the packaged bibliography for what was asked of attention."""
    keys = [key for agenda in agendas(tables) for key in _keys_of(agenda, _configured(config, agenda.name))]
    keys += ["wilson1927probable"] if len(table(tables, "agenda_power")) else []
    keys += ["benjamini1995controlling"] if len(table(tables, "agenda_false_discoveries")) else []
    return [*keys, *(["zhu1992issue"] if len(table(tables, "agenda_mediation_effects")) else [])]


def _keys_of(agenda: Agenda, asked: Plain) -> Iterator[str]:
    if len(agenda.rows("responses")):
        yield from _var_keys([_plain(var) for var in _plain(asked.get("var")).values()])
    leads = agenda.rows("leads")
    if len(leads):
        yield from (key for name in leads["measure"].unique() for key in _MEASURE_KEYS.get(str(name), ()))
        yield from ("benjamini1995controlling", "cameron2011robust")
        yield from ["staniek2008symbolic"] if _plain(asked.get("leads")).get("symbols") == "ordinal" else []
    if len(agenda.rows("hawkes")):
        estimator = str(_plain(_plain(asked.get("hawkes")).get("model")).get("estimator"))
        yield from ("hawkes1971spectra", "ogata1988statistical", *_ESTIMATOR_KEYS.get(estimator, ()))
    if len(agenda.rows("topics")):
        model = _plain(_plain(asked.get("attention")).get("topic_model"))
        yield from _TOPIC_KEYS.get(str(model.get("method")), ())
    if len(agenda.rows("stationarity")):
        yield from ("said1984testing", "kwiatkowski1992testing", "benjamini1995controlling")


def _var_keys(models: list[Plain]) -> Iterator[str]:
    yield from (PUBLISHED, "lutkepohl2005new")
    kinds = {str(var.get("kind", "orthogonalised")) for var in models} or {"orthogonalised"}
    yield from ["sims1980macroeconomics"] if "orthogonalised" in kinds else []
    yield from ["pesaran1998generalized", "diebold2012better"] if "generalised" in kinds else []
    yield from ["nickell1981biases"] if any(var.get("fixed_effects") for var in models) else []
    yield from ["hahn2002asymptotically"] if any(var.get("bias") == "corrected" for var in models) else []
