-- Citizens: how old and how well they are, where they live, and what was put down about them.

-- name: draw_people
-- Who they are. Three citizens in a row are a household and share what a household shares. Ages
-- follow Brazil's of today; the risk of hypertension and of diabetes rises with age.
create temporary table person on commit drop as
select n, home, sex, colour, team, case team when 1 then 1 else 2 + (team - 2) / 2 end as unit, age,
    day - floor(365.25 * age)::integer as birth, chance.known_birth,
    case when chance.dies < 0.0004 * exp(age / 18)
        then day - pg_temp.pick(n, 9, least(1500, 1 + floor(365 * age)::integer)) end as death,
    case when chance.area < 0.08 then null when chance.area < 0.12 then 'FA'
        else lpad(pg_temp.pick(home, 7, 8)::text, 2, '0') end as area,
    chance.pressure < case when age < 18 then 0.001 when age < 40 then 0.05 when age < 60 then 0.26
        else 0.56 end as hypertensive,
    chance.sugar < case when age < 18 then 0.002 when age < 40 then 0.015 when age < 60 then 0.09
        else 0.21 end as diabetic
from (
    select n, home, case when pg_temp.draw(n, 1) < 0.003 then 1 when pg_temp.draw(n, 1) < 0.485
            then 2 else 3 end as sex,
        case when pg_temp.draw(home, 2) < 0.04 then 1 else 1 + pg_temp.pick(home, 3, teams) end
            as team,
        case when u < 0.20 then 15 * u / 0.20 when u < 0.42 then 15 + 15 * (u - 0.20) / 0.22
            when u < 0.65 then 30 + 15 * (u - 0.42) / 0.23
            when u < 0.84 then 45 + 15 * (u - 0.65) / 0.19
            when u < 0.96 then 60 + 15 * (u - 0.84) / 0.12
            else 75 + 25 * pow((u - 0.96) / 0.04, 2) end as age, day,
        (array[1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 6, 7, 7])[
            pg_temp.pick(n, 41, 25)] as colour
    from (
        select n::bigint, (n + 2) / 3 as home, pg_temp.draw(n, 4) as u, teams, day
        from plan, generate_series(1, citizens) as n
    ) as numbers
) as drawn
cross join lateral (
    select pg_temp.draw(n, 5) > 0.003 as known_birth, pg_temp.draw(n, 6) as dies,
        pg_temp.draw(home, 8) as area, pg_temp.draw(n, 10) as pressure,
        pg_temp.draw(n, 11) as sugar
) as chance;
analyze person

-- name: draw_papers
-- Names and numbers. Names are put together from syllables that no name has. The first check digit
-- of a CPF and the last of a CNS is moved by 1 to 9: none of them can be a person's.
create temporary table paper on commit drop as
select n, word[pg_temp.pick(n, 20, 24)] || word[pg_temp.pick(n, 21, 24)] || ' '
        || case when pg_temp.draw(n, 22) < 0.6 then word[pg_temp.pick(n, 23, 24)]
            || word[pg_temp.pick(n, 24, 24)] || ' ' else '' end
        || word[pg_temp.pick(home, 25, 24)] || word[pg_temp.pick(home, 26, 24)]
        || word[pg_temp.pick(home, 27, 24)] as name,
    case when pg_temp.draw(n, 28) < 0.92 then lpad(base::text, 9, '0')
        || (((pg_temp.weighed(base) * 10 % 11) % 10 + pg_temp.pick(n, 29, 9)) % 10)
        || (pg_temp.pick(n, 30, 10) - 1) end as cpf,
    case when pg_temp.draw(n, 31) < 0.97 then card
        || (((11 - pg_temp.weighed(card) % 11) % 11 + pg_temp.pick(n, 32, 9)) % 10)::text end as cns
from (
    select n, home, (n * 7368787 + first) % 999999937 as base,
        70000000000000 + (n * 736878713 + first * 8191) % 9999999999971 as card,
        array['ZUX', 'KRÉ', 'VLO', 'QUY', 'XÃW', 'TZE', 'GWO', 'PHU', 'DZI', 'BRÜ', 'JYK', 'NVA',
            'WÔR', 'FJE', 'LHÜ', 'MZI', 'RYX', 'SKÓ', 'ÇÁV', 'HUJ', 'YBE', 'OZK', 'IXT', 'UGV']
            as word
    from person
    cross join (
        select floor(pg_temp.draw(0, 33) * 999999937)::bigint as first
    ) as seeded
) as numbers;
analyze paper

