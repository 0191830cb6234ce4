"""The engine that a study names, opened."""

from __future__ import annotations

from pathlib import Path

from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.protocol import Engine
from abgap.study import model


def open_engine(settings: model.Engine, directory: Path) -> Engine:
    """The engine of a study whose paths are relative to ``directory``; all it holds is gone at the end.

    Raises EngineError when it is not installed, or does not start.
    """
    if settings.name == "spark":
        from abgap.engine.portable_catalogue import check_catalogue  # noqa: PLC0415 - DuckDB needs no parser
        from abgap.engine.spark_session import start_session  # noqa: PLC0415 - an optional part

        check_catalogue()
        session = start_session(settings)
        from abgap.engine.spark import SparkEngine  # noqa: PLC0415 - importable now

        return SparkEngine(session)
    return DuckDBEngine(
        directory=directory,
        threads=settings.threads,
        memory_limit=settings.memory_limit,
        temp_directory=settings.temp_directory,
    )
