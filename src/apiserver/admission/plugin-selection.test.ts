import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSelection, enabledPlugins, pluginNames, selectionFaults } from "./plugin-selection.ts";

test("by default those of upstream are on, and NodeRestriction", () => {
  const enabled = enabledPlugins(defaultSelection);
  for (const name of ["NamespaceLifecycle", "NodeRestriction", "PodSecurity", "ResourceQuota"] as const) {
    assert.ok(enabled.has(name), name);
  }
  for (const name of ["AlwaysPullImages", "AlwaysDeny", "NamespaceExists"] as const) {
    assert.ok(!enabled.has(name), name);
  }
});

test("the order of the flags isn't the order of the plugins", () => {
  const enabled = enabledPlugins({
    enable: ["DenyServiceExternalIPs", "AlwaysPullImages", "PodSecurity"],
    disable: ["LimitRanger", "ResourceQuota"],
  });
  const expected = [...enabledPlugins(defaultSelection), "AlwaysPullImages", "DenyServiceExternalIPs"];
  assert.deepEqual(
    [...enabled],
    pluginNames.filter(
      (name) => expected.includes(name) && name !== "LimitRanger" && name !== "ResourceQuota",
    ),
  );
});

test("names must be known, and on one side only", () => {
  const faults = selectionFaults({ enable: ["Foo", "AlwaysDeny"], disable: ["AlwaysDeny", "Bar"] });
  assert.deepEqual(
    faults.map((fault) => fault.split(", must")[0]),
    [
      '--enable-admission-plugins has "Foo"',
      '--disable-admission-plugins has "Bar"',
      "--enable-admission-plugins and --disable-admission-plugins both have AlwaysDeny",
    ],
  );
});
