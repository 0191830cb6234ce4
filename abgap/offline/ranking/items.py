"""Reads [offline.items]: what items cost, what kind they are, how popular they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Relation, reading
from abgap.engine.values import mapped_number
from abgap.errors import DataError
from abgap.sources.columns import mapped_text, plain_names
from abgap.study.model import Study

ITEMS = "offline.items"


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """What is known of items; nothing when they are not declared. popularity: the sum over all items."""

    relations: Mapping[str, Relation] = field(default_factory=dict)
    count: int = 0
    priced: int = 0
    grouped: int = 0
    popular: int = 0
    largest_price: float = 0.0
    popularity: float = 0.0

    @property
    def has_popularity(self) -> bool:
        """Whether some item says how popular it is."""
        return self.popular > 0


def open_items(engine: Engine, study: Study, directory: Path) -> Items:
    """Make the view ``offline_items``. Raises DataError when an item stands twice, or a number is none."""
    source = study.offline.items
    if source is None:
        return Items()
    relation = engine.open_source(ITEMS, source, directory, text=plain_names(source, "item", "category"))
    columns = {name: mapped_text(source, relation.table, name) for name in ("item", "category")}
    columns |= {
        name: mapped_number(engine, source, relation.table, relation.sql, name)
        for name in ("price", "popularity")
    }
    engine.create_view(
        "offline_items", compile_query("offline_items", params=None, source=relation.sql, **columns)
    )
    with reading(ITEMS):
        found = engine.fetch_row(compile_query("item_intake"))
    _refuse(found)
    return Items(
        relations={ITEMS: relation},
        count=int(found["items"]),
        priced=int(found["priced"]),
        grouped=int(found["grouped"]),
        popular=int(found["popular"]),
        largest_price=float(found["largest_price"] or 0.0),
        popularity=float(found["popularity"] or 0.0),
    )


def _refuse(found: Mapping[str, object]) -> None:
    counts = {
        name: int(str(found[name])) for name in ("row_count", "items", "nameless", "not_finite", "negative")
    }
    if counts["nameless"]:
        raise DataError(f"{ITEMS}: {counts['nameless']} rows have no item; name it, or take them out")
    if counts["items"] < counts["row_count"]:
        raise DataError(
            f"{ITEMS}: there are {counts['row_count']} rows for {counts['items']} items; one row per item is needed"
        )
    if counts["not_finite"]:
        raise DataError(
            f"{ITEMS}: {counts['not_finite']} rows have a price or a popularity that is NaN or infinite; mend them, "
            "or leave them empty"
        )
    if counts["negative"]:
        raise DataError(
            f"{ITEMS}: {counts['negative']} rows have a price or a popularity below zero; mend them"
        )
