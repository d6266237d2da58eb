import { Stack, Text } from "@chakra-ui/react";
import { Snowflake } from "lucide-react";
import { Hours, hoursFromNow } from "@/fleet/FabricActions";
import { ActionButton } from "@/shared/ActionButton";
import { SelectorField, selectionOf } from "./SelectorField";

/** Freezes the fabrics that fit a selector, also those that are added later. */
export function FreezeSelection() {
  return (
    <ActionButton
      name="freeze"
      label="Freeze"
      icon={<Snowflake size={14} aria-hidden />}
      title="Freeze fabrics?"
      asksForReason
      plan={() => (
        <Text>
          Nothing is written of them to Git or a cluster. They are watched and planned as before, and what comes in from
          Git is read.
        </Text>
      )}
      options={{ select: "", hours: "" }}
      fields={({ select, hours }, change) => (
        <Stack gap={4}>
          <SelectorField value={String(select)} change={(to) => change({ select: to })} />
          <Hours
            label="Ends by itself after (hours)"
            hint="Empty: until somebody lifts it."
            value={String(hours)}
            change={(to) => change({ hours: to })}
          />
        </Stack>
      )}
      body={(reason, { select, hours }) => ({
        ...selectionOf(String(select)),
        reason,
        until: hoursFromNow(String(hours), Date.now()),
      })}
    />
  );
}
