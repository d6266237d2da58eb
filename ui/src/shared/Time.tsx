import { absolute, relative, useNow, useZone } from "./times";

interface Props {
  at: string | null | undefined;
  /** Show the full time instead of how long ago it was. */
  full?: boolean;
}

/** A time; the other way to tell it, and the zone, are in its tooltip. */
export function Time({ at, full = false }: Props) {
  const zone = useZone();
  const now = useNow();
  if (!at) return <span className="hedgehog-muted">–</span>;
  const exact = absolute(at, zone);
  const ago = relative(at, now);
  return (
    <time dateTime={at} title={full ? `${ago} (${zone})` : `${exact} (${zone})`} style={{ whiteSpace: "nowrap" }}>
      {full ? exact : ago}
    </time>
  );
}
