-- Stored files; {upload} stands for the columns of the model.

-- name: insert_upload
-- An upload begins; it is not to be seen before it is whole.
insert into jobs.upload (token, organization_id, filename, content_type, created_at,
    last_segment_at)
values (%(token)s, %(organization_id)s, %(filename)s, %(content_type)s, kit.now(), kit.now())
returning {upload}

-- name: relax_commit
-- This transaction need not wait for the disk: while a plain body comes in nobody was told
-- anything yet, and the last of its commits makes all before it durable.
select set_config('synchronous_commit', 'off', true)

-- name: insert_segment
-- A whole segment is stored. Nothing is returned where the upload was swept meanwhile.
with counted as (
    update jobs.upload set segments = %(number)s, bytes = bytes + %(bytes)s,
        last_segment_at = kit.now()
    where id = %(upload_id)s and status = 'receiving' returning id)
insert into jobs.segment (upload_id, number, bytes)
select id, %(number)s, %(bytes)s from counted returning number

-- name: store_upload
-- The last byte is in.
update jobs.upload set status = 'stored', sha256 = %(sha256)s
where id = %(id)s and status = 'receiving' returning {upload}

-- name: get_upload
-- By public id, within the organization.
select {upload} from jobs.upload
where token = %(token)s and organization_id = %(organization_id)s and status = 'stored'

-- name: doom_upload
-- Marks an upload for removal; its row goes once its blobs are gone.
update jobs.upload set status = 'deleted' where id = %(id)s returning {upload}

-- name: doomed_uploads
-- Abandoned uploads, and those whose removal was interrupted; resumable ones expire otherwise.
select {upload} from jobs.upload as u
where id > %(after)s and (status = 'deleted'
    or (status = 'receiving' and last_segment_at < kit.now() - interval '1 hour'
        and not exists (select from jobs.resumable as r where r.upload_id = u.id)))
order by id limit 100

-- name: delete_upload
-- The row of an upload whose blobs are gone.
delete from jobs.upload where id = %(id)s
