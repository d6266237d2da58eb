-- What the role of the API's actions may do: read, suspend and resume fabrics, store objects, revert drift, replay and
-- discard dead letters. It can neither create nor delete fabrics, nor change where they are kept.
GRANT USAGE ON SCHEMA hedgehog TO hedgehog_actions;
GRANT SELECT ON ALL TABLES IN SCHEMA hedgehog TO hedgehog_actions;
GRANT INSERT ON hedgehog.action TO hedgehog_actions;
GRANT UPDATE (suspended, suspended_reason, suspended_until, generation, last_updated) ON hedgehog.fabric TO hedgehog_actions;
GRANT INSERT, UPDATE, DELETE ON hedgehog.fabric_object TO hedgehog_actions;
GRANT UPDATE ON hedgehog.sync_state, hedgehog.git_edit, hedgehog.inbox TO hedgehog_actions;
GRANT INSERT, UPDATE ON hedgehog.drift, hedgehog.dead_letter TO hedgehog_actions;
GRANT DELETE ON hedgehog.correction TO hedgehog_actions;
