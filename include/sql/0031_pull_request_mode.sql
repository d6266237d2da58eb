-- Changes of fabrics as pull requests: repositories that take them in no other way, and the one request of each fabric.

ALTER TABLE hedgehog.git_repository
    ADD COLUMN push text NOT NULL DEFAULT 'direct' CHECK (push IN ('direct', 'pull_request')),
    ADD COLUMN pull_requests jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(pull_requests) = 'object');
COMMENT ON COLUMN hedgehog.git_repository.push IS 'How changes get to the branch: direct, or by a pull_request that somebody merges';
COMMENT ON COLUMN hedgehog.git_repository.pull_requests IS 'What such pull requests get: labels, reviewers, auto_merge';

CREATE TABLE hedgehog.pull_request (
    fabric_id         bigint PRIMARY KEY REFERENCES hedgehog.fabric ON DELETE CASCADE,
    git_repository_id bigint NOT NULL REFERENCES hedgehog.git_repository ON DELETE CASCADE,
    number            bigint NOT NULL CHECK (number > 0),
    url               text NOT NULL CHECK (length(url) <= 2000),
    head              text NOT NULL CHECK (head ~ '^[0-9a-f]{40}$'),
    base              text NOT NULL CHECK (base ~ '^[0-9a-f]{40}$'),
    generation        bigint NOT NULL,
    rejected_by       text CHECK (length(rejected_by) BETWEEN 1 AND 300),
    merge_asked       boolean NOT NULL DEFAULT false,
    note              text NOT NULL DEFAULT '' CHECK (length(note) <= 2000),
    opened_at         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hedgehog.pull_request IS 'The pull request that asks for the changes of a fabric, from when it is opened until what it asks for is in the branch';
COMMENT ON COLUMN hedgehog.pull_request.head IS 'The commit that we pushed last to the branch of the request';
COMMENT ON COLUMN hedgehog.pull_request.base IS 'The head of the repository''s branch on which that commit was made';
COMMENT ON COLUMN hedgehog.pull_request.rejected_by IS 'Who closed it without merging';
COMMENT ON COLUMN hedgehog.pull_request.merge_asked IS 'Whether the host has been told to merge this head when its rules allow it';

CREATE TABLE hedgehog.pull_request_file (
    fabric_id     bigint NOT NULL REFERENCES hedgehog.pull_request ON DELETE CASCADE,
    path          text NOT NULL,
    kind          text,
    namespace     text,
    name          text,
    blob_id       text CHECK (blob_id ~ '^[0-9a-f]{40}$'),
    object_digest text,
    manifest      jsonb,
    PRIMARY KEY (fabric_id, path)
);
COMMENT ON TABLE hedgehog.pull_request_file IS 'What a pull request asks for, as git_file has it once it is merged; without blob_id: the file is to be removed';
