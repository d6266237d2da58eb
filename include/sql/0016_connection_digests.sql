-- An edited connection is tried at once: what the Airflow connections of failing work hold is noted as a keyed digest, so
-- that another content is noticed at the next plan.

CREATE TABLE hedgehog.connection_digest (
    connection_id text PRIMARY KEY,
    salt          bytea NOT NULL,
    digest        bytea NOT NULL CHECK (length(digest) <= 8),
    noted_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hedgehog.connection_digest IS 'One row for each Airflow connection that parked or failing fabrics use; none for the others';
COMMENT ON COLUMN hedgehog.connection_digest.digest IS 'Two bytes of an HMAC over all fields, under a key that is not in this database: too short to confirm a guessed secret';

-- Kubernetes follows Git where Git sync is on, but for another cluster: what was published before is wanted there now.
CREATE OR REPLACE FUNCTION hedgehog.fabric_after_change() RETURNS trigger LANGUAGE plpgsql AS $$
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
            WHEN s.target = 'kubernetes' AND NEW.git_sync_enabled AND TG_OP = 'UPDATE' AND NOT OLD.suspended
                AND (NEW.kubernetes_connection_id IS NOT DISTINCT FROM OLD.kubernetes_connection_id OR NOT EXISTS (SELECT 1
                    FROM hedgehog.sync_state g WHERE g.fabric_id = NEW.id AND g.target = 'git' AND g.observed_generation > 0))
                THEN s.due_at
            WHEN s.target = 'kubernetes' AND NEW.git_sync_enabled AND TG_OP = 'INSERT' THEN 'infinity'
            ELSE now()
        END
    WHERE s.fabric_id = NEW.id;
    -- Each DAG is woken by its own channel, and only when it has something to do.
    PERFORM pg_notify(CASE target WHEN 'git' THEN 'hedgehog_fabric_changed' ELSE 'hedgehog_revision_published' END, NEW.name)
    FROM hedgehog.sync_state WHERE fabric_id = NEW.id AND due_at <= now();
    RETURN NULL;
END $$;
