CREATE SCHEMA accounts;

COMMENT ON SCHEMA accounts IS 'Organizations, users, and how both prove who they are';

CREATE SCHEMA events;

COMMENT ON SCHEMA events IS 'Partners'' feeds of events, kept for ever and searched by date';

CREATE SCHEMA jobs;

COMMENT ON SCHEMA jobs IS 'Work of organizations: jobs, parts, shares, uploads, workers';

CREATE SCHEMA kit;

COMMENT ON SCHEMA kit IS 'What every feature uses: the clock and text folding';

CREATE SCHEMA leads;

COMMENT ON SCHEMA leads IS 'Bulk import of spreadsheets, and the base of leads they fill';

CREATE SCHEMA leads_staging;

COMMENT ON SCHEMA leads_staging IS 'Unlogged tables of imports under way; made and dropped by them';

CREATE SCHEMA notices;

COMMENT ON SCHEMA notices IS 'The outbox: webhooks and e-mail for what others may want to know';

CREATE SCHEMA ops;

COMMENT ON SCHEMA ops IS 'For who runs the platform: what is wrong, and what was';

CREATE SCHEMA relay;

COMMENT ON SCHEMA relay IS 'Remote databases that transmit lists';

CREATE SCHEMA relay_data;

COMMENT ON SCHEMA relay_data IS 'The rows of lists: a table a list';

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

COMMENT ON EXTENSION unaccent IS 'text search dictionary that removes accents';

CREATE TYPE public.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);

CREATE TYPE public.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);

CREATE TYPE public.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);

CREATE FUNCTION accounts.note_user_changes() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'INSERT' then
        insert into accounts.user_change (organization_id, user_id, change)
        select n.organization_id, n.id, 'created' from new_rows n order by n.id;
    elsif tg_op = 'DELETE' then
        insert into accounts.user_change (organization_id, user_id, change)
        select o.organization_id, o.id, 'deleted' from old_rows o order by o.id;
    else
        insert into accounts.user_change (organization_id, user_id, change)
        select o.organization_id, o.id, 'deleted'
        from old_rows o join new_rows n using (id)
        where o.organization_id <> n.organization_id
        union all
        select n.organization_id, n.id,
            case when o.organization_id = n.organization_id then 'changed' else 'created' end
        from old_rows o join new_rows n using (id)
        where (o.organization_id, o.username, o.email, o.name, o.roles, o.enabled)
            is distinct from (n.organization_id, n.username, n.email, n.name, n.roles, n.enabled);
    end if;
    return null;
end $$;

COMMENT ON FUNCTION accounts.note_user_changes() IS 'Notes in the feed what other systems can see of a change; a new password is not';

