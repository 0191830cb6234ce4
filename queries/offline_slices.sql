-- purpose: The slices of queries or examples, one row for each.
-- takes: the table they stand in, the column of the example and the slices, compiled in.
-- reads: offline_scores, where all rows of a query have the same slices, or the queries.
-- gives: example (text) and one column per slice (text, null where it is not known).
select
    {{ example }} as example
{% for slice in slices %}
    , min({{ slice }}) as {{ slice }}
{% endfor %}
from {{ table }}
where {{ example }} is not null
group by {{ example }}
