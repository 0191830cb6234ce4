-- purpose: The smallest and largest value of each metric part, which fix the grid of the exact sums.
-- takes: the units, the metric parts of the study, compiled into the select list; whether each arm is asked for.
-- reads: unit_outcomes (by unit also where clusters are analysed).
-- gives: one row (per experiment x variant if by arm): row_count, and the smallest and largest value of each part, null
--        where no unit has one. Without arms, parquet answers this from the files' statistics.
select
    count(*) as row_count
{% if by_arm %}
    , experiment
    , variant
{% endif %}
{% for part in parts %}
    , min({{ part.part }}) as {{ part.low }}
    , max({{ part.part }}) as {{ part.high }}
{% endfor %}
from {{ units }}
{% if by_arm %}
group by experiment, variant
order by experiment, variant
{% endif %}
