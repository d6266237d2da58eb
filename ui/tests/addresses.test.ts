import { describe, expect, it } from "vitest";
import { routeOf } from "@/app/routes";
import { addresses, objectAddress, parseRef, safeUrl } from "@/shared/addresses";

describe("addresses from outside", () => {
  it.each(["https://git.example.com/net/fabrics", "http://git.local:3000/a"])("%s may be opened", (url) => {
    expect(safeUrl(url)).toBe(url);
  });
  it.each([
    "javascript:alert(1)",
    " javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "//evil.example.com",
    "/local",
    "",
    null,
    undefined,
  ])("%j may not", (url) => {
    expect(safeUrl(url)).toBeNull();
  });
});

describe("addresses of our pages", () => {
  it("keep names apart from the path, whatever is in them", () => {
    const address = addresses.object("a/b", "VPC", "default", "../x?y#z");
    expect(address).toBe("/plugin/hedgehog/fabrics/a%2Fb/objects/VPC/default/..%2Fx%3Fy%23z");
    expect(routeOf(address)).toMatchObject({ page: "object", fabric: "a/b", name: "../x?y#z" });
  });
  it.each([
    ["/plugin/hedgehog", { page: "fleet" }],
    ["/plugin/hedgehog/", { page: "fleet" }],
    ["/plugin/hedgehog/health", { page: "health" }],
    ["/plugin/hedgehog/fabrics/gen", { page: "fabric", fabric: "gen", tab: "objects" }],
    ["/plugin/hedgehog/fabrics/gen/plan", { page: "fabric", fabric: "gen", tab: "plan" }],
    ["/plugin/hedgehog/fabrics/gen/nowhere", { page: "unknown" }],
    ["/plugin/hedgehog/nowhere", { page: "unknown" }],
    ["/plugin/hedgehog/fabrics/%E0%A4%A", { page: "unknown" }],
    ["/plugin/hedgehog/fabrics/gen/objects/VPC/default/vpc-1", { page: "object", fabric: "gen", kind: "VPC" }],
  ])("%s is a page", (path, route) => {
    expect(routeOf(path)).toMatchObject(route);
  });
});

describe("object refs", () => {
  it("are told from paths in Git", () => {
    expect(parseRef("VPC/default/vpc-1")).toEqual({ kind: "VPC", namespace: "default", name: "vpc-1" });
    expect(parseRef("fabrics/gen/vpc-1.yaml")).toBeNull();
    expect(parseRef("VPC/default")).toBeNull();
    expect(objectAddress("gen", "fabrics/gen/x.yaml")).toBeNull();
  });
});
