-- Who may sign the commits of a repository, and what happens to revisions that nobody of them signed.

ALTER TABLE hedgehog.git_repository
    ADD COLUMN verify text NOT NULL DEFAULT 'none' CHECK (verify IN ('none', 'warn', 'require')),
    ADD COLUMN allowed_signers text NOT NULL DEFAULT '' CHECK (length(allowed_signers) <= 65536),
    ADD CONSTRAINT git_repository_verify_needs_signers CHECK (verify = 'none' OR allowed_signers <> '');
COMMENT ON COLUMN hedgehog.git_repository.verify IS 'Whether revisions must be signed, for fabrics whose source of truth is Git: none, warn, require';
COMMENT ON COLUMN hedgehog.git_repository.allowed_signers IS 'Lines as in ssh-keygen(1), ALLOWED SIGNERS, and OpenPGP public keys';
