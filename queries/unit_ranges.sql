-- purpose: The smallest and largest number per unit of each metric part, which fix the grid of the exact sums over units.
-- takes: the metric parts over one fact table, compiled into the select list.
-- reads: unit_parts of one fact table.
-- gives: one row: row_count (units with events), and per part the smallest and largest number, and the units that have one.
select
    count(*) as row_count
{% for part in parts %}
    , min({{ part.name }}) as {{ part.low }}
    , max({{ part.name }}) as {{ part.high }}
    , count({{ part.name }}) as {{ part.known }}
{% endfor %}
from {{ table }}