-- name: add_citizens
-- The citizens themselves. Where nothing is known, the sentinels stand: 1, 30001231, or nothing.
insert into tb_fat_cidadao_pec
select n, 500000 + n, cns, cpf, name,
    case when pg_temp.draw(n, 40) < 0.01 then split_part(name, ' ', 2) end,
    pg_temp.key(case when known_birth then birth end), sex, colour, 1,
    case when pg_temp.draw(n, 42) < 0.7
        then '(00)9' || lpad((n * 7919 % 100000000)::text, 8, '0') end,
    (death is not null)::integer, pg_temp.key(death), unit, team, 1
from person join paper using (n)

-- name: add_registrations
-- Registrations: none, one or two a citizen; the older one knows less and is put aside.
insert into tb_fat_cad_individual
select row_number() over (order by made, n), md5('ficha' || n || nth), pg_temp.key(made),
    1 + pg_temp.pick(n, 50, professionals), 5, unit, team, case when pg_temp.draw(n, 51) < 0.01
        then 1 else 2 end, n, cns, cpf, pg_temp.key(case when known_birth then birth end),
    colour, sex, 2, pg_temp.pick(n, 52, 4), pg_temp.pick(n, 53, 4),
    case when death is null then 1 else 2 end, area, (n % 3 = 1)::integer,
    (sex = 3 and age between 14 and 45 and pg_temp.draw(n, 54) < 0.04)::integer,
    (hypertensive and nth = 0 and pg_temp.draw(n, 55) < 0.9)::integer,
    (diabetic and nth = 0 and pg_temp.draw(n, 56) < 0.9)::integer,
    (age > 15 and pg_temp.draw(n, 57) < 0.11)::integer,
    (age > 15 and pg_temp.draw(n, 58) < 0.07)::integer,
    (age > 15 and pg_temp.draw(n, 59) < 0.01)::integer,
    (pg_temp.draw(n, 60) < 0.0003 * age)::integer, (pg_temp.draw(n, 61) < 0.0003 * age)::integer,
    (pg_temp.draw(n, 62) < 0.0008 * age)::integer, (pg_temp.draw(n, 63) < 0.06)::integer,
    (pg_temp.draw(n, 64) < 0.0002 * age)::integer, (pg_temp.draw(n, 65) < 0.0003 * age)::integer,
    0, (pg_temp.draw(n, 66) < 0.001)::integer, (pg_temp.draw(n, 67) < 0.0002 * age)::integer,
    (pg_temp.draw(n, 68) < 0.0005 * age)::integer, 0, (nth = 1)::integer
from plan, (
    select person.*, nth,
        greatest(birth, day - pg_temp.pick(n, 70, 700) - nth * pg_temp.pick(n, 71, 700)) as made
    from plan, person
    cross join lateral generate_series(0, case when pg_temp.draw(n, 72) < 0.5 then 1 else 0 end)
        as nth
    where pg_temp.draw(n, 73) < 0.95
) as registered
join paper using (n)

-- name: add_homes
-- Homes, a family in each, and which family and team a citizen belongs to.
insert into tb_fat_cad_domiciliar
select home, pg_temp.key(day - pg_temp.pick(home, 80, 900)), unit, team, 2,
    pg_temp.pick(home, 81, 3), pg_temp.pick(home, 82, 4), pg_temp.pick(home, 83, 4),
    pg_temp.pick(home, 84, 4), pg_temp.pick(home, 85, 4), area, 1 + pg_temp.pick(home, 86, 7), 3, 1
from plan, person where n % 3 = 1;
insert into tb_fat_cad_dom_familia
select home, home, pg_temp.key(day - pg_temp.pick(home, 80, 900)), pg_temp.pick(home, 87, 6), 3, 0
from plan, person where n % 3 = 1;
insert into tb_fat_familia_territorio select n, home, n, team, area from person;
insert into tb_fat_cidadao_territorio
select n, n, n, unit, team, (pg_temp.draw(n, 88) < 0.03)::integer, (death is null)::integer, 1
from person
