"""Starting Spark: in this process, on a cluster, or at the other end of Spark Connect.

What has to be the same everywhere is set here: UTC, timestamps without a zone, errors instead of silent nulls
(ANSI). What is missing is told in one sentence with what to install.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import socket
import tempfile
import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from abgap.errors import EngineError
from abgap.study import model

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_REMOTE = "sc://"
# Masters that are reached over the network, and where they listen when no port is named.
_PORTS = {"sc": 15002, "spark": 7077}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?) *([KMGTkmgt])(?:i?[bB])?")
_UNITS = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024 * 1024}
_PATIENCE = 10.0  # seconds
# Statements mean the same as on DuckDB only with these.
_MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    # ${...} in a text or a name of the study is no variable.
    "spark.sql.variable.substitute": "false",
    # Whether 007 in a folder's name is an id or a number is decided by the study.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}
_QUIET = {
    "spark.app.name": "abgap",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_INSTALL_SPARK = "pip install 'abgap[spark]'"
_INSTALL_JAVA = "install Java 17 (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME"


def start_session(settings: model.Engine) -> SparkSession:
    """A session for the settings of a study. Raises EngineError when something is missing, or it does not start."""
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise EngineError(
            f"the engine spark needs pyspark, which is not installed; {_INSTALL_SPARK}"
        ) from error
    # Nothing here goes through pandas.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    # Its errors become sentences of ours; without this each is logged as a page of JSON as well.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
    if not logging.root.handlers:
        # What is said when Ctrl-C cuts its connection would go to the terminal, because nobody else takes it.
        logging.root.addHandler(logging.NullHandler())
    master = settings.master or f"local[{settings.threads or '*'}]"
    _refuse_meanings(settings)
    _require_answer(master)
    if master.startswith(_REMOTE):
        return _connect(master, settings)
    if SparkSession.getActiveSession() is None:
        _require_java()
        _start_context(master, settings)
    session = SparkSession.builder.getOrCreate()
    for key, value in _MEANING.items():
        session.conf.set(key, value)
    return session


def _refuse_meanings(settings: model.Engine) -> None:
    """Refuse settings under which statements would mean something else."""
    for key in settings.settings:
        if key.lower() in {known.lower() for known in _MEANING}:
            raise EngineError(
                f"[engine] settings: {key!r} is set by abgap, because results depend on it; leave it away"
            )


def _require_answer(master: str) -> None:
    """Refuse a master on the network that nobody answers at: Spark itself would try again for minutes."""
    scheme, _, rest = master.partition("://")
    if scheme not in _PORTS:
        return
    places = [place for place in rest.split("/")[0].split(";")[0].split(",") if place]
    refused = [reason for place in places if (reason := _refusal(place, _PORTS[scheme])) is not None]
    if len(refused) == len(places):
        reason = refused[0] if refused else "it names no host"
        raise EngineError(f"nobody answers at {master}: {reason}; see [engine] master, or start Spark there")


def _refusal(place: str, usual_port: int) -> str | None:
    """Why no connection can be made to ``host:port``; None when it can."""
    try:
        address = urlsplit(f"//{place}")
        with socket.create_connection((address.hostname, address.port or usual_port), timeout=_PATIENCE):
            return None
    except (OSError, ValueError) as error:
        return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _connect(url: str, settings: model.Engine) -> SparkSession:
    from pyspark.errors import PySparkException  # noqa: PLC0415 - an optional part
    from pyspark.sql import SparkSession  # noqa: PLC0415

    try:
        session: SparkSession = SparkSession.builder.remote(url).getOrCreate()
    except ImportError as error:
        raise EngineError(
            f"a master of sc:// needs the parts of Spark Connect, which are not installed; {_INSTALL_SPARK}"
        ) from error
    except PySparkException as error:
        shown = str(error).strip().splitlines()[0]
        raise EngineError(f"Spark Connect at {url} does not answer: {shown}; see [engine] master") from error
    for key, value in (_MEANING | settings.settings).items():
        try:
            session.conf.set(key, value)
        except PySparkException as error:
            raise EngineError(
                f"Spark Connect at {url} does not take the setting {key!r}; set it where that server is started"
            ) from error
    return session


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    in_home = home is not None and shutil.which("java", path=str(Path(home) / "bin")) is not None
    if not in_home and shutil.which("java") is None:
        raise EngineError(f"the engine spark needs Java, which is not installed; {_INSTALL_JAVA}")


def _start_context(master: str, settings: model.Engine) -> None:
    from py4j.protocol import Py4JError  # noqa: PLC0415 - an optional part
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415
    from pyspark.errors import PySparkException  # noqa: PLC0415
    from pyspark.java_gateway import launch_gateway  # noqa: PLC0415

    conf = SparkConf().setMaster(master).setAll(list(_options(master, settings).items()))
    # What Java logs is no message for the user; its last words are, when it does not start.
    with tempfile.TemporaryFile() as log:
        try:
            running = SparkContext._gateway  # noqa: SLF001 - a second start in one process has to reuse it
            gateway = running or launch_gateway(conf, {"stderr": log})  # type: ignore[no-untyped-call]
            SparkContext(conf=conf, gateway=gateway)
        except (PySparkException, Py4JError, OSError) as error:
            last = _last_line(log) or str(error).strip().splitlines()[0]
            raise EngineError(
                f"Spark did not start on {master}: {last}; see [engine], and its options"
            ) from error


def _options(master: str, settings: model.Engine) -> dict[str, str]:
    # Spark makes a folder for tables of its own where it is started, though abgap makes none.
    tables = tempfile.mkdtemp(prefix="abgap-spark-")
    atexit.register(shutil.rmtree, tables, ignore_errors=True)
    options = _MEANING | _QUIET | {"spark.sql.warehouse.dir": tables}
    if master.startswith("local"):
        options |= {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            # One machine is soon done with a piece; a cluster keeps Spark's own number.
            "spark.sql.shuffle.partitions": str(settings.threads or os.cpu_count() or 2),
        }
    if settings.memory_limit is not None:
        options["spark.driver.memory"] = f"{_megabytes(settings.memory_limit)}m"
    if settings.temp_directory is not None:
        options["spark.local.dir"] = settings.temp_directory
    return options | settings.settings


def _megabytes(limit: str) -> int:
    """An amount such as 4.5GB in whole megabytes, which is how Java is told of it."""
    found = _AMOUNT.fullmatch(limit.strip())
    amount = int(float(found[1]) * _UNITS[found[2].lower()]) if found else 0
    if amount < 1:
        raise EngineError(
            f"[engine] memory_limit: {limit!r} is not an amount of memory; write it like '4GB' or '512MB'"
        )
    return amount


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    said = [line for line in lines if "rror" in line or "xception" in line]
    return (said or lines or [""])[-1].strip()
