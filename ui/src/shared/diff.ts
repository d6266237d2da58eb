/** Two texts as the lines of a unified diff, folded where nothing changed for long. */
import { diffLines } from "diff";

export interface DiffLine {
  type: "same" | "removed" | "added" | "fold";
  text: string;
  /** Line numbers on either side, from 1; null where the side has no such line. */
  before: number | null;
  after: number | null;
}

const AROUND = 3;

function split(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

export function lineDiff(before: string, after: string): DiffLine[] {
  let left = 0;
  let right = 0;
  return diffLines(before, after).flatMap(({ value, added, removed }) =>
    split(value).map((text): DiffLine => {
      if (added) return { type: "added", text, before: null, after: ++right };
      if (removed) return { type: "removed", text, before: ++left, after: null };
      return { type: "same", text, before: ++left, after: ++right };
    }),
  );
}

/** The lines with what is farther than *around* lines from a change replaced by one line that counts it. */
export function folded(lines: readonly DiffLine[], around = AROUND): DiffLine[] {
  const near = new Set<number>();
  lines.forEach((line, at) => {
    if (line.type === "same") return;
    for (let one = at - around; one <= at + around; one++) near.add(one);
  });
  const result: DiffLine[] = [];
  let hidden = 0;
  const flush = () => {
    if (hidden > 0) {
      const text = `${hidden} unchanged ${hidden === 1 ? "line" : "lines"}`;
      result.push({ type: "fold", text, before: null, after: null });
    }
    hidden = 0;
  };
  lines.forEach((line, at) => {
    if (near.has(at)) {
      flush();
      result.push(line);
    } else hidden++;
  });
  flush();
  return result;
}
