-- Around the statements of lists.

-- name: page
-- Rows of a page until they hold so many bytes, and whether others follow. Counted is what the
-- values hold, not what the disk does; a long one is not fetched for that, unless it is compressed
-- and no text.
select {columns}, follows from (
    select r.*, row_number() over w as place, lead(true, 1, false) over w as follows,
        sum({octets}) over (w rows between unbounded preceding and 1 preceding) as bytes_before
    from ({rows}) r window w as (order by {order})
) p
where place < %(limit)s and coalesce(bytes_before, 0) < %(page_bytes)s order by place
