import { Text } from "@chakra-ui/react";
import type { ReactNode } from "react";
import type { ActionName } from "@/api/actions";
import type { Rollout } from "@/api/types";
import { ActionButton } from "@/shared/ActionButton";
import { counted } from "@/shared/words";

type Steering = Extract<ActionName, `${string}-rollout`>;
type Act = Exclude<Steering, "start-rollout">;

interface Words {
  label: string;
  what: (rollout: Rollout) => string;
  asksForReason: boolean;
}

/** Fabrics that have the change, or may have it. */
function having({ counts }: Rollout): string {
  const count = (counts.stored ?? 0) + (counts.converged ?? 0) + (counts.done ?? 0) + (counts.failed ?? 0);
  return counted(count, "fabric");
}

const WORDS: Record<Act, Words> = {
  "approve-rollout": {
    label: "Approve",
    what: ({ wave, waves }) => `Wave ${wave} of ${waves} begins: its fabrics get the change.`,
    asksForReason: false,
  },
  "pause-rollout": {
    label: "Pause",
    what: () => "No further fabric gets the change until it is resumed. Those that have it keep it.",
    asksForReason: true,
  },
  "resume-rollout": {
    label: "Resume",
    what: () => "It goes on where it was. Fabrics that failed are watched again for as long as any other.",
    asksForReason: false,
  },
  "abort-rollout": {
    label: "Abort",
    what: (rollout) => `It ends where it is: ${having(rollout)} keep the change, no other gets it.`,
    asksForReason: true,
  },
  "rollback-rollout": {
    label: "Take back",
    what: (rollout) =>
      `${having(rollout)} get what they had before, as a new change; objects that somebody changed since stay as they are.`,
    asksForReason: true,
  },
};

const isAct = (name: string): name is Act => name in WORDS;

/** What can be done with a rollout as it stands, for those who may. */
export function RolloutActions({ rollout }: { rollout: Rollout }): ReactNode {
  return rollout.actions.filter(isAct).map((name) => {
    const { label, what, asksForReason } = WORDS[name];
    const wave = name === "approve-rollout" ? { wave: rollout.wave } : {};
    return (
      <ActionButton
        key={name}
        name={name}
        label={label}
        title={`${label}: ${rollout.name}?`}
        asksForReason={asksForReason}
        plan={() => <Text overflowWrap="anywhere">{what(rollout)}</Text>}
        body={(reason) => ({ rollout: String(rollout.number), reason, ...wave }) as never}
      />
    );
  });
}