CREATE TABLE jobs.job (
    id bigint NOT NULL,
    token text NOT NULL,
    organization_id integer NOT NULL,
    kind text NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    phase text,
    error jsonb,
    result jsonb,
    cost double precision DEFAULT 1 NOT NULL,
    attempts integer DEFAULT 1 NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    execution_seconds double precision DEFAULT 0 NOT NULL,
    parts_total integer DEFAULT 0 NOT NULL,
    parts_done integer DEFAULT 0 NOT NULL,
    pending integer DEFAULT 0 NOT NULL,
    step text NOT NULL,
    join_step text,
    step_total integer DEFAULT 1 NOT NULL,
    step_done integer DEFAULT 0 NOT NULL,
    progress double precision DEFAULT 0 NOT NULL,
    progress_base double precision DEFAULT 0 NOT NULL,
    progress_span double precision DEFAULT 1 NOT NULL,
    bytes_total bigint,
    bytes_done bigint DEFAULT 0 NOT NULL,
    rows_total bigint,
    rows_done bigint DEFAULT 0 NOT NULL,
    request_id text,
    requested_by text,
    idempotency_key text,
    idempotency_hash text,
    client bigint DEFAULT 0 NOT NULL,
    CONSTRAINT job_pending_check CHECK ((pending >= 0)),
    CONSTRAINT job_status_check CHECK ((status = ANY (ARRAY['receiving'::text, 'queued'::text, 'running'::text, 'finished'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT job_token_check CHECK ((token ~ '^[0-9a-f]{32}$'::text))
)
WITH (fillfactor='60');

COMMENT ON TABLE jobs.job IS 'One piece of long work of one organization; kept after its end';

COMMENT ON COLUMN jobs.job.token IS 'The public id: 128 random bits';

COMMENT ON COLUMN jobs.job.execution_seconds IS 'Time that workers spent on its parts';

COMMENT ON COLUMN jobs.job.pending IS 'Open parts, and one more while the job is open (an upload still coming in): zero joins';

COMMENT ON COLUMN jobs.job.join_step IS 'The step that whoever reaches zero enqueues';

COMMENT ON COLUMN jobs.job.progress_base IS 'Where on the whole''s 0..1 the current step begins';

COMMENT ON COLUMN jobs.job.client IS 'Digest of the address that asked, for the public; else 0';

CREATE TABLE jobs.part (
    job_id bigint NOT NULL,
    number integer NOT NULL,
    organization_id integer NOT NULL,
    kind text NOT NULL,
    step text NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    state text DEFAULT 'held'::text NOT NULL,
    releases integer DEFAULT 0 NOT NULL,
    queue_id bigint,
    run_token uuid,
    worker_id bigint,
    attempts integer DEFAULT 0 NOT NULL,
    errors integer DEFAULT 0 NOT NULL,
    lost integer DEFAULT 0 NOT NULL,
    run_at timestamp with time zone,
    requested_at timestamp with time zone NOT NULL,
    queued_at timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    progress_at timestamp with time zone,
    cost double precision DEFAULT 1 NOT NULL,
    cost_actual double precision,
    start_tag bigint,
    finish_tag bigint,
    result jsonb,
    expected_seconds double precision,
    stuck_at timestamp with time zone,
    background boolean DEFAULT false NOT NULL,
    CONSTRAINT part_state_check CHECK ((state = ANY (ARRAY['held'::text, 'queued'::text, 'running'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
)
WITH (fillfactor='60');

COMMENT ON TABLE jobs.part IS 'What one worker does in one go; only queued ones stand in the queue';

COMMENT ON COLUMN jobs.part.releases IS 'How often it was put into the queue: a queue row of an earlier release is stale';

COMMENT ON COLUMN jobs.part.queue_id IS 'Its row in procrastinate_jobs while queued or running';

COMMENT ON COLUMN jobs.part.run_token IS 'Of the current attempt; who holds another may not commit';

COMMENT ON COLUMN jobs.part.errors IS 'Attempts that ended in an error; the third fails the job';

COMMENT ON COLUMN jobs.part.lost IS 'Attempts whose worker vanished; the tenth fails the job';

COMMENT ON COLUMN jobs.part.run_at IS 'Not released before this time (back-off)';

COMMENT ON COLUMN jobs.part.cost IS 'Expected cost; cost_actual is known at its end';

COMMENT ON COLUMN jobs.part.start_tag IS 'Start-time fair queueing: virtual time of its start';

COMMENT ON COLUMN jobs.part.finish_tag IS 'Its start tag and its charge over the weight';

COMMENT ON COLUMN jobs.part.expected_seconds IS 'What it is charged when it is tagged';

COMMENT ON COLUMN jobs.part.stuck_at IS 'Found without progress for ten times what was expected';

COMMENT ON COLUMN jobs.part.background IS 'Released after all else of its organization, few at a time';

CREATE FUNCTION jobs.begin_part(of_job bigint, of_number integer, of_release integer, of_worker bigint) RETURNS TABLE(part jobs.part, job jobs.job)
    LANGUAGE plpgsql
    AS $$
begin
    update jobs.part as p set state = 'running', run_token = gen_random_uuid(),
        worker_id = of_worker, attempts = p.attempts + 1, started_at = kit.now(),
        progress_at = kit.now(), stuck_at = null
    where p.job_id = of_job and p.number = of_number and p.releases = of_release
    and p.state = 'queued' returning p.* into part;
    if not found then
        return;
    end if;
    update jobs.clock as c set virtual_time = part.start_tag
    where c.virtual_time < part.start_tag
    and c.id in (select k.id from jobs.clock as k for update skip locked);
    update jobs.job as j set started_at = coalesce(j.started_at, kit.now()),
        status = case when j.status = 'queued' then 'running' else j.status end
    where j.id in (
        select o.id from jobs.job as o where o.id = of_job
        and (o.status = 'queued' or (o.status = 'receiving' and o.started_at is null))
        for no key update skip locked);
    select j.* from jobs.job as j where j.id = of_job into job;
    return next;
end $$;

COMMENT ON FUNCTION jobs.begin_part(of_job bigint, of_number integer, of_release integer, of_worker bigint) IS 'Begins a part that was fetched in the same statement; no row where its queue row was stale';

CREATE FUNCTION jobs.fence() RETURNS boolean
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'the part belongs to another attempt' using errcode = 'VZ001';
end $$;

COMMENT ON FUNCTION jobs.fence() IS 'Undoes a statement that ended a job whose part was taken back at that very moment';

CREATE FUNCTION kit.fold(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(public.unaccent('public.unaccent'::regdictionary, value));

COMMENT ON FUNCTION kit.fold(value text) IS 'Text for searching: lower case, without accents';

CREATE FUNCTION kit.now() RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN COALESCE((NULLIF(current_setting('vazao.now'::text, true), ''::text))::timestamp with time zone, clock_timestamp());

COMMENT ON FUNCTION kit.now() IS 'The current time, or the one a test has set as vazao.now';

CREATE FUNCTION public.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;

CREATE FUNCTION public.procrastinate_defer_jobs_v1(jobs public.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;

    RETURN job_ids;
END;
$$;

CREATE FUNCTION public.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;

    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;

    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;

    RETURN _job_id;
END;
$$;

CREATE TABLE public.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status public.procrastinate_job_status DEFAULT 'todo'::public.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::public.procrastinate_job_status) AND (abort_requested = true))))
);

CREATE FUNCTION public.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS public.procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;

 RETURN found_jobs;
END;
$$;

CREATE FUNCTION public.procrastinate_finish_job_v1(job_id bigint, end_status public.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;

CREATE FUNCTION public.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;

CREATE FUNCTION public.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;

CREATE FUNCTION public.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;

CREATE FUNCTION public.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;

END;
$$;

CREATE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);

	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;

CREATE FUNCTION public.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;

CREATE FUNCTION public.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;

CREATE FUNCTION relay.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'the audit log of relay is only added to';
end
$$;

CREATE TABLE accounts.audit (
    id bigint NOT NULL,
    organization_id integer NOT NULL,
    at timestamp with time zone DEFAULT kit.now() NOT NULL,
    actor text NOT NULL,
    actor_user_id bigint,
    action text NOT NULL,
    subject text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL
);

COMMENT ON TABLE accounts.audit IS 'Who changed what: written with the change, in its transaction; never a secret';

ALTER TABLE accounts.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME accounts.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE accounts.block (
    organization_id integer NOT NULL,
    block bigint NOT NULL,
    users bigint NOT NULL,
    digest bytea NOT NULL,
    known_since xid8 NOT NULL
)
WITH (fillfactor='70');

COMMENT ON TABLE accounts.block IS 'Digests of users by blocks of 4096 ids: of what transactions before known_since did, maybe of more; a change in known_since or later has a block made anew';

CREATE TABLE accounts.foreign_hash (
    user_id bigint NOT NULL,
    kind text NOT NULL
);

COMMENT ON TABLE accounts.foreign_hash IS 'Whose password hash is of another system still; it is made anew at their next sign-in. While there is any of a kind, failed sign-ins take as long as checking the costliest';

CREATE TABLE accounts.imported_hash (
    user_id bigint NOT NULL,
    digest bytea NOT NULL
);

COMMENT ON TABLE accounts.imported_hash IS 'SHA-256 of the password hash that an import brought last: brought again, it is no news, and what was made of it here since stays';

CREATE TABLE accounts.organization (
    id integer NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    weight real DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT organization_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
    CONSTRAINT organization_settings_check CHECK ((jsonb_typeof(settings) = 'object'::text)),
    CONSTRAINT organization_slug_check CHECK ((slug ~ '^[a-z0-9-]{1,40}$'::text)),
    CONSTRAINT organization_weight_check CHECK (((weight > (0)::double precision) AND (weight <= (1000)::double precision)))
);

COMMENT ON TABLE accounts.organization IS 'A tenant: everything belongs to one of these';

COMMENT ON COLUMN accounts.organization.weight IS 'Its share of the workers, relative to others';

ALTER TABLE accounts.organization ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME accounts.organization_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE accounts.scheme (
    kind text NOT NULL,
    sample text NOT NULL
);

COMMENT ON TABLE accounts.scheme IS 'Kinds of password hashes of other systems that were imported, each with a hash of that kind and cost which no password matches';

CREATE TABLE accounts.session (
    token bytea NOT NULL,
    user_id bigint NOT NULL,
    organization_id integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    user_agent text DEFAULT ''::text NOT NULL,
    address inet,
    CONSTRAINT session_token_check CHECK ((octet_length(token) = 32)),
    CONSTRAINT session_user_agent_check CHECK ((char_length(user_agent) <= 200))
)
WITH (fillfactor='80');

COMMENT ON TABLE accounts.session IS 'A signed-in browser or client';

COMMENT ON COLUMN accounts.session.token IS 'SHA-256 of the secret, which only its owner has';

COMMENT ON COLUMN accounts.session.last_seen_at IS 'Coarse: written at most once in five minutes';

CREATE TABLE accounts.sign_in (
    user_id bigint NOT NULL,
    last_at timestamp with time zone NOT NULL,
    previous_at timestamp with time zone,
    totp_step bigint
)
WITH (fillfactor='50');

COMMENT ON TABLE accounts.sign_in IS 'What changes at each sign-in, apart from the user''s row';

COMMENT ON COLUMN accounts.sign_in.totp_step IS 'The last second-step code''s step: none twice';

CREATE UNLOGGED TABLE accounts.throttle (
    key bytea NOT NULL,
    failures integer NOT NULL,
    last_failed_at timestamp with time zone NOT NULL
)
WITH (fillfactor='70');

COMMENT ON TABLE accounts.throttle IS 'Failed sign-ins by account, address, or the pair; a crash may forget them (unlogged)';

COMMENT ON COLUMN accounts.throttle.key IS 'HMAC of what is counted: neither names nor addresses can be read here';

CREATE TABLE accounts.token (
    id bigint NOT NULL,
    organization_id integer NOT NULL,
    application text NOT NULL,
    secret bytea NOT NULL,
    scopes text[] NOT NULL,
    created_by bigint,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    replaced_by bigint,
    CONSTRAINT token_application_check CHECK (((char_length(application) >= 1) AND (char_length(application) <= 100))),
    CONSTRAINT token_scopes_check CHECK ((cardinality(scopes) > 0)),
    CONSTRAINT token_secret_check CHECK ((octet_length(secret) = 32))
);

COMMENT ON TABLE accounts.token IS 'What another system shows to act for an organization';

COMMENT ON COLUMN accounts.token.secret IS 'SHA-256 of the token, which is shown once';

COMMENT ON COLUMN accounts.token.last_used_at IS 'Coarse: written at most once in ten minutes';

COMMENT ON COLUMN accounts.token.replaced_by IS 'The token that a rotation made of it: it is rotated once, and ends when that is rotated';

ALTER TABLE accounts.token ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME accounts.token_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE accounts."user" (
    id bigint NOT NULL,
    organization_id integer NOT NULL,
    username text NOT NULL,
    username_key text NOT NULL,
    email text,
    email_key text,
    name text DEFAULT ''::text NOT NULL,
    password_hash text,
    roles text[] DEFAULT '{member}'::text[] NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    language text,
    totp_secret bytea,
    totp_confirmed_at timestamp with time zone,
    recovery_codes bytea[],
    created_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    updated_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    CONSTRAINT user_check CHECK (((email_key IS NULL) = (email IS NULL))),
    CONSTRAINT user_check1 CHECK (((totp_confirmed_at IS NULL) OR (totp_secret IS NOT NULL))),
    CONSTRAINT user_email_check CHECK (((char_length(email) >= 3) AND (char_length(email) <= 254))),
    CONSTRAINT user_language_check CHECK ((language = ANY (ARRAY['en'::text, 'pt_BR'::text]))),
    CONSTRAINT user_name_check CHECK ((char_length(name) <= 200)),
    CONSTRAINT user_roles_check CHECK ((roles <@ ARRAY['admin'::text, 'member'::text])),
    CONSTRAINT user_username_check CHECK (((char_length(username) >= 1) AND (char_length(username) <= 150)))
)
WITH (fillfactor='90');

COMMENT ON TABLE accounts."user" IS 'A person of one organization';

COMMENT ON COLUMN accounts."user".username_key IS 'The username after NFKC and case folding, made by the application: unique on the platform';

COMMENT ON COLUMN accounts."user".password_hash IS 'With its scheme before it: $argon2id$, $2a$ $2b$ $2y$ (bcrypt), $scrypt$, scrypt$, $pbkdf2-sha256$, pbkdf2_sha256$; null: no password, nobody can sign in with one';

COMMENT ON COLUMN accounts."user".totp_secret IS 'The second step''s secret, encrypted with a key made from VAZAO_SECRET; asked for once totp_confirmed_at is set';

COMMENT ON COLUMN accounts."user".recovery_codes IS 'SHA-256 of the unused ones';

CREATE TABLE accounts.user_change (
    organization_id integer NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    seq bigint NOT NULL,
    user_id bigint NOT NULL,
    change text NOT NULL,
    changed_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    CONSTRAINT user_change_change_check CHECK ((change = ANY (ARRAY['created'::text, 'changed'::text, 'deleted'::text])))
);

COMMENT ON TABLE accounts.user_change IS 'The feed of changes in commit-safe order: read only rows with xid < pg_snapshot_xmin; filled by triggers, so that no way of writing users is missed';

ALTER TABLE accounts.user_change ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME accounts.user_change_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE accounts."user" ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME accounts.user_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE events.aside (
    provider_id integer NOT NULL,
    record integer NOT NULL,
    base_id text,
    event_id text,
    code text NOT NULL,
    attribute text NOT NULL,
    value text
);

COMMENT ON TABLE events.aside IS 'Records of a provider''s latest feed that were put aside: which of its events, and why';

CREATE TABLE events.base (
    provider_id integer NOT NULL,
    base_id text NOT NULL COLLATE pg_catalog."C",
    title text,
    online boolean NOT NULL,
    first_online_at timestamp with time zone
);

COMMENT ON TABLE events.base IS 'A base of a provider: whether it is online now, and since when its events are in search. Titles are searched here: an index of them on events would cost every sync its trigrams';

CREATE TABLE events.event (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    provider_id integer NOT NULL,
    base_id text NOT NULL COLLATE pg_catalog."C",
    event_id text NOT NULL COLLATE pg_catalog."C",
    audience integer NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    title text,
    shown text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    starts_local timestamp without time zone NOT NULL,
    ends_local timestamp without time zone NOT NULL,
    min_price double precision,
    max_price double precision,
    sell_from timestamp with time zone,
    sell_to timestamp with time zone,
    sold_out boolean NOT NULL,
    online boolean NOT NULL,
    listed boolean NOT NULL,
    zones bytea NOT NULL,
    digest bytea NOT NULL,
    first_online_at timestamp with time zone,
    first_seen_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    held_from timestamp with time zone DEFAULT kit.now() NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL
);

COMMENT ON TABLE events.event IS 'The latest good version of every event. audience is 0 where everyone may search it, else the organization that may; shown is what /search says of it, after its id; zones are packed; listed: the provider''s latest feed has it; first_online_at (its base''s) puts it into search';

CREATE TABLE events.past (
    id uuid NOT NULL,
    version integer NOT NULL,
    title text,
    shown text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    starts_local timestamp without time zone NOT NULL,
    ends_local timestamp without time zone NOT NULL,
    min_price double precision,
    max_price double precision,
    sell_from timestamp with time zone,
    sell_to timestamp with time zone,
    sold_out boolean NOT NULL,
    online boolean NOT NULL,
    listed boolean NOT NULL,
    zones bytea NOT NULL,
    digest bytea NOT NULL,
    held_from timestamp with time zone NOT NULL,
    held_until timestamp with time zone NOT NULL,
    superseded_xid xid8 DEFAULT pg_current_xact_id() NOT NULL
);

COMMENT ON TABLE events.past IS 'The versions that events had before, each with the time in which it held';

CREATE TABLE events.provider (
    id integer NOT NULL,
    organization_id integer NOT NULL,
    name text NOT NULL,
    url text NOT NULL,
    every_seconds integer NOT NULL,
    timezone text NOT NULL,
    public boolean NOT NULL,
    private_allowed boolean NOT NULL,
    paused boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    next_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    applied_xid xid8,
    etag text,
    last_modified text,
    digest bytea,
    fetched_at timestamp with time zone,
    attempted_at timestamp with time zone,
    synced_at timestamp with time zone,
    changed_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    error jsonb,
    listed integer DEFAULT 0 NOT NULL,
    aside integer DEFAULT 0 NOT NULL,
    lost_at timestamp with time zone,
    lost_from integer DEFAULT 0 NOT NULL,
    CONSTRAINT provider_every_seconds_check CHECK ((every_seconds > 0))
)
WITH (fillfactor='50');

COMMENT ON TABLE events.provider IS 'A partner''s feed and its health. etag, last_modified and digest are those of the feed that was applied last, in the transaction applied_xid; fetched_at is when its fetch began, so that an older answer never follows a newer one; synced_at is when the feed was last known to be as applied. lost_at: the last sync found less than half of the lost_from events that the one before it had';

ALTER TABLE events.provider ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME events.provider_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE events.reader (
    pid integer NOT NULL,
    shown pg_snapshot NOT NULL,
    at timestamp with time zone DEFAULT kit.now() NOT NULL
);

COMMENT ON TABLE events.reader IS 'What each web process shows in search: the snapshot it read, under the process id of its LISTEN connection, which PostgreSQL knows to be alive or not';

CREATE TABLE events.sync (
    id bigint NOT NULL,
    provider_id integer NOT NULL,
    job text,
    began_at timestamp with time zone NOT NULL,
    seconds double precision NOT NULL,
    outcome text NOT NULL,
    bytes bigint,
    counts jsonb,
    error jsonb,
    CONSTRAINT sync_outcome_check CHECK ((outcome = ANY (ARRAY['applied'::text, 'failed'::text])))
);

COMMENT ON TABLE events.sync IS 'Syncs that changed something or failed; those that found the feed unchanged leave no row';

ALTER TABLE events.sync ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME events.sync_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE events.turn (
    provider_id integer NOT NULL,
    job_id bigint NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE events.turn IS 'The job that syncs a provider, asked for last. Apart from its provider, whose row a sync locks while it merges: who asks must not wait for that. Locked before the share of the organization';

CREATE TABLE jobs.clock (
    id smallint DEFAULT 1 NOT NULL,
    virtual_time bigint DEFAULT 0 NOT NULL,
    origin bigint DEFAULT 0 NOT NULL,
    rebased_at timestamp with time zone,
    CONSTRAINT clock_id_check CHECK ((id = 1))
)
WITH (fillfactor='10');

COMMENT ON TABLE jobs.clock IS 'The virtual time of the fair order, in microseconds; one row';

COMMENT ON COLUMN jobs.clock.virtual_time IS 'Never falls: raised to the start tag of what begins';

COMMENT ON COLUMN jobs.clock.origin IS 'The start tag that the queue''s priority 0 stands for; moved so that int4 lasts';

ALTER TABLE jobs.job ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs.job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE jobs.listened (
    organization_id integer NOT NULL
);

COMMENT ON TABLE jobs.listened IS 'Organizations of which somebody wants to be told: their jobs do not end in the one statement that calls no hook';

CREATE TABLE jobs.periodic (
    name text NOT NULL,
    next_at timestamp with time zone NOT NULL,
    worker_id bigint,
    started_at timestamp with time zone,
    finished_at timestamp with time zone
);

COMMENT ON TABLE jobs.periodic IS 'Ticks: each fires once an interval, on whichever host claims it';

CREATE TABLE jobs.rate (
    kind text NOT NULL,
    step text NOT NULL,
    seconds double precision NOT NULL,
    units double precision NOT NULL,
    measured_at timestamp with time zone NOT NULL,
    CONSTRAINT rate_units_check CHECK ((units > (0)::double precision))
)
WITH (fillfactor='50');

COMMENT ON TABLE jobs.rate IS 'Seconds over units of cost of the latest parts, by which the next are charged';

CREATE TABLE jobs.resumable (
    upload_id bigint NOT NULL,
    organization_id integer NOT NULL,
    bytes_total bigint,
    metadata text DEFAULT ''::text NOT NULL,
    expires_at timestamp with time zone,
    lease uuid,
    leased_until timestamp with time zone,
    wanted boolean DEFAULT false NOT NULL,
    concat text,
    final text,
    CONSTRAINT resumable_bytes_total_check CHECK ((bytes_total >= 0))
)
WITH (fillfactor='50');

COMMENT ON TABLE jobs.resumable IS 'An upload that may come in several requests; its offset is jobs.upload.bytes';

COMMENT ON COLUMN jobs.resumable.bytes_total IS 'Declared length; null until the client tells it';

COMMENT ON COLUMN jobs.resumable.expires_at IS 'Removed after this time; null once a job took the file: then the job removes it';

COMMENT ON COLUMN jobs.resumable.lease IS 'Of the request that is writing; it ends by itself at leased_until';

COMMENT ON COLUMN jobs.resumable.wanted IS 'Another request waits: a writer that hears nothing from its client gives way';

COMMENT ON COLUMN jobs.resumable.concat IS 'partial, or final; and the addresses of the partial ones: as tus says it in Upload-Concat';

COMMENT ON COLUMN jobs.resumable.final IS 'Of a joined one: token of the upload that has its bytes';

CREATE TABLE jobs.segment (
    upload_id bigint NOT NULL,
    number integer NOT NULL,
    bytes bigint NOT NULL
);

COMMENT ON TABLE jobs.segment IS 'A piece of an upload, blob <token>/<number as six digits>';

CREATE TABLE jobs.share (
    organization_id integer NOT NULL,
    last_finish bigint DEFAULT 0 NOT NULL,
    weight double precision DEFAULT 1 NOT NULL,
    parts_cap integer,
    CONSTRAINT share_parts_cap_check CHECK ((parts_cap > 0)),
    CONSTRAINT share_weight_check CHECK ((weight > (0)::double precision))
)
WITH (fillfactor='50');

COMMENT ON TABLE jobs.share IS 'An organization''s place in the fair order; locked last before a commit';

CREATE TABLE jobs.source_prefix (
    organization_id integer NOT NULL,
    prefix text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT source_prefix_prefix_check CHECK (((prefix ~ '^s3://[^/]+/.*/$'::text) OR (prefix ~ '^s3://[^/]+/$'::text)))
);

COMMENT ON TABLE jobs.source_prefix IS 'Prefixes that an administrator allowed: tasks of that organization may read below them';

CREATE TABLE jobs.upload (
    id bigint NOT NULL,
    token text NOT NULL,
    organization_id integer NOT NULL,
    status text DEFAULT 'receiving'::text NOT NULL,
    filename text,
    content_type text,
    bytes bigint DEFAULT 0 NOT NULL,
    sha256 text,
    segments integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_segment_at timestamp with time zone NOT NULL,
    purpose text DEFAULT 'task'::text NOT NULL,
    client bigint DEFAULT 0 NOT NULL,
    expires_at timestamp with time zone,
    keep_seconds double precision,
    joined jsonb,
    CONSTRAINT upload_token_check CHECK ((token ~ '^[0-9a-f]{32}$'::text))
)
WITH (fillfactor='80');

COMMENT ON TABLE jobs.upload IS 'A stored file: the list of its segments, each a blob of its own';

COMMENT ON COLUMN jobs.upload.purpose IS 'What it is stored for: task, result, sheet, resumable';

COMMENT ON COLUMN jobs.upload.client IS 'Digest of the sender''s address, for the public; else 0';

COMMENT ON COLUMN jobs.upload.expires_at IS 'Removed after this time; null while a feature, or jobs.resumable, says until when it is kept';

COMMENT ON COLUMN jobs.upload.keep_seconds IS 'How long it is kept while nobody uses it';

COMMENT ON COLUMN jobs.upload.joined IS 'Of a file joined from others: [token, segments] of each, whose blobs are its own, in order';

ALTER TABLE jobs.upload ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs.upload_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE jobs.usage (
    organization_id integer NOT NULL,
    client bigint NOT NULL,
    purpose text NOT NULL,
    files bigint NOT NULL,
    bytes bigint NOT NULL,
    CONSTRAINT usage_bytes_check CHECK ((bytes >= 0)),
    CONSTRAINT usage_files_check CHECK ((files >= 0))
)
WITH (fillfactor='50');

COMMENT ON TABLE jobs.usage IS 'What an organization has stored, promised bytes of resumable uploads included; a client of its own stands for an address of the public';

COMMENT ON COLUMN jobs.usage.client IS '0: all of the organization';

CREATE TABLE jobs.worker (
    id bigint NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    process_start text NOT NULL,
    queue_worker_id bigint,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    beat_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE jobs.worker IS 'One life of one worker process; gone when it stops or is lost';

COMMENT ON COLUMN jobs.worker.host IS 'Host name, boot and process namespace: where pid means it';

COMMENT ON COLUMN jobs.worker.process_start IS 'When the process began: a pid may be used again';

ALTER TABLE jobs.worker ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs.worker_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE kit.sent (
    key bytea NOT NULL,
    target text NOT NULL,
    sent_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE kit.sent IS 'Forms that were sent within the last minutes; a crash may forget them (unlogged)';

COMMENT ON COLUMN kit.sent.key IS 'SHA-256 of the form with its once-id: nothing can be read here';

COMMENT ON COLUMN kit.sent.target IS 'The page that it led to';

CREATE TABLE leads.base (
    organization_id integer NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    leads bigint DEFAULT 0 NOT NULL,
    facets jsonb,
    facets_version bigint,
    words smallint DEFAULT 2 NOT NULL,
    words_to bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE leads.base IS 'One row an organization: how many leads, and the version that every merged slice raises (caches of counts and facets are keyed by it)';

COMMENT ON COLUMN leads.base.words IS 'By which rules all its search rows were made; those of older rules are made anew bit by bit';

COMMENT ON COLUMN leads.base.words_to IS 'Up to this lead they are made by the present rules already';

CREATE TABLE leads.before_image (
    import_id bigint NOT NULL,
    lead_id bigint NOT NULL,
    fields jsonb NOT NULL
);

COMMENT ON TABLE leads.before_image IS 'What an updated lead held before an import changed it (foreseen for changes and undo)';

CREATE TABLE leads.custom_field (
    organization_id integer NOT NULL,
    name text NOT NULL,
    type text DEFAULT 'text'::text NOT NULL,
    label text,
    place integer,
    options text[]
);

COMMENT ON TABLE leads.custom_field IS 'Custom fields in use and their types; text unless declared otherwise';

COMMENT ON COLUMN leads.custom_field.label IS 'How people call it, where they do not by its name';

COMMENT ON COLUMN leads.custom_field.place IS 'Its place among the others; those without come last';

COMMENT ON COLUMN leads.custom_field.options IS 'Of a choice: the values that it may have';

CREATE TABLE leads.deleted (
    organization_id integer NOT NULL,
    lead_id bigint NOT NULL,
    lead jsonb NOT NULL,
    deleted_by text,
    deleted_at timestamp with time zone DEFAULT kit.now() NOT NULL
);

COMMENT ON TABLE leads.deleted IS 'Leads that were deleted, whole, as long as that can be taken back';

CREATE TABLE leads.document (
    organization_id integer NOT NULL,
    lead_id bigint NOT NULL,
    words text NOT NULL COLLATE pg_catalog."C",
    labels text[] NOT NULL COLLATE pg_catalog."C"
)
PARTITION BY HASH (organization_id);

COMMENT ON TABLE leads.document IS 'The read model behind search and filters: folded words of a lead, and its tags and city as labels; brought up to date behind imports, touched only when they differ';

CREATE TABLE leads.document_p0 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p1 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p10 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p11 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p12 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p13 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p14 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p15 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p2 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p3 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p4 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p5 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p6 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p7 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p8 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.document_p9 (
    organization_id integer CONSTRAINT document_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT document_lead_id_not_null NOT NULL,
    words text CONSTRAINT document_words_not_null NOT NULL COLLATE pg_catalog."C",
    labels text[] CONSTRAINT document_labels_not_null NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='90');

CREATE TABLE leads.edge (
    import_id bigint NOT NULL,
    number integer NOT NULL,
    email text NOT NULL COLLATE pg_catalog."C"
);

COMMENT ON TABLE leads.edge IS 'Where the slices of an import begin, until it has ended';

CREATE TABLE leads.edit (
    organization_id integer NOT NULL,
    lead_id bigint NOT NULL,
    id bigint NOT NULL,
    what text NOT NULL,
    fields text[] DEFAULT '{}'::text[] NOT NULL,
    edited_by text,
    edited_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    CONSTRAINT edit_what_check CHECK ((what = ANY (ARRAY['created'::text, 'changed'::text, 'tagged'::text, 'deleted'::text, 'restored'::text])))
);

COMMENT ON TABLE leads.edit IS 'What people and other systems did to single leads: which fields, never their values';

ALTER TABLE leads.edit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME leads.edit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE leads.epoch (
    organization_id integer NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    xmin_then xid8 DEFAULT pg_snapshot_xmin(pg_current_snapshot()) NOT NULL
);

COMMENT ON TABLE leads.epoch IS 'Written after changes, one a minute is kept: transactions older than xmin_then had ended by at. It turns updated_since (a time) into a lower bound of the feed (a transaction id)';

CREATE TABLE leads.feed (
    organization_id integer NOT NULL,
    lead_id bigint NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted boolean DEFAULT false NOT NULL
)
PARTITION BY HASH (organization_id);

COMMENT ON TABLE leads.feed IS 'The feed of changes, one row a lead with its last change, deletions included; written behind imports like the search rows';

CREATE TABLE leads.feed_p0 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p1 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p10 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p11 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p12 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p13 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p14 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p15 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p2 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p3 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p4 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p5 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p6 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p7 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p8 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.feed_p9 (
    organization_id integer CONSTRAINT feed_organization_id_not_null NOT NULL,
    lead_id bigint CONSTRAINT feed_lead_id_not_null NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT feed_changed_xid_not_null NOT NULL,
    changed_at timestamp with time zone DEFAULT now() CONSTRAINT feed_changed_at_not_null NOT NULL,
    deleted boolean DEFAULT false CONSTRAINT feed_deleted_not_null NOT NULL
);

CREATE TABLE leads.import (
    id bigint NOT NULL,
    token text NOT NULL,
    organization_id integer NOT NULL,
    upload text NOT NULL,
    filename text NOT NULL,
    mode text NOT NULL,
    empty text NOT NULL,
    sheet text,
    mapping json,
    dry_run boolean DEFAULT false NOT NULL,
    undone boolean DEFAULT false NOT NULL,
    headers json,
    notes jsonb DEFAULT '[]'::jsonb NOT NULL,
    staging text,
    rows_total bigint,
    rows_staged bigint,
    rows_refused bigint,
    digest bytea,
    base_version bigint,
    round integer DEFAULT 1 NOT NULL,
    requested_by text,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    header_row text,
    delimiter text,
    encoding text,
    strict boolean DEFAULT false NOT NULL,
    types json,
    new_types json,
    left_out boolean DEFAULT false NOT NULL,
    rows_warned bigint,
    applies bigint,
    applied_by bigint,
    sheet_gone text,
    CONSTRAINT import_empty_check CHECK ((empty = ANY (ARRAY['keep'::text, 'clear'::text]))),
    CONSTRAINT import_mode_check CHECK ((mode = ANY (ARRAY['upsert'::text, 'create'::text, 'update'::text])))
)
WITH (fillfactor='50');

COMMENT ON TABLE leads.import IS 'An import: the sheet, its options and what reading found; id and token are those of its job, round counts how often it was started over';

COMMENT ON COLUMN leads.import.header_row IS 'The row of the column names, or none, where somebody said it; so delimiter and encoding';

COMMENT ON COLUMN leads.import.types IS 'Types of custom fields as they were when the sheet was read';

COMMENT ON COLUMN leads.import.new_types IS 'Types that somebody gave the custom fields which the sheet is the first to bring';

COMMENT ON COLUMN leads.import.left_out IS 'Whether values that were left out stand among the staged rows, so that none is emptied';

COMMENT ON COLUMN leads.import.rows_warned IS 'Rows that came in with a value left out, or doubted';

COMMENT ON COLUMN leads.import.applies IS 'The trial whose rows this import takes in; applied_by: the import that took this trial''s';

COMMENT ON COLUMN leads.import.sheet_gone IS 'Why its stored sheet is gone: erased, or expired';

CREATE SEQUENCE leads.lead_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE leads.lead (
    organization_id integer NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) NOT NULL,
    email text NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb NOT NULL,
    opted_out boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by bigint,
    updated_by bigint
)
PARTITION BY HASH (organization_id);

COMMENT ON TABLE leads.lead IS 'The base. e-mail is trimmed and case-folded; created_by and updated_by are imports (job ids)';

CREATE TABLE leads.lead_p0 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p1 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p10 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p11 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p12 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p13 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p14 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p15 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p2 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p3 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p4 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p5 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p6 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p7 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p8 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.lead_p9 (
    organization_id integer CONSTRAINT lead_organization_id_not_null NOT NULL,
    id bigint DEFAULT nextval('leads.lead_id_seq'::regclass) CONSTRAINT lead_id_not_null NOT NULL,
    email text CONSTRAINT lead_email_not_null NOT NULL COLLATE pg_catalog."C",
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] DEFAULT '{}'::text[] CONSTRAINT lead_tags_not_null NOT NULL,
    custom jsonb DEFAULT '{}'::jsonb CONSTRAINT lead_custom_not_null NOT NULL,
    opted_out boolean DEFAULT false CONSTRAINT lead_opted_out_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT lead_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT lead_updated_at_not_null NOT NULL,
    created_by bigint,
    updated_by bigint
)
WITH (fillfactor='90');

CREATE TABLE leads.purge (
    id bigint NOT NULL,
    organization_id integer NOT NULL,
    emails text[] NOT NULL,
    expired boolean DEFAULT false NOT NULL,
    ended_at timestamp with time zone,
    done jsonb
);

COMMENT ON TABLE leads.purge IS 'Whom a job is to forget, until it has finished';

COMMENT ON COLUMN leads.purge.expired IS 'Nobody asked: they were deleted for so long; one who is back is no longer meant';

COMMENT ON COLUMN leads.purge.ended_at IS 'When its job failed or was cancelled: it may start over until some days later';

COMMENT ON COLUMN leads.purge.done IS 'What attempts before have removed';

CREATE TABLE leads.rejection (
    import_id bigint NOT NULL,
    "row" bigint NOT NULL,
    place text,
    code text NOT NULL,
    value text,
    corrected_by bigint
);

COMMENT ON TABLE leads.rejection IS 'A refused row of a sheet: its number as Excel shows it, the column (place), code and value';

COMMENT ON COLUMN leads.rejection.corrected_by IS 'The import that sent the row again with another value in its cell; it may be gone';

CREATE TABLE leads.saved_mapping (
    organization_id bigint NOT NULL,
    headers bytea NOT NULL,
    name text,
    mapping json NOT NULL,
    saved_by text,
    used_at timestamp with time zone DEFAULT kit.now() NOT NULL
);

COMMENT ON TABLE leads.saved_mapping IS 'Columns as somebody set them: the last for each set of headers (no name), and those by name';

CREATE TABLE leads.settled (
    organization_id integer NOT NULL,
    digest bytea NOT NULL,
    version bigint NOT NULL,
    import_id bigint NOT NULL
);

COMMENT ON TABLE leads.settled IS 'Sheets (file and options, as a digest) that the base of that version holds already: sent again before anything else changed the base, they need not be compared';

CREATE TABLE leads.slice (
    organization_id integer NOT NULL,
    import_id bigint NOT NULL,
    round integer NOT NULL,
    number integer NOT NULL,
    created bigint[] NOT NULL,
    updated bigint[] NOT NULL,
    unchanged integer NOT NULL,
    duplicates integer NOT NULL,
    rejected integer NOT NULL,
    indexed_at timestamp with time zone,
    pieces_indexed integer DEFAULT 0 NOT NULL,
    created_count integer GENERATED ALWAYS AS (cardinality(created)) STORED NOT NULL,
    updated_count integer GENERATED ALWAYS AS (cardinality(updated)) STORED NOT NULL
);
ALTER TABLE ONLY leads.slice ALTER COLUMN created SET STORAGE EXTERNAL;
ALTER TABLE ONLY leads.slice ALTER COLUMN updated SET STORAGE EXTERNAL;

COMMENT ON TABLE leads.slice IS 'What a merged slice did: lead ids made and changed (the work list of search, later of undo) and the counts of the rest. One row a slice: no row is shared by slices that run at once';

COMMENT ON COLUMN leads.slice.created IS 'Ids of the leads it made, not compressed: pglz takes longer than writing them';

COMMENT ON COLUMN leads.slice.pieces_indexed IS 'Pieces whose leads search knows; with the last of them it is indexed';

COMMENT ON COLUMN leads.slice.created_count IS 'How many ids stand in created: a sum over slices need not fetch them';

CREATE TABLE leads.suppression (
    organization_id integer NOT NULL,
    email_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE leads.suppression IS 'Keyed hashes of leads that left after opting out: no import revives them (foreseen)';

CREATE TABLE leads.trial (
    import_id bigint NOT NULL,
    round integer NOT NULL,
    number integer NOT NULL,
    created integer NOT NULL,
    updated integer NOT NULL,
    unchanged integer NOT NULL,
    duplicates integer NOT NULL,
    rejected integer NOT NULL,
    rows integer NOT NULL
);

COMMENT ON TABLE leads.trial IS 'What a slice of a trial would have done: as leads.slice, without a lead';

CREATE TABLE leads.warning (
    import_id bigint NOT NULL,
    number integer NOT NULL,
    "row" bigint NOT NULL,
    place text,
    code text NOT NULL,
    value text
);

COMMENT ON TABLE leads.warning IS 'The first values of an import that were left out or doubted; the others are found by reading the stored sheet again';

CREATE TABLE notices.choice (
    user_id integer NOT NULL,
    organization_id integer NOT NULL,
    type text NOT NULL,
    wanted boolean NOT NULL
);

COMMENT ON TABLE notices.choice IS 'What people chose to be told by e-mail, and not to be';

CREATE TABLE notices.delivery (
    id bigint NOT NULL,
    webhook_id integer NOT NULL,
    event_id bigint NOT NULL,
    object text NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    refusals integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    next_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    first_at timestamp with time zone,
    attempted_at timestamp with time zone,
    ended_at timestamp with time zone,
    outcome text,
    status integer,
    answer text,
    seconds real,
    CONSTRAINT delivery_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'failed'::text])))
)
WITH (fillfactor='80');

COMMENT ON TABLE notices.delivery IS 'An event for a webhook, from the transaction that told it. No foreign keys: each would lock the webhook''s row in every transaction that tells, and removing happens in slices';

ALTER TABLE notices.delivery ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME notices.delivery_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE notices.event (
    id bigint NOT NULL,
    token text NOT NULL,
    organization_id integer NOT NULL,
    type text NOT NULL,
    object text NOT NULL,
    data jsonb NOT NULL,
    at timestamp with time zone DEFAULT kit.now() NOT NULL
);

COMMENT ON TABLE notices.event IS 'What was told, for as long as a delivery or an e-mail of it is kept: ids, counts, kinds, status, times and addresses, never a person''s data. object is what it is about: events of one object are delivered in the order of their ids';

ALTER TABLE notices.event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME notices.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE notices.mail (
    id bigint NOT NULL,
    user_id integer NOT NULL,
    event_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT kit.now() NOT NULL
);

COMMENT ON TABLE notices.mail IS 'An event that somebody is to be told in their next e-mail';

ALTER TABLE notices.mail ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME notices.mail_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE notices.recipient (
    user_id integer NOT NULL,
    organization_id integer NOT NULL,
    next_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    mailed_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    outcome text,
    lease uuid,
    leased_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE notices.recipient IS 'Somebody whom e-mail is sent: not before next_at, by the process that holds the lease. Their address is with accounts alone';

CREATE TABLE notices.webhook (
    id integer NOT NULL,
    token text NOT NULL,
    organization_id integer NOT NULL,
    url text NOT NULL,
    types text[] NOT NULL,
    about text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    off_reason text,
    off_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    secret bytea NOT NULL,
    old_secret bytea,
    old_secret_until timestamp with time zone,
    key text,
    request text,
    failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    rest_until timestamp with time zone DEFAULT kit.now() NOT NULL,
    outcome text,
    status integer,
    delivered_at timestamp with time zone,
    lease uuid,
    leased_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    removed_at timestamp with time zone
)
WITH (fillfactor='50');

COMMENT ON TABLE notices.webhook IS 'Where an organization wants to be told. types is empty for all. One worker process at a time holds the lease, and sends; nothing is sent before rest_until. off_reason says why the platform turned it off. A removed one stays until its deliveries are swept';

COMMENT ON COLUMN notices.webhook.secret IS 'What signs deliveries, encrypted with a key made from VAZAO_SECRET';

COMMENT ON COLUMN notices.webhook.old_secret IS 'The one before it, which signs besides until old_secret_until';

COMMENT ON COLUMN notices.webhook.key IS 'The Idempotency-Key that made it, and the request';

ALTER TABLE notices.webhook ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME notices.webhook_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ops.alarm (
    id bigint NOT NULL,
    code text NOT NULL,
    subject text NOT NULL,
    level text NOT NULL,
    message text NOT NULL,
    remedy text NOT NULL,
    params jsonb NOT NULL,
    began_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT alarm_level_check CHECK ((level = ANY (ARRAY['critical'::text, 'warning'::text])))
)
WITH (fillfactor='70');

COMMENT ON TABLE ops.alarm IS 'Something that was found wrong, from when to when';

COMMENT ON COLUMN ops.alarm.subject IS 'What has it; with the code, what it is told by';

COMMENT ON COLUMN ops.alarm.message IS 'Message id, in English; params fill its places';

ALTER TABLE ops.alarm ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ops.alarm_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ops.sample (
    level smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    figures jsonb NOT NULL,
    CONSTRAINT sample_level_check CHECK ((level = ANY (ARRAY[1, 15])))
);

COMMENT ON TABLE ops.sample IS 'How the platform was: mean figures of a minute, and of 15';

COMMENT ON COLUMN ops.sample.level IS 'Minutes that the figures are a mean of';

CREATE TABLE ops.spent (
    at timestamp with time zone NOT NULL,
    queryid bigint NOT NULL,
    calls bigint NOT NULL,
    ms double precision NOT NULL,
    blocks bigint NOT NULL
)
WITH (fillfactor='70');

COMMENT ON TABLE ops.spent IS 'What the statements that took most did in the quarter of an hour from at on';

CREATE TABLE ops.statement (
    queryid bigint NOT NULL,
    usual_ms double precision NOT NULL,
    readings integer NOT NULL,
    plan text,
    seen_at timestamp with time zone NOT NULL
)
WITH (fillfactor='70');

COMMENT ON TABLE ops.statement IS 'How long statements usually take and by which plan, learnt while all is well';

COMMENT ON COLUMN ops.statement.plan IS 'The steps of its plan, with their tables and indexes';

CREATE TABLE ops.text (
    queryid bigint NOT NULL,
    text text NOT NULL,
    seen_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE ops.text IS 'Texts of statements, $1 where values stood: no value of anybody';

CREATE TABLE ops.watch (
    one boolean NOT NULL,
    holder text NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT watch_one_check CHECK (one)
)
WITH (fillfactor='50');

COMMENT ON TABLE ops.watch IS 'The one process that looks for what is wrong, while its lease lasts';

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type public.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);

CREATE SEQUENCE public.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.procrastinate_events_id_seq OWNED BY public.procrastinate_events.id;

CREATE SEQUENCE public.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.procrastinate_jobs_id_seq OWNED BY public.procrastinate_jobs.id;

CREATE TABLE public.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);

CREATE SEQUENCE public.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.procrastinate_periodic_defers_id_seq OWNED BY public.procrastinate_periodic_defers.id;

CREATE TABLE public.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE relay.agent (
    id integer NOT NULL,
    site_id integer NOT NULL,
    public_key bytea NOT NULL,
    version text NOT NULL,
    machine text NOT NULL,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL,
    enrolled_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    ended_at timestamp with time zone,
    seen_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    stamp bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE relay.agent IS 'An agent by its Ed25519 key. stamp is that of its last request, in nanoseconds since the epoch: each is later than the one before, so none can be played back';

ALTER TABLE relay.agent ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME relay.agent_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE relay.audit (
    id bigint NOT NULL,
    organization_id integer NOT NULL,
    at timestamp with time zone DEFAULT kit.now() NOT NULL,
    actor text NOT NULL,
    what text NOT NULL,
    site text,
    list text,
    details jsonb DEFAULT '{}'::jsonb NOT NULL
);

COMMENT ON TABLE relay.audit IS 'Who did or looked at what; rows are only ever added';

ALTER TABLE relay.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME relay.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE relay.chunk (
    run_id bigint NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    sha256 bytea NOT NULL,
    packed integer NOT NULL,
    raw integer NOT NULL,
    rows integer NOT NULL,
    stored_at timestamp with time zone,
    loaded_at timestamp with time zone,
    CONSTRAINT chunk_kind_check CHECK ((kind = ANY (ARRAY['rows'::text, 'gone'::text])))
);

COMMENT ON TABLE relay.chunk IS 'A piece of a run: its bytes are with the blobs until it has ended';

CREATE TABLE relay.current (
    list_id integer NOT NULL,
    site_id integer NOT NULL,
    seq integer NOT NULL,
    first_seq integer NOT NULL,
    run_id bigint NOT NULL,
    rows bigint NOT NULL,
    digest bigint NOT NULL,
    extracted_at timestamp with time zone NOT NULL,
    swapped_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    swept_seq integer DEFAULT 0 NOT NULL,
    doubles bigint,
    counted_seq integer,
    sweeping_seq integer DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE relay.current IS 'The run whose rows readers see of a list at a site: changing this row is the whole swap. first_seq: the run that last brought the whole list; rows of earlier ones are gone. swept_seq: rows that only runs before this one showed are removed';

COMMENT ON COLUMN relay.current.doubles IS 'How many rows share their key with another one, as of the run counted_seq';

COMMENT ON COLUMN relay.current.sweeping_seq IS 'Rows that only runs before this one showed are being removed, or have been';

CREATE TABLE relay.enrolment (
    token bytea NOT NULL,
    site_id integer NOT NULL,
    created_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);

COMMENT ON TABLE relay.enrolment IS 'Tokens by their SHA-256; each makes one agent of its site';

CREATE TABLE relay.journal (
    id bigint NOT NULL,
    site_id integer NOT NULL,
    agent_id integer,
    number bigint,
    at timestamp with time zone NOT NULL,
    received_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    what text NOT NULL,
    cause text NOT NULL,
    list text NOT NULL,
    message text NOT NULL,
    details jsonb NOT NULL
);

COMMENT ON TABLE relay.journal IS 'What happened at a site, as its agent wrote it down (number: its own), or as the hub saw it';

ALTER TABLE relay.journal ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME relay.journal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE relay.list (
    id integer NOT NULL,
    organization_id integer NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    created_at timestamp with time zone DEFAULT kit.now() NOT NULL
);

COMMENT ON TABLE relay.list IS 'A list; its rows are in relay_data.list_<id>';

ALTER TABLE relay.list ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME relay.list_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE relay.loaded (
    bytes bigint NOT NULL
);

COMMENT ON TABLE relay.loaded IS 'Chunks that were loaded since the last look at the pace';

CREATE TABLE relay.pace (
    one boolean DEFAULT true NOT NULL,
    promised_until timestamp with time zone,
    last_ended_at timestamp with time zone,
    bytes double precision DEFAULT 0 NOT NULL,
    seconds double precision DEFAULT 0 NOT NULL,
    ease double precision DEFAULT 1 NOT NULL,
    measured_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    commit_seconds double precision DEFAULT 0 NOT NULL,
    io_waits double precision DEFAULT 0 NOT NULL,
    looked_at timestamp with time zone DEFAULT '2000-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    was_busy boolean DEFAULT false NOT NULL,
    CONSTRAINT pace_one_check CHECK (one)
)
WITH (fillfactor='50');

COMMENT ON TABLE relay.pace IS 'What the database takes: bytes of chunks that were loaded in so many seconds, lately. looked_at and was_busy: the last look at it, and whether work was at hand. ease: which share of the usual work at hand is let in, by the latency of a commit and the sessions that wait for the disk. promised_until and last_ended_at are not used any more';

CREATE TABLE relay.publisher (
    organization_id integer NOT NULL,
    public_key bytea NOT NULL,
    created_at timestamp with time zone DEFAULT kit.now() NOT NULL
);

COMMENT ON TABLE relay.publisher IS 'Whose signature an organization''s lists bear';

CREATE TABLE relay.release (
    organization_id integer NOT NULL,
    version text NOT NULL,
    document bytea NOT NULL,
    signature bytea NOT NULL,
    published_at timestamp with time zone DEFAULT kit.now() NOT NULL
);

COMMENT ON TABLE relay.release IS 'The program of the agent that an organization''s sites are to run, signed by its publisher';

CREATE TABLE relay.run (
    id bigint NOT NULL,
    token uuid NOT NULL,
    site_id integer NOT NULL,
    list_id integer NOT NULL,
    version integer NOT NULL,
    agent_id integer NOT NULL,
    seq integer NOT NULL,
    base_seq integer,
    state text DEFAULT 'waiting'::text NOT NULL,
    encoding text NOT NULL,
    rows bigint NOT NULL,
    digest bigint NOT NULL,
    began_at timestamp with time zone NOT NULL,
    extract_seconds double precision NOT NULL,
    raw bigint NOT NULL,
    offered_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    refused integer DEFAULT 0 NOT NULL,
    return_at timestamp with time zone,
    granted_at timestamp with time zone,
    touched_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    committed_at timestamp with time zone,
    ended_at timestamp with time zone,
    swept_at timestamp with time zone,
    job_id bigint,
    error jsonb,
    CONSTRAINT run_encoding_check CHECK ((encoding = ANY (ARRAY['zstd'::text, 'zlib'::text]))),
    CONSTRAINT run_rows_check CHECK ((rows >= 0)),
    CONSTRAINT run_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sending'::text, 'loading'::text, 'held'::text, 'finished'::text, 'failed'::text, 'replaced'::text])))
)
WITH (fillfactor='70');

COMMENT ON TABLE relay.run IS 'One transmission of one list of one site. seq counts those of the list at the site; base_seq is the run whose rows it changes, none where it brings the whole list. rows and digest are those of the whole list at the source: the sum of its rows'' hashes modulo 2^64, with a sign. raw: bytes once unpacked. refused and return_at: how often, and until when, it was asked to wait for its turn (relay.pace). swept_at: its chunks, and rows that never became current, are gone';

ALTER TABLE relay.run ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME relay.run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE relay.site (
    id integer NOT NULL,
    organization_id integer NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    timezone text NOT NULL,
    ibge text,
    holidays date[] DEFAULT '{}'::date[] NOT NULL,
    created_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    agent_id integer,
    paused_at timestamp with time zone,
    asked_at timestamp with time zone,
    resend_at timestamp with time zone,
    restart_at timestamp with time zone,
    purged_at timestamp with time zone,
    diagnose_at timestamp with time zone
);

COMMENT ON TABLE relay.site IS 'A remote database. ibge is its municipality, which the first agent finds out where nobody said it. agent_id is the agent that may speak for it now; none: not enrolled, or revoked. asked_at: when somebody asked for its lists at once; resend_at: for every row of them; restart_at: for a restart. purged_at: from when everything of it is to go';

COMMENT ON COLUMN relay.site.diagnose_at IS 'When somebody asked for a diagnosis, until it is told';

ALTER TABLE relay.site ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME relay.site_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE relay.version (
    list_id integer NOT NULL,
    version integer NOT NULL,
    document bytea NOT NULL,
    signature bytea NOT NULL,
    every_seconds integer NOT NULL,
    opens integer DEFAULT 0 NOT NULL,
    closes integer DEFAULT 1440 NOT NULL,
    published_at timestamp with time zone DEFAULT kit.now() NOT NULL,
    columns text[],
    CONSTRAINT version_closes_check CHECK (((closes >= 1) AND (closes <= 1440))),
    CONSTRAINT version_every_seconds_check CHECK ((every_seconds > 0)),
    CONSTRAINT version_opens_check CHECK (((opens >= 0) AND (opens <= 1439)))
);

COMMENT ON TABLE relay.version IS 'A version of a list: the very bytes that its publisher signed. opens and closes: the window of the day, in minutes by the site''s clock, in which it is transmitted';

COMMENT ON COLUMN relay.version.columns IS 'The names of its columns; none while a list that declares none waits for the first agent to say what its query gives';

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p0 FOR VALUES WITH (modulus 16, remainder 0);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p1 FOR VALUES WITH (modulus 16, remainder 1);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p10 FOR VALUES WITH (modulus 16, remainder 10);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p11 FOR VALUES WITH (modulus 16, remainder 11);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p12 FOR VALUES WITH (modulus 16, remainder 12);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p13 FOR VALUES WITH (modulus 16, remainder 13);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p14 FOR VALUES WITH (modulus 16, remainder 14);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p15 FOR VALUES WITH (modulus 16, remainder 15);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p2 FOR VALUES WITH (modulus 16, remainder 2);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p3 FOR VALUES WITH (modulus 16, remainder 3);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p4 FOR VALUES WITH (modulus 16, remainder 4);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p5 FOR VALUES WITH (modulus 16, remainder 5);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p6 FOR VALUES WITH (modulus 16, remainder 6);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p7 FOR VALUES WITH (modulus 16, remainder 7);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p8 FOR VALUES WITH (modulus 16, remainder 8);

ALTER TABLE ONLY leads.document ATTACH PARTITION leads.document_p9 FOR VALUES WITH (modulus 16, remainder 9);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p0 FOR VALUES WITH (modulus 16, remainder 0);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p1 FOR VALUES WITH (modulus 16, remainder 1);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p10 FOR VALUES WITH (modulus 16, remainder 10);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p11 FOR VALUES WITH (modulus 16, remainder 11);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p12 FOR VALUES WITH (modulus 16, remainder 12);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p13 FOR VALUES WITH (modulus 16, remainder 13);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p14 FOR VALUES WITH (modulus 16, remainder 14);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p15 FOR VALUES WITH (modulus 16, remainder 15);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p2 FOR VALUES WITH (modulus 16, remainder 2);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p3 FOR VALUES WITH (modulus 16, remainder 3);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p4 FOR VALUES WITH (modulus 16, remainder 4);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p5 FOR VALUES WITH (modulus 16, remainder 5);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p6 FOR VALUES WITH (modulus 16, remainder 6);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p7 FOR VALUES WITH (modulus 16, remainder 7);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p8 FOR VALUES WITH (modulus 16, remainder 8);

ALTER TABLE ONLY leads.feed ATTACH PARTITION leads.feed_p9 FOR VALUES WITH (modulus 16, remainder 9);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p0 FOR VALUES WITH (modulus 16, remainder 0);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p1 FOR VALUES WITH (modulus 16, remainder 1);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p10 FOR VALUES WITH (modulus 16, remainder 10);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p11 FOR VALUES WITH (modulus 16, remainder 11);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p12 FOR VALUES WITH (modulus 16, remainder 12);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p13 FOR VALUES WITH (modulus 16, remainder 13);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p14 FOR VALUES WITH (modulus 16, remainder 14);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p15 FOR VALUES WITH (modulus 16, remainder 15);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p2 FOR VALUES WITH (modulus 16, remainder 2);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p3 FOR VALUES WITH (modulus 16, remainder 3);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p4 FOR VALUES WITH (modulus 16, remainder 4);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p5 FOR VALUES WITH (modulus 16, remainder 5);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p6 FOR VALUES WITH (modulus 16, remainder 6);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p7 FOR VALUES WITH (modulus 16, remainder 7);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p8 FOR VALUES WITH (modulus 16, remainder 8);

ALTER TABLE ONLY leads.lead ATTACH PARTITION leads.lead_p9 FOR VALUES WITH (modulus 16, remainder 9);

ALTER TABLE ONLY public.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_events_id_seq'::regclass);

ALTER TABLE ONLY public.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_jobs_id_seq'::regclass);

ALTER TABLE ONLY public.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_periodic_defers_id_seq'::regclass);

ALTER TABLE ONLY accounts.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY accounts.block
    ADD CONSTRAINT block_pkey PRIMARY KEY (organization_id, block);

ALTER TABLE ONLY accounts.foreign_hash
    ADD CONSTRAINT foreign_hash_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY accounts.imported_hash
    ADD CONSTRAINT imported_hash_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY accounts.organization
    ADD CONSTRAINT organization_pkey PRIMARY KEY (id);

ALTER TABLE ONLY accounts.organization
    ADD CONSTRAINT organization_slug_key UNIQUE (slug);

ALTER TABLE ONLY accounts.scheme
    ADD CONSTRAINT scheme_pkey PRIMARY KEY (kind);

ALTER TABLE ONLY accounts.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (token);

ALTER TABLE ONLY accounts.sign_in
    ADD CONSTRAINT sign_in_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY accounts.throttle
    ADD CONSTRAINT throttle_pkey PRIMARY KEY (key);

ALTER TABLE ONLY accounts.token
    ADD CONSTRAINT token_pkey PRIMARY KEY (id);

ALTER TABLE ONLY accounts.token
    ADD CONSTRAINT token_secret_key UNIQUE (secret);

ALTER TABLE ONLY accounts.user_change
    ADD CONSTRAINT user_change_pkey PRIMARY KEY (organization_id, xid, seq);

ALTER TABLE ONLY accounts."user"
    ADD CONSTRAINT user_pkey PRIMARY KEY (id);

ALTER TABLE ONLY accounts."user"
    ADD CONSTRAINT user_username_key UNIQUE (username_key);

ALTER TABLE ONLY events.aside
    ADD CONSTRAINT aside_pkey PRIMARY KEY (provider_id, record);

ALTER TABLE ONLY events.base
    ADD CONSTRAINT base_pkey PRIMARY KEY (provider_id, base_id);

ALTER TABLE ONLY events.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY events.event
    ADD CONSTRAINT event_provider_id_base_id_event_id_key UNIQUE (provider_id, base_id, event_id);

ALTER TABLE ONLY events.past
    ADD CONSTRAINT past_pkey PRIMARY KEY (id, version);

ALTER TABLE ONLY events.provider
    ADD CONSTRAINT provider_organization_id_name_key UNIQUE (organization_id, name);

ALTER TABLE ONLY events.provider
    ADD CONSTRAINT provider_pkey PRIMARY KEY (id);

ALTER TABLE ONLY events.reader
    ADD CONSTRAINT reader_pkey PRIMARY KEY (pid);

ALTER TABLE ONLY events.sync
    ADD CONSTRAINT sync_pkey PRIMARY KEY (id);

ALTER TABLE ONLY events.turn
    ADD CONSTRAINT turn_pkey PRIMARY KEY (provider_id);

ALTER TABLE ONLY jobs.clock
    ADD CONSTRAINT clock_pkey PRIMARY KEY (id);

ALTER TABLE ONLY jobs.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (id);

ALTER TABLE ONLY jobs.listened
    ADD CONSTRAINT listened_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY jobs.part
    ADD CONSTRAINT part_pkey PRIMARY KEY (job_id, number);

ALTER TABLE ONLY jobs.periodic
    ADD CONSTRAINT periodic_pkey PRIMARY KEY (name);

ALTER TABLE ONLY jobs.rate
    ADD CONSTRAINT rate_pkey PRIMARY KEY (kind, step);

ALTER TABLE ONLY jobs.resumable
    ADD CONSTRAINT resumable_pkey PRIMARY KEY (upload_id);

ALTER TABLE ONLY jobs.segment
    ADD CONSTRAINT segment_pkey PRIMARY KEY (upload_id, number);

ALTER TABLE ONLY jobs.share
    ADD CONSTRAINT share_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY jobs.source_prefix
    ADD CONSTRAINT source_prefix_pkey PRIMARY KEY (organization_id, prefix);

ALTER TABLE ONLY jobs.upload
    ADD CONSTRAINT upload_pkey PRIMARY KEY (id);

ALTER TABLE jobs.upload
    ADD CONSTRAINT upload_status_check CHECK ((status = ANY (ARRAY['receiving'::text, 'stored'::text, 'deleted'::text, 'joined'::text]))) NOT VALID;

ALTER TABLE ONLY jobs.usage
    ADD CONSTRAINT usage_pkey PRIMARY KEY (organization_id, client, purpose);

ALTER TABLE ONLY jobs.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (id);

ALTER TABLE ONLY kit.sent
    ADD CONSTRAINT sent_pkey PRIMARY KEY (key);

ALTER TABLE ONLY leads.base
    ADD CONSTRAINT base_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY leads.before_image
    ADD CONSTRAINT before_image_pkey PRIMARY KEY (import_id, lead_id);

ALTER TABLE leads.custom_field
    ADD CONSTRAINT custom_field_options_check CHECK (((type = 'choice'::text) = (options IS NOT NULL))) NOT VALID;

ALTER TABLE ONLY leads.custom_field
    ADD CONSTRAINT custom_field_pkey PRIMARY KEY (organization_id, name);

ALTER TABLE leads.custom_field
    ADD CONSTRAINT custom_field_type_check CHECK ((type = ANY (ARRAY['text'::text, 'integer'::text, 'number'::text, 'date'::text, 'boolean'::text, 'choice'::text]))) NOT VALID;

ALTER TABLE ONLY leads.deleted
    ADD CONSTRAINT deleted_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document
    ADD CONSTRAINT document_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p0
    ADD CONSTRAINT document_p0_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p10
    ADD CONSTRAINT document_p10_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p11
    ADD CONSTRAINT document_p11_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p12
    ADD CONSTRAINT document_p12_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p13
    ADD CONSTRAINT document_p13_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p14
    ADD CONSTRAINT document_p14_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p15
    ADD CONSTRAINT document_p15_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p1
    ADD CONSTRAINT document_p1_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p2
    ADD CONSTRAINT document_p2_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p3
    ADD CONSTRAINT document_p3_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p4
    ADD CONSTRAINT document_p4_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p5
    ADD CONSTRAINT document_p5_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p6
    ADD CONSTRAINT document_p6_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p7
    ADD CONSTRAINT document_p7_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p8
    ADD CONSTRAINT document_p8_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.document_p9
    ADD CONSTRAINT document_p9_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.edge
    ADD CONSTRAINT edge_pkey PRIMARY KEY (import_id, number);

ALTER TABLE ONLY leads.edit
    ADD CONSTRAINT edit_pkey PRIMARY KEY (organization_id, lead_id, id);

ALTER TABLE ONLY leads.epoch
    ADD CONSTRAINT epoch_pkey PRIMARY KEY (organization_id, at);

ALTER TABLE ONLY leads.feed
    ADD CONSTRAINT feed_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p0
    ADD CONSTRAINT feed_p0_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p10
    ADD CONSTRAINT feed_p10_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p11
    ADD CONSTRAINT feed_p11_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p12
    ADD CONSTRAINT feed_p12_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p13
    ADD CONSTRAINT feed_p13_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p14
    ADD CONSTRAINT feed_p14_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p15
    ADD CONSTRAINT feed_p15_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p1
    ADD CONSTRAINT feed_p1_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p2
    ADD CONSTRAINT feed_p2_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p3
    ADD CONSTRAINT feed_p3_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p4
    ADD CONSTRAINT feed_p4_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p5
    ADD CONSTRAINT feed_p5_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p6
    ADD CONSTRAINT feed_p6_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p7
    ADD CONSTRAINT feed_p7_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p8
    ADD CONSTRAINT feed_p8_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.feed_p9
    ADD CONSTRAINT feed_p9_pkey PRIMARY KEY (organization_id, lead_id);

ALTER TABLE ONLY leads.import
    ADD CONSTRAINT import_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leads.import
    ADD CONSTRAINT import_token_key UNIQUE (token);

ALTER TABLE ONLY leads.lead
    ADD CONSTRAINT lead_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p0
    ADD CONSTRAINT lead_p0_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead
    ADD CONSTRAINT lead_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p0
    ADD CONSTRAINT lead_p0_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p10
    ADD CONSTRAINT lead_p10_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p10
    ADD CONSTRAINT lead_p10_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p11
    ADD CONSTRAINT lead_p11_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p11
    ADD CONSTRAINT lead_p11_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p12
    ADD CONSTRAINT lead_p12_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p12
    ADD CONSTRAINT lead_p12_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p13
    ADD CONSTRAINT lead_p13_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p13
    ADD CONSTRAINT lead_p13_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p14
    ADD CONSTRAINT lead_p14_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p14
    ADD CONSTRAINT lead_p14_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p15
    ADD CONSTRAINT lead_p15_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p15
    ADD CONSTRAINT lead_p15_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p1
    ADD CONSTRAINT lead_p1_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p1
    ADD CONSTRAINT lead_p1_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p2
    ADD CONSTRAINT lead_p2_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p2
    ADD CONSTRAINT lead_p2_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p3
    ADD CONSTRAINT lead_p3_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p3
    ADD CONSTRAINT lead_p3_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p4
    ADD CONSTRAINT lead_p4_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p4
    ADD CONSTRAINT lead_p4_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p5
    ADD CONSTRAINT lead_p5_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p5
    ADD CONSTRAINT lead_p5_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p6
    ADD CONSTRAINT lead_p6_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p6
    ADD CONSTRAINT lead_p6_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p7
    ADD CONSTRAINT lead_p7_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p7
    ADD CONSTRAINT lead_p7_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p8
    ADD CONSTRAINT lead_p8_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p8
    ADD CONSTRAINT lead_p8_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.lead_p9
    ADD CONSTRAINT lead_p9_organization_id_email_key UNIQUE (organization_id, email);

ALTER TABLE ONLY leads.lead_p9
    ADD CONSTRAINT lead_p9_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY leads.purge
    ADD CONSTRAINT purge_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leads.rejection
    ADD CONSTRAINT rejection_pkey PRIMARY KEY (import_id, "row");

ALTER TABLE ONLY leads.settled
    ADD CONSTRAINT settled_pkey PRIMARY KEY (organization_id, digest);

ALTER TABLE ONLY leads.slice
    ADD CONSTRAINT slice_pkey PRIMARY KEY (import_id, round, number);

ALTER TABLE ONLY leads.suppression
    ADD CONSTRAINT suppression_pkey PRIMARY KEY (organization_id, email_hash);

ALTER TABLE ONLY leads.trial
    ADD CONSTRAINT trial_pkey PRIMARY KEY (import_id, round, number);

ALTER TABLE ONLY leads.warning
    ADD CONSTRAINT warning_pkey PRIMARY KEY (import_id, number);

ALTER TABLE ONLY notices.choice
    ADD CONSTRAINT choice_pkey PRIMARY KEY (user_id, type);

ALTER TABLE ONLY notices.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (id);

ALTER TABLE ONLY notices.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY notices.event
    ADD CONSTRAINT event_token_key UNIQUE (token);

ALTER TABLE ONLY notices.mail
    ADD CONSTRAINT mail_pkey PRIMARY KEY (id);

ALTER TABLE ONLY notices.recipient
    ADD CONSTRAINT recipient_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY notices.webhook
    ADD CONSTRAINT webhook_organization_id_key_key UNIQUE (organization_id, key);

ALTER TABLE ONLY notices.webhook
    ADD CONSTRAINT webhook_pkey PRIMARY KEY (id);

ALTER TABLE ONLY notices.webhook
    ADD CONSTRAINT webhook_token_key UNIQUE (token);

ALTER TABLE ONLY ops.alarm
    ADD CONSTRAINT alarm_pkey PRIMARY KEY (id);

ALTER TABLE ONLY ops.sample
    ADD CONSTRAINT sample_pkey PRIMARY KEY (level, at);

ALTER TABLE ONLY ops.spent
    ADD CONSTRAINT spent_pkey PRIMARY KEY (at, queryid);

ALTER TABLE ONLY ops.statement
    ADD CONSTRAINT statement_pkey PRIMARY KEY (queryid);

ALTER TABLE ONLY ops.text
    ADD CONSTRAINT text_pkey PRIMARY KEY (queryid);

ALTER TABLE ONLY ops.watch
    ADD CONSTRAINT watch_pkey PRIMARY KEY (one);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);

ALTER TABLE ONLY public.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY relay.agent
    ADD CONSTRAINT agent_pkey PRIMARY KEY (id);

ALTER TABLE ONLY relay.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY relay.chunk
    ADD CONSTRAINT chunk_pkey PRIMARY KEY (run_id, number);

ALTER TABLE ONLY relay.current
    ADD CONSTRAINT current_pkey PRIMARY KEY (list_id, site_id);

ALTER TABLE ONLY relay.enrolment
    ADD CONSTRAINT enrolment_pkey PRIMARY KEY (token);

ALTER TABLE ONLY relay.journal
    ADD CONSTRAINT journal_agent_id_number_key UNIQUE (agent_id, number);

ALTER TABLE ONLY relay.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (id);

ALTER TABLE ONLY relay.list
    ADD CONSTRAINT list_organization_id_name_key UNIQUE (organization_id, name);

ALTER TABLE ONLY relay.list
    ADD CONSTRAINT list_pkey PRIMARY KEY (id);

ALTER TABLE ONLY relay.pace
    ADD CONSTRAINT pace_pkey PRIMARY KEY (one);

ALTER TABLE ONLY relay.publisher
    ADD CONSTRAINT publisher_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY relay.release
    ADD CONSTRAINT release_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY relay.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (id);

ALTER TABLE ONLY relay.run
    ADD CONSTRAINT run_site_id_list_id_seq_key UNIQUE (site_id, list_id, seq);

ALTER TABLE ONLY relay.run
    ADD CONSTRAINT run_site_id_token_key UNIQUE (site_id, token);

ALTER TABLE ONLY relay.site
    ADD CONSTRAINT site_organization_id_name_key_key UNIQUE (organization_id, name_key);

ALTER TABLE ONLY relay.site
    ADD CONSTRAINT site_pkey PRIMARY KEY (id);

ALTER TABLE ONLY relay.version
    ADD CONSTRAINT version_pkey PRIMARY KEY (list_id, version);

CREATE INDEX audit_by_organization ON accounts.audit USING btree (organization_id, id);

CREATE INDEX foreign_hash_by_kind ON accounts.foreign_hash USING btree (kind);

CREATE INDEX session_by_expiry ON accounts.session USING btree (expires_at);

CREATE INDEX session_by_user ON accounts.session USING btree (user_id, created_at);

CREATE INDEX throttle_by_age ON accounts.throttle USING btree (last_failed_at);

CREATE INDEX token_by_creator ON accounts.token USING btree (created_by) WHERE (created_by IS NOT NULL);

CREATE UNIQUE INDEX token_by_organization ON accounts.token USING btree (organization_id, id);

CREATE UNIQUE INDEX user_by_organization ON accounts."user" USING btree (organization_id, id);

CREATE UNIQUE INDEX user_email_key ON accounts."user" USING btree (email_key) WHERE (email_key IS NOT NULL);

CREATE INDEX base_title ON events.base USING gin (kit.fold(title) public.gin_trgm_ops);

CREATE INDEX event_changes ON events.event USING btree (changed_xid, id);

CREATE INDEX event_search ON events.event USING btree (audience, starts_at, id) WHERE (first_online_at IS NOT NULL);

CREATE INDEX past_starts ON events.past USING btree (starts_at);

CREATE INDEX past_superseded ON events.past USING btree (superseded_xid);

CREATE INDEX sync_history ON events.sync USING btree (provider_id, id);

CREATE INDEX job_by_kind ON jobs.job USING btree (organization_id, kind, id DESC) WHERE (status <> 'receiving'::text);

CREATE INDEX job_by_status ON jobs.job USING btree (organization_id, status, id DESC);

CREATE UNIQUE INDEX job_idempotency ON jobs.job USING btree (organization_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX job_keyed ON jobs.job USING btree (requested_at) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX job_newest ON jobs.job USING btree (organization_id, id DESC) WHERE (status <> 'receiving'::text);

CREATE INDEX job_receiving ON jobs.job USING btree (requested_at) WHERE (status = 'receiving'::text);

CREATE UNIQUE INDEX job_token ON jobs.job USING btree (token);

CREATE INDEX part_due ON jobs.part USING btree (run_at) WHERE ((state = 'held'::text) AND (run_at IS NOT NULL));

CREATE INDEX part_held ON jobs.part USING btree (organization_id, background, job_id, number) WHERE (state = 'held'::text);

CREATE INDEX part_in_hand ON jobs.part USING btree (organization_id, state) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX part_running ON jobs.part USING btree (worker_id) WHERE (state = 'running'::text);

CREATE INDEX resumable_expires ON jobs.resumable USING btree (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX resumable_open ON jobs.resumable USING btree (organization_id) WHERE (expires_at IS NOT NULL);

CREATE INDEX upload_expires ON jobs.upload USING btree (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX upload_of_organization ON jobs.upload USING btree (organization_id, id);

CREATE INDEX upload_receiving ON jobs.upload USING btree (last_segment_at) WHERE (status = 'receiving'::text);

CREATE UNIQUE INDEX upload_token ON jobs.upload USING btree (token);

CREATE INDEX worker_host ON jobs.worker USING btree (host);

CREATE INDEX sent_by_time ON kit.sent USING btree (sent_at);

CREATE INDEX deleted_at ON leads.deleted USING btree (deleted_at);

CREATE INDEX document_search ON ONLY leads.document USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p0_words_labels_idx ON leads.document_p0 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p10_words_labels_idx ON leads.document_p10 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p11_words_labels_idx ON leads.document_p11 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p12_words_labels_idx ON leads.document_p12 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p13_words_labels_idx ON leads.document_p13 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p14_words_labels_idx ON leads.document_p14 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p15_words_labels_idx ON leads.document_p15 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p1_words_labels_idx ON leads.document_p1 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p2_words_labels_idx ON leads.document_p2 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p3_words_labels_idx ON leads.document_p3 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p4_words_labels_idx ON leads.document_p4 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p5_words_labels_idx ON leads.document_p5 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p6_words_labels_idx ON leads.document_p6 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p7_words_labels_idx ON leads.document_p7 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p8_words_labels_idx ON leads.document_p8 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX document_p9_words_labels_idx ON leads.document_p9 USING gin (words public.gin_trgm_ops, labels);

CREATE INDEX feed_changes ON ONLY leads.feed USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p0_organization_id_changed_xid_lead_id_idx ON leads.feed_p0 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p10_organization_id_changed_xid_lead_id_idx ON leads.feed_p10 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p11_organization_id_changed_xid_lead_id_idx ON leads.feed_p11 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p12_organization_id_changed_xid_lead_id_idx ON leads.feed_p12 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p13_organization_id_changed_xid_lead_id_idx ON leads.feed_p13 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p14_organization_id_changed_xid_lead_id_idx ON leads.feed_p14 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p15_organization_id_changed_xid_lead_id_idx ON leads.feed_p15 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p1_organization_id_changed_xid_lead_id_idx ON leads.feed_p1 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p2_organization_id_changed_xid_lead_id_idx ON leads.feed_p2 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p3_organization_id_changed_xid_lead_id_idx ON leads.feed_p3 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p4_organization_id_changed_xid_lead_id_idx ON leads.feed_p4 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p5_organization_id_changed_xid_lead_id_idx ON leads.feed_p5 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p6_organization_id_changed_xid_lead_id_idx ON leads.feed_p6 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p7_organization_id_changed_xid_lead_id_idx ON leads.feed_p7 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p8_organization_id_changed_xid_lead_id_idx ON leads.feed_p8 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX feed_p9_organization_id_changed_xid_lead_id_idx ON leads.feed_p9 USING btree (organization_id, changed_xid, lead_id);

CREATE INDEX import_history ON leads.import USING btree (organization_id, id);

CREATE UNIQUE INDEX saved_mapping_headers ON leads.saved_mapping USING btree (organization_id, headers) WHERE (name IS NULL);

CREATE UNIQUE INDEX saved_mapping_name ON leads.saved_mapping USING btree (organization_id, name) WHERE (name IS NOT NULL);

CREATE INDEX settled_import ON leads.settled USING btree (import_id);

CREATE INDEX slice_not_indexed ON leads.slice USING btree (organization_id, import_id) WHERE (indexed_at IS NULL);

CREATE INDEX choice_of_organization ON notices.choice USING btree (organization_id, type) WHERE wanted;

CREATE INDEX delivery_ended ON notices.delivery USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX delivery_of_event ON notices.delivery USING btree (event_id);

CREATE INDEX delivery_of_object ON notices.delivery USING btree (webhook_id, object, id) WHERE (state = 'waiting'::text);

CREATE INDEX delivery_of_webhook ON notices.delivery USING btree (webhook_id, id);

CREATE INDEX delivery_waiting ON notices.delivery USING btree (webhook_id, next_at, id) WHERE (state = 'waiting'::text);

CREATE INDEX mail_of_event ON notices.mail USING btree (event_id);

CREATE INDEX mail_of_user ON notices.mail USING btree (user_id, id);

CREATE INDEX webhook_of_organization ON notices.webhook USING btree (organization_id, id) WHERE (removed_at IS NULL);

CREATE UNIQUE INDEX alarm_open ON ops.alarm USING btree (code, subject) WHERE (ended_at IS NULL);

CREATE INDEX alarm_over ON ops.alarm USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX statement_seen ON ops.statement USING btree (seen_at);

CREATE INDEX text_seen ON ops.text USING btree (seen_at);

CREATE INDEX idx_procrastinate_jobs_worker_not_null ON public.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::public.procrastinate_job_status));

CREATE INDEX idx_procrastinate_workers_last_heartbeat ON public.procrastinate_workers USING btree (last_heartbeat);

CREATE INDEX procrastinate_events_job_id_fkey_v1 ON public.procrastinate_events USING btree (job_id);

CREATE INDEX procrastinate_jobs_by_queue ON public.procrastinate_jobs USING btree (queue_name, priority DESC, id) WHERE (status = 'todo'::public.procrastinate_job_status);

CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON public.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::public.procrastinate_job_status, 'doing'::public.procrastinate_job_status]));

CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON public.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::public.procrastinate_job_status);

CREATE INDEX procrastinate_jobs_priority_idx_v1 ON public.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::public.procrastinate_job_status);

CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON public.procrastinate_jobs USING btree (queue_name);

CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON public.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::public.procrastinate_job_status);

CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON public.procrastinate_periodic_defers USING btree (job_id);

CREATE INDEX agent_by_site ON relay.agent USING btree (site_id);

CREATE INDEX audit_by_organization ON relay.audit USING btree (organization_id, id DESC);

CREATE INDEX current_by_run ON relay.current USING btree (run_id);

CREATE INDEX current_by_site ON relay.current USING btree (site_id);

CREATE INDEX enrolment_by_site ON relay.enrolment USING btree (site_id);

CREATE INDEX journal_by_site ON relay.journal USING btree (site_id, at DESC, id DESC);

CREATE INDEX journal_pages ON relay.journal USING btree (site_id, id DESC);

CREATE INDEX run_at_work ON relay.run USING btree (id) WHERE (state = ANY (ARRAY['sending'::text, 'loading'::text]));

CREATE INDEX run_by_list ON relay.run USING btree (list_id, id);

CREATE UNIQUE INDEX run_open ON relay.run USING btree (site_id, list_id) WHERE (state = ANY (ARRAY['waiting'::text, 'sending'::text, 'loading'::text, 'held'::text]));

CREATE INDEX run_unswept ON relay.run USING btree (id) WHERE ((swept_at IS NULL) AND (state = ANY (ARRAY['finished'::text, 'failed'::text, 'replaced'::text])));

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p0_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p0_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p10_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p10_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p11_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p11_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p12_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p12_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p13_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p13_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p14_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p14_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p15_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p15_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p1_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p1_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p2_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p2_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p3_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p3_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p4_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p4_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p5_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p5_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p6_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p6_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p7_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p7_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p8_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p8_words_labels_idx;

