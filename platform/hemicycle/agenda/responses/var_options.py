"""What a panel vector autoregression, its impulse responses and its bands are asked for."""

from typing import Literal, Self

from pydantic import Field, model_validator

from hemicycle.agenda.attention.scale import ScaleOptions
from hemicycle.core.config import Options


class VarOptions(Options):
    """Options of a panel vector autoregression (VAR) and of its impulse responses."""

    mode: Literal["panel", "stacked"] = "panel"
    """``panel``: lags stop at topic borders and at missing values. ``stacked``: topics one under the other as if they
    were one series, so that lags run across borders and what is missing is taken for zero, as in the code of Barbera
    et al. (APSR 2019), which also has the order, ``zeros: published``, 7 lags and fixed effects."""
    lags: int | Literal["aic", "bic", "hq"] = 7
    """Number of lags, or the criterion that chooses it."""
    most_lags: int = Field(default=14, ge=1)
    """Largest number of lags that the criteria compare."""
    fixed_effects: bool = True
    """A constant of its own for every topic; otherwise one for all."""
    bias: Literal["none", "corrected"] = "none"
    """``none``: least squares as it is. ``corrected``: without the bias of about 1 / days that constants bring (Hahn
    and Kuersteiner 2002), which matters with many topics of few days."""
    kind: Literal["orthogonalised", "generalised"] = "orthogonalised"
    """``orthogonalised``: Cholesky in the stated order; ``generalised``: Pesaran and Shin (1998), without an order."""
    order: tuple[str, ...] = ()
    """Groups in the order of the Cholesky factor, the first acting on all others within the day; empty: the data's."""
    horizon: int = Field(default=15, ge=1)
    """Days that responses are followed."""
    points: float = Field(default=10.0, gt=0, lt=100)
    """Rise of the impulse group's attention, in percentage points."""
    permanent: Literal["held", "repeated"] = "held"
    """``held``: new shocks keep the impulse group at its raised attention; ``repeated``: the same shock every day,
    whose response is the cumulated response to one."""
    translation: Literal["mean", "published"] | None = None
    """From logits to points: ``mean`` around the groups' mean attention, ``published`` as in the replication code;
    none: ``published`` in stacked mode, else ``mean``."""
    replications: int = Field(default=1000, ge=0)
    """Bootstrap replications; 0: no bands."""
    bands: Literal["auto", "residual", "topics"] = "auto"
    """``residual``: recursive with resampled residuals; ``topics``: whole topics are resampled, which lets them differ;
    ``auto``: by topics where there are 20 at least, else by residuals."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Level of the percentile intervals."""
    scale: ScaleOptions = ScaleOptions()
    """How shares are brought to the logit scale; with differences, responses are still those of attention itself."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if isinstance(self.lags, int) and self.lags < 1:
            raise ValueError("lags must be at least 1, or one of aic, bic, hq")
        if self.rule == "published" and self.scale.scale != "logit":
            raise ValueError("the published translation needs scale: logit; choose translation: mean for shares")
        if self.rule == "published" and self.scale.detrend == "differences":
            raise ValueError("the published translation is of levels; choose translation: mean for differences")
        return self

    @property
    def rule(self) -> Literal["mean", "published"]:
        """How logits become points in this mode."""
        return self.translation or ("published" if self.mode == "stacked" else "mean")
