-- The inbox: signed deliveries of Git hosts, kept until somebody has worked on them; and where each branch was last seen.

CREATE TABLE hedgehog.inbox (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id     text NOT NULL UNIQUE CHECK (length(delivery_id) BETWEEN 1 AND 64),
    digest          text NOT NULL UNIQUE CHECK (digest ~ '^[0-9a-f]{64}$'),
    kind            text NOT NULL CHECK (kind IN ('branch', 'pull_request')),
    event           text NOT NULL CHECK (length(event) <= 40),
    action          text NOT NULL DEFAULT '' CHECK (length(action) <= 40),
    repository      text NOT NULL CHECK (length(repository) <= 200),
    url             text NOT NULL CHECK (length(url) <= 500),
    number          integer,
    branch          text NOT NULL DEFAULT '' CHECK (length(branch) <= 255),
    before          text NOT NULL DEFAULT '' CHECK (before ~ '^[0-9a-f]{0,64}$'),
    after           text NOT NULL DEFAULT '' CHECK (after ~ '^[0-9a-f]{0,64}$'),
    head            text NOT NULL DEFAULT '' CHECK (head ~ '^[0-9a-f]{0,64}$'),
    base            text NOT NULL DEFAULT '' CHECK (length(base) <= 255),
    summary         jsonb NOT NULL DEFAULT '{}' CHECK (pg_column_size(summary) <= 4096),
    status          text NOT NULL DEFAULT 'received' CHECK (status IN ('received', 'processing', 'done', 'failed', 'ignored')),
    reason          text NOT NULL DEFAULT '' CHECK (length(reason) <= 1000),
    attempts        integer NOT NULL DEFAULT 0,
    received_at     timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    reminded_at     timestamptz,
    finished_at     timestamptz
);
COMMENT ON TABLE hedgehog.inbox IS 'Deliveries whose signature was right, one row each, with what is needed of the payload and no more';
COMMENT ON COLUMN hedgehog.inbox.digest IS 'SHA-256 of the body: the header with the delivery id is not signed, so a replay may carry another one';
COMMENT ON COLUMN hedgehog.inbox.kind IS 'Who works on it: branch (a branch has a new head) or pull_request (it is to be checked)';
COMMENT ON COLUMN hedgehog.inbox.next_attempt_at IS 'The back-off after a failure; infinity when given up: a redelivery takes it up again';
CREATE INDEX inbox_open ON hedgehog.inbox (kind, id) WHERE status IN ('received', 'processing', 'failed');
CREATE INDEX inbox_received ON hedgehog.inbox (received_at);

CREATE TABLE hedgehog.webhook_refusal (
    reason  text PRIMARY KEY CHECK (length(reason) <= 40),
    count   bigint NOT NULL,
    last_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hedgehog.webhook_refusal IS 'How many deliveries were refused, by reason; nothing of a refused delivery is kept';

CREATE TABLE hedgehog.repository_head (
    git_repository_id bigint PRIMARY KEY REFERENCES hedgehog.git_repository ON DELETE CASCADE,
    commit_id         text CHECK (commit_id ~ '^[0-9a-f]{40}$'),
    checked_at        timestamptz NOT NULL DEFAULT now(),
    moved_at          timestamptz,
    replaced_commit   text CHECK (replaced_commit ~ '^[0-9a-f]{40}$'),
    replaced_at       timestamptz
);
COMMENT ON TABLE hedgehog.repository_head IS 'The head of each branch that was last taken in. replaced_commit is what a force push dropped, the last time that happened';

CREATE FUNCTION hedgehog.inbox_has_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('hedgehog_inbox', NEW.kind);
    RETURN NULL;
END $$;

CREATE TRIGGER inbox_received AFTER INSERT ON hedgehog.inbox
    FOR EACH ROW WHEN (NEW.status = 'received') EXECUTE FUNCTION hedgehog.inbox_has_work();
CREATE TRIGGER inbox_armed_again AFTER UPDATE ON hedgehog.inbox
    FOR EACH ROW WHEN (NEW.status = 'received' AND OLD.status <> 'received') EXECUTE FUNCTION hedgehog.inbox_has_work();
