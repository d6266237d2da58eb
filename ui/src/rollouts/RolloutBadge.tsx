import type { FleetRow } from "@/api/types";
import { addresses } from "@/shared/addresses";
import { Inside } from "@/shared/links";
import { Status } from "@/shared/Status";

/** That a fabric is in a rollout, and how far it is with it; leads there. */
export function RolloutBadge({ rollout }: { rollout: NonNullable<FleetRow["rollout"]> }) {
  const { number, name, state, fabric_state: own } = rollout;
  return (
    <Inside to={addresses.rollout(number)} aria-label={`In rollout ${name}: ${own}`}>
      <Status state={own} label="rollout" reason={`${name} is ${state}; this fabric is ${own}`} />
    </Inside>
  );
}
