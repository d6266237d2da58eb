import { List, Stack, Text } from "@chakra-ui/react";
import type { ReactNode } from "react";
import type { Drift } from "@/api/types";
import { ActionButton } from "@/shared/ActionButton";
import { Name } from "@/shared/links";
import { counted } from "@/shared/words";

type Verb = "adopt" | "revert";

interface Props {
  verb: Verb;
  fabric: string;
  /** What is decided, all at one place. */
  drift: readonly Drift[];
  label?: string;
  done?: () => void;
}

const WHAT: Record<Verb, Record<Drift["place"], string>> = {
  adopt: {
    git: "The fabric takes over what was written in Git: the database becomes as these files are.",
    cluster: "The fabric takes over the objects as they are in the cluster; Git gets them with the next sync.",
  },
  revert: {
    git: "The next sync to Git overwrites these files with what the fabric wants.",
    cluster: "The next sync to the cluster writes these objects as the fabric wants them, whoever changed them.",
  },
};

export function subjectOf(drift: Drift): string {
  return drift.object ?? drift.path ?? "";
}

/** What of *drift* the verb can be applied to, at one place. */
export function decidable(drift: readonly Drift[], verb: Verb, place: Drift["place"]): Drift[] {
  return drift.filter((one) => one.place === place && (verb === "adopt" ? one.can_adopt : one.can_revert));
}

/** Adopt or revert some drift; the plan lists each object and field. Nothing when it applies to none of it. */
export function Decision({ verb, fabric, drift, label, done }: Props) {
  const place = drift[0]?.place;
  if (!place) return null;
  const word = label ?? (verb === "adopt" ? "Adopt" : "Revert");
  const subjects = drift.map(subjectOf);
  return (
    <ActionButton
      name={`${verb}-${place}`}
      label={word}
      title={`${verb === "adopt" ? "Adopt" : "Revert"} ${subjects.length === 1 ? subjects[0] : counted(subjects.length, "object")}?`}
      plan={() => <Plan drift={drift}>{WHAT[verb][place]}</Plan>}
      body={() => ({ fabric, objects: subjects })}
      button={{ size: "xs" }}
      {...(done && { done })}
    />
  );
}

function Plan({ drift, children }: { drift: readonly Drift[]; children: ReactNode }) {
  return (
    <Stack gap={2}>
      <Text>{children}</Text>
      <List.Root variant="plain" gap={1} maxH="40vh" overflowY="auto" aria-label="Plan" tabIndex={0}>
        {drift.map((one) => (
          <List.Item key={subjectOf(one)}>
            <Name>{subjectOf(one)}</Name>
            {one.paths.length > 0 && (
              <Text color="fg.muted" fontSize="sm">
                {one.paths.join(", ")}
              </Text>
            )}
          </List.Item>
        ))}
      </List.Root>
    </Stack>
  );
}
