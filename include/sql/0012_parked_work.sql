-- Parked work is looked at again slowly, for most causes end elsewhere: a definition is installed, a right granted, a
-- credential corrected. It stays parked until that look; it is taken up for good when the fabric changes.

COMMENT ON COLUMN hedgehog.sync_state.due_at IS
    'When a run must look at this fabric again: now() after a change, the back-off after a failure, an hour or so when parked, the resync after a success, infinity when suspended, disabled, or parked until the fabric changes';

ALTER TABLE hedgehog.sync_state ADD COLUMN quiet boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN hedgehog.sync_state.quiet IS 'A person discarded its dead letter: looks that fail again write no other one, until the fabric changes or is synced';

CREATE OR REPLACE FUNCTION hedgehog.sync_state_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'parked' AND NEW.attempts = 0 THEN
        NEW.status := 'error';
    END IF;
    IF NEW.status IN ('in_sync', 'out_of_sync') THEN
        NEW.failing_since := NULL;
    ELSIF NEW.attempts > OLD.attempts THEN
        NEW.failing_since := coalesce(OLD.failing_since, now());
    END IF;
    IF NEW.attempts = 0 OR NEW.status IN ('in_sync', 'out_of_sync') THEN
        NEW.quiet := false;
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER sync_state_parked ON hedgehog.sync_state;
CREATE TRIGGER sync_state_parked AFTER UPDATE ON hedgehog.sync_state
    FOR EACH ROW WHEN (NEW.status = 'parked' AND NOT NEW.quiet AND (OLD.status <> 'parked' OR NEW.attempts > OLD.attempts))
    EXECUTE FUNCTION hedgehog.sync_state_parked();

UPDATE hedgehog.sync_state SET due_at = now() + random() * interval '1 hour'
WHERE status = 'parked' AND due_at = 'infinity' AND NOT (target = 'git' AND error_class IS NOT DISTINCT FROM 'InvalidInput');

ALTER TABLE hedgehog.repository_head ADD COLUMN trouble text CHECK (length(trouble) <= 100);
COMMENT ON COLUMN hedgehog.repository_head.trouble IS 'The error class of the last look at the branch; NULL when it could be read';

-- Another URL, branch or credential: whatever failed before, it is tried now.
CREATE FUNCTION hedgehog.git_repository_after_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id
    WHERE f.git_repository_id = NEW.id AND s.target = 'git' ORDER BY s.fabric_id FOR UPDATE OF s;
    UPDATE hedgehog.sync_state s SET attempts = 0, due_at = now() FROM hedgehog.fabric f
    WHERE f.id = s.fabric_id AND f.git_repository_id = NEW.id AND s.target = 'git' AND f.git_sync_enabled AND NOT f.suspended;
    PERFORM pg_notify('hedgehog_fabric_changed', name) FROM hedgehog.fabric
    WHERE git_repository_id = NEW.id AND git_sync_enabled AND NOT suspended AND source_of_truth = 'database';
    PERFORM pg_notify('hedgehog_inbox', 'branch') FROM hedgehog.fabric
    WHERE git_repository_id = NEW.id AND git_sync_enabled AND NOT suspended AND source_of_truth = 'git' LIMIT 1;
    RETURN NULL;
END $$;

CREATE TRIGGER git_repository_after_change AFTER UPDATE ON hedgehog.git_repository
    FOR EACH ROW WHEN ((OLD.url, OLD.branch, OLD.connection_id) IS DISTINCT FROM (NEW.url, NEW.branch, NEW.connection_id))
    EXECUTE FUNCTION hedgehog.git_repository_after_change();
