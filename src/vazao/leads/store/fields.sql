-- Custom fields: their names, labels, types and order.

-- name: list_fields
-- All of an organization, in their order.
select name, label, type, options, place from leads.custom_field
where organization_id = %(organization_id)s order by place nulls last, name

-- name: get_field
-- One of them.
select name, label, type, options, place from leads.custom_field
where organization_id = %(organization_id)s and name = %(name)s

-- name: update_field
-- Its label, type, options and place; stored values stay as they are.
update leads.custom_field set label = %(label)s, type = %(type)s, options = %(options)s,
    place = %(place)s
where organization_id = %(organization_id)s and name = %(name)s
returning name, label, type, options, place
