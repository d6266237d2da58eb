/** Freezes and change windows. */
import type { Freeze, Window } from "@/api/types";
import { ago, HOSTILE } from "./values";

export const freezes: Freeze[] = [
  { selector: "", reason: "end of the year", until: ago(-600), frozen_by: "ann", frozen_at: ago(60) },
  { selector: "fabric=gen-00003", reason: HOSTILE, until: null, frozen_by: "ada", frozen_at: ago(600) },
];

export const windows: Window[] = [
  {
    name: "nights",
    selector: "site=fra,tier!=lab",
    fabrics: 12,
    cron: "0 22 * * 1-5",
    minutes: 360,
    time_zone: "Europe/Berlin",
    is_open: false,
    opens_at: ago(-300),
    created_by: "ann",
  },
  {
    name: "lab",
    selector: "tier=lab",
    fabrics: 1,
    cron: "0 0 * * *",
    minutes: 1440,
    time_zone: "UTC",
    is_open: true,
    opens_at: ago(-900),
    created_by: "bob on ops-1",
  },
];
