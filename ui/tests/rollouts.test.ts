import { describe, expect, it } from "vitest";
import type { Rollout, RolloutFabric } from "@/api/types";
import { routeOf } from "@/app/routes";
import { listed, policyLine, progressLine, secondsOf, statesLine, wavesOf } from "@/rollouts/waves";

const member = (fabric: string, wave: number, state: RolloutFabric["state"]) =>
  ({ fabric, wave, state }) as RolloutFabric;

describe("the waves of a rollout", () => {
  it("are counted by state, in their order", () => {
    const found = wavesOf([
      member("b", 2, "pending"),
      member("a", 1, "done"),
      member("c", 2, "failed"),
      member("d", 2, "skipped"),
    ]);
    expect(found).toEqual([
      { number: 1, total: 1, over: 1, failed: 0, counts: { done: 1 } },
      { number: 2, total: 3, over: 1, failed: 1, counts: { pending: 1, failed: 1, skipped: 1 } },
    ]);
  });
  it("are none without fabrics", () => {
    expect(wavesOf([])).toEqual([]);
  });
});

describe("the states of fabrics", () => {
  it("are named with what failed first, and without those that none is in", () => {
    expect(statesLine({ done: 3, taken_back: 1, failed: 2, stored: 0 })).toBe("2 failed, 3 done, 1 taken back");
    expect(statesLine({})).toBe("no fabrics");
  });
});

describe("a rollout in words", () => {
  const rollout = {
    soak_seconds: 900,
    timeout_seconds: 1800,
    approve: "canary",
    on_failure: "hold",
    counts: { done: 1, pending: 11 },
    total: 12,
    wave: 2,
    waves: 4,
  } as unknown as Rollout;
  it("says how it proceeds", () => {
    expect(policyLine(rollout)).toBe(
      "Each fabric soaks 15 min and has 30 min to converge; the second wave waits for approval; a failure pauses it.",
    );
    expect(
      policyLine({ ...rollout, soak_seconds: 0, timeout_seconds: 90, approve: "none", on_failure: "rollback" }),
    ).toBe("Each fabric has 90 s to converge; a failure takes all of it back.");
  });
  it("says how far it is, and no wave once it is over", () => {
    expect(progressLine(rollout)).toBe("wave 2 of 4, 1 of 12 fabrics done");
    expect(progressLine({ ...rollout, wave: null, counts: { done: 12 } })).toBe("12 of 12 fabrics done");
  });
});

describe("what somebody types", () => {
  it("is a list with commas, spaces, or both", () => {
    expect([listed("1,10%, 50%"), listed(" fra-1 fra-2 "), listed(" ,")]).toEqual([
      ["1", "10%", "50%"],
      ["fra-1", "fra-2"],
      [],
    ]);
  });
  it("is minutes, or what stands for no number", () => {
    expect([secondsOf("15", 0), secondsOf("0.5", 0), secondsOf("", 7), secondsOf("x", 7), secondsOf("-1", 7)]).toEqual([
      900, 30, 7, 7, 7,
    ]);
  });
});

describe("addresses", () => {
  it("lead to a rollout by number or name, to a new one, and to a proposal by its number", () => {
    const route = (path: string) => routeOf(`/plugin/hedgehog/${path}`);
    expect(route("rollouts/7")).toEqual({ page: "rollout", rollout: "7" });
    expect(route("rollouts/new")).toEqual({ page: "new-rollout" });
    expect(route("proposals/21")).toEqual({ page: "proposal", proposal: 21 });
    expect(route("proposals/x").page).toBe("unknown");
    expect(route("rollouts").page).toBe("rollouts");
  });
});
