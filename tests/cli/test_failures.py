"""What ends a command early: one sentence, the right exit code, nothing half-written, and no traceback."""

from __future__ import annotations

import builtins
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from abgap.cli import failures
from abgap.cli.output import atomic_write, tell
from abgap.errors import ExitCode, UsageError
from abgap.pipeline.analysis import Analysis

Abgap: TypeAlias = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chekc"], "No such command 'chekc'. Did you mean 'check'?"),
        (["zzz"], "There are: demo, init, check"),
        (["check", "--jsn"], "No such option '--jsn'. Did you mean '--json'?"),
        (["check", "--fail-on", "always"], "'always' is not one of 'fail', 'warn', 'never'"),
        (["export", "moments"], "Missing option '--out'"),
        (["init"], "Missing argument 'FILES...'"),
        (["schema", "studie"], "'studie' is not one of 'study', 'results'"),
    ],
)
def test_a_mistake_on_the_command_line_is_said_and_ends_with_2(
    arguments: list[str], said: str, abgap_in: Abgap, tmp_path: Path
) -> None:
    shown = abgap_in(tmp_path, *arguments)
    assert (shown.code, shown.out) == (2, "")
    assert said in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["chekc", "--json"], "No such command 'chekc'. Did you mean 'check'?", "see `abgap --help`"),
        (["check", "--json", "--zzz"], "No such option '--zzz'.", "see `abgap check --help`"),
        (["export", "moments", "--json"], "Missing option '--out'.", "see `abgap export --help`"),
    ],
)
def test_with_json_a_mistake_on_the_command_line_is_a_document_on_stderr(
    arguments: list[str], message: str, hint: str, abgap_in: Abgap, tmp_path: Path
) -> None:
    shown = abgap_in(tmp_path, *arguments)
    assert (shown.code, shown.out) == (2, "")
    assert shown.error == {"code": "usage", "message": message, "hint": hint}


def test_json_after_two_dashes_is_no_option(abgap_in: Abgap, tmp_path: Path) -> None:
    assert abgap_in(tmp_path, "analyze", "--", "--json").err.startswith("abgap: no abgap.toml")


def test_no_study_says_how_to_get_one(abgap_in: Abgap, tmp_path: Path) -> None:
    shown = abgap_in(tmp_path, "check")
    assert shown.code == 2
    assert "no abgap.toml in" in shown.err
    assert "hint: name one with --study, or write a first one with `abgap init FILES`" in shown.err
    named = abgap_in(tmp_path, "check", "--study", "nope.toml", "--json")
    assert named.code == 2
    assert named.error["code"] == "usage"
    assert "nope.toml" in named.error["message"]


def test_all_problems_of_a_study_are_listed_in_words_and_as_json(abgap_in: Abgap, tmp_path: Path) -> None:
    (tmp_path / "abgap.toml").write_text("[study]\nalpa = 0.1\n[metrics.m]\nkind = 'avg'\n")
    words = abgap_in(tmp_path, "check")
    assert words.code == 2
    assert "study.alpa" in words.err
    assert "metrics.m.kind" in words.err
    error = abgap_in(tmp_path, "check", "--json").error
    assert error["code"] == "study"
    assert {"study.alpa", "metrics.m.kind"} <= {problem["path"] for problem in error["problems"]}
    assert "\n" not in error["message"]


@pytest.mark.parametrize("command", ["analyze", "gap"])
def test_an_unknown_experiment_names_the_nearest(command: str, abgap_in: Abgap, parquet_study: Path) -> None:
    shown = abgap_in(parquet_study, command, "rankr")
    assert shown.code == 2
    assert shown.err == (
        "abgap: there is no experiment 'rankr'; did you mean 'ranker'?\n  hint: the study has: ranker, layout\n"
    )


