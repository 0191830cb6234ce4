-- purpose: What the rankings hold, per model, and whether they can be used.
-- takes: whether documents are tested for standing there once, compiled in.
-- reads: rankings.
-- gives: one row per model: row_count, documents (distinct pairs of query and item, or rows), nameless (rows without
--        query or item), not_finite (scores that are NaN, infinite or missing), splits (distinct) and one of them.
select
    model
    , count(*) as row_count
{% if unique %}
    , count(distinct hash(query, item)) as documents
{% else %}
    , count(*) as documents
{% endif %}
    , count(case when query is null or item is null then 1 end) as nameless
    , count(case when score is null or not isfinite(score) then 1 end) as not_finite
    , count(distinct split) as splits
    , min(split) as split
from rankings
group by model
order by model
