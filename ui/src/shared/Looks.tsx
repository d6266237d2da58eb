/**
 * What stands in hundreds of cells, as classes for plain elements: they are drawn several times faster than components of
 * Chakra, and look like them, since they use its tokens.
 */
import { Global } from "@emotion/react";

const color = (token: string) => `var(--chakra-colors-${token})`;

const TONES = ["green", "blue", "orange", "red", "purple", "gray"];

const LOOKS = {
  ".hedgehog-link": {
    display: "inline-flex",
    alignItems: "center",
    gap: "6px",
    borderRadius: "var(--chakra-radii-l1)",
    color: color("fg-info"),
    textDecoration: "underline",
    textUnderlineOffset: "2px",
    "&[data-quiet]": { color: color("fg-muted") },
    "&:focus-visible": { outline: `2px solid ${color("blue-focus-ring")}`, outlineOffset: "2px" },
  },
  ".hedgehog-tag": {
    display: "inline-flex",
    alignItems: "center",
    gap: "4px",
    minHeight: "20px",
    paddingInline: "6px",
    borderRadius: "var(--chakra-radii-l2)",
    fontSize: "12px",
    lineHeight: "16px",
    fontWeight: 500,
    fontVariantNumeric: "tabular-nums",
    whiteSpace: "nowrap",
    userSelect: "none",
    ...Object.fromEntries(
      TONES.map((tone) => [
        `&[data-tone=${tone}]`,
        { background: color(`${tone}-subtle`), color: color(`${tone}-fg`) },
      ]),
    ),
  },
  ".hedgehog-muted": { color: color("fg-muted") },
  ".hedgehog-line": { overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
  ".hedgehog-code": { fontFamily: "var(--chakra-fonts-mono)", fontSize: "12px" },
  ".hedgehog-row": { display: "flex", alignItems: "center", gap: "8px", overflow: "hidden" },
} as const;

/** The rules of these classes; once per page. */
export function Looks() {
  return <Global styles={LOOKS} />;
}
