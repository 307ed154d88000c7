"""What ``hemicycle estimate`` writes: tables, figures, methods, and the study that follows; no one's opinions."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hemicycle.estimation.estimate import Estimates, EstimationOptions


def write_estimates(folder: Path, found: "Estimates", options: "EstimationOptions", study: str) -> None:
    """Write every table as Parquet and CSV, figures, ``methods.md``, and the study if there is one."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, not needed for --help

    from hemicycle.core.storage import Folder  # noqa: PLC0415 - as above
    from hemicycle.estimation.methods import methods_text  # noqa: PLC0415 - as above

    place = Folder(str(folder))
    for name, table in found.tables().items():
        place.write_table(name, pa.Table.from_pandas(table, preserve_index=False))
        place.write_bytes(f"{name}.csv", table.to_csv(index=False).encode())
    (folder / "methods.md").write_text(methods_text(found, options), encoding="utf-8")
    if study:
        (folder / "study.yaml").write_text(study, encoding="utf-8")
    _draw(folder, found, options.level)


def _draw(folder: Path, found: "Estimates", level: float) -> None:
    from hemicycle.cli.estimate_figures import estimation_figures  # noqa: PLC0415 - slow to import, as above
    from hemicycle.reports.export import png, svg  # noqa: PLC0415 - as above

    for figure in estimation_figures(found, level):
        (folder / f"{figure.id}.svg").write_text(svg(figure), encoding="utf-8")
        (folder / f"{figure.id}.png").write_bytes(png(figure))


def study_of(found: "Estimates", waves: "NDArray[np.float64]") -> str:
    """Return a study that simulates the preferred mechanism under recommenders; empty where no model is like it.

    Distances are stretched so that the observed opinions fill the interval -1 to 1 of simulations.
    """
    import numpy as np  # noqa: PLC0415 - slow to import, not needed for --help

    first = found.comparison[found.comparison["preferred"]].iloc[0]["mechanism"]
    of_first = (found.results["group"] == "") & (found.results["mechanism"] == first)
    values = found.results[of_first].set_index("parameter")["value"]
    if first == "friedkin_johnsen":
        share = min(max(float(values["susceptibility"]), 0.0), 1.0)
        model = f"{{opinion: friedkin_johnsen, susceptibility: {share:.4g}}}"
    elif first == "bounded_confidence":
        scale = 2 / float(np.nanmax(waves) - np.nanmin(waves))
        mobility = min(max(float(values["mobility"]), 0.001), 1.0)
        confidence = min(float(values["confidence"]) * scale, 2.0)
        model = f"{{opinion: bounded_confidence, confidence: {confidence:.4g}, mobility: {mobility:.4g}}}"
    else:
        return ""
    return f"""# What do recommenders do to opinions that move as was estimated?
extends: quickstart.yaml
name: estimated
title: Recommenders and opinions that move as was estimated
question: What do recommenders do to opinions that move as was estimated from waves?
simulations:
  mediation:
    opinions:
      - {model}
"""
