-- purpose: Events that stand in a fact table more than once, equal in every column: deliveries that were repeated.
-- takes: all columns of the fact table, compiled in.
-- reads: one fact table.
-- gives: one row: row_count, repeated_rows (rows beyond the first of their kind). Rows are compared by a hash of 64 bits,
--        each engine by its own; two unlike rows in ten million agree in it with a
--        probability of about 0.000003.
select
    count(*) as row_count
    , count(*) - count(
        distinct hash({% for column in columns %}{{ column }}{% if not loop.last %}, {% endif %}{% endfor %})
    ) as repeated_rows
from {{ fact }}