ALTER INDEX leads.document_pkey ATTACH PARTITION leads.document_p9_pkey;

ALTER INDEX leads.document_search ATTACH PARTITION leads.document_p9_words_labels_idx;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p0_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p0_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p10_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p10_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p11_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p11_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p12_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p12_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p13_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p13_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p14_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p14_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p15_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p15_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p1_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p1_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p2_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p2_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p3_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p3_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p4_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p4_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p5_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p5_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p6_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p6_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p7_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p7_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p8_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p8_pkey;

ALTER INDEX leads.feed_changes ATTACH PARTITION leads.feed_p9_organization_id_changed_xid_lead_id_idx;

ALTER INDEX leads.feed_pkey ATTACH PARTITION leads.feed_p9_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p0_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p0_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p10_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p10_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p11_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p11_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p12_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p12_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p13_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p13_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p14_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p14_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p15_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p15_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p1_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p1_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p2_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p2_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p3_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p3_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p4_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p4_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p5_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p5_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p6_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p6_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p7_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p7_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p8_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p8_pkey;

ALTER INDEX leads.lead_organization_id_email_key ATTACH PARTITION leads.lead_p9_organization_id_email_key;

ALTER INDEX leads.lead_pkey ATTACH PARTITION leads.lead_p9_pkey;

