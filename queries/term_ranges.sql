-- purpose: How large the terms of examples are, which fixes the grids of their exact sums.
-- takes: the terms, compiled in.
-- reads: the table of terms, compiled in.
-- gives: one row: row_count, and of each term the largest absolute value (null without any), under the term's name.
select
    count(*) as row_count
{% for term in terms %}
    , max(abs({{ term }})) as {{ term }}
{% endfor %}
from {{ table }}
