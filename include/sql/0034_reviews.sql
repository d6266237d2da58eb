-- An approving review of the pull request with which a change was pushed decides its proposal.

ALTER TABLE hedgehog.approval_rule ADD COLUMN review_decides boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN hedgehog.approval_rule.review_decides IS 'Whether an approving review of the pull request is an approval';

ALTER TABLE hedgehog.proposal
    ADD COLUMN review_decides boolean NOT NULL DEFAULT false,
    ADD COLUMN review text NOT NULL DEFAULT '' CHECK (length(review) <= 4000),
    ADD COLUMN pull_request text NOT NULL DEFAULT '' CHECK (length(pull_request) <= 2000),
    ADD COLUMN reviewed_at timestamptz;
COMMENT ON COLUMN hedgehog.proposal.review_decides IS 'Whether an approving review of the pull request that it came with is an approval';
COMMENT ON COLUMN hedgehog.proposal.review IS 'What the reviews at the host say';
COMMENT ON COLUMN hedgehog.proposal.pull_request IS 'The page of the pull request that it came with, once that is known';
COMMENT ON COLUMN hedgehog.proposal.reviewed_at IS 'Since when the reviews say that; null: they were not read';
