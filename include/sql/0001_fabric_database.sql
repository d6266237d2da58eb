-- The fabric database: what fabrics are wanted, what was written where, and how each sync ended.
-- Applied once, inside one transaction, by hedgehog.store.migrate; never edited after a release.

CREATE TABLE hedgehog.git_repository (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$'),
    url           text NOT NULL CHECK (length(url) BETWEEN 1 AND 500),
    branch        text NOT NULL DEFAULT 'main' CHECK (branch ~ '^[A-Za-z0-9][A-Za-z0-9._/+-]{0,243}$' AND branch !~ '\.\.|//|\.lock$|[/.]$'),
    connection_id text CHECK (connection_id ~ '^[A-Za-z0-9._-]{1,200}$'),
    author_name   text NOT NULL DEFAULT 'Hedgehog on Airflow' CHECK (author_name ~ '^[^<>\n]{1,100}$'),
    author_email  text NOT NULL DEFAULT 'hedgehog@localhost' CHECK (author_email ~ '^[^<>\s]{1,200}$'),
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (url, branch),
    CONSTRAINT git_repository_url_has_no_password CHECK (url !~ '^[a-z+]+://[^/@]*:[^/@]*@')
);
COMMENT ON TABLE hedgehog.git_repository IS 'A Git branch that holds the directories of one or more fabrics';

CREATE TABLE hedgehog.fabric (
    id                       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                     text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 63),
    resource_name            text GENERATED ALWAYS AS (lower(name)) STORED,
    description              text NOT NULL DEFAULT '' CHECK (length(description) <= 4000),
    asn                      bigint NOT NULL DEFAULT 65000 CHECK (asn BETWEEN 1 AND 4294967295),
    spine_count              integer NOT NULL DEFAULT 0 CHECK (spine_count >= 0),
    leaf_count               integer NOT NULL DEFAULT 0 CHECK (leaf_count >= 0),
    spine_leaf_links         jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(spine_leaf_links) = 'object'),
    vpc_peering_config       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(vpc_peering_config) = 'object'),
    switch_config            jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(switch_config) = 'object'),
    git_repository_id        bigint REFERENCES hedgehog.git_repository ON DELETE RESTRICT,
    git_directory            text NOT NULL DEFAULT '',
    git_sync_enabled         boolean NOT NULL DEFAULT false,
    enable_k8s_sync          boolean NOT NULL DEFAULT false,
    kubernetes_connection_id text CHECK (kubernetes_connection_id ~ '^[A-Za-z0-9._-]{1,200}$'),
    kubernetes_namespace     text NOT NULL DEFAULT 'default' CHECK (kubernetes_namespace ~ '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$'),
    publish_fabric_resource  boolean NOT NULL DEFAULT true,
    source_of_truth          text NOT NULL DEFAULT 'database' CHECK (source_of_truth IN ('database', 'git')),
    git_drift_policy         text NOT NULL DEFAULT 'hold' CHECK (git_drift_policy IN ('hold', 'overwrite', 'adopt')),
    prune_policy             text NOT NULL DEFAULT 'delete' CHECK (prune_policy IN ('delete', 'orphan')),
    prune_max_objects        integer NOT NULL DEFAULT 10 CHECK (prune_max_objects >= 0),
    prune_max_percent        integer NOT NULL DEFAULT 20 CHECK (prune_max_percent BETWEEN 0 AND 100),
    conflict_policy          text NOT NULL DEFAULT 'report' CHECK (conflict_policy IN ('report', 'force')),
    resync_seconds           integer NOT NULL DEFAULT 600 CHECK (resync_seconds BETWEEN 60 AND 86400),
    suspended                boolean NOT NULL DEFAULT false,
    suspended_reason         text CHECK (length(suspended_reason) <= 1000),
    suspended_until          timestamptz,
    generation               bigint NOT NULL DEFAULT 1,
    created_at               timestamptz NOT NULL DEFAULT now(),
    last_updated             timestamptz NOT NULL DEFAULT now(),
    -- Two names that differ only in case would be one Kubernetes resource: the database refuses the second.
    CONSTRAINT fabric_resource_name_is_unique UNIQUE (resource_name),
    CONSTRAINT fabric_name_is_dns_1123 CHECK (name ~ '^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*$'),
    CONSTRAINT fabric_git_sync_needs_repository CHECK (NOT git_sync_enabled OR git_repository_id IS NOT NULL),
    CONSTRAINT fabric_k8s_sync_needs_connection CHECK (NOT enable_k8s_sync OR kubernetes_connection_id IS NOT NULL),
    CONSTRAINT fabric_git_directory_is_a_path CHECK (
        length(git_directory) <= 255
        AND git_directory ~ '^([A-Za-z0-9_-][A-Za-z0-9._ -]*(/[A-Za-z0-9_-][A-Za-z0-9._ -]*){0,9})?$'
    ),
    CONSTRAINT fabric_git_directory_is_unique UNIQUE (git_repository_id, git_directory),
    CONSTRAINT fabric_suspension_is_whole CHECK (suspended OR (suspended_reason IS NULL AND suspended_until IS NULL))
);
COMMENT ON COLUMN hedgehog.fabric.generation IS 'Rises with every change of the row or of its objects; a target is in step when its observed_generation is equal';

