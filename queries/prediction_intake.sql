-- purpose: What the predictions hold, per model, and whether they can be used.
-- takes: which columns are needed, that of the truth, which are numbers and what a wrong label is, compiled in.
-- reads: all_predictions.
-- gives: one row per model: row_count, with_truth, usable (rows with all that is needed), without_example, not_finite,
--        wrong_labels (rows), wrong_label (one of them, as text), first_split and last_split, without_split, smallest and
--        largest score, not_probabilities (scores outside [0, 1]), positives (usable rows whose truth is 1; null where
--        labels are others).
select
    model
    , count(*) as row_count
    , count({{ truth }}) as with_truth
    , count(case when {{ usable }} then 1 end) as usable
    , count(case when example is null then 1 end) as without_example
    , count(case when {{ not_finite }} then 1 end) as not_finite
    , count(case when {{ wrong_label }} then 1 end) as wrong_labels
    , min(case when {{ wrong_label }} then cast({{ shown_label }} as varchar) end) as wrong_label
    , min(split) as first_split
    , max(split) as last_split
    , count(case when split is null then 1 end) as without_split
    , min({{ score }}) as smallest
    , max({{ score }}) as largest
    , count(case when {{ score }} < 0 or {{ score }} > 1 then 1 end) as not_probabilities
    , {{ positives }} as positives
from all_predictions
group by model
order by model
