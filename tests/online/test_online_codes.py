from __future__ import annotations

from collections import Counter

import numpy as np

from abgap.online.codes import coded, grouped, is_null, together
from abgap.records.moments import ObjectArray
from abgap.stats.arrays import by_size

RNG = np.random.default_rng(7)


def column(values: list[str | None], size: int = 500) -> ObjectArray:
    found = np.empty(size, dtype=object)
    found[:] = [values[at] for at in RNG.integers(0, len(values), size)]
    return found


COLUMNS = (column(["b", "a", None, "'; drop"]), column([None]), column([f"e{i}" for i in range(40)]))
KEYS = list(zip(*COLUMNS, strict=True))


def test_a_coded_column_is_the_column_with_its_values_in_the_order_they_come() -> None:
    for each in COLUMNS:
        found = coded(each)
        assert found.column().tolist() == each.tolist()
        assert found.values == tuple(dict.fromkeys(each))
        assert [found[row] for row in range(len(found))] == each.tolist()


def test_values_made_equal_get_one_code() -> None:
    found = coded(np.array(["1", "1.0", None, "2"], dtype=object)).each(
        lambda v: None if v is None else float(v)
    )
    assert found.values == (1.0, None, 2.0)
    assert found.codes.tolist() == [0, 0, 1, 2]


def test_groups_are_those_of_a_dictionary_of_keys() -> None:
    found = grouped(*map(coded, COLUMNS))
    order = list(dict.fromkeys(KEYS))
    assert found.of.tolist() == [order.index(key) for key in KEYS]
    assert found.first.tolist() == [KEYS.index(key) for key in order]
    assert found.rows.tolist() == list(Counter(KEYS).values())


def test_codes_together_are_one_to_one_and_stay_small_with_many_columns() -> None:
    many = [coded(column([f"v{i}" for i in range(300)])) for _ in range(12)]
    keys = list(zip(*(each.codes.tolist() for each in many), strict=True))
    found = together(*many).tolist()
    assert len(set(found)) == len(set(keys)) == len(set(zip(found, keys, strict=True)))
    assert max(found) <= 8 * len(found)


def test_what_holds_of_values_holds_of_their_rows() -> None:
    names = coded(COLUMNS[0])
    assert names.where(lambda v: v == "a").tolist() == [v == "a" for v in COLUMNS[0]]
    lengths = names.numbers(lambda v: None if v is None else len(v))
    assert np.array_equal(lengths, [np.nan if v is None else len(v) for v in COLUMNS[0]], equal_nan=True)
    both = grouped(*map(coded, COLUMNS)).where(lambda a, _, c: a == "b" and c < "e2", *COLUMNS)
    assert both.tolist() == [a == "b" and c < "e2" for a, _, c in KEYS]
    assert is_null(COLUMNS[0]).tolist() == [v is None for v in COLUMNS[0]]


def test_no_rows_have_no_groups() -> None:
    empty = coded(np.zeros(0, dtype=object))
    assert grouped(empty, empty).first.size == together(empty, empty).size == empty.column().size == 0


def test_groups_of_one_size_stand_together_smallest_first() -> None:
    found = by_size(np.array([5, 1, 2, 7, 3, 4], dtype=np.intp), np.array([2, 1, 2, 1], dtype=np.intp))
    assert [each.tolist() for each in found] == [[[2], [4]], [[5, 1], [7, 3]]]
