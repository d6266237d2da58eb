-- What people changed in Git of the files that we write, and what is to become of it; the values of what drifted.

CREATE TABLE hedgehog.git_edit (
    fabric_id   bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    path        text NOT NULL,
    kind        text,
    namespace   text,
    name        text,
    state       text NOT NULL CHECK (state IN ('changed', 'unwanted', 'foreign', 'obstacle')),
    blob_id     text CHECK (blob_id ~ '^[0-9a-f]{40}$'),
    author      text NOT NULL DEFAULT '',
    problem     text NOT NULL DEFAULT '',
    differences jsonb NOT NULL DEFAULT '[]',
    revert      boolean NOT NULL DEFAULT false,
    found_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fabric_id, path),
    CONSTRAINT git_edit_object_is_whole CHECK ((kind IS NULL) = (namespace IS NULL) AND (kind IS NULL) = (name IS NULL))
);
COMMENT ON TABLE hedgehog.git_edit IS 'Files in Git that a sync held back because a person changed them; a row goes when that ends';
COMMENT ON COLUMN hedgehog.git_edit.revert IS 'A person decided: the next sync overwrites this version of the file, whatever the policy';

ALTER TABLE hedgehog.drift ADD COLUMN differences jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN hedgehog.drift.differences IS 'The values at paths: [{"path", "ours", "theirs"}]';
