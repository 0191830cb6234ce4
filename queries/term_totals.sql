-- purpose: Terms added up over all rows.
-- takes: the exact sums, compiled in.
-- reads: the table of terms, compiled in.
-- gives: one row: the parts of the sums.
select
{% for sum in sums %}
    {% if not loop.first %}, {% endif %}{{ sum.value }} as {{ sum.name }}
{% endfor %}
from {{ table }}
