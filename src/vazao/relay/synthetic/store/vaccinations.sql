-- Doses by the programme's calendar, and the vaccinations at which they were given.

-- name: draw_doses
-- Doses: of children by their age in months, of others by the year, of pregnant women by the week.
-- A child gets what is due at an age on one day, and at some ages nothing. Sorted as bytes, so that
-- doses have the same numbers on every server.
create temporary table dose on commit drop as
select row_number() over (order by d.day, n, vaccine collate "C", dose collate "C") as id,
    dense_rank() over (order by d.day, n) as at, n, d.day, pg_temp.key(d.day) as key, vaccine, dose
from (
    select n, vaccine, dose,
        birth + floor(30.44 * months)::integer + pg_temp.pick(n * 256 + months, 301, 25) as day
    from person
    cross join (values
        ('BCG', 'DU', 0, 0.97), ('HB', 'D1', 0, 0.95), ('PENTA', 'D1', 2, 0.94),
        ('PENTA', 'D2', 4, 0.92), ('PENTA', 'D3', 6, 0.88), ('VIP', 'D1', 2, 0.94),
        ('VIP', 'D2', 4, 0.92), ('VIP', 'D3', 6, 0.88), ('VRH', 'D1', 2, 0.92),
        ('VRH', 'D2', 4, 0.9), ('VPC10', 'D1', 2, 0.94), ('VPC10', 'D2', 4, 0.92),
        ('VPC10', 'R1', 12, 0.86), ('MenC', 'D1', 3, 0.92), ('MenC', 'D2', 5, 0.9),
        ('MenC', 'R1', 12, 0.86), ('FA', 'D1', 9, 0.84), ('FA', 'R1', 48, 0.7),
        ('SCR', 'D1', 12, 0.88), ('SCR', 'D2', 15, 0.78), ('VZ', 'D1', 15, 0.76),
        ('HA', 'DU', 15, 0.82), ('DTP', 'R1', 15, 0.82), ('VOPb', 'R1', 15, 0.8),
        ('DTP', 'R2', 48, 0.7), ('VOPb', 'R2', 48, 0.68), ('VZ', 'D2', 48, 0.66),
        ('HPV4', 'DU', 112, 0.6), ('MenACWY', 'D', 135, 0.5)
    ) as due (vaccine, dose, months, share)
    where age < 15 and pg_temp.draw(n * 256 + ascii(vaccine) + ascii(right(dose, 1)), 302) < share
    and pg_temp.draw(n * 256 + months, 303) < 0.97
    union all
    select n, vaccine, dose, day - ago - pg_temp.pick(n + ago, 304, 60)
    from plan, person
    cross join (values
        ('INF3', 'D', 60, 0.4, 1), ('INF3', 'D', 425, 0.4, 1), ('INF3', 'D', 790, 0.35, 1),
        ('COV', 'D1', 1500, 0.85, 6), ('COV', 'D2', 1400, 0.8, 6), ('COV', 'R1', 1200, 0.5, 12),
        ('COV', 'R2', 900, 0.25, 12), ('dT', 'R1', 1000, 0.25, 15), ('HB', 'D1', 1100, 0.2, 18),
        ('HB', 'D2', 1040, 0.17, 18), ('HB', 'D3', 900, 0.13, 18), ('VPP23', 'DU', 700, 0.2, 60),
        ('HPV4', 'D1', 1300, 0.05, 18)
    ) as campaign (vaccine, dose, ago, share, least_age)
    where age >= least_age
    and pg_temp.draw(n * 4096 + ago, 305) < share * case when age < 60 then 1 else 1.15 end
    union all
    select n, 'dTpa', 'DU', began + 140 + pg_temp.pick(n, 306, 90) from pregnancy
    where pg_temp.draw(n, 307) < 0.75
) as d
join person as p using (n)
cross join plan
where d.day between p.birth and least(plan.day, p.death);
analyze dose

-- name: add_vaccinations
-- Vaccinations: what was given to a citizen on a day.
insert into tb_fat_vacinacao
select at, md5('vac' || at), n, cns, cpf, key, 1 + pg_temp.pick(at, 310, professionals), 4, unit,
    team, 2, sex, pg_temp.pick(at, 311, 3), pg_temp.pick(at, 312, 4), pregnant, 0, 0
from (
    select at, n, key, max((vaccine = 'dTpa')::integer) as pregnant from dose group by at, n, key
) as days
join person using (n)
join paper using (n)
cross join plan

-- name: add_doses
-- The doses. One in twelve was copied from a card: its vaccination is of the day of copying, and
-- for one in four hundred not even the card said when it was given.
insert into tb_fat_vacinacao_vacina
select id, at, n, key, case when pg_temp.draw(id, 320) < 0.0025 then 30001231 else key end,
    co_seq_dim_imunobiologico, co_seq_dim_dose_imunobiologico, pg_temp.pick(id, 321, 3),
    pg_temp.pick(id, 322, 3), pg_temp.pick(id, 323, 4),
    case when pg_temp.draw(id, 324) < 0.9 then 'L' || upper(substr(md5(vaccine || key / 100), 1, 6))
        end,
    (pg_temp.draw(id, 320) < 0.08)::integer, 0
from dose
join tb_dim_imunobiologico on sg_imunobiologico = vaccine
join tb_dim_dose_imunobiologico on sg_dose_imunobiologico = dose
