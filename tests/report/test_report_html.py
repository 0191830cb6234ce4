from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from abgap.records import Results
from abgap.report.html import fitting, render_html
from abgap.report.text import one_line
from abgap.report.view import LADDER, MOST_BYTES, ReportView
from abgap.resources import folder

# What the start (or end) of an element ends without an end tag, as HTML defines it for tables.
IMPLIED = {
    "td": ("td", "th"),
    "tr": ("td", "th", "tr"),
    "tbody": ("td", "th", "tr", "tbody"),
    "table": ("td", "th", "tr", "tbody"),
}
VOID = {"meta", "link", "br", "path", "rect", "circle", "use", "line"}
CASES = ["example", "hostile", "empty", "not_estimable", "several_arms", "many"]


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def all(self, *tags: str) -> list[Element]:
        found = [self] if self.tag in tags or not tags else []
        return found + [e for child in self.children for e in child.all(*tags)]

    @property
    def text(self) -> str:
        return " ".join(" ".join([*self.texts, *(child.text for child in self.children)]).split())


class Outline(HTMLParser):
    """A tree; every element that is opened has to be closed where it belongs."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("document", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of <{tag}> stands twice"
        if tag != "table":
            self.end_implied(tag)
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if tag == "table":
            self.end_implied(tag)
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def end_implied(self, tag: str) -> None:
        while self.open[-1].tag in IMPLIED.get(tag, ()):
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].texts.append(data)


@pytest.fixture(scope="session")
def made(request: pytest.FixtureRequest) -> dict[str, tuple[ReportView, str, Element]]:
    reports = {}
    for name in CASES:
        view, text = fitting(request.getfixturevalue(name))
        outline = Outline()
        outline.feed(text)
        outline.close()
        assert outline.open == [outline.root]
        reports[name] = (view, text, outline.root)
    return reports


@pytest.fixture(params=CASES)
def report(
    request: pytest.FixtureRequest, made: dict[str, tuple[ReportView, str, Element]]
) -> tuple[str, Element]:
    return made[request.param][1:]


def test_there_is_one_h1_and_headings_never_skip_a_level(report: tuple[str, Element]) -> None:
    levels = [int(e.tag[1]) for e in report[1].all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_every_link_and_label_finds_its_id(report: tuple[str, Element]) -> None:
    elements = report[1].all()
    ids = [e.attributes["id"] for e in elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in elements:
        for name in ("href", "aria-labelledby"):
            for target in (element.attributes.get(name) or "").split():
                assert target.removeprefix("#") in ids or target == "data:,", f"{name}={target}"


def test_tables_have_captions_scopes_and_as_many_cells_as_columns(report: tuple[str, Element]) -> None:
    for table in report[1].all("table"):
        assert [child.tag for child in table.children][:2] == ["caption", "thead"]
        assert table.children[0].text
        heads = table.children[1].all("th", "td")
        assert all(th.attributes.get("scope") for th in table.all("th"))
        for row in (row for body in table.all("tbody") for row in body.all("tr")):
            cells = row.all("th", "td")
            assert sum(int(cell.attributes.get("colspan") or 1) for cell in cells) == len(heads)
            assert cells[0].tag == "th"


def test_what_scrolls_can_be_reached_by_keyboard_and_has_a_name(report: tuple[str, Element]) -> None:
    regions = [e for e in report[1].all() if e.attributes.get("role") == "region"]
    assert len(regions) >= len(report[1].all("table"))
    for region in regions:
        assert region.attributes.get("tabindex") == "0"
        assert region.attributes.get("aria-label") or region.attributes.get("aria-labelledby")


def test_every_picture_has_a_caption_a_title_and_a_description(report: tuple[str, Element]) -> None:
    charts = [e for e in report[1].all("svg") if e.attributes.get("class") == "chart"]
    for chart in charts:
        assert chart.attributes["role"] == "img"
        assert [child.tag for child in chart.children[:2]] == ["title", "desc"]
        assert all(child.text for child in chart.children[:2])
        assert "width" not in chart.attributes
    assert len(report[1].all("figcaption")) == len(report[1].all("figure"))


def test_nothing_is_fetched_and_nothing_runs(report: tuple[str, Element]) -> None:
    text, root = report
    assert not root.all("script", "img", "iframe", "object", "embed", "audio", "video", "form")
    for element in root.all():
        assert not [name for name in element.attributes if name.startswith("on")]
        assert "src" not in element.attributes
        target = element.attributes.get("href") or "#"
        assert target.startswith("#") or target == "data:,"
    style = "".join(e.text for e in root.all("style"))
    assert "url(" not in style
    assert "@import" not in style
    policies = [e.attributes.get("content") for e in root.all("meta") if "http-equiv" in e.attributes]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert text.startswith('<!doctype html>\n<html lang="en">')


def test_no_report_is_larger_than_it_may_be(made: dict[str, tuple[ReportView, str, Element]]) -> None:
    sizes = {name: len(text.encode()) for name, (_, text, _) in made.items()}
    assert sizes["example"] < 500_000
    assert max(sizes.values()) < MOST_BYTES


def test_a_report_that_would_be_too_large_is_cut_until_it_fits(
    example: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abgap.report.html.MOST_BYTES", 250_000)
    view, text = fitting(example)
    assert len(text.encode()) <= 250_000
    assert len(view.experiments) < len(example.experiments)
    assert "results.json has all of them" in text
    monkeypatch.setattr("abgap.report.html.MOST_BYTES", 1)
    assert fitting(example)[0].experiments == (), "the last rung is taken even when it does not fit"
    assert LADDER[-1].sections == 0


def test_hostile_names_are_shown_as_they_are_and_never_become_markup(
    made: dict[str, tuple[ReportView, str, Element]], hostile: Results
) -> None:
    _, text, root = made["hostile"]
    shown = root.text
    for experiment in hostile.experiments:
        assert one_line(experiment.name) in shown
    assert "{{ 7 * 7 }}" in shown
    assert "49 {% raw" not in shown
    assert {e.tag for e in root.all()} == {e.tag for e in made["example"][2].all()}
    assert not re.search(r"[\x00-\x08\x0e-\x1f\u202e]", text)


def test_a_name_of_blanks_can_still_be_followed(made: dict[str, tuple[ReportView, str, Element]]) -> None:
    assert all(link.text for link in made["hostile"][2].all("a"))


def test_the_numbers_of_a_picture_stand_in_a_table_too(
    made: dict[str, tuple[ReportView, str, Element]],
) -> None:
    view, _, root = made["example"]
    tables = {table.children[0].text: table.text for table in root.all("table")}
    for experiment in view.experiments:
        funnel = experiment.funnels[0]
        assert funnel.figure is not None
        for row in funnel.table.groups[0].rows:
            for cell in row:
                assert cell.text in tables[one_line(funnel.table.caption)]


def test_the_words_of_the_view_are_the_words_of_the_page(
    made: dict[str, tuple[ReportView, str, Element]],
) -> None:
    view, _, root = made["example"]
    shown = root.text
    opening = view.opening
    assert opening.money is not None
    for text in (opening.verdict, opening.detail, opening.money.assumption, opening.trust.text):
        assert text in shown
    for action in opening.actions:
        assert action.text in shown
    for experiment in view.experiments:
        assert experiment.verdicts[0].sentence in shown
        assert experiment.decision_reason in shown


def test_the_same_view_gives_the_same_page(made: dict[str, tuple[ReportView, str, Element]]) -> None:
    view, text, _ = made["several_arms"]
    assert render_html(view) == text


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_colours_can_be_told_from_their_background_in_both_themes(theme: int) -> None:
    css = (folder("templates") / "style.css").read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[theme]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for text in ("ink", "muted", "link"):
        assert contrast(colours[text], colours["paper"]) >= 4.5
        assert contrast(colours[text], colours["band"]) >= 4.5
    for tone in ("good", "part", "flat", "bad", "bonus", "unsure", "void"):
        assert contrast(colours[f"{tone}-text"], colours["paper"]) >= 4.5
        assert contrast(colours[f"{tone}-text"], colours[f"{tone}-soft"]) >= 4.5
        assert contrast(colours[tone], colours["paper"]) >= 3.0
        assert contrast(colours[tone], colours["band"]) >= 3.0
