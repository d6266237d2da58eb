-- Approval: which changes somebody has to approve first, and the changes that wait for that.

CREATE TABLE hedgehog.approval_rule (
    name               text PRIMARY KEY CHECK (name ~ '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$'),
    selector           jsonb NOT NULL CHECK (jsonb_typeof(selector) = 'array'),
    max_deleted        integer CHECK (max_deleted >= 0),
    max_switches       integer CHECK (max_switches >= 0),
    kinds              jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(kinds) = 'array'),
    author_may_approve boolean NOT NULL DEFAULT false,
    created_by         text NOT NULL CHECK (length(created_by) BETWEEN 1 AND 300),
    created_at         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hedgehog.approval_rule IS 'Which changes need approval: of the fabrics that the selector fits, all of them, or those above a limit or of one of the kinds';

CREATE TABLE hedgehog.proposal (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fabric_id          bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    plan_id            text NOT NULL REFERENCES hedgehog.plan,
    status             text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'approved', 'applied', 'rejected', 'superseded')),
    origin             jsonb NOT NULL CHECK (jsonb_typeof(origin) = 'object'),
    reasons            jsonb NOT NULL CHECK (jsonb_typeof(reasons) = 'array'),
    author_may_approve boolean NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    decided_at         timestamptz,
    decided_by         text CHECK (length(decided_by) BETWEEN 1 AND 300),
    decision           text NOT NULL DEFAULT '' CHECK (length(decision) <= 4000),
    superseded_by      bigint REFERENCES hedgehog.proposal ON DELETE SET NULL,
    asked_until        timestamptz
);
COMMENT ON TABLE hedgehog.proposal IS 'Changes that wait, or waited, for approval, each with its plan';
COMMENT ON COLUMN hedgehog.proposal.origin IS 'hedgehog.fabric.origin.Origin of the change: who made it, through what, why';
COMMENT ON COLUMN hedgehog.proposal.reasons IS 'Why it needs approval: one line for each rule that says so';
COMMENT ON COLUMN hedgehog.proposal.asked_until IS 'Until then, a task of Airflow asks people about it';
CREATE UNIQUE INDEX proposal_waiting ON hedgehog.proposal (fabric_id, plan_id) WHERE status IN ('waiting', 'approved');
CREATE INDEX proposal_plan ON hedgehog.proposal (plan_id);
CREATE INDEX proposal_created_at ON hedgehog.proposal (created_at);

CREATE TRIGGER proposal_inserted_mark AFTER INSERT ON hedgehog.proposal
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
CREATE TRIGGER proposal_updated_mark AFTER UPDATE ON hedgehog.proposal
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();

-- The register of 0015 with the proposals that wait.
CREATE OR REPLACE VIEW hedgehog.problem AS
WITH enabled AS NOT MATERIALIZED (
    SELECT f.id AS fabric_id, f.name AS fabric, s.target, s.status, s.attempts, s.reason, s.failing_since, s.last_attempt_at, f.git_repository_id,
        f.suspended AND coalesce(f.suspended_until > now(), true) AS suspended,
        CASE WHEN s.target = 'kubernetes' THEN 'kubernetes_sync' WHEN f.source_of_truth = 'git' THEN 'repository_changes' ELSE 'git_sync' END AS verb
    FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id
    WHERE CASE s.target WHEN 'git' THEN f.git_sync_enabled ELSE f.enable_k8s_sync END
)
SELECT e.fabric_id, e.fabric, e.target, e.verb, n.kind, n.subject, n.cause, n.since,
    n.kind <> 'failing' AND NOT e.suspended
        AND NOT (n.kind = 'stuck-finalizer' AND n.since > now() - interval '1 hour') AS needs_somebody
FROM enabled e JOIN hedgehog.finding n USING (fabric_id, target)
UNION ALL
SELECT e.fabric_id, e.fabric, e.target, e.verb, 'parked', d.id::text, d.message, d.first_failed_at, NOT e.suspended
FROM enabled e JOIN hedgehog.dead_letter d USING (fabric_id, target) WHERE d.status = 'parked'
UNION ALL
SELECT e.fabric_id, e.fabric, e.target, d.verb, 'given-up-delivery', d.id::text, d.message, d.first_failed_at, NOT e.suspended
FROM hedgehog.dead_letter d JOIN hedgehog.inbox i ON i.id = d.inbox_id
JOIN hedgehog.git_repository r ON hedgehog.repository_place(r.url) = hedgehog.repository_place(i.url)
    AND r.branch = CASE i.kind WHEN 'branch' THEN i.branch ELSE i.base END
JOIN enabled e ON e.git_repository_id = r.id AND e.target = 'git'
WHERE d.status = 'parked'
UNION ALL
SELECT e.fabric_id, e.fabric, e.target, e.verb, 'failing', '', e.reason, coalesce(e.failing_since, e.last_attempt_at, now()), false
FROM enabled e WHERE e.attempts > 0 AND e.status IN ('error', 'syncing')
    AND NOT EXISTS (SELECT 1 FROM hedgehog.finding n WHERE (n.fabric_id, n.target) = (e.fabric_id, e.target))
UNION ALL
SELECT f.id, f.name, CASE WHEN f.git_sync_enabled OR NOT f.enable_k8s_sync THEN 'git' ELSE 'kubernetes' END, 'approval', 'proposal', p.id::text,
    concat_ws(': ', 'a change by ' || coalesce(p.origin ->> 'who', 'somebody') || ' waits for approval', nullif(p.origin ->> 'why', '')),
    p.created_at, true
FROM hedgehog.proposal p JOIN hedgehog.fabric f ON f.id = p.fabric_id WHERE p.status = 'waiting';
