import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseRuntime, type MachineSigns } from "./open.ts";

const all: MachineSigns = { hasDocker: true, isLinux: true, isRoot: true, runcPath: "/usr/sbin/runc" };

const choices: readonly [string, Partial<MachineSigns>, "docker" | "embedded"][] = [
  ["Docker where it answers", {}, "docker"],
  ["Docker also for an ordinary user", { isRoot: false, runcPath: undefined }, "docker"],
  ["without a daemon none is needed", { hasDocker: false }, "embedded"],
];
for (const [name, changes, kind] of choices) {
  test(`chooseRuntime: ${name}`, () => {
    assert.equal(chooseRuntime({ ...all, ...changes }).kind, kind);
  });
}

const refusals: readonly [string, Partial<MachineSigns>, RegExp][] = [
  ["no root", { isRoot: false }, /needs root; --runtime fake/],
  ["no runc", { runcPath: undefined }, /needs runc;/],
  ["nothing at all", { isLinux: false, isRoot: false, runcPath: undefined }, /needs Linux, root, runc/],
];
for (const [name, changes, message] of refusals) {
  test(`chooseRuntime refuses: ${name}`, () => {
    assert.throws(() => chooseRuntime({ ...all, hasDocker: false, ...changes }), {
      code: "unavailable",
      message,
    });
  });
}
