-- purpose: The moments table brought from elsewhere, under canonical names.
-- takes: the column mapping of [moments], compiled into the select list; columns that are not there are null.
-- reads: the source of [moments].
-- gives: one row per experiment x variant x metric x slice x period x fold with all columns of the moments table, and
--        sum, the number of successes where a proportion comes as n and sum.
select
{% for column in columns %}
    {{ column.value }} as {{ column.name }}{% if not loop.last %},{% endif %}

{% endfor %}
from {{ source }}
order by {{ keys }}