CREATE TRIGGER note_deletes AFTER DELETE ON accounts."user" REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION accounts.note_user_changes();

CREATE TRIGGER note_inserts AFTER INSERT ON accounts."user" REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION accounts.note_user_changes();

CREATE TRIGGER note_updates AFTER UPDATE ON accounts."user" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION accounts.note_user_changes();

CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_notify_queue_abort_job_v1();

CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_notify_queue_job_inserted_v1();

CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1();

CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_unlink_periodic_defers_v1();

CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON public.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1();

CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1();

CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_update_v1();

CREATE TRIGGER audit_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON relay.audit FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();

ALTER TABLE ONLY accounts.foreign_hash
    ADD CONSTRAINT foreign_hash_kind_fkey FOREIGN KEY (kind) REFERENCES accounts.scheme(kind);

ALTER TABLE ONLY accounts.foreign_hash
    ADD CONSTRAINT foreign_hash_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts."user"(id) ON DELETE CASCADE;

ALTER TABLE ONLY accounts.imported_hash
    ADD CONSTRAINT imported_hash_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts."user"(id) ON DELETE CASCADE;

ALTER TABLE ONLY accounts.session
    ADD CONSTRAINT session_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES accounts.organization(id);

ALTER TABLE ONLY accounts.session
    ADD CONSTRAINT session_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts."user"(id) ON DELETE CASCADE;

