-- purpose: What one column of a file holds, so that a first study can be guessed.
-- takes: the column, compiled in.
-- reads: one source.
-- gives: one row: distinct_values, smallest and largest (as text), and up to 20 examples (text), the most frequent first.
select
    count(distinct {{ column }}) as distinct_values
    , cast(min({{ column }}) as varchar) as smallest
    , cast(max({{ column }}) as varchar) as largest
    , (
        select list(example order by times desc, example)
        from (
            select
                cast({{ column }} as varchar) as example
                , count(*) as times
            from {{ source }}
            where {{ column }} is not null
            group by cast({{ column }} as varchar)
            order by times desc, example
            limit 20
        ) as common
    ) as examples
from {{ source }}