CREATE TABLE hedgehog.fabric_object (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fabric_id  bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    kind       text NOT NULL,
    namespace  text NOT NULL,
    name       text NOT NULL CHECK (length(name) <= 253 AND name ~ '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'),
    manifest   jsonb NOT NULL CHECK (jsonb_typeof(manifest) = 'object'),
    digest     text GENERATED ALWAYS AS (md5(manifest::text)) STORED,
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fabric_id, kind, namespace, name),
    CONSTRAINT fabric_object_names_agree CHECK (
        manifest ->> 'kind' = kind AND manifest #>> '{metadata,name}' = name AND manifest #>> '{metadata,namespace}' = namespace
    )
);
COMMENT ON TABLE hedgehog.fabric_object IS 'The desired custom resources of a fabric, one row an object';

CREATE TABLE hedgehog.sync_state (
    fabric_id           bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    target              text NOT NULL CHECK (target IN ('git', 'kubernetes')),
    status              text NOT NULL DEFAULT 'never_synced'
                        CHECK (status IN ('never_synced', 'syncing', 'in_sync', 'out_of_sync', 'error', 'parked')),
    observed_generation bigint NOT NULL DEFAULT 0,
    revision            text,
    counts              jsonb NOT NULL DEFAULT '{}',
    reason              text NOT NULL DEFAULT '',
    error_class         text,
    attempts            integer NOT NULL DEFAULT 0,
    due_at              timestamptz NOT NULL DEFAULT 'infinity',
    run_id              text,
    started_at          timestamptz,
    last_attempt_at     timestamptz,
    last_success_at     timestamptz,
    last_change_at      timestamptz,
    PRIMARY KEY (fabric_id, target)
);
COMMENT ON COLUMN hedgehog.sync_state.due_at IS
    'When a run must look at this fabric again: now() after a change, the back-off after a failure, the resync after a success, infinity when parked, suspended or disabled';
CREATE INDEX sync_state_due ON hedgehog.sync_state (target, due_at);

CREATE TABLE hedgehog.sync_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fabric_id   bigint NOT NULL,
    fabric      text NOT NULL,
    target      text NOT NULL,
    status      text NOT NULL CHECK (status IN ('success', 'skipped', 'held', 'error')),
    generation  bigint NOT NULL,
    revision    text,
    commit_id   text,
    counts      jsonb NOT NULL,
    reason      text NOT NULL,
    error_class text,
    details     jsonb NOT NULL DEFAULT '[]',
    run_id      text,
    duration    double precision NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hedgehog.sync_event IS 'Append-only history; outlives the fabric. A run that found nothing to do leaves no row';
CREATE INDEX sync_event_fabric ON hedgehog.sync_event (fabric_id, target, finished_at DESC);
CREATE INDEX sync_event_finished ON hedgehog.sync_event (finished_at);

CREATE TABLE hedgehog.git_file (
    fabric_id     bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    path          text NOT NULL,
    kind          text,
    namespace     text,
    name          text,
    blob_id       text NOT NULL CHECK (blob_id ~ '^[0-9a-f]{40}$'),
    object_digest text,
    manifest      jsonb,
    held_reason   text,
    written_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fabric_id, path),
    UNIQUE (fabric_id, kind, namespace, name),
    CONSTRAINT git_file_object_is_whole CHECK (
        (kind IS NULL) = (manifest IS NULL) AND (kind IS NULL) = (namespace IS NULL) AND (kind IS NULL) = (name IS NULL)
    )
);
COMMENT ON TABLE hedgehog.git_file IS 'Files we wrote to Git with their blob ids; manifest is what such a file says, so that clusters get exactly what was published';

CREATE TABLE hedgehog.inventory (
    fabric_id     bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    connection_id text NOT NULL,
    kind          text NOT NULL,
    namespace     text NOT NULL,
    name          text NOT NULL,
    manifest      jsonb NOT NULL,
    adopted       boolean NOT NULL DEFAULT false,
    applied_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection_id, kind, namespace, name)
);
COMMENT ON TABLE hedgehog.inventory IS 'Objects in a cluster that a fabric owns: applied by us, or found as wanted (adopted). Only these are ever pruned';
CREATE INDEX inventory_fabric ON hedgehog.inventory (fabric_id);

-- Changes, generations and wake-ups ------------------------------------------------------------------------------