def test_of_thousands_of_experiments_only_some_are_named(abgap_in: Abgap, tmp_path: Path) -> None:
    names = [f"e{i}" for i in range(3000)]
    rows = [f"{name},{arm},10,3" for name in names for arm in "AB"]
    (tmp_path / "m.csv").write_text("\n".join(["experiment,variant,n,sum", *rows]))
    (tmp_path / "e.csv").write_text("\n".join(["experiment,control", *(f"{name},A" for name in names)]))
    (tmp_path / "abgap.toml").write_text(
        '[moments]\npath = "m.csv"\ncolumns = { metric = { value = "clicks" } }\n'
        '[experiments]\npath = "e.csv"\ncolumns = { experiment = "experiment", control = "control" }\n'
        '[metrics.clicks]\nkind = "proportion"\n'
    )
    shown = abgap_in(tmp_path, "analyze", "zzz")
    assert shown.code == 2
    assert len(shown.err) < 300
    assert "and 2,985 more" in shown.err


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("fail", 1), ("warn", 1)])
@pytest.mark.parametrize("command", ["check", "analyze", "gap"])
def test_a_failed_check_ends_with_1_when_asked_to(
    command: str, fail_on: str, code: int, abgap_in: Abgap, broken_split: Path
) -> None:
    shown = abgap_in(broken_split, command, "--fail-on", fail_on)
    assert shown.code == code
    assert shown.out
    assert ("exit code 1 for sample_ratio of mail" in shown.err) == (code == 1)
    as_json = abgap_in(broken_split, command, "--fail-on", fail_on, "--json")
    assert (as_json.code, as_json.err) == (code, "")
    assert as_json.json["schema_version"] == "1"


def test_a_check_of_another_experiment_does_not_count(abgap_in: Abgap, broken_split: Path) -> None:
    assert abgap_in(broken_split, "analyze", "page", "--fail-on", "fail").code == 0
    assert abgap_in(broken_split, "analyze", "mail", "--fail-on", "fail").code == 1


def test_check_fails_by_default_and_the_report_does_not(
    abgap_in: Abgap, broken_split: Path, tmp_path: Path
) -> None:
    assert abgap_in(broken_split, "check").code == 1
    assert abgap_in(broken_split, "report", "--out", tmp_path).code == 0
    assert abgap_in(broken_split, "report", "--out", tmp_path, "--fail-on", "fail").code == 1


