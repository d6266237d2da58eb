import { Button, HStack, Text } from "@chakra-ui/react";
import type { FleetRow } from "@/api/types";
import { counted } from "@/shared/words";
import { FabricActions } from "./FabricActions";
import { subjectOfRow } from "./plans";

/** What can be done with the selected fabrics together; nothing while none is selected. */
export function BulkBar({ rows, done }: { rows: readonly FleetRow[]; done: () => void }) {
  if (rows.length === 0) return null;
  return (
    <HStack gap={2} wrap="wrap" role="group" aria-label="Selected fabrics">
      <Text fontSize="sm">{counted(rows.length, "fabric")} selected</Text>
      <FabricActions subjects={rows.map(subjectOfRow)} />
      <Button size="sm" variant="ghost" colorPalette="gray" onClick={done}>
        Select none
      </Button>
    </HStack>
  );
}
