-- What is due at Git wakes the DAG that does it: hedgehog_git_sync writes the fabrics of the database, and
-- hedgehog_repository_changes reads those whose source of truth is Git.

CREATE FUNCTION hedgehog.wake(target text, one hedgehog.fabric) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM CASE
        WHEN target = 'kubernetes' THEN pg_notify('hedgehog_revision_published', (one).name)
        WHEN (one).source_of_truth = 'git' THEN pg_notify('hedgehog_inbox', 'branch')
        ELSE pg_notify('hedgehog_fabric_changed', (one).name)
    END;
END $$;
COMMENT ON FUNCTION hedgehog.wake IS 'Wakes the DAG that syncs this fabric to the target, or reads it from Git';

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
    RETURN NULL;
END $$;

-- When the transaction ends, for what it changed may be synced by then: a push that was taken in is due nowhere but in
-- its cluster.
CREATE FUNCTION hedgehog.fabric_wakes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM hedgehog.wake(s.target, NEW) FROM hedgehog.sync_state s WHERE s.fabric_id = NEW.id AND s.due_at <= now();
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fabric_is_new AFTER INSERT ON hedgehog.fabric DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hedgehog.fabric_wakes();
CREATE CONSTRAINT TRIGGER fabric_changed AFTER UPDATE ON hedgehog.fabric DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((OLD.generation, OLD.suspended, OLD.suspended_until)
        IS DISTINCT FROM (NEW.generation, NEW.suspended, NEW.suspended_until))
    EXECUTE FUNCTION hedgehog.fabric_wakes();

CREATE OR REPLACE FUNCTION hedgehog.git_repository_after_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id
    WHERE f.git_repository_id = NEW.id AND s.target = 'git' ORDER BY s.fabric_id FOR UPDATE OF s;
    UPDATE hedgehog.sync_state s SET attempts = 0, due_at = now() FROM hedgehog.fabric f
    WHERE f.id = s.fabric_id AND f.git_repository_id = NEW.id AND s.target = 'git' AND f.git_sync_enabled AND NOT f.suspended;
    PERFORM hedgehog.wake('git', f) FROM hedgehog.fabric f
    WHERE f.git_repository_id = NEW.id AND f.git_sync_enabled AND NOT f.suspended;
    RETURN NULL;
END $$;
