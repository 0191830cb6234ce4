"""Opening a study for a command, picking an experiment of it, and the exit code that its checks call for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from abgap.cli.options import noted
from abgap.cli.output import tell
from abgap.cli.progress import Progress
from abgap.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from abgap.pipeline.analysis import Analysis
    from abgap.pipeline.cache import Cache
    from abgap.records import Check
    from abgap.study.load import LoadedStudy

_NAMES_SHOWN = 15


@contextmanager
def analysis_of(
    study_file: Path | None,
    *,
    quiet: bool,
    in_engine: bool = False,
    in_words: bool = False,
    changed: Callable[[LoadedStudy], LoadedStudy] = lambda loaded: loaded,
) -> Iterator[Analysis]:
    """Load the study and open its analysis; progress shows until the block ends.

    in_engine: whether the tables of the stages are needed too, and not only what came out of them; then
    everything is computed. in_words: whether findings will be shown. changed: the study that is analysed in its place.
    """
    from abgap.engine.waiting import load_meanwhile  # noqa: PLC0415
    from abgap.pipeline.analysis import open_analysis  # noqa: PLC0415 - commands load what they need, when they run
    from abgap.study.load import find_study, load_study  # noqa: PLC0415

    loaded = changed(_as_asked(load_study(study_file if study_file is not None else find_study(Path.cwd()))))
    cache = None if in_engine or noted("no_cache") else _cache()
    with (
        Progress(quiet=quiet) as progress,
        open_analysis(loaded, progress=progress, cache=cache) as analysis,
        progress.watching(analysis.engine.share_done),
    ):
        if in_words:
            load_meanwhile("abgap.cli.findings")
        yield analysis


def _as_asked(loaded: LoadedStudy) -> LoadedStudy:
    """The study with the engine's settings of the command line in place of its own."""
    asked = {name: noted(name) for name in ("threads", "memory_limit", "temp_directory")}
    asked["name"] = noted("engine")
    engine = loaded.study.engine.model_copy(update={k: v for k, v in asked.items() if v is not None})
    return replace(loaded, study=loaded.study.model_copy(update={"engine": engine}))


def _cache() -> Cache:
    from abgap.pipeline.cache import Cache, cache_folder  # noqa: PLC0415

    return Cache(cache_folder(), note=lambda text: tell(f"abgap: {text}"))


def chosen(experiment: str | None, declared: Collection[str]) -> set[str]:
    """The experiments to show: the one that is asked for, else all. Raises UsageError when there is none."""
    if not declared:
        raise UsageError(
            "the study has no experiments; `abgap offline` evaluates its models, `abgap portfolio` compares "
            "ready-made effects"
        )
    if experiment is None:
        return set(declared)
    if experiment in declared:
        return {experiment}
    raise unknown("experiment", experiment, declared, has="the study has")


def unknown(what: str, name: str, known: Collection[str], *, has: str) -> UsageError:
    """A name that is not known, with the nearest one, and the others as far as they can be read."""
    near = difflib.get_close_matches(name, known, n=1)
    nearest = f"; did you mean {near[0]!r}?" if near else ""
    shown = ", ".join(list(known)[:_NAMES_SHOWN])
    more = f" and {len(known) - _NAMES_SHOWN:,} more" if len(known) > _NAMES_SHOWN else ""
    return UsageError(f"there is no {what} {name!r}{nearest}", hint=f"{has}: {shown}{more}")


def checks_of(checks: Iterable[Check], experiments: Collection[str]) -> tuple[Check, ...]:
    """The checks of these experiments, and those of whole sources."""
    return tuple(c for c in checks if c.experiment is None or c.experiment in experiments)


def gate(checks: Iterable[Check], fail_on: str, *, as_json: bool) -> ExitCode:
    """The exit code that the checks call for; a sentence on stderr says why it is not 0."""
    from abgap.records import Status  # noqa: PLC0415 - only when there are results

    bad = {"fail": {Status.FAIL}, "warn": {Status.FAIL, Status.WARN}, "never": set()}[fail_on]
    found = [check for check in checks if check.status in bad]
    if not found:
        return ExitCode.OK
    if not as_json:
        first = f"{found[0].name} of {found[0].experiment or 'a source'}"
        more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
        tell(f"abgap: exit code 1 for {first}{more} (--fail-on {fail_on})")
    return ExitCode.GATE_FAILED
