"""Configuration of the news of a synthetic society."""

from pydantic import Field

from hemicycle.core.config import Options


class News(Options):
    """What users are shown and what they click. Its equations stand in :mod:`hemicycle.data.society_news`."""

    per_user: float = Field(default=10.0, gt=0)
    """Mean number of impressions of a user: times at which items are shown."""
    total: int | None = Field(default=None, ge=1)
    """Exact number of impressions; replaces ``per_user``."""
    shown: int = Field(default=10, ge=2, le=100)
    """Items shown together; there must be 8 times as many items."""
    days: float = Field(default=14.0, gt=0, le=3650)
    """Time over which items are published and shown."""
    half_life: float = Field(default=24.0, gt=0)
    """Hours after which an item is shown half as often as when it was new."""
    exposure: float = Field(default=0.5, ge=0, le=4)
    """Power of an item's popularity in the probability to be shown."""
    click_rate: float = Field(default=0.15, gt=0, lt=1)
    """Mean probability to click on what is shown."""
    affinity: float = Field(default=3.0, ge=0, le=100)
    """Log odds of a click lost with each unit of ideological distance between user and item."""
    topics: int = Field(default=8, ge=1, le=100)
    """Topics of items, each with words of its own."""
    topic_words: int = Field(default=4, ge=0, le=50)
    """Words about the topic in a text, beside ``items.words`` that tell the leaning."""
    taste: float = Field(default=0.8, ge=0, le=100)
    """Log odds of a click gained where a user likes the topic one standard deviation more."""
    party_taste: float = Field(default=0.0, ge=0, le=1)
    """Share of the variance of tastes that is between parties: 0, they have nothing in common; 1, all like the same."""
    quality: float = Field(default=0.4, ge=0, le=100)
    """Log odds gained where the logarithm of an item's popularity is one standard deviation higher."""
    freshness: float = Field(default=0.2, ge=0, le=100)
    """Log odds lost with each half-life of age."""
    position: float = Field(default=0.3, ge=0, le=100)
    """Log odds lost each time the position on the page doubles."""
