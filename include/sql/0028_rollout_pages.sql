-- What pages show of rollouts: that one has moved, and which rollout a fabric is in.

CREATE TRIGGER rollout_inserted_mark AFTER INSERT ON hedgehog.rollout
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_topic('rollouts');
CREATE TRIGGER rollout_updated_mark AFTER UPDATE ON hedgehog.rollout
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_topic('rollouts');
CREATE TRIGGER rollout_fabric_updated_topic_mark AFTER UPDATE ON hedgehog.rollout_fabric
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_topic('rollouts');
CREATE TRIGGER rollout_fabric_inserted_mark AFTER INSERT ON hedgehog.rollout_fabric
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
CREATE TRIGGER rollout_fabric_updated_mark AFTER UPDATE ON hedgehog.rollout_fabric
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_fabrics();
COMMENT ON COLUMN hedgehog.change_mark.topic IS 'fabric, health (of what is no fabric), drift (of what belongs to no fabric), deliveries or rollouts';
