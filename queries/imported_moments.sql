-- purpose: The moments table brought from elsewhere, under canonical names.
-- takes: the column mapping of [moments], compiled into the select list; columns that are not there are null.
-- reads: the source of [moments].
-- gives: one row per experiment x variant x metric x slice x period x fold with all columns of the moments table, and
--        sum, the number of successes where a proportion comes as n and sum.
select
    {{ columns[0].value }} as {{ columns[0].name }}
{% for column in columns[1:] %}
    , {{ column.value }} as {{ column.name }}
{% endfor %}
from {{ source }}
order by {% for key in keys %}{{ key }}{% if not loop.last %}, {% endif %}{% endfor %}
