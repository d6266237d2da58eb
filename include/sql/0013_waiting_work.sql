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

-- Work whose process is killed (time limit, out of memory) is counted when it is claimed, and given up after a few times:
-- a delivery, a look at a repository, a sync. What was given up of a delivery is a dead letter, too.

ALTER TABLE hedgehog.inbox ADD COLUMN killed integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN hedgehog.inbox.killed IS 'How often in a row the process that worked on it died; attempts counts every claim';

CREATE FUNCTION hedgehog.inbox_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.killed := 0;
    RETURN NEW;
END $$;
CREATE TRIGGER inbox_taken_up_again BEFORE UPDATE ON hedgehog.inbox
    FOR EACH ROW WHEN (NEW.status = 'received') EXECUTE FUNCTION hedgehog.inbox_before_update();

ALTER TABLE hedgehog.repository_head
    ADD COLUMN begun_at timestamptz,
    ADD COLUMN running boolean NOT NULL DEFAULT false,
    ADD COLUMN killed integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN hedgehog.repository_head.running IS 'A look has begun and not ended: who finds this under the lock of the repository knows that it was killed';

ALTER TABLE hedgehog.sync_state ADD COLUMN killed integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN hedgehog.sync_state.killed IS 'How often in a row the process that worked on it died';

CREATE FUNCTION hedgehog.sync_state_counts_deaths() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'syncing' AND (NEW.status = 'syncing' AND NEW.attempts > OLD.attempts OR NEW.error_class IN ('RunLost', 'WorkKilled') AND NEW.status IN ('error', 'parked')) THEN
        NEW.killed := OLD.killed + 1;
    ELSIF NEW.attempts = 0 OR OLD.status = 'syncing' AND NEW.status <> 'syncing' THEN
        NEW.killed := 0;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sync_state_counts_deaths BEFORE UPDATE ON hedgehog.sync_state
    FOR EACH ROW EXECUTE FUNCTION hedgehog.sync_state_counts_deaths();

ALTER TABLE hedgehog.dead_letter
    ALTER COLUMN fabric_id DROP NOT NULL,
    ADD COLUMN inbox_id bigint REFERENCES hedgehog.inbox ON DELETE CASCADE,
    DROP CONSTRAINT dead_letter_verb_check,
    ADD CONSTRAINT dead_letter_verb_check CHECK (verb IN ('git_sync', 'kubernetes_sync', 'repository_changes', 'pull_request_validation')),
    ADD CONSTRAINT dead_letter_is_of_a_fabric_or_a_delivery CHECK ((fabric_id IS NULL) = (inbox_id IS NOT NULL));
CREATE UNIQUE INDEX dead_letter_of_delivery ON hedgehog.dead_letter (inbox_id) WHERE status = 'parked';

CREATE FUNCTION hedgehog.inbox_given_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'failed' AND NEW.next_attempt_at = 'infinity' THEN
        INSERT INTO hedgehog.dead_letter AS d (inbox_id, target, verb, conf, attempts, message, first_failed_at, last_failed_at)
        VALUES (NEW.id, 'git',
            CASE NEW.kind WHEN 'branch' THEN 'repository_changes' ELSE 'pull_request_validation' END,
            CASE NEW.kind WHEN 'branch' THEN jsonb_build_object('repository', NEW.repository, 'branch', NEW.branch)
                ELSE jsonb_build_object('repository', NEW.repository, 'pull_request', NEW.number) END,
            NEW.attempts,
            NEW.repository || CASE NEW.kind WHEN 'branch' THEN ' ' || NEW.branch ELSE '#' || coalesce(NEW.number::text, '?') END || ': ' || NEW.reason,
            NEW.received_at, now())
        ON CONFLICT (inbox_id) WHERE status = 'parked' DO UPDATE SET
            attempts = excluded.attempts, message = excluded.message, last_failed_at = excluded.last_failed_at;
    ELSIF OLD.status = 'failed' AND NEW.status <> 'failed' THEN
        UPDATE hedgehog.dead_letter SET status = 'resolved', closed_at = now(),
            note = CASE WHEN NEW.status IN ('done', 'ignored') THEN left(NEW.reason, 1000) ELSE 'it is tried again' END
        WHERE inbox_id = NEW.id AND status = 'parked';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER inbox_given_up AFTER UPDATE ON hedgehog.inbox
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION hedgehog.inbox_given_up();

-- Where a repository lies, however its URL is written.
CREATE FUNCTION hedgehog.repository_place(url text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(lower(url), '^[a-z+]+://', ''), '^[^/@]*@([^/:]+):?', '\1/'), '(\.git)?/*$', '')
$$;
