-- purpose: The smallest and largest value of each metric part, which fix the grid of the exact sums.
-- takes: the metric parts of the study, compiled into the select list.
-- reads: unit_outcomes.
-- gives: one row: row_count, and min_ and max_ of each part. On parquet this is answered from the files' statistics.
select
    count(*) as row_count
{% for column in columns %}
    , min({{ column.name }}) as {{ column.min }}
    , max({{ column.name }}) as {{ column.max }}
{% endfor %}
from unit_outcomes
