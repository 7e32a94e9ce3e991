-- What happens to citizens: pregnancies, consultations, procedures, visits at home.

-- name: draw_pregnancies
-- Women who are pregnant on the day (one in twenty-five), and pregnancies of the three years
-- before. A pregnancy is known by the day its last period began.
create temporary table pregnancy on commit drop as
select n, day - case when pg_temp.draw(n, 101) < 0.04 then pg_temp.pick(n, 102, 275)
        else 300 + pg_temp.pick(n, 103, 800) end as began
from plan, person
where sex = 3 and age between 14 and 44 and death is null and pg_temp.draw(n, 101) < 0.14;
analyze pregnancy

-- name: draw_smears
-- Women from 25 to 64 whose smear for cytology was taken: half within 36 months, some before.
-- Three in ten were taken by a nurse alone, outside a consultation.
create temporary table smear on commit drop as
select n, day - case when pg_temp.draw(n, 104) < 0.5 then pg_temp.pick(n, 105, 1090)
        else 1100 + pg_temp.pick(n, 106, 700) end as day, pg_temp.draw(n, 107) < 0.3 as by_nurse
from plan, person
where sex = 3 and age between 25 and 64.99 and pg_temp.draw(n, 104) < 0.7;
analyze smear

-- name: draw_visits
-- Consultations of five years by what they are for: any reason (g), high blood pressure (h),
-- diabetes (d), pregnancy (p), cytology (c). Most citizens come seldom and some often, thinning
-- out towards the past. They are numbered by their day, as a database does that grows.
create temporary table visit on commit drop as
select row_number() over (order by v.day, n, kind, nth) as id, n, v.day, pg_temp.key(v.day) as key,
    kind, began
from (
    select n, 'g' as kind, nth, null::date as began,
        day - 1 - floor(1825 * pow(pg_temp.draw(n * 64 + nth, 110), 1.5))::integer as day
    from plan, person
    cross join lateral generate_series(1, least(40, floor(
        -5.3 * ln(1 - pg_temp.draw(n, 111)))::integer)) as nth
    union all
    select n, kind, nth, null, day - pg_temp.pick(n * 64 + nth, 112, 730)
    from plan, person
    cross join lateral (values ('h', hypertensive), ('d', diabetic)) as ill (kind, is_ill)
    cross join lateral generate_series(1, pg_temp.pick(n + ascii(kind), 113, 9) - 1) as nth
    where is_ill
    union all
    select n, 'p', nth, began, began + 30 + nth * 24 + pg_temp.pick(n * 64 + nth, 114, 12)
    from pregnancy
    cross join lateral generate_series(pg_temp.pick(n, 115, 4) - 1, 9) as nth
    union all
    select n, 'c', 0, null, day from smear where not by_nurse
) as v
join person as p using (n)
cross join plan
where v.day between p.birth and least(plan.day, p.death);
analyze visit

-- name: add_consultations
-- Consultations. One in twenty is by another team than the citizen's, one in ten has a second
-- professional; else the second ones are the sentinel, as the day of the last period mostly is.
insert into tb_fat_atendimento_individual
select id, md5('atd' || id), n, cns, cpf, v.key, v.day + start,
    v.day + start + interval '1 minute' * pg_temp.pick(id, 120, 40),
    1 + pg_temp.pick(id, 121, professionals), case when kind = 'c' or pg_temp.draw(id, 122) < 0.4
        then 3 else 2 end, case seen when 1 then 1 else 2 + (seen - 2) / 2 end, seen,
    case when second then 1 + pg_temp.pick(id, 123, professionals) else 1 end,
    case when second then 3 else 1 end, case when second then unit else 1 end,
    case when second then team else 1 end, 2, pg_temp.key(case when known_birth then birth end),
    sex, 1 + pg_temp.pick(id, 124, 5), pg_temp.pick(id, 125, 3), pg_temp.pick(id, 126, 4),
    pg_temp.pick(id, 127, 6), 1, 1,
    case when pg_temp.draw(id, 128) < 0.7 then grown * (45 + 45 * pg_temp.draw(n, 129)) + 3 end,
    case when pg_temp.draw(id, 130) < 0.6 then grown * (95 + 40 * pg_temp.draw(n, 131)) + 48 end,
    case when measured then 92 + pg_temp.pick(id, 132, 45) + case when hypertensive then 18 else 0
        end end,
    case when measured then 58 + pg_temp.pick(id, 133, 28) + case when hypertensive then 8 else 0
        end end,
    case when diabetic and pg_temp.draw(id, 134) < 0.5 then 90 + pg_temp.pick(id, 135, 140) end,
    pg_temp.key(began), case when kind = 'p' and pg_temp.draw(id, 136) < 0.9
        then (v.day - began) / 7 end,
    case when kind = 'p' then pg_temp.pick(n, 137, 4) - 1 end,
    case when kind = 'p' then least(pg_temp.pick(n, 137, 4), pg_temp.pick(n, 138, 3)) - 1 end,
    case when kind = 'p' then pg_temp.pick(n, 139, 2) - 1 end, pg_temp.pick(id, 140, 2) - 1
