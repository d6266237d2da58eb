-- What the pages need: what has changed since they last asked, and who did what with them.

-- Written by triggers, never updated: rows of different transactions never wait for each other. A reader takes the end
-- of his snapshot as his next beginning, so that a transaction that is committed late is not missed.
CREATE TABLE hedgehog.change_mark (
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    topic       text NOT NULL,
    fabric      text NOT NULL DEFAULT '',
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (transaction, topic, fabric)
);
COMMENT ON TABLE hedgehog.change_mark IS 'Which transactions of the last hour changed something that pages show, and of which fabric. It may be emptied at any time';
COMMENT ON COLUMN hedgehog.change_mark.topic IS 'fabric, health (of what is no fabric), drift (of what belongs to no fabric) or deliveries';
CREATE INDEX change_mark_at ON hedgehog.change_mark (at);

-- The functions run as their owner: the role of the webhook may add deliveries, and nothing else.
CREATE FUNCTION hedgehog.mark_named_fabrics() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO hedgehog.change_mark (topic, fabric) SELECT DISTINCT 'fabric', c.name FROM changed c ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE FUNCTION hedgehog.mark_fabrics() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO hedgehog.change_mark (topic, fabric)
    SELECT DISTINCT 'fabric', f.name FROM changed c JOIN hedgehog.fabric f ON f.id = c.fabric_id ON CONFLICT DO NOTHING;
    IF TG_NARGS > 0 AND EXISTS (SELECT 1 FROM changed c WHERE c.fabric_id IS NULL) THEN
        INSERT INTO hedgehog.change_mark (topic) VALUES (TG_ARGV[0]) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION hedgehog.mark_topic() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changed) THEN
        INSERT INTO hedgehog.change_mark (topic) VALUES (TG_ARGV[0]) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER fabric_inserted_mark AFTER INSERT ON hedgehog.fabric
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_named_fabrics();
CREATE TRIGGER fabric_updated_mark AFTER UPDATE ON hedgehog.fabric
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_named_fabrics();
CREATE TRIGGER fabric_deleted_mark AFTER DELETE ON hedgehog.fabric
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_named_fabrics();
CREATE TRIGGER sync_state_updated_mark AFTER UPDATE ON hedgehog.sync_state
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
CREATE TRIGGER convergence_inserted_mark AFTER INSERT ON hedgehog.convergence
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
CREATE TRIGGER convergence_updated_mark AFTER UPDATE ON hedgehog.convergence
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
CREATE TRIGGER finding_inserted_mark AFTER INSERT ON hedgehog.finding
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
CREATE TRIGGER finding_deleted_mark AFTER DELETE ON hedgehog.finding
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
CREATE TRIGGER git_edit_inserted_mark AFTER INSERT ON hedgehog.git_edit
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
CREATE TRIGGER git_edit_updated_mark AFTER UPDATE ON hedgehog.git_edit
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
CREATE TRIGGER git_edit_deleted_mark AFTER DELETE ON hedgehog.git_edit
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
CREATE TRIGGER drift_inserted_mark AFTER INSERT ON hedgehog.drift
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics('drift');
CREATE TRIGGER drift_updated_mark AFTER UPDATE ON hedgehog.drift
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics('drift');
CREATE TRIGGER drift_deleted_mark AFTER DELETE ON hedgehog.drift
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics('drift');
CREATE TRIGGER dead_letter_inserted_mark AFTER INSERT ON hedgehog.dead_letter
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics('deliveries');
CREATE TRIGGER dead_letter_updated_mark AFTER UPDATE ON hedgehog.dead_letter
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics('deliveries');
CREATE TRIGGER inbox_inserted_mark AFTER INSERT ON hedgehog.inbox
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_topic('deliveries');
CREATE TRIGGER inbox_updated_mark AFTER UPDATE ON hedgehog.inbox
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_topic('deliveries');
CREATE TRIGGER health_inserted_mark AFTER INSERT ON hedgehog.health
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics('health');

-- A look that finds the same is no change.
CREATE FUNCTION hedgehog.mark_health() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO hedgehog.change_mark (topic, fabric)
    SELECT DISTINCT CASE WHEN n.fabric_id IS NULL THEN 'health' ELSE 'fabric' END, CASE WHEN n.fabric_id IS NULL THEN '' ELSE n.name END
    FROM changed n JOIN before o USING (scope, name)
    WHERE (n.health, n.reasons, n.facts) IS DISTINCT FROM (o.health, o.reasons, o.facts)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER health_updated_mark AFTER UPDATE ON hedgehog.health
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_health();

CREATE TABLE hedgehog.action (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL CHECK (length(actor) BETWEEN 1 AND 300),
    action   text NOT NULL CHECK (length(action) BETWEEN 1 AND 40),
    fabric   text,
    subjects jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(subjects) = 'array'),
    reason   text NOT NULL DEFAULT '' CHECK (length(reason) <= 1000),
    dag_id   text,
    run_id   text
);
COMMENT ON TABLE hedgehog.action IS 'Append-only: what people did with the API, one row for each fabric; outlives the fabric';
CREATE INDEX action_fabric ON hedgehog.action (fabric, id DESC);
CREATE INDEX action_at ON hedgehog.action (at);

CREATE TABLE hedgehog.dry_run_result (
    fabric_id   bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    target      text NOT NULL CHECK (target IN ('git', 'kubernetes')),
    run_id      text NOT NULL,
    at          timestamptz NOT NULL,
    generation  bigint NOT NULL,
    status      text NOT NULL,
    reason      text NOT NULL,
    revision    text,
    counts      jsonb NOT NULL,
    changes     jsonb NOT NULL,
    error_class text,
    PRIMARY KEY (fabric_id, target)
);
COMMENT ON TABLE hedgehog.dry_run_result IS 'What the last dry run of a fabric at a target found; nothing is decided by it';
CREATE TRIGGER dry_run_inserted_mark AFTER INSERT ON hedgehog.dry_run_result
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
CREATE TRIGGER dry_run_updated_mark AFTER UPDATE ON hedgehog.dry_run_result
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
