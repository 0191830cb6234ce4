"""The first row of a group for engines that cannot compare structs.

DuckDB and Spark find it as the smallest struct of (time, variant, ...). Elsewhere the rows of a group are
numbered in the same order, and the columns of number one are taken: ``first.at`` becomes ``first_at``.
"""

from __future__ import annotations

from sqlglot import exp


def flatten_structs(tree: exp.Expr) -> exp.Expr:
    """Fields of the struct column ``first`` read as columns of their own."""

    def flat(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and node.table == "first":
            return exp.column(exp.to_identifier(_column(node.name), quoted=True))
        return node

    return tree.transform(flat)


def _column(field: str) -> str:
    return f"first_{field}"


def rank_first_rows(tree: exp.Expr) -> exp.Expr:
    """Every SELECT with a smallest struct, over its rows with their number in the group; other structs as columns."""
    for select in list(tree.find_all(exp.Select)):
        select.set("expressions", [flat for p in select.expressions for flat in _fields(p)])
        if any(_struct(projection) is not None for projection in select.expressions):
            ranked = _ranked(select)
            if select is tree:
                return ranked
            select.replace(ranked)
    return tree


def _fields(projection: exp.Expr) -> list[exp.Expr]:
    """The fields of a projected struct as columns; any other projection as it is."""
    found = projection.unalias()
    if not isinstance(found, exp.Struct):
        return [projection]
    return [
        exp.alias_(field.expression.copy(), _column(field.name), quoted=True) for field in found.expressions
    ]


def _struct(projection: exp.Expr) -> exp.Struct | None:
    """The struct of which a projection takes the smallest."""
    found = projection.unalias()
    return found.this if isinstance(found, exp.Min) and isinstance(found.this, exp.Struct) else None


def _ranked(select: exp.Select) -> exp.Select:
    struct = next(s for p in select.expressions if (s := _struct(p)) is not None)
    keys = [key.copy() for key in select.args["group"].expressions]
    columns = {c.sql(): c for part in (*select.expressions, *keys) for c in part.find_all(exp.Column)}
    order = exp.Order(
        expressions=[
            exp.Ordered(this=field.expression.copy(), nulls_first=False) for field in struct.expressions
        ]
    )
    place = exp.Window(this=exp.RowNumber(), partition_by=keys, order=order)
    inner = select.copy()
    inner.set("group", None)
    inner.set("expressions", [exp.alias_(c.copy(), _inner(c), quoted=True) for c in columns.values()])
    inner.append("expressions", exp.alias_(place, "place"))
    projections = [flat for p in select.expressions for flat in _projections(p)]
    return (
        exp.select(*projections)
        .from_(inner.subquery("ranked"))
        .group_by(*(key.transform(_outer) for key in keys), copy=False)
    )


def _inner(column: exp.Column) -> str:
    return f"{column.table}_{column.name}" if column.table else column.name


def _outer(node: exp.Expr) -> exp.Expr:
    return exp.column(exp.to_identifier(_inner(node), quoted=True)) if isinstance(node, exp.Column) else node


def _projections(projection: exp.Expr) -> list[exp.Expr]:
    struct = _struct(projection)
    if struct is None:
        name = projection.alias_or_name
        return [exp.alias_(projection.unalias().transform(_outer), name, quoted=True)]
    return [exp.alias_(_of_first(f.expression), _column(f.name), quoted=True) for f in struct.expressions]


def _of_first(value: exp.Expr) -> exp.Expr:
    is_first = exp.EQ(this=exp.column("place"), expression=exp.Literal.number(1))
    return exp.Min(this=exp.Case(ifs=[exp.If(this=is_first, true=value.transform(_outer))]))
