-- Plans that somebody was shown: what can be carried out later, if it still holds.

CREATE TABLE hedgehog.plan (
    id         text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{16}$'),
    fabric_id  bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    kind       text NOT NULL CHECK (kind IN ('change', 'sync', 'merge')),
    generation bigint NOT NULL,
    revision   text,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL CHECK (length(actor) BETWEEN 1 AND 300),
    request    jsonb CHECK (jsonb_typeof(request) = 'object'),
    document   jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object')
);
COMMENT ON TABLE hedgehog.plan IS 'Plans by a digest of their content; the same plan made again is the same row';
COMMENT ON COLUMN hedgehog.plan.request IS 'The objects to write and to remove, with whatever secrets they hold; null for what is not a change of the database';
COMMENT ON COLUMN hedgehog.plan.document IS 'The plan as hedgehog.fabric.change_plan writes it, without secrets';
CREATE INDEX plan_fabric ON hedgehog.plan (fabric_id);
CREATE INDEX plan_at ON hedgehog.plan (at);
