from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from abgap.records import Results
from abgap.report.markdown import escaped, render_markdown
from abgap.report.text import one_line
from abgap.report.view import view_of

CASES = ["example", "hostile", "empty", "not_estimable", "several_arms"]


def parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def shown(token: Token) -> str:
    """The text of an inline token, as a reader sees it."""
    return "".join(child.content for child in token.children or ())


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest) -> dict[str, str]:
    return {name: render_markdown(view_of(request.getfixturevalue(name))) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_tables_have_the_same_number_of_columns_in_every_row(made: dict[str, str], name: str) -> None:
    columns = 0
    for line in made[name].splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        assert line.endswith("|")
        found = len(re.findall(r"(?<!\\)\|", line)) - 1
        columns = columns or found
        assert found == columns, line


@pytest.mark.parametrize("name", CASES)
def test_every_line_that_looks_like_a_table_is_one(made: dict[str, str], name: str) -> None:
    lines = sum(line.startswith("|") for line in made[name].splitlines())
    rules = sum(line.startswith("| ---") for line in made[name].splitlines())
    rows = sum(token.type == "tr_open" for token in parsed(made[name]))
    assert rows == lines - rules


@pytest.mark.parametrize("name", CASES)
def test_there_is_one_first_heading_and_no_html_but_our_folds(made: dict[str, str], name: str) -> None:
    tokens = parsed(made[name])
    assert [token.tag for token in tokens if token.type == "heading_open"].count("h1") == 1
    for token in tokens:
        if token.type == "html_block":
            assert token.content.startswith(("<details><summary>", "</details>"))
            assert not re.search(r"<(?!/?(details|summary)>)", token.content)
        for child in token.children or ():
            assert child.type not in {"html_inline", "link_open", "image", "code_inline", "s_open"}, child


def test_hostile_names_are_text(made: dict[str, str], hostile: Results) -> None:
    texts = [shown(token) for token in parsed(made["hostile"]) if token.type == "inline"]
    everything = "\n".join(texts)
    for experiment in hostile.experiments:
        assert one_line(experiment.name) in everything
    assert "\n### " in made["hostile"]
    assert any(text.startswith("1. <script>alert(1)</script>") for text in texts)


def test_sql_stays_in_its_fence(made: dict[str, str], hostile: Results) -> None:
    fences = [token.content for token in parsed(made["hostile"]) if token.type == "fence"]
    assert fences == [f"{query.sql}\n" for query in hostile.provenance.queries]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("+1.9 % [+0.8, +3.0]", "+1.9 % [+0.8, +3.0]"),
        ("[−0.006, 1,234]", "[−0.006, 1,234]"),
        ("[1, 2](javascript:x)", "\\[1, 2\\](javascript:x)"),
        ("[1, 2]: x", "\\[1, 2\\]: x"),
        ("revenue_per_user ndcg@10", "revenue_per_user ndcg@10"),
        ("_x_ *y* @team", "\\_x\\_ \\*y\\* &#64;team"),
        ("a|b\nc", "a\\|b c"),
        ("1. one", "1\\. one"),
        ("- one", "\\- one"),
        ("---", "\\---"),
        ("# one", "\\# one"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("https://a.b www.a.b", "https&#58;//a.b www&#46;a.b"),
        ("$x$ `y` ~~z~~ ![i]", "\\$x\\$ \\`y\\` \\~\\~z\\~\\~ \\!\\[i\\]"),
        ("  ", "(blank)"),
        ("", ""),
    ],
)
def test_only_what_would_be_markup_is_escaped(text: str, written: str) -> None:
    assert escaped(text) == written


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_any_text_in_a_paragraph_or_a_cell_reads_back_as_itself(text: str) -> None:
    wanted = one_line(text)
    inlines = [shown(token) for token in parsed(f"{escaped(text)}\n") if token.type == "inline"]
    assert inlines == [wanted]
    cells = [
        shown(token)
        for token in parsed(f"| a | b |\n| --- | --- |\n| {escaped(text)} | x |\n")
        if token.type == "inline"
    ]
    assert cells == ["a", "b", wanted, "x"]
