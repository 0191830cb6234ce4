-- purpose: What the requests of one unit add up to.
-- takes: the table of terms, and the parts of their sums, compiled in.
-- reads: the table of terms.
-- gives: one row per place x part x unit: the parts of the sums.
select
    place
    , part
    , unit
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from {{ terms }}
group by place, part, unit
