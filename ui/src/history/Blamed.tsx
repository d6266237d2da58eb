import { chakra, Portal, Tooltip } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { blame } from "@/api/queries";
import type { FieldOrigin, ObjectDetail } from "@/api/types";
import { absolute, useZone } from "@/shared/times";
import { blameLine, originOf } from "./blame";

/** The origin of each field of an object that the database has; none while that is not known. */
export function useBlame(detail: ObjectDetail): readonly FieldOrigin[] {
  const { fabric, kind, namespace, name } = detail;
  const query = useQuery({ ...blame({ fabric, kind, namespace, name }), enabled: detail.database !== null });
  return query.data ?? [];
}

/** The path of a field, which tells who set it when it is pointed at or has the focus. */
export function Blamed({ path, origins }: { path: string; origins: readonly FieldOrigin[] }) {
  const zone = useZone();
  const origin = originOf(origins, path);
  const text = <chakra.bdi>{path || "(whole object)"}</chakra.bdi>;
  if (!origin) return text;
  return (
    <Tooltip.Root openDelay={200} closeDelay={50} positioning={{ placement: "top-start" }}>
      <Tooltip.Trigger asChild>
        <chakra.button
          type="button"
          fontFamily="inherit"
          textAlign="start"
          cursor="help"
          textDecoration="underline dotted"
          textUnderlineOffset="3px"
          overflowWrap="anywhere"
        >
          {text}
        </chakra.button>
      </Tooltip.Trigger>
      <Portal>
        <Tooltip.Positioner>
          <Tooltip.Content maxW="480px" overflowWrap="anywhere">
            {blameLine(origin, (at) => absolute(at, zone))}
          </Tooltip.Content>
        </Tooltip.Positioner>
      </Portal>
    </Tooltip.Root>
  );
}
