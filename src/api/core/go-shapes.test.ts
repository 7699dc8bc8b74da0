import assert from "node:assert/strict";
import { test } from "node:test";
import { createTypeTable } from "../schema/table.ts";
import { differenceText } from "../meta/difference.ts";
import {
  claimSpecAsGo,
  ephemeralContainerAsGo,
  podSpecAsGo,
  podTemplateAsGo,
  volumeSourceAsGo,
} from "./go-shapes.ts";

/** Every field of a struct of the API, and of what it holds, with a value that is no zero. */
function filled(struct: string): Record<string, unknown> {
  const type = createTypeTable().struct(struct);
  assert.ok(type !== undefined, struct);
  const fields = [...type.byName.values()].map(({ name, struct: held = "", shape }) => {
    if (name === "metadata") return [name, { name: 7 }] as const;
    const one = held.startsWith("io.k8s.api.core.v1.") ? filled(held) : 7;
    return [name, shape === "list" ? [one] : one] as const;
  });
  return Object.fromEntries(fields);
}

function leaves(value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return [value];
  return Object.values(value).flatMap(leaves);
}

for (const [name, show] of [
  ["PersistentVolumeSource", volumeSourceAsGo],
  ["EphemeralContainer", ephemeralContainerAsGo],
  ["PersistentVolumeClaimSpec", claimSpecAsGo],
  ["PodSpec", podSpecAsGo],
  ["PodTemplateSpec", podTemplateAsGo],
] as const) {
  test(`every field of a ${name} has a Go name, and nothing else has one`, () => {
    const given = filled(`io.k8s.api.core.v1.${name}`);
    const shown = leaves(show(given));
    assert.ok(shown.every((value) => value === 7));
    // An account's old name isn't shown beside its name.
    const unshown = name.startsWith("Pod") ? 1 : 0;
    assert.equal(shown.length, leaves(given).length - unshown);
  });
}

test("what isn't said is shown as Go's zero, and maps and selectors in their order", () => {
  const shown = JSON.stringify(
    podSpecAsGo({
      hostPID: true,
      nodeSelector: { b: "2", a: "1" },
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: "k", labelSelector: { matchExpressions: [], matchLabels: { d: "4", c: "3" } } },
          ],
        },
      },
    }),
  );
  assert.match(
    shown,
    /^\{"Volumes":null,"InitContainers":null,.*"DNSPolicy":"","NodeSelector":\{"a":"1","b":"2"\}/,
  );
  assert.match(shown, /"SecurityContext":\{"HostNetwork":false,"HostPID":true,"HostIPC":false,/);
  assert.match(shown, /"LabelSelector":\{"matchLabels":\{"c":"3","d":"4"\}\},"Namespaces":null,/);
});

test("a difference of pods is one of their Go structs", () => {
  const [before, now] = [{ hostname: "a" }, { hostname: "b" }].map(podSpecAsGo);
  const text = differenceText(before ?? {}, now ?? {});
  assert.match(text, /^--- expected\n\+\+\+ got\n@@ -25,21 \+25,21 @@\n/);
  assert.match(
    text,
    /\n {3}"ImagePullSecrets": null,\n-  "Hostname": "a",\n\+  "Hostname": "b",\n {3}"Subdomain": "",\n/,
  );
});
