"""A run's result in the documentation."""

import json
from pathlib import Path

import pytest

from hemicycle.bench.cases import Case, Target
from hemicycle.bench.machine import describe
from hemicycle.bench.measure import Measurement
from hemicycle.bench.publish import BEGIN, END, FIGURES, PAGES, publish
from hemicycle.bench.tables import table
from hemicycle.core.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def result(tmp_path):
    """Folder of a run."""
    target = Target("ratio", 70)
    cases = {
        Case("epoch", "ours, softmax", "ours", "m", "t", reference=True): 2.0,
        Case("epoch", "PyG", "peer", "m", "t", target=target): 400.0,
        Case("epoch", "slow", "peer", "m", "t", target=target): 3.0,
        Case("epoch", "absent", "peer", "m", "t", target=target): None,
        Case("product", "ours", "ours", "m", "t", reference=True, clock="wall"): 0.2,
    }
    found = {c: [Measurement(({"cpu": s, "wall": s},)) if s else Measurement(problem="x")] for c, s in cases.items()}
    folder = tmp_path / "result"
    folder.mkdir()
    table(found).to_csv(folder / "bench.csv", index=False)
    (folder / "machine.json").write_text(json.dumps(describe("cpu")))
    (folder / "bench.svg").write_text("<svg/>")
    return folder


@pytest.fixture
def root(tmp_path):
    """A clone whose pages hold an older result."""
    for subject, page in PAGES.items():
        (tmp_path / FIGURES[subject]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / page).write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    return tmp_path


@pytest.mark.parametrize("subject", PAGES)
def test_a_page_s_part_is_replaced_and_nothing_else(result, root, subject):
    (result / "machine.json").write_text(json.dumps(describe("cpu") | {"subject": subject}))
    publish(result, root)
    text = (root / PAGES[subject]).read_text()
    assert text.startswith(f"before\n\n{BEGIN}\n| what | ours |")
    assert text.endswith(f"{END}\n\nafter\n")
    assert "old" not in text
    line = "| epoch | 2 CPU s (softmax) | PyG: **200**; slow: **1.50** (≥ 70 was the aim); absent: not measured |"
    assert line in text
    assert "| product | 0.2 s |  |" in text
    assert "cores" in text
    assert (root / FIGURES[subject]).read_text() == "<svg/>"
    (other,) = set(PAGES) - {subject}
    assert "old" in (root / PAGES[other]).read_text()
    publish(result, root)
    assert (root / PAGES[subject]).read_text() == text


def test_a_folder_without_a_result_and_a_page_without_marks_are_refused(result, root):
    with pytest.raises(InputError, match="no finished run"):
        publish(root, root)
    (root / "README.md").write_text("nothing")
    with pytest.raises(InputError, match=r"README\.md has no place for it"):
        publish(result, root)


@pytest.mark.parametrize("subject", PAGES)
def test_the_page_has_its_marks_and_the_figure_is_there(subject):
    text = (ROOT / PAGES[subject]).read_text(encoding="utf-8")
    assert BEGIN in text.partition(END)[0]
    assert FIGURES[subject].name in text
    assert (ROOT / FIGURES[subject]).read_text(encoding="utf-8").startswith("<svg")
