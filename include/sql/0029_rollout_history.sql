-- A rollout is taken back with the history: what a fabric had before is what it was at the generation before the change.

ALTER TABLE hedgehog.rollout_fabric ADD COLUMN base_generation bigint;
COMMENT ON COLUMN hedgehog.rollout_fabric.base_generation IS 'The generation that the change was made from';
UPDATE hedgehog.rollout_fabric m SET base_generation =
    (SELECT max(c.generation) FROM hedgehog.change c WHERE c.fabric_id = m.fabric_id AND c.generation < m.generation)
WHERE m.generation IS NOT NULL;
ALTER TABLE hedgehog.rollout_fabric DROP COLUMN before;