ALTER TABLE ONLY accounts.sign_in
    ADD CONSTRAINT sign_in_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts."user"(id) ON DELETE CASCADE;

ALTER TABLE ONLY accounts.token
    ADD CONSTRAINT token_created_by_fkey FOREIGN KEY (created_by) REFERENCES accounts."user"(id) ON DELETE SET NULL;

ALTER TABLE ONLY accounts.token
    ADD CONSTRAINT token_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES accounts.organization(id);

ALTER TABLE ONLY accounts."user"
    ADD CONSTRAINT user_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES accounts.organization(id);

ALTER TABLE ONLY events.aside
    ADD CONSTRAINT aside_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES events.provider(id);

ALTER TABLE ONLY events.base
    ADD CONSTRAINT base_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES events.provider(id);

ALTER TABLE ONLY events.event
    ADD CONSTRAINT event_provider_id_base_id_fkey FOREIGN KEY (provider_id, base_id) REFERENCES events.base(provider_id, base_id);

ALTER TABLE ONLY events.past
    ADD CONSTRAINT past_id_fkey FOREIGN KEY (id) REFERENCES events.event(id);

ALTER TABLE ONLY events.sync
    ADD CONSTRAINT sync_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES events.provider(id);

ALTER TABLE ONLY events.turn
    ADD CONSTRAINT turn_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES events.provider(id);

