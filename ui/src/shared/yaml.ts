/** A manifest as YAML text, to be read and compared: keys in their order, strings quoted where YAML needs it. */

const PLAIN = /^[A-Za-z_./][A-Za-z0-9_./@+-]*( [A-Za-z0-9_./@+-]+)*$/;
const RESERVED = /^(true|false|null|yes|no|on|off|y|n|~|\.inf|\.nan)$/i;

function scalar(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value) ?? "null";
  const isPlain = PLAIN.test(value) && !RESERVED.test(value) && !/^\.?\d/.test(value);
  return isPlain ? value : JSON.stringify(value);
}

function isBranch(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function lines(value: unknown, indent: string): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      if (!isBranch(item)) return [`${indent}- ${leaf(item)}`];
      const [first = "", ...rest] = lines(item, `${indent}  `);
      return [`${indent}- ${first.trimStart()}`, ...rest];
    });
  }
  return Object.entries(value as object).flatMap(([key, item]) =>
    isBranch(item)
      ? [`${indent}${scalar(key)}:`, ...lines(item, `${indent}  `)]
      : [`${indent}${scalar(key)}: ${leaf(item)}`],
  );
}

function leaf(value: unknown): string {
  if (Array.isArray(value)) return "[]";
  if (typeof value === "object" && value !== null) return "{}";
  return scalar(value);
}

export function toYaml(value: unknown): string {
  return `${isBranch(value) ? lines(value, "").join("\n") : leaf(value)}\n`;
}
