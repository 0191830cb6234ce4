from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest

from abgap.records import Results
from abgap.report.charts import draw
from abgap.report.charts.canvas import FONT_SIZE, PLACEHOLDERS, axes_in, paper
from abgap.report.charts.svg import inline_svg
from abgap.report.view import view_of
from abgap.report.view.model import Figure, ReportView
from abgap.report.view.pictures import Cumulative, Forest, ForestRow, Point, Scatter, Step, Waterfall


def figures_of(view: ReportView) -> list[Figure]:
    assert view.overview is not None
    overview = [*view.overview.scatters, *([view.overview.forest] if view.overview.forest else [])]
    panels = [panel for e in view.experiments for panel in (*e.funnels, *e.cumulative)]
    return overview + [panel.figure for panel in panels if panel.figure]


@pytest.fixture(scope="module")
def drawn(several_arms: Results, few_hostile: Results) -> list[tuple[Figure, str]]:
    figures = [*figures_of(view_of(several_arms)), *figures_of(view_of(few_hostile))]
    return [(figure, draw(figure)) for figure in figures]


def test_all_four_kinds_of_pictures_are_drawn(drawn: list[tuple[Figure, str]]) -> None:
    assert {type(figure.picture) for figure, _ in drawn} == {Scatter, Forest, Waterfall, Cumulative}


def test_a_picture_is_well_formed_and_named(drawn: list[tuple[Figure, str]]) -> None:
    for figure, svg in drawn:
        root = ET.fromstring(svg)  # noqa: S314 - our own
        assert root.tag == "svg"
        assert [child.tag for child in root[:2]] == ["title", "desc"]
        assert root.get("aria-labelledby") == f"{figure.key}-title {figure.key}-desc"
        assert not {"width", "height", "version"} & set(root.attrib)


def test_ids_carry_the_key_of_their_figure_and_references_find_them(drawn: list[tuple[Figure, str]]) -> None:
    for figure, svg in drawn:
        elements = list(ET.fromstring(svg).iter())  # noqa: S314 - our own
        ids = [e.attrib["id"] for e in elements if "id" in e.attrib]
        assert all(name.startswith(f"{figure.key}-") for name in ids)
        assert len(ids) == len(set(ids))
        assert {e.attrib["href"].removeprefix("#") for e in elements if "href" in e.attrib} <= set(ids)


def test_colours_are_names_so_that_dark_and_print_can_choose(drawn: list[tuple[Figure, str]]) -> None:
    for _, svg in drawn:
        assert not re.search(r"#[0-9a-f]{6}\b", svg)
        assert "style=" not in svg
        classes = {name for found in re.findall(r'class="([^"]+)"', svg) for name in found.split()} - {
            "chart"
        }
        assert {name[2:] for name in classes} <= set(PLACEHOLDERS)


def test_nothing_remains_that_differs_from_run_to_run(drawn: list[tuple[Figure, str]]) -> None:
    for figure, svg in drawn:
        draw.cache_clear()
        assert draw(figure) == svg
        assert "metadata" not in svg
        assert "matplotlib" not in svg.lower()


def test_a_users_matplotlib_settings_change_nothing(drawn: list[tuple[Figure, str]]) -> None:
    figure, svg = drawn[0]
    draw.cache_clear()
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "path", "axes.grid": True}):
        assert draw(figure) == svg
        assert mpl.rcParams["font.size"] == 30


def test_hostile_labels_are_text_and_no_formula() -> None:
    rows = tuple(
        ForestRow(label=label, estimate=1.0, low=0.5, high=1.5, tone="good")
        for label in ("$x^2$", "$", "<b>&", "a\x00b", "名前 🚀", "  ", "\\frac{1}{2}")
    )
    figure = Figure(
        key="k",
        title="<t> \x07",
        caption="",
        alt="]]> $",
        picture=Forest(rows=rows, axis="$\\alpha$ \ud800", limits=(-2.0, 2.0), band=None),
    )
    root = ET.fromstring(draw(figure))  # noqa: S314 - our own
    texts = [element.text for element in root.iter("text")]
    for label in ("$x^2$", "$", "<b>&", "a\ufffdb", "名前 🚀", "(blank)", "\\frac{1}{2}"):
        assert label in texts


def test_degenerate_pictures_are_drawn_all_the_same() -> None:
    point = Point(label="1", x=0.0, x_low=None, x_high=None, y=0.0, y_low=0.0, y_high=0.0, tone="unsure")
    base = Figure(
        key="k",
        title="t",
        caption="",
        alt="a",
        picture=Scatter(
            points=(point,) * 3, x_axis="x", y_axis="y", x_limits=(-0.1, 0.1), y_limits=(-0.1, 0.1), band=None
        ),
    )
    zero = Step(label="a", amount=0.0, low=None, high=None, text="0.0")
    pictures = (
        base.picture,
        Waterfall(steps=(zero,), total=zero, axis="x", limits=(-1.0, 1.0)),
        Cumulative(
            days=("2026-01-01", "2026-01-02"),
            estimates=(0.0, 0.0),
            lows=(-900.0, 0.0),
            highs=(900.0, 0.0),
            axis="y",
            limits=(-1.0, 1.0),
            band=500.0,
        ),
    )
    for picture in pictures:
        ET.fromstring(draw(replace(base, picture=picture)))  # noqa: S314 - our own


def test_labels_and_amounts_of_a_waterfall_stay_within_its_paper() -> None:
    """A letter is half as wide as it is high, on average."""
    step = Step(label="Robustness to perturbed inputs", amount=-4.7, low=-5.0, high=-4.0, text="+10.31 %")
    figure = Figure(
        key="k",
        title="t",
        caption="",
        alt="a",
        picture=Waterfall(steps=(step,), total=step, axis="x", limits=(-12.0, 2.0)),
    )
    root = ET.fromstring(draw(figure))  # noqa: S314 - our own
    width = float(root.attrib["viewBox"].split()[2])
    found = {element.text: element for element in root.iter("text")}
    letter = 0.5 * FONT_SIZE
    assert float(found[step.label].attrib["x"]) > letter * len(step.label)
    assert float(found[step.text].attrib["x"]) + letter * len(step.text) < width


def test_two_figures_may_stand_in_one_page() -> None:
    def one(key: str) -> set[str]:
        with paper(100, 100) as figure:
            axes = axes_in(figure, left=10, right=10, top=10, bottom=10)
            axes.plot([0, 1], [0, 1], marker="o")
            return set(re.findall(r'id="([^"]+)"', inline_svg(figure, key=key, title="t", alt="a")))

    assert one("a")
    assert not one("a") & one("b")