ALTER TABLE ONLY jobs.part
    ADD CONSTRAINT part_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs.job(id) ON DELETE CASCADE;

ALTER TABLE ONLY jobs.resumable
    ADD CONSTRAINT resumable_upload_id_fkey FOREIGN KEY (upload_id) REFERENCES jobs.upload(id) ON DELETE CASCADE;

ALTER TABLE ONLY jobs.segment
    ADD CONSTRAINT segment_upload_id_fkey FOREIGN KEY (upload_id) REFERENCES jobs.upload(id) ON DELETE CASCADE;

ALTER TABLE ONLY leads.before_image
    ADD CONSTRAINT before_image_import_id_fkey FOREIGN KEY (import_id) REFERENCES leads.import(id) ON DELETE CASCADE;

ALTER TABLE ONLY leads.rejection
    ADD CONSTRAINT rejection_import_id_fkey FOREIGN KEY (import_id) REFERENCES leads.import(id) ON DELETE CASCADE;

ALTER TABLE ONLY leads.settled
    ADD CONSTRAINT settled_import_id_fkey FOREIGN KEY (import_id) REFERENCES leads.import(id) ON DELETE CASCADE;

ALTER TABLE ONLY leads.slice
    ADD CONSTRAINT slice_import_id_fkey FOREIGN KEY (import_id) REFERENCES leads.import(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES public.procrastinate_workers(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id);

ALTER TABLE ONLY relay.agent
    ADD CONSTRAINT agent_site_id_fkey FOREIGN KEY (site_id) REFERENCES relay.site(id);

ALTER TABLE ONLY relay.chunk
    ADD CONSTRAINT chunk_run_id_fkey FOREIGN KEY (run_id) REFERENCES relay.run(id);

ALTER TABLE ONLY relay.current
    ADD CONSTRAINT current_list_id_fkey FOREIGN KEY (list_id) REFERENCES relay.list(id);

ALTER TABLE ONLY relay.current
    ADD CONSTRAINT current_run_id_fkey FOREIGN KEY (run_id) REFERENCES relay.run(id);

ALTER TABLE ONLY relay.current
    ADD CONSTRAINT current_site_id_fkey FOREIGN KEY (site_id) REFERENCES relay.site(id);

ALTER TABLE ONLY relay.enrolment
    ADD CONSTRAINT enrolment_site_id_fkey FOREIGN KEY (site_id) REFERENCES relay.site(id);

ALTER TABLE ONLY relay.journal
    ADD CONSTRAINT journal_site_id_fkey FOREIGN KEY (site_id) REFERENCES relay.site(id);

ALTER TABLE ONLY relay.run
    ADD CONSTRAINT run_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES relay.agent(id);

ALTER TABLE ONLY relay.run
    ADD CONSTRAINT run_list_id_fkey FOREIGN KEY (list_id) REFERENCES relay.list(id);

ALTER TABLE ONLY relay.run
    ADD CONSTRAINT run_site_id_fkey FOREIGN KEY (site_id) REFERENCES relay.site(id);

ALTER TABLE ONLY relay.version
    ADD CONSTRAINT version_list_id_fkey FOREIGN KEY (list_id) REFERENCES relay.list(id);
