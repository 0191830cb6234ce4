"""Where numbers come from: files, rows, statements and versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One input file: name as the study gives it, size in bytes, sha256 of its content, rows read."""

    source: str
    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSource:
    """One source of the study: the rows it gave, and those that were refused, by cause."""

    source: str
    rows: int
    rejected: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryText:
    """One compiled statement that ran: name, purpose, text ready to paste, hash of its template."""

    name: str
    purpose: str
    sql: str
    template_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the numbers come from."""

    abgap_version: str
    study_file: str
    study_sha256: str
    inputs: tuple[InputFile, ...]
    sources: tuple[InputSource, ...]
    queries: tuple[QueryText, ...]
    versions: Mapping[str, str]
