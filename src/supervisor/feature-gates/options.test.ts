import assert from "node:assert/strict";
import { test } from "node:test";
import { gates } from "./gates.ts";
import { readFeatureGates } from "./options.ts";

function read(...list: readonly string[]): {
  enabled: ReadonlyMap<string, boolean>;
  faults: readonly string[];
} {
  const faults: string[] = [];
  const all = readFeatureGates({ list: () => list, faults });
  return { enabled: new Map(all.map(({ name, isEnabled }) => [name, isEnabled])), faults };
}

test("without a word every gate is as upstream has it", () => {
  const { enabled, faults } = read();
  assert.deepEqual(faults, []);
  assert.deepEqual([...enabled.keys()], [...gates.keys()]);
  for (const [name, expected] of [
    ["WatchList", true],
    ["GangScheduling", false],
    ["MutatingAdmissionPolicy", false],
    ["SidecarContainers", true],
    ["KMSv1", false],
    ["AllAlpha", false],
  ] as const) {
    assert.equal(enabled.get(name), expected, name);
  }
});

test("what is so anyway may be said, and what is there without a gate", () => {
  const { enabled, faults } = read(
    "WatchList=true",
    " GangScheduling = 0",
    "AllAlpha=false",
    "StorageVersionMigrator=T",
    "PodCertificateRequest=true",
  );
  assert.deepEqual(faults, []);
  assert.equal(enabled.get("StorageVersionMigrator"), true);
});

test("what can be switched is, and whoever sets what will go is warned", () => {
  const given = ["APIServerIdentity=false", "StorageVersionHash=false"];
  const { enabled, faults } = read(...given, "WatchList=true");
  assert.deepEqual(faults, []);
  assert.deepEqual([enabled.get("APIServerIdentity"), enabled.get("StorageVersionHash")], [false, false]);
  const list = ["VolumeAttributesClass=true", "KMSv1=false", "WatchList=true"];
  const warnings = readFeatureGates({ list: () => list, faults: [] }).flatMap(({ warning }) => warning ?? []);
  assert.deepEqual(warnings, [
    "Setting deprecated feature gate KMSv1=false. It will be removed in a future release.",
    "Setting GA feature gate VolumeAttributesClass=true. It will be removed in a future release.",
  ]);
});

for (const [text, fault] of [
  ["Surprise=true", "unrecognized feature gate: Surprise"],
  ["constructor=true", "unrecognized feature gate: constructor"],
  ["WatchList", "missing bool value for WatchList"],
  ["WatchList=yes", 'invalid value of WatchList=yes, err: strconv.ParseBool: parsing "yes": invalid syntax'],
  [
    "SidecarContainers=false",
    "cannot set feature gate SidecarContainers to false, feature is locked to true",
  ],
  [
    "GangScheduling=true",
    "cannot set feature gate GangScheduling to true, what it stands for can't be switched here",
  ],
  ["AllBeta=false", "cannot set feature gate AllBeta to false, what it stands for can't be switched here"],
  ["AllAlpha=true", "cannot set feature gate AllAlpha to true, what it stands for can't be switched here"],
] as const) {
  test(`${text} is refused`, () => {
    assert.deepEqual(read(text).faults, [`--feature-gates: ${fault}`]);
  });
}
