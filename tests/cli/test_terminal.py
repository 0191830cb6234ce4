"""In a terminal: widths, colours, progress, the prompt, and Ctrl-C."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from abgap.cli import progress
from abgap.cli.progress import Progress
from abgap.cli.terminal import Terminal, columns

Terminals: TypeAlias = Callable[..., Any]


@pytest.fixture
def abgap_wide(abgap_in: Terminals, monkeypatch: pytest.MonkeyPatch) -> Terminals:
    """Run a command in this process, as if stdout were a terminal of a given width."""

    def run(folder: Path, *arguments: str | Path, columns: int = 120, **more: str) -> Any:
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm-256color", "COLUMNS": str(columns), **more}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
        return abgap_in(folder, *arguments)

    return run


def lines_of(text: str) -> list[str]:
    return text.splitlines()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_scorecard_fits_the_terminal_and_says_what_it_leaves_out(
    width: int, abgap_wide: Terminals, parquet_study: Path
) -> None:
    titles = {
        "metric",
        "role",
        "arm",
        "control",
        "treatment",
        "lift",
        "95% interval",
        "p",
        "adjusted",
        "MDE",
        "reading",
    }
    shown = abgap_wide(parquet_study, "analyze", "ranker", columns=width)
    assert shown.code == 0
    assert max(map(len, lines_of(shown.plain))) <= width
    (head,) = [line for line in lines_of(shown.plain) if line.startswith("metric ")]
    there = set(re.split(r" {2,}", head.strip()))
    noted = re.search(r"\(no room for: (.*)\)", shown.plain)
    left_out = set(noted[1].split(", ")) if noted else set()
    assert there | left_out == titles
    assert there & left_out == set()
    assert {"metric", "lift", "95% interval"} <= there
    assert (left_out == set()) == (width == 200)
    assert "…" not in shown.plain.partition("metric ")[2]  # no number is cut
    (row,) = [line for line in lines_of(shown.plain) if line.startswith("conversion ")]
    assert re.search(r"\[[+−]\d[\d.]*, [+−]\d[\d.]*\]", row)


def test_a_sentence_that_wraps_stays_to_the_right_of_its_sign(
    abgap_wide: Terminals, parquet_study: Path
) -> None:
    shown = abgap_wide(parquet_study, "check", columns=60).plain
    wrapped = [line for line in lines_of(shown) if line.startswith("    ")]
    assert wrapped
    assert all(line[:3] in {"  ✓", "  !", "  ·", "   "} for line in lines_of(shown) if line.startswith(" "))


def test_colours_are_for_terminals_that_want_them(
    abgap_wide: Terminals, abgap_in: Terminals, parquet_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b[32m" in abgap_wide(parquet_study, "gap").out
    plain = abgap_wide(parquet_study, "gap", NO_COLOR="1")
    assert re.findall(r"\x1b\[[\d;]*3\dm", plain.out) == []
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    piped = abgap_in(parquet_study, "gap")
    assert "\x1b" not in piped.out + piped.err
    assert plain.plain.split() == piped.out.split()


def test_in_a_pipe_a_sentence_is_one_line(abgap_in: Terminals, parquet_study: Path) -> None:
    shown = abgap_in(parquet_study, "check").out
    assert max(map(len, lines_of(shown))) > 120
    assert all(line == line.rstrip() for line in lines_of(shown))


def test_names_that_would_steer_the_terminal_are_shown_harmless(
    abgap_wide: Terminals, tmp_path: Path
) -> None:
    hostile = "a\\u001b]0;owned\\u0007\\u001b[2J\\u202e\\r\\nb"
    users = "\n".join(
        f'"{hostile}",u{i},{"AB"[i % 2]},{i % 5}'.encode().decode("unicode_escape") for i in range(200)
    )
    (tmp_path / "users.csv").write_bytes(f"experiment,user,variant,spend\n{users}\n".encode())
    (tmp_path / "scores.csv").write_text("model,metric,value\nold,m,0.5\nnew,m,0.6\n")
    (tmp_path / "abgap.toml").write_text(
        '[unit_values]\npath = "users.csv"\n'
        'columns = { experiment = "experiment", unit = "user", variant = "variant" }\n'
        f'[experiments."{hostile}"]\ncontrol = "A"\nmodels = {{ A = "old", B = "new" }}\n'
        f'[metrics."{hostile}"]\nkind = "mean"\nvalue = "spend"\nrole = "primary"\n'
        '[offline.scores]\npath = "scores.csv"\ncolumns = { model = "model", metric = "metric", value = "value" }\n'
        f'[gap]\noffline = ["m"]\nbusiness = ["{hostile}"]\n'
    )
    for command in ("check", "analyze", "offline", "gap", "portfolio"):
        shown = abgap_wide(tmp_path, command)
        assert shown.code == 0, shown.err
        assert set(re.findall(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", shown.plain)) == set(), command
        assert command == "offline" or "a\ufffd]0;owned\ufffd\ufffd[2J\ufffd\ufffd\ufffdb" in shown.plain


def test_a_wide_table_of_sql_gives_up_its_last_columns(abgap_wide: Terminals, parquet_study: Path) -> None:
    shown = abgap_wide(parquet_study, "sql", "FROM exposures LIMIT 1", columns=50).plain
    assert lines_of(shown)[0].split() == ["experiment", "unit", "variant", "at"]
    assert "(no room for: device)" in shown


def test_a_table_that_cannot_give_up_more_folds_its_words() -> None:
    out = Terminal()
    out._console.width = 20
    out.table(columns("name", ">n"), [["a long name that does not fit", "1,234,567"]])
    text = out.text()
    assert "1,234,567" in text
    assert max(map(len, lines_of(text))) <= 20


def test_progress_shows_after_a_while_is_rewritten_and_leaves_nothing(
    abgap_terminal: Terminals, parquet_study: Path
) -> None:
    slow = "SELECT count(*) AS n FROM range(1000000000000) t(i) WHERE i % 7 = 3"
    typist = abgap_terminal(parquet_study, "sql", slow)
    shown = typist.read("running the statement ... ") + typist.read("statement\r")
    assert re.search(r"\r\x1b\[Krunning the statement \.\.\. \d+ s, \d+% of this statement\r", shown)
    typist.type("\x03")
    ended = typist.end()
    assert ended.code == 130
    assert re.search(r"\r\x1b\[K\n?interrupted\n$", ended.out)
    assert "Traceback" not in ended.out


@pytest.mark.parametrize("more", [{"TERM": "dumb"}, {}])
def test_progress_is_for_terminals_that_can_rewrite_a_line(
    more: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_SILENT_SECONDS", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: bool(more), raising=False)
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    with Progress(quiet=False) as say:
        say("working")
    assert capsys.readouterr().err == ""


def test_progress_fits_one_line_and_hides_what_a_name_would_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_SILENT_SECONDS", 0.0)
    monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0.001)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    with Progress(quiet=False) as say:
        say("reading \x1b[2J" + "x" * 100)
        time.sleep(0.1)
    drawn = capsys.readouterr().err.split("\r\x1b[K")
    assert drawn[-1] == ""
    assert any("reading \ufffd[2Jxxx" in text for text in drawn)
    assert max(map(len, drawn)) < 30
    with Progress(quiet=True) as say:
        say("nothing")
    assert capsys.readouterr().err == ""


def test_the_prompt_answers_explains_itself_and_goes_on_after_mistakes(
    abgap_terminal: Terminals, parquet_study: Path
) -> None:
    typist = abgap_terminal(parquet_study, "sql")
    banner = typist.read("abgap> ")
    assert "exposures, events, offline_scores" in banner
    typist.type("SELECT count(*) AS users\nFROM exposures;\n")
    assert "1200" in typist.read("abgap> ")
    typist.type("SELECT ';\n' AS t, 7 * 6 AS n;\n")
    assert "42" in typist.read("abgap> ")
    typist.type("SELEC 1;\n")
    assert 'sql: syntax error at or near "SELEC"' in typist.read("abgap> ")
    typist.type("COPY moments TO 'x.csv';\n")
    assert "it is a COPY statement" in typist.read("abgap> ")
    typist.type("\\d\n")
    assert "unit_outcomes\r\n" in typist.read("abgap> ")
    typist.type("\\d gaps\n")
    assert "verdict" in typist.read("abgap> ")
    typist.type("\\x\n")
    assert "leaves" in typist.read("abgap> ")
    typist.type("\\q\n")
    assert typist.end().code == 0


def test_ctrl_c_drops_a_statement_and_ctrl_d_leaves(abgap_terminal: Terminals, parquet_study: Path) -> None:
    typist = abgap_terminal(parquet_study, "sql", "--format", "csv")
    typist.read("abgap> ")
    typist.type("SELECT half\n")
    typist.read("     > ")
    typist.type("\x03")
    typist.read("abgap> ")
    typist.type("SELECT count(*) AS n FROM range(1000000000000) t(i) WHERE i % 7 = 3;\n")
    typist.read(";")
    time.sleep(0.7)
    typist.type("\x03")
    typist.read("abgap> ")
    typist.type("SELECT 41 + 1 AS n;\n")
    assert "42" in typist.read("abgap> ")
    typist.type("\x04")
    assert typist.end().code == 0


def test_a_prompt_keeps_its_words_out_of_a_file(
    parquet_study: Path, abgap_terminal: Terminals, tmp_path: Path
) -> None:
    out = tmp_path / "rows.csv"
    script = tmp_path / "run.sh"
    script.write_text(f"{shlex.quote(sys.executable)} -m abgap sql --format csv > {shlex.quote(str(out))}\n")
    typist = abgap_terminal(parquet_study, script=script)
    typist.read("abgap> ")
    typist.type("\n")
    typist.read("abgap> ")
    typist.type("SELECT 1 AS n;\n")
    typist.read("abgap> ")
    typist.type("\\q\n")
    assert typist.end().code == 0
    assert out.read_text() == "n\n1\n"
