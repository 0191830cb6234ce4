-- purpose: Queries or examples whose rows disagree about a slice.
-- takes: the table they stand in, the column of the example and the slices, compiled in.
-- reads: offline_scores, or the queries.
-- gives: one row per slice (its name): how many examples have several values (or one and none), and the first of these.
{% for slice in slices %}
{% if not loop.first %}
union all
{% endif %}
select
    {{ slice.label }} as slice_name
    , count(*) as conflicts
    , min(example) as example
from (
    select {{ example }} as example
    from {{ table }}
    where {{ example }} is not null
    group by {{ example }}
    having min({{ slice.column }}) < max({{ slice.column }})
        or (count({{ slice.column }}) > 0 and count({{ slice.column }}) < count(*))
) as conflicting
{% endfor %}
