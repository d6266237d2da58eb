import { describe, expect, it } from "vitest";
import { absolute, browserZone, duration, relative, zoneOf } from "@/shared/times";

const AT = "2026-11-27T00:42:07Z";
const now = new Date(AT).getTime();

describe("the time zone that Airflow keeps", () => {
  it("is read as the JSON that Airflow writes", () => {
    expect(zoneOf('"Asia/Tokyo"')).toBe("Asia/Tokyo");
  });
  it.each([null, "", '""', "null", "{", '"Mars/Olympus"', "42"])("is the browser's for %j", (stored) => {
    expect(zoneOf(stored)).toBe(browserZone());
  });
});

describe("times", () => {
  it("are shown in the chosen zone, as Airflow shows them", () => {
    expect(absolute(AT, "UTC")).toBe("2026-11-27 00:42:07");
    expect(absolute(AT, "America/New_York")).toBe("2026-11-26 19:42:07");
  });
  it("that are no times stay as they are", () => {
    expect(absolute("soon", "UTC")).toBe("soon");
    expect(relative("soon", now)).toBe("soon");
  });
  it.each([
    [0, "now"],
    [9_000, "now"],
    [-4_000, "now"],
    [-12_000, "in 12 s"],
    [59_000, "59 s ago"],
    [60_000, "1 min ago"],
    [7_199_000, "1 h ago"],
    [-90_000, "in 1 min"],
    [3 * 86_400_000, "3 d ago"],
  ])("%d ms later: %s", (later, text) => {
    expect(relative(AT, now + later)).toBe(text);
  });
  it.each([
    [0.41, "0.4 s"],
    [42.4, "42 s"],
    [65, "1 min 5 s"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});
