"""``abgap report`` with Spark in its own process, and with Spark at the other end of a connection."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from abgap.errors import ExitCode
from tests.spark.conftest import QUICK

pytestmark = [
    pytest.mark.spark,
]

START = 60.0  # seconds in which a server has to answer
REPORT = (sys.executable, "-m", "abgap", "report", "--no-cache")
Results: TypeAlias = Callable[..., Any]


@pytest.fixture(scope="module")
def connect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Spark Connect server of our own."""
    pytest.importorskip("grpc", reason="no parts of Spark Connect here: pip install 'abgap[spark]'")
    home = Path(pytest.importorskip("pyspark").__file__).parent
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = QUICK | {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": port,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
    }
    command = [str(home / "bin" / "spark-submit"), "--master", "local[2]"]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    command += [part for key, value in options.items() for part in ("--conf", f"{key}={value}")]
    folder = tmp_path_factory.mktemp("connect")
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, "spark-internal"],
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**os.environ, "SPARK_HOME": str(home)},
        )
        try:
            if not answers(port, server):
                pytest.skip(f"no Spark Connect here: {(folder / 'log').read_text()[-300:]}")
            yield f"sc://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(START)


def answers(port: int, server: subprocess.Popen[bytes]) -> bool:
    """Whether somebody listens on the port before the server ends or patience does."""
    until = time.monotonic() + START
    while server.poll() is None and time.monotonic() < until:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.2)
    return False


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What ``abgap report`` finds, without where and of what it was made; Spark starts with settings for small data."""
    folder = tmp_path_factory.mktemp("reports")
    defaults = "".join(f"{key} {value}\n" for key, value in QUICK.items())
    (folder / "spark-defaults.conf").write_text(defaults, encoding="utf-8")
    environment = {**os.environ, "SPARK_CONF_DIR": str(folder)}

    def run(study: Path, *options: str) -> Any:
        out = Path(tempfile.mkdtemp(dir=folder))
        command = [*REPORT, "--study", str(study), "--out", str(out), *options]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=300, env=environment
        )
        assert done.returncode == 0, done.stderr
        found = json.loads((out / "results.json").read_text(encoding="utf-8"))
        for key in ("study_file", "study_sha256"):
            del found["provenance"][key]
        return found

    return run


@pytest.fixture(scope="module")
def on_duckdb(results: Results, ready_made: Path) -> Any:
    """The results to find."""
    return results(ready_made)


def test_a_report_made_on_spark_has_the_numbers_of_duckdb(
    results: Results, ready_made: Path, on_duckdb: Any, different: Callable[[Any, Any], list[str]]
) -> None:
    pytest.importorskip("pyspark")
    on_spark = results(ready_made, "--engine", "spark", "--threads", "2")
    assert different(on_duckdb, on_spark) == []


def test_a_report_made_through_spark_connect_has_the_numbers_of_duckdb(
    results: Results,
    ready_made: Path,
    on_duckdb: Any,
    different: Callable[[Any, Any], list[str]],
    connect_server: str,
) -> None:
    study = ready_made.with_name("connected.toml")
    engine = f'[engine]\nname = "spark"\nmaster = "{connect_server}"\n\n'
    study.write_text(engine + ready_made.read_text(encoding="utf-8"), encoding="utf-8")
    assert different(on_duckdb, results(study)) == []


def test_ctrl_c_while_spark_works_ends_with_its_own_code(sample: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    scratch, out = tmp_path / "scratch", tmp_path / "out"
    scratch.mkdir()
    command = [*REPORT, "--engine", "spark", "--threads", "1"]
    with subprocess.Popen(
        [*command, "--study", str(sample), "--out", str(out), "--temp-directory", str(scratch)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        until = time.monotonic() + START
        while not any(scratch.iterdir()) and time.monotonic() < until:
            time.sleep(0.1)
        # Spark has begun; the study takes it far longer than this.
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=START)[1]
    assert process.returncode == ExitCode.INTERRUPTED, said
    assert said.split() == ["interrupted"]
    assert not out.exists()
