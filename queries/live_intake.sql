-- purpose: What a live log holds, per model, and what of it cannot be used.
-- takes: the view of the log, whether requests are lists, and whether they are tested for standing there once, compiled in.
-- reads: the view of the log.
-- gives: one row per model: row_count, without_unit, without_request (or without item), without_time, without_score,
--        not_finite (scores that are NaN or infinite), different (distinct requests, or pairs of request and item; or rows),
--        not_probabilities and offline_not_probabilities (scores outside [0, 1]), with_offline.
select
    model
    , count(*) as row_count
    , count(case when unit is null or unit = '' then 1 end) as without_unit
    , count(case when request is null{% if lists %} or item is null{% endif %} then 1 end) as without_request
    , count(case when "at" is null then 1 end) as without_time
    , count(case when score is null then 1 end) as without_score
    , count(
        case when not isfinite(coalesce(score, 0e0)) or not isfinite(coalesce(offline_score, 0e0)) then 1 end
    ) as not_finite
{% if unique %}
    , count(distinct hash(request{% if lists %}, item{% endif %})) as different
{% else %}
    , count(*) as different
{% endif %}
    , count(case when score < 0 or score > 1 then 1 end) as not_probabilities
    , count(case when offline_score < 0 or offline_score > 1 then 1 end) as offline_not_probabilities
    , count(offline_score) as with_offline
from {{ log }}
group by model
order by model