@pytest.fixture(scope="module")
def broken_split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two experiments; of the first, too many users are in one arm."""
    folder = tmp_path_factory.mktemp("broken")
    rows = [f"mail,m{i},{'A' if i < 700 else 'B'},{i % 3}" for i in range(1000)]
    rows += [f"page,p{i},{'AB'[i % 2]},{i % 3}" for i in range(1000)]
    (folder / "users.csv").write_text("\n".join(["experiment,user,variant,orders", *rows]))
    experiments = "".join(
        f'[experiments.{name}]\ncontrol = "A"\ntreatments = ["B"]\nsplit = {{ A = 0.5, B = 0.5 }}\n'
        'models = { A = "old", B = "new" }\n'
        for name in ("mail", "page")
    )
    (folder / "abgap.toml").write_text(
        '[unit_values]\npath = "users.csv"\n'
        'columns = { experiment = "experiment", unit = "user", variant = "variant" }\n'
        f'{experiments}[metrics.orders]\nkind = "mean"\nvalue = "orders"\nrole = "primary"\n'
        '[gap]\noffline = ["ndcg"]\nbusiness = ["orders"]\n'
        '[offline.scores]\npath = "scores.csv"\n'
        'columns = { model = "model", metric = "metric", value = "value" }\n'
    )
    (folder / "scores.csv").write_text("model,metric,value\nold,ndcg,0.5\nnew,ndcg,0.6\n")
    return folder


@pytest.mark.parametrize("command", ["export", "init", "sql"])
def test_a_file_that_is_there_is_replaced_only_with_force(
    command: str, abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    out = tmp_path / ("abgap.toml" if command == "init" else "m.parquet")
    out.write_text("mine")
    study = ("--study", parquet_study / "abgap.toml")
    arguments = {
        "export": ("export", "moments", *study, "--out", out),
        "init": ("init", parquet_study / "exposures.parquet", "--control", "A", "--out", out),
        "sql": ("sql", "SELECT 1 AS x", *study, "--out", out),
    }[command]
    shown = abgap_in(tmp_path, *arguments)
    assert shown.code == 2
    assert "is there already; name another file" in shown.err
    assert out.read_text() == "mine"
    assert abgap_in(tmp_path, *arguments, "--force").code == 0
    assert out.read_bytes() != b"mine"


@pytest.mark.parametrize("command", ["report", "demo"])
def test_a_folder_that_cannot_be_written_is_said_before_the_work(
    command: str, abgap_in: Abgap, tmp_path: Path, parquet_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    study = ("--study", parquet_study / "abgap.toml") if command == "report" else ()
    monkeypatch.setattr(Analysis, "gaps", property(lambda _: pytest.fail("worked in vain")))
    is_file = abgap_in(tmp_path, command, *study, "--out", "file")
    assert is_file.code == 2
    assert "is a file" in is_file.err
    below = abgap_in(tmp_path, command, *study, "--out", "file/report")
    assert (below.code, below.out) == (2, "")
    assert "is not a folder; name another one with --out" in below.err
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    denied = abgap_in(tmp_path, command, *study, "--out", "report")
    assert denied.code == 2
    assert "no permission for" in denied.err
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_in_a_folder_that_is_not_there_is_said(
    abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    shown = abgap_in(parquet_study, "export", "moments", "--out", tmp_path / "no" / "m.parquet")
    assert shown.code == 2
    assert "there is no folder" in shown.err


def test_moments_have_two_formats(abgap_in: Abgap, parquet_study: Path, tmp_path: Path) -> None:
    shown = abgap_in(parquet_study, "export", "moments", "--out", tmp_path / "m.xlsx")
    assert shown.code == 2
    assert "written as .parquet or .csv" in shown.err


def test_data_that_cannot_be_read_end_with_3(abgap_in: Abgap, tmp_path: Path) -> None:
    shown = abgap_in(tmp_path, "init", "nope.csv", "--json")
    assert shown.code == 3
    assert shown.error["code"] == "data"
    assert "nope.csv" in shown.error["message"]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_bug_is_one_sentence_and_70_and_its_traceback_needs_debug(
    abgap_in: Abgap, parquet_study: Path, monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    monkeypatch.setattr(Analysis, "gaps", property(lambda _: dict[str, int]()["missing"]))
    more = ["--json"] if as_json else []
    shown = abgap_in(parquet_study, "portfolio", *more)
    assert (shown.code, shown.out) == (70, "")
    message = shown.error["message"] if as_json else shown.err
    assert "this should not have happened: KeyError: 'missing' (test_failures.py, line" in message
    assert "please report it as a bug of abgap" in shown.err
    assert "ABGAP_DEBUG=1" in shown.err
    assert "Traceback" not in shown.err
    monkeypatch.setenv("ABGAP_DEBUG", "1")
    assert "Traceback" in abgap_in(parquet_study, "portfolio", *more).err


def test_a_missing_part_ends_with_4(
    abgap_in: Abgap, parquet_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = builtins.__import__

    def without_rich(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".", maxsplit=1)[0] == "rich":
            raise ModuleNotFoundError("No module named 'rich'", name="rich")
        return plain(name, *rest, **more)

    for name in [n for n in sys.modules if n.split(".")[0] == "rich" or n.startswith("abgap.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_rich)
    shown = abgap_in(parquet_study, "portfolio")
    assert shown.code == 4
    assert "a part that abgap needs is missing: No module named 'rich'" in shown.err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError(), ExitCode.ENGINE, "out of memory"),
        (OSError(28, "No space left on device", "x.html"), ExitCode.USAGE, "x.html: No space left on device"),
        (ImportError("no abgap.nope", name="abgap.nope"), ExitCode.INTERNAL, "should not have happened"),
        (RuntimeError("Query interrupted"), ExitCode.INTERRUPTED, "interrupted"),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, "interrupted"),
        (UsageError("a\x1b[2Jb", hint="c\x07d"), ExitCode.USAGE, "abgap: a\ufffd[2Jb\n  hint: c\ufffdd\n"),
    ],
)
def test_every_other_end_has_its_words(
    error: BaseException, code: ExitCode, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise error

    assert failures.run(command, []) == code
    assert said in capsys.readouterr().err


def test_a_chain_of_causes_that_leads_back_to_itself_has_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first

    def command() -> None:
        raise first

    assert failures.run(command, []) == ExitCode.INTERNAL
    assert "ValueError: first" in capsys.readouterr().err


def test_control_characters_of_names_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    tell("a\x1b]0;title\x07b\u202ec\u200dd\re\nnext")
    assert capsys.readouterr().err == "a\ufffd]0;title\ufffdb\ufffdc\u200dd\ufffde\nnext\n"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        _write_half(out)
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]
    assert out.read_text() == "old"
    with atomic_write(out) as path:
        path.write_text("new")
    assert out.read_text() == "new"


def _write_half(out: Path) -> None:
    with atomic_write(out) as path:
        path.write_text("half")
        path.with_suffix(".wal").write_text("what the engine keeps beside")
        raise KeyboardInterrupt


@pytest.mark.parametrize("what", ["moments", "database"])
def test_an_export_that_fails_leaves_nothing(
    what: str, abgap_in: Abgap, parquet_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "estimates" if what == "database" else "moments"

    def fail(_: Analysis) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Analysis, name, property(fail))
    out = tmp_path / "out.parquet"
    shown = abgap_in(parquet_study, "export", what, "--out", out)
    assert shown.code == 2
    assert "No space left on device" in shown.err
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_that_is_closed_is_no_error_and_hides_no_failed_gate(broken_split: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(failures.__file__).parents[2])}
    for arguments, code in (
        (["check"], 1),
        (["sql", "SELECT i FROM range(3000000) t(i)", "--format", "csv"], 0),
    ):
        process = subprocess.Popen(
            [sys.executable, "-m", "abgap", *arguments],
            cwd=broken_split, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(timeout=60)
        assert process.returncode == code
        assert b"Traceback" not in err
        assert b"BrokenPipe" not in err
        assert b"Exception" not in err


@pytest.mark.parametrize(
    ("closed", "arguments", "code"),
    [
        ("<&-", ["sql"], 3),
        (">&-", ["portfolio"], 0),
        ("2>&-", ["analyze", "nope"], 2),
    ],
)
def test_a_stream_that_is_closed_from_the_start_is_done_without(
    closed: str, arguments: list[str], code: int, broken_split: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(failures.__file__).parents[2])}
    words = shlex.join([sys.executable, "-m", "abgap", *arguments])
    ended = subprocess.run(
        ["sh", "-c", f"{words} {closed}"],
        cwd=broken_split, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == code, ended.stderr
    assert "should not have happened" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_output_that_cannot_be_written_is_said(broken_split: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(failures.__file__).parents[2])}
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "abgap", "portfolio"],
            cwd=broken_split, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr == "abgap: cannot write the output: No space left on device\n"


def test_an_encoding_without_the_signs_is_no_error(broken_split: Path, abgap_process: Abgap) -> None:
    shown = abgap_process(broken_split, "gap", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert shown.code == 0
    assert "\\xd7" in shown.out


def test_ctrl_c_ends_a_long_query_with_130_and_leaves_no_file(broken_split: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(failures.__file__).parents[2])}
    out = tmp_path / "rows.csv"
    process = subprocess.Popen(
        [sys.executable, "-m", "abgap", "sql", "SELECT i FROM range(10000000000) t(i) WHERE i % 1000 = 7",
         "--study", str(broken_split / "abgap.toml"), "--out", str(out)],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    ends = time.monotonic() + 60
    while not list(tmp_path.glob(".abgap-*/rows.csv")) and time.monotonic() < ends:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    shown, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (shown, err.strip()) == ("", "interrupted")
    assert list(tmp_path.iterdir()) == []
