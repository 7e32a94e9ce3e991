-- What the other statements draw from: the plan of a source, and chance that is the same each time.

-- name: set_memory
-- Sorts and indexes of a large source stay in memory; the settings end with the transaction. Where
-- a server compiles statements (from 11 on), that takes longer than filling a small source.
set local work_mem = '64MB';
set local maintenance_work_mem = '256MB';
select set_config(name, 'off', true) from pg_settings where name = 'jit'

-- name: create_plan
-- What is asked for, and what follows from it: a team for 3,000 citizens, a unit for two teams.
create temporary table plan on commit drop as
select citizens, day, ibge, 1 + citizens / 3000 as teams, 1 + citizens / 6000 as units,
    6 + citizens / 400 as professionals
from (select {citizens}::integer, {day}::date, {ibge}::text) as given (citizens, day, ibge)

-- name: create_draws
-- Chance by hashing: it does not hang on the order of rows, and every server draws the same.
-- The bodies are single expressions, which the planner puts into the statements that call them.
create function pg_temp.draw(n bigint, salt integer) returns double precision
language sql immutable as $$
    select (hashint4(hashint8($1) # hashint4($2 # {seed}))::double precision + 2147483648)
        / 4294967296
$$;
create function pg_temp.pick(n bigint, salt integer, choices integer) returns integer
language sql immutable as $$
    select 1 + floor(pg_temp.draw($1, $2) * $3)::integer
$$;
create function pg_temp.key(day date) returns integer
language sql stable as $$
    select coalesce(to_char($1::timestamp, 'YYYYMMDD')::integer, 30001231)
$$;

-- name: create_weights
-- What check digits are made of: the digits of a number, the last weighed twice, the one before
-- it three times, and so on. CPF (nine digits) and CNS (fourteen) both begin so.
create function pg_temp.weighed(n bigint) returns integer
language sql immutable as $$
    select (2 * ($1 % 10) + 3 * ($1 / 10 % 10) + 4 * ($1 / 100 % 10) + 5 * ($1 / 1000 % 10)
        + 6 * ($1 / 10000 % 10) + 7 * ($1 / 100000 % 10) + 8 * ($1 / 1000000 % 10)
        + 9 * ($1 / 10000000 % 10) + 10 * ($1 / 100000000 % 10) + 11 * ($1 / 1000000000 % 10)
        + 12 * ($1 / 10000000000 % 10) + 13 * ($1 / 100000000000 % 10)
        + 14 * ($1 / 1000000000000 % 10) + 15 * ($1 / 10000000000000 % 10))::integer
$$
