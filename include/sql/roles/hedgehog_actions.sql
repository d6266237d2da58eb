-- What the role of the API's actions may do: read, suspend, freeze and resume fabrics, set change windows, store objects,
-- revert drift, replay and discard dead letters, begin and steer rollouts, and roll back. It can neither create nor delete
-- fabrics, nor change where they are kept.
GRANT USAGE ON SCHEMA hedgehog TO hedgehog_actions;
GRANT SELECT ON ALL TABLES IN SCHEMA hedgehog TO hedgehog_actions;
GRANT INSERT ON hedgehog.action TO hedgehog_actions;
GRANT INSERT, UPDATE ON hedgehog.plan, hedgehog.proposal TO hedgehog_actions;
GRANT UPDATE (suspended, suspended_reason, suspended_until, generation, last_updated) ON hedgehog.fabric TO hedgehog_actions;
GRANT UPDATE (description, asn, spine_count, leaf_count, spine_leaf_links, vpc_peering_config, switch_config, settings)
    ON hedgehog.fabric TO hedgehog_actions;
GRANT INSERT, UPDATE, DELETE ON hedgehog.fabric_object TO hedgehog_actions;
GRANT UPDATE ON hedgehog.sync_state, hedgehog.git_edit, hedgehog.inbox TO hedgehog_actions;
GRANT INSERT, UPDATE ON hedgehog.drift, hedgehog.dead_letter TO hedgehog_actions;
GRANT DELETE ON hedgehog.correction TO hedgehog_actions;
GRANT INSERT, UPDATE ON hedgehog.freeze TO hedgehog_actions;
GRANT INSERT, UPDATE, DELETE ON hedgehog.change_window TO hedgehog_actions;
GRANT INSERT, UPDATE ON hedgehog.ahead_of_git TO hedgehog_actions;
GRANT INSERT, UPDATE ON hedgehog.rollout, hedgehog.rollout_fabric TO hedgehog_actions;