from visit as v
join person using (n)
join paper using (n)
cross join plan
cross join lateral (
    select interval '7 hours' + interval '1 minute' * pg_temp.pick(id, 141, 600) as start,
        case when pg_temp.draw(id, 142) < 0.95 then team else pg_temp.pick(id, 143, 1 + teams) end
            as seen, pg_temp.draw(id, 144) < 0.1 as second,
        least(1, age / 18) as grown, age > 14 and pg_temp.draw(id, 145) < 0.65 as measured
) as chance

-- name: add_problems
-- What was found at a consultation: one problem or two, by CIAP or by CID. The other of both is
-- the sentinel.
insert into tb_fat_atd_ind_problemas
select row_number() over (order by id, nth), id, n, key, team,
    coalesce(co_seq_dim_ciap, 1), coalesce(co_seq_dim_cid, case when word = '' and by_cid
        then 100 + pg_temp.pick(id * 8 + nth, 150, 1200) end, 1), pg_temp.pick(id, 151, 3)
from (
    select id, n, key, team, nth, by_cid, case
        when kind = 'p' and nth = 1 then case when by_cid then 'Z34' else 'W78' end
        when kind = 'p' and pg_temp.draw(n, 152) < 0.12 then case when by_cid then 'Z35' else 'W84'
            end
        when kind = 'h' and nth = 1 then case when by_cid then 'I10'
            when pg_temp.draw(n, 153) < 0.2 then 'K87' else 'K86' end
        when kind = 'd' and nth = 1 then case when by_cid then 'E11'
            when pg_temp.draw(n, 154) < 0.1 then 'T89' else 'T90' end
        when by_cid then ''
        else (array['A03', 'A97', 'A98', 'D01', 'D73', 'D82', 'F70', 'H71', 'K77', 'L03', 'L84',
            'N01', 'N89', 'P01', 'P76', 'R05', 'R74', 'R96', 'S18', 'S74', 'T82', 'U71', 'X72',
            'X84'])[pg_temp.pick(id * 8 + nth, 155, 24)] end as word
    from visit
    join person using (n)
    cross join lateral generate_series(1, 1 + pg_temp.pick(id, 156, 2) / 2) as nth
    cross join lateral (select pg_temp.draw(id * 8 + nth, 157) < 0.4 as by_cid) as chance
) as found
left join tb_dim_ciap on nu_ciap = word
left join tb_dim_cid on nu_cid = word

-- name: add_procedures
-- What was done or asked for at a consultation, two to six of them: the largest table. Procedures
-- stand under one of two references, and the other is the sentinel.
insert into tb_fat_atd_ind_procedimentos
select row_number() over (order by id, nth), id, n, key, team,
    case when asked then 1 else what end, case when asked then what else 1 end
from (
    select id, n, key, team, nth, asked, case
        when kind = 'c' and nth = 1 then 4
        when kind = 'c' and nth = 2 and pg_temp.draw(id, 160) < 0.7 then 5
        when nth = 1 then 2
        when nth = 2 and pg_temp.draw(id, 161) < 0.6 then 3
        when kind = 'p' and nth = 3 and pg_temp.draw(id, 162) < 0.5 then 9
        when kind = 'p' and nth = 4 and pg_temp.draw(id, 163) < 0.5 then 10
        when kind = 'd' and nth = 3 and pg_temp.draw(id, 164) < 0.6 then 6
        when kind = 'd' and nth = 4 and pg_temp.draw(id, 165) < 0.4 then 7
        when kind in ('h', 'd') and nth = 5 and pg_temp.draw(id, 166) < 0.8 then 8
        when kind = 'h' and nth = 4 and pg_temp.draw(id, 167) < 0.2 then 12
        when kind = 'c' and nth = 3 and age >= 45 then 11
        else 100 + pg_temp.pick(id * 8 + nth, 168, 300) end as what
    from visit
    join person using (n)
    cross join lateral generate_series(1, 1 + pg_temp.pick(id, 169, 5)) as nth
    cross join lateral (
        select nth > 2 and pg_temp.draw(id * 8 + nth, 170) < 0.5 as asked
    ) as chance
) as done

