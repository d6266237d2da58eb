/** Change sets in words. */

const ORDER = ["created", "configured", "deleted", "failed", "skipped", "unchanged"];

/** `2 created, 1 deleted`; what is zero is left out. */
export function countsLine(counts: Record<string, number>): string {
  const known = ORDER.filter((name) => counts[name]);
  const others = Object.keys(counts).filter((name) => !ORDER.includes(name) && counts[name]);
  const parts = [...known, ...others].map((name) => `${counts[name]} ${name}`);
  return parts.length > 0 ? parts.join(", ") : "nothing changed";
}

export interface ChangeLine {
  subject: string;
  /** Empty where the line is only text. */
  action: string;
  reason: string;
}

/** `VPC/default/vpc-1 configured (spec.subnets)` in parts. */
export function changeLine(line: string): ChangeLine {
  const found = /^(\S+) (created|configured|unchanged|deleted|skipped|failed)(?: \(([\s\S]*)\))?$/.exec(line);
  if (!found) return { subject: line, action: "", reason: "" };
  return { subject: found[1] ?? "", action: found[2] ?? "", reason: found[3] ?? "" };
}
