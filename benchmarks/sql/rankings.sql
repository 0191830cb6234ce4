-- Query ids to small integers, grades attached before the window, one window over integers.
create temp table qs as
select query, (row_number() over ())::integer as q from (select distinct query from read_parquet(getvariable('judgements')));

create temp table grades as
select q.q, j.item, j.relevance as g
from read_parquet(getvariable('judgements')) as j join qs as q on q.query = j.query;

create temp table ideals as
select q, sum(g / log2(p + 1)) filter (p <= 10) as ideal, count(*) as relevant
from (select q, g, row_number() over (partition by q order by g desc) as p from grades where g > 0)
group by q;

create temp table hits as
select m, q, g, p, row_number() over (partition by m, q order by p) as found
from (
    select m, q, g, row_number() over (partition by m * 1000000 + q order by score desc) as p
    from (
        select (r.model = 'new')::integer as m, q.q, r.score, j.g
        from read_parquet(getvariable('runs')) as r
        join qs as q on q.query = r.query
        left join grades as j on j.q = q.q and j.item = r.item
    )
)
where g > 0;

create temp table found as
select
    m, q
    , sum(g / log2(p + 1)) filter (p <= 10) as dcg
    , min(p) as first
    , sum(found / p) as precisions
    , count(*) filter (p <= 10) as top
from hits group by m, q;

create temp table per_query as
select
    m.m, i.q
    , coalesce(f.dcg, 0) / i.ideal as ndcg
    , case when f.first <= 10 then 1 / f.first else 0 end as mrr
    , coalesce(f.precisions, 0) / i.relevant as map
    , coalesce(f.top, 0) / 10 as p
    , coalesce(f.top, 0) / i.relevant as recall
from (values (0), (1)) as m (m) cross join ideals as i
left join found as f on f.m = m.m and f.q = i.q;

select
    count(*)
    , avg(n.ndcg - o.ndcg), var_samp(n.ndcg - o.ndcg)
    , avg(n.mrr - o.mrr), var_samp(n.mrr - o.mrr)
    , avg(n.map - o.map), var_samp(n.map - o.map)
    , avg(n.p - o.p), var_samp(n.p - o.p)
    , avg(n.recall - o.recall), var_samp(n.recall - o.recall)
from per_query as n join per_query as o on o.q = n.q
where n.m = 1 and o.m = 0;