-- name: add_handlings
-- What nurses did by themselves: pressure measured, dressings, smears. Two a citizen, two each.
create temporary table handling on commit drop as
select row_number() over (order by h.day, n, smear) as id, n, h.day, pg_temp.key(h.day) as key,
    smear
from (
    select n, false as smear, day - pg_temp.pick(n * 64 + nth, 180, 1095) as day
    from plan, person
    cross join lateral generate_series(1, pg_temp.pick(n, 181, 5) - 1) as nth
    union all select n, true, day from smear where by_nurse
) as h
join person as p using (n)
cross join plan
where h.day between p.birth and least(plan.day, p.death);
insert into tb_fat_proced_atend
select id, n, key, 1 + pg_temp.pick(id, 182, professionals), 4, unit, team, 2,
    case when age > 14 then 92 + pg_temp.pick(id, 183, 45)
        + case when hypertensive then 18 else 0 end end,
    case when age > 14 then 58 + pg_temp.pick(id, 184, 28)
        + case when hypertensive then 8 else 0 end end
from handling join person using (n) cross join plan;
insert into tb_fat_proced_atend_proced
select row_number() over (order by id, nth), id, n, key, team, case
    when smear and nth = 1 then 4 when nth = 2 and age > 14 then 3
    else 100 + pg_temp.pick(id * 8 + nth, 185, 300) end
from handling join person using (n) cross join generate_series(1, 2) as nth

-- name: add_dentistry
-- Dentists' consultations and what was done at them; six in ten pregnant women come.
insert into tb_fat_atendimento_odonto
select row_number() over (order by o.day, n, pregnant), n, pg_temp.key(o.day),
    1 + pg_temp.pick(n, 190, professionals), 6, unit, team, 2, pg_temp.pick(n, 191, 4), pregnant
from (
    select n, 0 as pregnant, day - pg_temp.pick(n * 64 + nth, 192, 1095) as day
    from plan, person
    cross join lateral generate_series(1, pg_temp.pick(n, 193, 6) - 4) as nth
    union all
    select n, 1, began + 60 + pg_temp.pick(n, 194, 150) from pregnancy
    where pg_temp.draw(n, 195) < 0.6
) as o
join person as p using (n)
cross join plan
where o.day between p.birth and least(plan.day, p.death);
insert into tb_fat_atend_odonto_proced
select 2 * co_seq_fat_atd_odnt + nth - 2, co_seq_fat_atd_odnt, co_fat_cidadao_pec, co_dim_tempo,
    100 + pg_temp.pick(2 * co_seq_fat_atd_odnt + nth, 196, 300), 1
from tb_fat_atendimento_odonto cross join generate_series(1, 2) as nth

-- name: add_calls
-- Visits at home, about eight a citizen over three years.
insert into tb_fat_visita_domiciliar
select row_number() over (order by c.day, n, nth), n, pg_temp.key(c.day),
    1 + pg_temp.pick(home, 200, professionals), 5, unit, team, 2, pg_temp.pick(n + nth, 201, 4),
    case when pg_temp.draw(n * 64 + nth, 202) < 0.9 then 2 else 3 end, area, 0,
    (hypertensive and pg_temp.draw(n * 64 + nth, 203) < 0.8)::integer,
    (diabetic and pg_temp.draw(n * 64 + nth, 204) < 0.8)::integer
from (
    select n, nth, day - pg_temp.pick(n * 64 + nth, 205, 1095) as day
    from plan, person
    cross join lateral generate_series(1, pg_temp.pick(home, 206, 17) - 1) as nth
) as c
join person as p using (n)
cross join plan
where c.day between p.birth and least(plan.day, p.death)
