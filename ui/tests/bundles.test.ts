import { readFileSync } from "node:fs";
import path from "node:path";
import vm from "node:vm";
import * as React from "react";
import * as ReactJSXRuntime from "react/jsx-runtime";
import { describe, expect, it } from "vitest";
import { STATIC } from "../build/outputs";

/** A library of which only the names matter here: each is a component that draws nothing. */
const names = () => new Proxy({}, { get: () => () => null });

/** What Airflow's UI leaves in its global object, and a browser has; no `require`, no `process`. */
function airflow() {
  const context = vm.createContext({
    React,
    ReactJSXRuntime,
    ReactDOM: names(),
    ReactRouterDOM: names(),
    ChakraUI: names(),
    EmotionReact: names(),
    URL,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    queueMicrotask,
    Intl,
  });
  vm.runInContext("globalThis.window = globalThis", context);
  return context as Record<string, unknown>;
}

describe("a committed bundle", () => {
  it.each([
    ["pages.js", "Hedgehog"],
    ["card.js", "Hedgehog fleet"],
  ])("%s leaves its component where Airflow looks for it, and needs nothing but what Airflow offers", (file, name) => {
    const context = airflow();
    vm.runInContext(readFileSync(path.join(STATIC, file), "utf8"), context);
    expect(typeof context[name]).toBe("function");
  });
});
