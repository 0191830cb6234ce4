-- purpose: The threshold at which errors cost least: no other score than that of a positive can be it.
-- takes: the costs of errors ($false_positive, $false_negative).
-- reads: predictions.
-- gives: one row per model that has a positive: cost (of all errors, less that of missing every positive; 0 when calling
--        nobody is best), and the highest threshold that costs as little, with the examples (called) and the positives
--        (found) that score at least that.
with ranked as (
    select
        model
        , y_true
        , y_score
        , count(*) over (partition by model order by y_score desc) as called
        , count(case when y_true = 1 then 1 end) over (partition by model order by y_score desc) as found
    from predictions
)

, steps as (
    select
        model
        , y_score
        , called
        , found
        , $false_positive * (called - found) - $false_negative * found as cost
    from ranked
    where y_true = 1
)

, best as (
    select
        model
        , min(cost) as cost
    from steps
    group by model
)

select
    s.model
    , s.cost
    , max(s.y_score) as threshold
    , min(s.called) as called
    , min(s.found) as found
from steps as s
join best as b on b.model = s.model and b.cost = s.cost
group by s.model, s.cost
order by s.model
