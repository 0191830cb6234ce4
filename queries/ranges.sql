-- purpose: The smallest and largest value of each metric part, which fix the grid of the exact sums.
-- takes: the metric parts of the study, compiled into the select list.
-- reads: unit_outcomes.
-- gives: one row: row_count, and the smallest and largest value of each part, null where no unit has one. On parquet this
--        is answered from the files' statistics.
select
    count(*) as row_count
{% for part in parts %}
    , min({{ part.part }}) as {{ part.low }}
    , max({{ part.part }}) as {{ part.high }}
{% endfor %}
from unit_outcomes
