-- Read models of the pages: what is told of a fabric without asking for it anew. Nothing is ever decided by them.

CREATE TABLE hedgehog.cache_entry (
    fabric_id    bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    model        text NOT NULL CHECK (model IN ('basics', 'objects', 'changes', 'health', 'connection')),
    value        jsonb NOT NULL,
    refreshed_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (fabric_id, model)
);
COMMENT ON TABLE hedgehog.cache_entry IS 'Copies for reading, good until expires_at; refreshed_at says how old. It may be emptied at any time';
CREATE INDEX cache_entry_expires ON hedgehog.cache_entry (expires_at);

-- The newest objects of a fabric without reading all of them.
CREATE INDEX fabric_object_recent ON hedgehog.fabric_object (fabric_id, updated_at DESC);