CREATE FUNCTION hedgehog.fabric_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unseen text[] := ARRAY['generation', 'last_updated', 'resource_name', 'suspended', 'suspended_reason', 'suspended_until'];
BEGIN
    IF to_jsonb(NEW) - unseen IS DISTINCT FROM to_jsonb(OLD) - unseen THEN
        NEW.generation := OLD.generation + 1;
    END IF;
    -- Not NEW IS DISTINCT FROM OLD: a generated column is not computed yet, so the rows always differ.
    IF to_jsonb(NEW) - ARRAY['last_updated', 'resource_name'] IS DISTINCT FROM to_jsonb(OLD) - ARRAY['last_updated', 'resource_name'] THEN
        NEW.last_updated := now();
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER fabric_before_update BEFORE UPDATE ON hedgehog.fabric
    FOR EACH ROW EXECUTE FUNCTION hedgehog.fabric_before_update();

-- Makes the targets of a fabric due and wakes the scheduler. Kubernetes follows Git where Git sync is on: it becomes
-- due when the new generation is published (hedgehog.store.sync_state.finish), so a cluster never runs ahead of Git.
CREATE FUNCTION hedgehog.fabric_after_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO hedgehog.sync_state (fabric_id, target) VALUES (NEW.id, 'git'), (NEW.id, 'kubernetes');
    ELSIF NEW.generation = OLD.generation
        AND (NEW.suspended, NEW.suspended_until) IS NOT DISTINCT FROM (OLD.suspended, OLD.suspended_until) THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM hedgehog.sync_state WHERE fabric_id = NEW.id ORDER BY target FOR UPDATE;
    UPDATE hedgehog.sync_state s SET
        attempts = 0,
        due_at = CASE
            WHEN NOT (CASE s.target WHEN 'git' THEN NEW.git_sync_enabled ELSE NEW.enable_k8s_sync END) THEN 'infinity'
            WHEN NEW.suspended THEN coalesce(NEW.suspended_until, 'infinity')
            WHEN s.target = 'kubernetes' AND NEW.git_sync_enabled AND TG_OP = 'UPDATE' AND NOT OLD.suspended THEN s.due_at
            WHEN s.target = 'kubernetes' AND NEW.git_sync_enabled AND TG_OP = 'INSERT' THEN 'infinity'
            ELSE now()
        END
    WHERE s.fabric_id = NEW.id;
    -- Each DAG is woken by its own channel, and only when it has something to do.
    PERFORM pg_notify(CASE target WHEN 'git' THEN 'hedgehog_fabric_changed' ELSE 'hedgehog_revision_published' END, NEW.name)
    FROM hedgehog.sync_state WHERE fabric_id = NEW.id AND due_at <= now();
    RETURN NULL;
END $$;

CREATE TRIGGER fabric_after_change AFTER INSERT OR UPDATE ON hedgehog.fabric
    FOR EACH ROW EXECUTE FUNCTION hedgehog.fabric_after_change();

-- One bump per fabric and statement, however many rows the statement changes.
CREATE FUNCTION hedgehog.fabric_object_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE hedgehog.fabric SET generation = generation + 1 WHERE id IN (SELECT DISTINCT fabric_id FROM new_rows);
    RETURN NULL;
END $$;

CREATE FUNCTION hedgehog.fabric_object_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE hedgehog.fabric SET generation = generation + 1 WHERE id IN (SELECT DISTINCT fabric_id FROM old_rows);
    RETURN NULL;
END $$;

CREATE FUNCTION hedgehog.fabric_object_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE hedgehog.fabric SET generation = generation + 1 WHERE id IN (
        SELECT n.fabric_id FROM new_rows n JOIN old_rows o USING (id)
        WHERE (n.fabric_id, n.kind, n.namespace, n.name, n.manifest) IS DISTINCT FROM (o.fabric_id, o.kind, o.namespace, o.name, o.manifest)
        UNION
        SELECT o.fabric_id FROM new_rows n JOIN old_rows o USING (id) WHERE n.fabric_id <> o.fabric_id
    );
    RETURN NULL;
END $$;

CREATE FUNCTION hedgehog.fabric_object_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;

CREATE TRIGGER fabric_object_inserted AFTER INSERT ON hedgehog.fabric_object
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.fabric_object_inserted();
CREATE TRIGGER fabric_object_deleted AFTER DELETE ON hedgehog.fabric_object
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.fabric_object_deleted();
CREATE TRIGGER fabric_object_updated AFTER UPDATE ON hedgehog.fabric_object
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.fabric_object_updated();
CREATE TRIGGER fabric_object_touched BEFORE UPDATE ON hedgehog.fabric_object
    FOR EACH ROW WHEN (OLD.manifest IS DISTINCT FROM NEW.manifest) EXECUTE FUNCTION hedgehog.fabric_object_touched();
