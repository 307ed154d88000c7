import pytest
from pydantic import Field, ValidationError, field_validator

from hemicycle.core.config import Options
from hemicycle.search.settings import configured, documentation, message, setting, unknown


class Inner(Options):
    depth: int = Field(2, ge=1)
    """Layers of the tower."""
    shape: str = "flat"


class Outer(Options):
    inner: Inner = Inner()
    other: Inner | None = None
    width: int = 4

    @field_validator("width")
    @classmethod
    def _even(cls, width):
        if width % 2:
            raise ValueError("width is even")
        return width


def test_nested_settings_are_found_and_changed():
    outer = Outer()
    changed = configured(outer, {"inner.depth": 5, "width": 8})
    assert changed == Outer(inner=Inner(depth=5), width=8)
    assert setting(changed, "inner.depth") == 5
    assert outer == Outer()
    assert documentation(outer, "inner.depth") == "Layers of the tower."
    assert documentation(outer, "width") == ""


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("inner.depth", ""),
        ("inner", "'inner' is a group; there are: depth, shape"),
        ("inner.deepth", "there is no 'deepth'; did you mean 'depth'?"),
        ("inner.zzz", "there is no 'zzz'; there are: depth, shape"),
        ("other.depth", "there is no 'depth'; nothing lies below it"),
        ("inner.depth.x", "there is no 'x'; nothing lies below it"),
    ],
)
def test_what_is_not_there_is_named(key, why):
    assert unknown(Outer(), key) == why


@pytest.mark.parametrize(
    ("values", "what"), [({"width": 3}, "width: width is even"), ({"inner.depth": 0}, "depth: Input should be greater")]
)
def test_complaints_are_short(values, what):
    with pytest.raises(ValidationError) as caught:
        configured(Outer(), values)
    assert message(caught.value).startswith(what)
