-- Plans of statements whose values are not known.

-- name: places
-- How many values the prepared statement takes.
select cardinality(parameter_types) from pg_catalog.pg_prepared_statements where name = %(name)s

-- name: has_hypothetical
-- Whether this database can imagine indexes.
select 1 from pg_catalog.pg_extension where extname = 'hypopg'

-- name: imagine
-- An index that this session's plans reckon with, and that is not there.
select hypopg_create_index(%(index)s)

-- name: imagine_no_more
-- Forgets them.
select hypopg_reset()
