"""Options of the social graph of a synthetic society: its shape, its size, and what shapes it."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from hemicycle.core.config import Options

Shape = Literal["homophilous", "blocks", "random", "complete", "small_world", "scale_free"]
MUTUAL: frozenset[Shape] = frozenset({"complete", "small_world", "scale_free"})
"""Shapes whose ties hold both ways by their nature."""
MOST_COMPLETE = 10_000
"""Users at most of a complete graph, which then has a hundred million entries."""


class Follows(Options):
    """Who follows whom. A bare number stands for ``per_user``."""

    kind: Shape = "homophilous"
    """``homophilous``: near attitudes, popular accounts, communities; ``blocks``: communities and parties, by two
    separate dials; ``random``: any pair alike (Erdos and Renyi); ``complete``: everybody follows everybody;
    ``small_world``: a ring of which some ties are rewired (Watts and Strogatz); ``scale_free``: preferential attachment
    (Barabasi and Albert). Communities matter in the first two only."""
    per_user: float = Field(default=10.0, ge=0)
    """Mean number of accounts that a user follows; even and whole for a ring and for preferential attachment."""
    total: int | None = Field(default=None, ge=0)
    """Exact number of edges (of ties, where they hold both ways); replaces ``per_user``."""
    directed: bool = True
    """False: following is mutual. Of a homophilous or a block graph a pair in which both chose each other is one tie,
    so that slightly fewer ties than asked for remain. The last three shapes are always mutual."""
    homophily: float = Field(default=3.0, ge=0, le=100)
    """Decay of the probability to follow with attitude distance; 0: none. Of ``blocks``: the probability, in [0, 1], to
    look for an account within the own party (without parties: on the own side of the median); 0 where it is not given.
    """
    modularity: float = Field(default=0.0, ge=0, le=1)
    """Of ``blocks``: the probability to look for an account within the own community."""
    rewiring: float = Field(default=0.1, ge=0, le=1)
    """Of ``small_world``: the share of the ring's ties that are rewired."""
    exponent: float = Field(default=2.5, gt=1.2, le=10)
    """Exponent of the power law of in-degrees, of a homophilous graph."""

    @model_validator(mode="before")
    @classmethod
    def _own_defaults(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        own = {"homophily": 0.0} if values.get("kind") == "blocks" else {}
        return own | ({"directed": False} if values.get("kind") in MUTUAL else {}) | values

    @model_validator(mode="after")
    def _shape_fits(self) -> Self:
        if self.kind == "blocks" and self.homophily > 1:
            raise ValueError(f"the homophily of blocks is a probability in [0, 1], not {self.homophily:g}")
        if self.modularity and self.kind != "blocks":
            raise ValueError(f"modularity is a dial of kind: blocks, and the kind is {self.kind}; use communities")
        if self.kind in MUTUAL and self.directed:
            raise ValueError(f"the ties of a {self.kind} graph hold both ways; drop directed: true")
        if self.kind in ("small_world", "scale_free"):
            self._check_even()
        return self

    def _check_even(self) -> None:
        if self.total is not None or self.per_user % 2 or self.per_user < 2:
            given = f"per_user: {self.per_user:g}" + ("" if self.total is None else f", total: {self.total}")
            raise ValueError(f"a {self.kind} graph needs an even per_user of 2 or more, and no total; given: {given}")

    def edges(self, users: int) -> int:
        """Number of edges among so many users; of ties, where they hold both ways."""
        pairs = users * (users - 1) // (1 if self.directed else 2)
        if self.kind == "complete":
            return pairs
        if self.kind == "scale_free":
            half = int(self.per_user) // 2
            return half * (half + 1) // 2 + half * max(0, users - half - 1)
        each = self.per_user * users / (1 if self.directed else 2)
        return round(each) if self.total is None else self.total

    def room(self, users: int) -> int:
        """Number of edges that there can be at most."""
        return users * (users - 1) // (1 if self.directed else 2)


class Communities(Options):
    """Groups inside which users follow each other. A bare number stands for ``number``."""

    number: int = Field(default=10, ge=1, le=1000)
    """How many, of equal expected size."""
    strength: float = Field(default=0.3, ge=0, le=1)
    """Probability that a follow is chosen inside the own community; of ``blocks`` that is ``follows.modularity``."""
    alignment: float = Field(default=0.0, ge=0, le=1)
    """Probability that a user's community is one of those of the own party; 0: independent of parties."""
