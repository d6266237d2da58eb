-- Two installations may write to one cluster: each marks its objects with its id.
CREATE TABLE hedgehog.installation (
    id  text PRIMARY KEY CHECK (id ~ '^[a-z0-9]{8,40}$'),
    own boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX installation_own ON hedgehog.installation (own) WHERE own;
INSERT INTO hedgehog.installation (id, own) VALUES (substr(replace(gen_random_uuid()::text, '-', ''), 1, 16), true);
COMMENT ON TABLE hedgehog.installation IS 'The id of this fabric database, and those of the installations that it took the place of';
