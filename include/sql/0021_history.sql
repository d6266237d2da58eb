-- The history of what is wanted: who changed what, through what and why. It is written by the database itself, so that
-- statements that people type are in it, too. Nothing in it is changed later; only contents may be deleted, by their age.

CREATE TABLE hedgehog.change (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fabric_id   bigint NOT NULL,
    fabric      text NOT NULL,
    generation  bigint,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    who         text NOT NULL CHECK (length(who) BETWEEN 1 AND 300),
    via         text NOT NULL CHECK (length(via) BETWEEN 1 AND 40),
    why         text NOT NULL DEFAULT '' CHECK (length(why) <= 1000),
    run_id      text CHECK (length(run_id) <= 250),
    commit_id   text CHECK (length(commit_id) <= 64),
    role        text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE hedgehog.change IS 'Append-only: one row for each fabric and transaction, and for each origin if a transaction has several; outlives the fabric';
COMMENT ON COLUMN hedgehog.change.fabric_id IS '0 for Git repositories';
COMMENT ON COLUMN hedgehog.change.generation IS 'The generation that the change made; none for the end of a fabric';
COMMENT ON COLUMN hedgehog.change.at IS 'When it was written; later changes of a fabric have later times';
COMMENT ON COLUMN hedgehog.change.role IS 'The role of the database that wrote it, whoever it says it was';
CREATE INDEX change_fabric ON hedgehog.change (fabric_id, id DESC);
CREATE INDEX change_fabric_name ON hedgehog.change (fabric, id DESC);
CREATE INDEX change_at ON hedgehog.change (at);
CREATE INDEX change_commit ON hedgehog.change (commit_id text_pattern_ops) WHERE commit_id IS NOT NULL;
CREATE INDEX sync_event_commit ON hedgehog.sync_event (commit_id text_pattern_ops) WHERE commit_id IS NOT NULL;

-- Each fabric has its own contents: transactions of different fabrics never wait for each other.
CREATE TABLE hedgehog.object_content (
    fabric_id bigint NOT NULL,
    digest    bytea NOT NULL,
    manifest  jsonb NOT NULL,
    PRIMARY KEY (fabric_id, digest)
);
COMMENT ON TABLE hedgehog.object_content IS 'Append-only: what objects were, each content of a fabric once, by its SHA-256';

CREATE TABLE hedgehog.object_version (
    id        bigint GENERATED ALWAYS AS IDENTITY,
    change_id bigint NOT NULL,
    fabric_id bigint NOT NULL,
    kind      text NOT NULL,
    namespace text NOT NULL,
    name      text NOT NULL,
    before    bytea,
    after     bytea,
    PRIMARY KEY (fabric_id, kind, namespace, name, id)
);
COMMENT ON TABLE hedgehog.object_version IS 'Append-only: what a change made of an object. The settings of a fabric are its object Fabric, a repository is a GitRepository';
COMMENT ON COLUMN hedgehog.object_version.before IS 'The digest of its content before; none: there was no such object';
CREATE INDEX object_version_change ON hedgehog.object_version (fabric_id, change_id);

CREATE FUNCTION hedgehog.content_digest(manifest jsonb) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN sha256(convert_to(manifest::text, 'UTF8'));

-- A fabric's settings in the form of the document that sets them.
CREATE FUNCTION hedgehog.fabric_content(row_of_fabric jsonb) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('kind', 'Fabric', 'metadata', jsonb_build_object('name', row_of_fabric -> 'name'), 'spec',
        row_of_fabric - ARRAY['id', 'name', 'resource_name', 'git_repository_id', 'suspended', 'suspended_reason', 'suspended_until',
            'generation', 'created_at', 'last_updated']
        || jsonb_build_object('git_repository',
            (SELECT r.name FROM hedgehog.git_repository r WHERE r.id = (row_of_fabric ->> 'git_repository_id')::bigint)))
$$;

CREATE FUNCTION hedgehog.repository_content(row_of_repository jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('kind', 'GitRepository', 'metadata', jsonb_build_object('name', row_of_repository -> 'name'), 'spec',
        row_of_repository - ARRAY['id', 'name', 'created_at'])
$$;

-- The row of the change that a fabric undergoes now. Its caller holds the lock of the fabric's row, so that the changes of a
-- fabric are numbered in the order in which they happened. The origin is what the transaction says (hedgehog.store.origins),
-- or else the role of the database.
CREATE FUNCTION hedgehog.present_change(wanted bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    origin jsonb := coalesce(nullif(current_setting('hedgehog.origin', true), '')::jsonb, '{}');
    latest hedgehog.change%ROWTYPE;
    new_one hedgehog.change%ROWTYPE;
BEGIN
    new_one.who := coalesce(nullif(left(origin ->> 'who', 300), ''), session_user);
    new_one.via := coalesce(left(origin ->> 'via', 40), 'sql');
    new_one.why := coalesce(left(origin ->> 'why', 1000), '');
    new_one.run_id := left(origin ->> 'run', 250);
    new_one.commit_id := left(origin ->> 'commit', 64);
    SELECT * INTO latest FROM hedgehog.change c WHERE c.fabric_id = wanted ORDER BY c.id DESC LIMIT 1;
    SELECT f.name, f.generation INTO new_one.fabric, new_one.generation FROM hedgehog.fabric f WHERE f.id = wanted;
    IF NOT FOUND THEN
        new_one.fabric := coalesce(latest.fabric, '');
    END IF;
    IF latest.transaction = pg_current_xact_id() AND latest.at >= now()
        AND (latest.who, latest.via, latest.why, latest.run_id, latest.commit_id)
            IS NOT DISTINCT FROM (new_one.who, new_one.via, new_one.why, new_one.run_id, new_one.commit_id) THEN
        IF latest.generation IS DISTINCT FROM new_one.generation THEN
            UPDATE hedgehog.change SET generation = new_one.generation WHERE id = latest.id;
        END IF;
        RETURN latest.id;
    END IF;
    INSERT INTO hedgehog.change (fabric_id, fabric, generation, who, via, why, run_id, commit_id)
    VALUES (wanted, new_one.fabric, new_one.generation, new_one.who, new_one.via, new_one.why, new_one.run_id, new_one.commit_id)
    RETURNING id INTO latest.id;
    RETURN latest.id;
END $$;
REVOKE ALL ON FUNCTION hedgehog.present_change FROM PUBLIC;

CREATE FUNCTION hedgehog.record_version(fabric bigint, object_kind text, object_name text, old_content jsonb, new_content jsonb)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF old_content IS NOT DISTINCT FROM new_content THEN
        RETURN;
    END IF;
    INSERT INTO hedgehog.object_version (change_id, fabric_id, kind, namespace, name, before, after)
    VALUES (hedgehog.present_change(fabric), fabric, object_kind, 'default', object_name,
        hedgehog.content_digest(old_content), hedgehog.content_digest(new_content));
    INSERT INTO hedgehog.object_content
    SELECT fabric, hedgehog.content_digest(new_content), new_content WHERE new_content IS NOT NULL ON CONFLICT DO NOTHING;
END $$;
REVOKE ALL ON FUNCTION hedgehog.record_version FROM PUBLIC;

CREATE FUNCTION hedgehog.record_fabric() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM hedgehog.record_version(NEW.id, 'Fabric', NEW.resource_name, NULL, hedgehog.fabric_content(to_jsonb(NEW)));
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM hedgehog.record_version(NEW.id, 'Fabric', NEW.resource_name,
            hedgehog.fabric_content(to_jsonb(OLD)), hedgehog.fabric_content(to_jsonb(NEW)));
    ELSE
        PERFORM hedgehog.record_version(OLD.id, 'Fabric', OLD.resource_name, hedgehog.fabric_content(to_jsonb(OLD)), NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION hedgehog.record_repository() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM hedgehog.record_version(0, 'GitRepository', NEW.name, NULL, hedgehog.repository_content(to_jsonb(NEW)));
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM hedgehog.record_version(0, 'GitRepository', NEW.name,
            hedgehog.repository_content(to_jsonb(OLD)), hedgehog.repository_content(to_jsonb(NEW)));
    ELSE
        PERFORM hedgehog.record_version(0, 'GitRepository', OLD.name, hedgehog.repository_content(to_jsonb(OLD)), NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION hedgehog.record_objects() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changes AS MATERIALIZED (
            SELECT d.fabric_id, hedgehog.present_change(d.fabric_id) AS id FROM (SELECT DISTINCT fabric_id FROM new_rows ORDER BY 1) d
        )
        INSERT INTO hedgehog.object_version (change_id, fabric_id, kind, namespace, name, after)
        SELECT c.id, n.fabric_id, n.kind, n.namespace, n.name, hedgehog.content_digest(n.manifest)
        FROM new_rows n JOIN changes c USING (fabric_id);
    ELSIF TG_OP = 'UPDATE' THEN
        -- An object that got another name or fabric is gone from the one and new in the other.
        WITH differing AS MATERIALIZED (
            SELECT fabric_id, kind, namespace, name, hedgehog.content_digest(o.manifest) AS before, hedgehog.content_digest(n.manifest) AS after
            FROM old_rows o FULL JOIN new_rows n USING (id, fabric_id, kind, namespace, name)
            WHERE o.manifest IS DISTINCT FROM n.manifest
        ), changes AS MATERIALIZED (
            SELECT d.fabric_id, hedgehog.present_change(d.fabric_id) AS id FROM (SELECT DISTINCT fabric_id FROM differing ORDER BY 1) d
        )
        INSERT INTO hedgehog.object_version (change_id, fabric_id, kind, namespace, name, before, after)
        SELECT c.id, d.fabric_id, d.kind, d.namespace, d.name, d.before, d.after FROM differing d JOIN changes c USING (fabric_id);
    ELSE
        WITH changes AS MATERIALIZED (
            SELECT d.fabric_id, hedgehog.present_change(d.fabric_id) AS id FROM (SELECT DISTINCT fabric_id FROM old_rows ORDER BY 1) d
        )
        INSERT INTO hedgehog.object_version (change_id, fabric_id, kind, namespace, name, before)
        SELECT c.id, o.fabric_id, o.kind, o.namespace, o.name, hedgehog.content_digest(o.manifest)
        FROM old_rows o JOIN changes c USING (fabric_id);
        RETURN NULL;
    END IF;
    INSERT INTO hedgehog.object_content
    SELECT n.fabric_id, hedgehog.content_digest(n.manifest), n.manifest FROM new_rows n ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- What there is becomes the first version, so that the history of every fabric is whole from here on.
INSERT INTO hedgehog.change (fabric_id, fabric, generation, who, via, why)
SELECT f.id, f.name, f.generation, session_user, 'migration', 'what there was when the history began' FROM hedgehog.fabric f ORDER BY f.id;
INSERT INTO hedgehog.change (fabric_id, fabric, who, via, why)
SELECT 0, '', session_user, 'migration', 'what there was when the history began' FROM hedgehog.git_repository LIMIT 1;

INSERT INTO hedgehog.object_version (change_id, fabric_id, kind, namespace, name, after)
SELECT c.id, c.fabric_id, found.kind, found.namespace, found.name, hedgehog.content_digest(found.manifest)
FROM hedgehog.change c JOIN (
    SELECT f.id, 'Fabric', 'default', f.resource_name, hedgehog.fabric_content(to_jsonb(f)) FROM hedgehog.fabric f
    UNION ALL SELECT o.fabric_id, o.kind, o.namespace, o.name, o.manifest FROM hedgehog.fabric_object o
    UNION ALL SELECT 0, 'GitRepository', 'default', r.name, hedgehog.repository_content(to_jsonb(r)) FROM hedgehog.git_repository r
) found (fabric_id, kind, namespace, name, manifest) USING (fabric_id);

INSERT INTO hedgehog.object_content
SELECT f.id, hedgehog.content_digest(hedgehog.fabric_content(to_jsonb(f))), hedgehog.fabric_content(to_jsonb(f)) FROM hedgehog.fabric f
UNION ALL SELECT o.fabric_id, hedgehog.content_digest(o.manifest), o.manifest FROM hedgehog.fabric_object o
UNION ALL SELECT 0, hedgehog.content_digest(hedgehog.repository_content(to_jsonb(r))), hedgehog.repository_content(to_jsonb(r))
    FROM hedgehog.git_repository r
ON CONFLICT DO NOTHING;

-- The triggers of a table fire in the order of their names: those that raise the generation (inserted, updated, deleted) first.
CREATE TRIGGER fabric_recorded_insert AFTER INSERT ON hedgehog.fabric
    FOR EACH ROW EXECUTE FUNCTION hedgehog.record_fabric();
CREATE TRIGGER fabric_recorded_update AFTER UPDATE ON hedgehog.fabric
    FOR EACH ROW WHEN (OLD.generation IS DISTINCT FROM NEW.generation) EXECUTE FUNCTION hedgehog.record_fabric();
CREATE TRIGGER fabric_recorded_delete AFTER DELETE ON hedgehog.fabric
    FOR EACH ROW EXECUTE FUNCTION hedgehog.record_fabric();
CREATE TRIGGER git_repository_recorded AFTER INSERT OR UPDATE OR DELETE ON hedgehog.git_repository
    FOR EACH ROW EXECUTE FUNCTION hedgehog.record_repository();
CREATE TRIGGER fabric_object_versioned_insert AFTER INSERT ON hedgehog.fabric_object
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.record_objects();
CREATE TRIGGER fabric_object_versioned_update AFTER UPDATE ON hedgehog.fabric_object
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.record_objects();
CREATE TRIGGER fabric_object_versioned_delete AFTER DELETE ON hedgehog.fabric_object
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.record_objects();

-- Nothing is rewritten: only the change that is being recorded gets its generation, and only old contents are deleted.
CREATE FUNCTION hedgehog.refuse_rewriting() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'change' AND pg_trigger_depth() > 1)
        OR (TG_OP = 'DELETE' AND TG_TABLE_NAME = 'object_content' AND current_setting('hedgehog.prunes_history', true) = 'on') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the history in hedgehog.% is never changed', TG_TABLE_NAME;
END $$;

CREATE TRIGGER change_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON hedgehog.change
    FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.refuse_rewriting();
CREATE TRIGGER object_version_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON hedgehog.object_version
    FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.refuse_rewriting();
CREATE TRIGGER object_content_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON hedgehog.object_content
    FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.refuse_rewriting();

-- Contents that no object has had since a moment, but for the last of each object.
CREATE FUNCTION hedgehog.expired_contents(since timestamptz) RETURNS TABLE (fabric_id bigint, digest bytea)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH versions AS (
        SELECT v.fabric_id, v.after, lead(c.at) OVER later AS ended, bool_or(v.after IS NOT NULL) OVER rest AS is_followed
        FROM hedgehog.object_version v JOIN hedgehog.change c ON c.id = v.change_id
        WINDOW later AS (PARTITION BY v.fabric_id, v.kind, v.namespace, v.name ORDER BY v.id),
            rest AS (later ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
    )
    SELECT v.fabric_id, v.after FROM versions v JOIN hedgehog.object_content k ON (k.fabric_id, k.digest) = (v.fabric_id, v.after)
    GROUP BY 1, 2 HAVING bool_and(coalesce(v.is_followed AND v.ended < since, false))
$$;

CREATE FUNCTION hedgehog.prune_history(since timestamptz, most bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pruned bigint;
BEGIN
    PERFORM set_config('hedgehog.prunes_history', 'on', true);  -- a SET of the function needs a superuser
    DELETE FROM hedgehog.object_content k USING (SELECT * FROM hedgehog.expired_contents(since) LIMIT most) e
    WHERE (k.fabric_id, k.digest) = (e.fabric_id, e.digest);
    GET DIAGNOSTICS pruned = ROW_COUNT;
    PERFORM set_config('hedgehog.prunes_history', '', true);
    RETURN pruned;
END $$;
COMMENT ON FUNCTION hedgehog.prune_history IS 'Deletes expired contents, at most so many; returns how many';
REVOKE ALL ON FUNCTION hedgehog.prune_history FROM PUBLIC;
