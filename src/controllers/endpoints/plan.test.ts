import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, Service } from "#api/generated/types/core-v1.ts";
import { planEndpoints } from "./plan.ts";

const labels = { app: "web" };
const service = (spec: Service["spec"]): Service => ({
  metadata: { name: "web", namespace: "default" },
  spec: { selector: labels, ports: [{ port: 80 }], ...spec },
});
const pod = (name: string, status: "True" | "False", isLeaving = false): Pod => ({
  metadata: { name, labels, ...(isLeaving ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}) },
  spec: { containers: [{ name: "main" }] },
  status: { podIP: `ip-of-${name}`, conditions: [{ type: "Ready", status }] },
});
const all = [pod("ready", "True"), pod("starting", "False"), pod("leaving", "True", true)];

const cases: readonly [string, Service, string][] = [
  ["pods that leave aren't in it, pods that aren't ready are named as such", service({}), "ready / starting"],
  [
    "a service that publishes all has even those that leave",
    service({ publishNotReadyAddresses: true }),
    "leaving ready starting / ",
  ],
  [
    "a port that no pod has leaves them out, of a headless service too",
    service({ clusterIP: "None", ports: [{ port: 80, targetPort: "http" }] }),
    "",
  ],
  ["a headless service needs no ports", service({ clusterIP: "None", ports: [] }), "ready / starting"],
  ["any other does", service({ ports: [] }), ""],
];
for (const [name, input, wanted] of cases) {
  test(`planEndpoints: ${name}`, () => {
    const text = planEndpoints(input, all)
      .subsets.map(({ addresses = [], notReadyAddresses = [] }) =>
        [addresses, notReadyAddresses]
          .map((list) => list.map(({ targetRef }) => targetRef?.name ?? "").join(" "))
          .join(" / "),
      )
      .join("; ");
    assert.equal(text, wanted);
  });
}
