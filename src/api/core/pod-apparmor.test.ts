import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppArmorProfile, Pod } from "../generated/types/core-v1.ts";
import { syncAppArmor } from "./pod-apparmor.ts";

const key = "container.apparmor.security.beta.kubernetes.io/c";
const warning = `metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`;

interface Said {
  readonly text?: string;
  readonly own?: AppArmorProfile;
  readonly ofPod?: AppArmorProfile;
  readonly os?: string;
}

function synced({ text, own, ofPod, os }: Said): readonly [string | undefined, object | undefined, number] {
  const pod: Pod = {
    metadata: text === undefined ? {} : { annotations: { [key]: text } },
    spec: {
      containers: [{ name: "c", image: "i", ...(own && { securityContext: { appArmorProfile: own } }) }],
      ...(ofPod && { securityContext: { appArmorProfile: ofPod } }),
      ...(os !== undefined && { os: { name: os } }),
    },
  };
  const warnings: string[] = [];
  syncAppArmor(pod, (warned) => warnings.push(warned));
  assert.ok(warnings.every((warned) => warned === warning));
  const profile = pod.spec?.containers[0]?.securityContext?.appArmorProfile;
  return [pod.metadata?.annotations?.[key], profile, warnings.length];
}

const runtime = { type: "RuntimeDefault" };
const free = { type: "Unconfined" };
const named = { type: "Localhost", localhostProfile: "p" };
const cases: readonly (readonly [
  what: string,
  said: Said,
  text?: string | undefined,
  field?: object | undefined,
  warnings?: number,
])[] = [
  ["nothing said is nothing", {}],
  [
    "an annotation becomes a field, with a warning",
    { text: "runtime/default" },
    "runtime/default",
    runtime,
    1,
  ],
  ["so does a local profile", { text: "localhost/p" }, "localhost/p", named, 1],
  ["a local one without a name is only warned of", { text: "localhost/" }, "localhost/", undefined, 1],
  ["what nobody knows is only warned of", { text: "strict" }, "strict", undefined, 1],
  ["a field becomes no annotation", { own: free }, undefined, free],
  ["nor does the pod's", { ofPod: named }],
  [
    "an annotation goes before the pod's field",
    { text: "unconfined", ofPod: runtime },
    "unconfined",
    free,
    1,
  ],
  ["what the pod says needn't be repeated", { text: "runtime/default", ofPod: runtime }, "runtime/default"],
  ["both said are left alone", { text: "unconfined", own: runtime }, "unconfined", runtime],
  ["Windows has none", { text: "unconfined", os: "windows" }, "unconfined"],
];
for (const [what, said, text, field, warnings = 0] of cases) {
  test(what, () => {
    assert.deepEqual(synced(said), [text, field, warnings]);
  });
}
