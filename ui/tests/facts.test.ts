import { describe, expect, it } from "vitest";
import { factLine, size } from "@/shared/facts";

describe("what was measured", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_500, "1.5 kB"],
    [12_252_863, "12 MB"],
    [3e15, "3000 TB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(size(bytes)).toBe(text);
  });
  it("is one line, with times in the chosen zone, and without what is not known", () => {
    const facts = {
      head: "bd86c5d54e95efbd9a7ec385a647d4c61d704e73",
      branch: "main",
      seconds: 0.862,
      budget: null,
      latest_heartbeat: "2026-11-27T04:27:12.898620+00:00",
      rate: { left: 12 },
    };
    expect(factLine(facts, "UTC")).toBe(
      "Head bd86c5d5 · Branch main · 0.9 s · Latest heartbeat 2026-11-27 04:27:12 · Rate left 12",
    );
  });
});
