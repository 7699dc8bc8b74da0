/** All that a pod and a template get by default, where every field holds what it may. Upstream's TestWorkloadDefaults and TestPodDefaults: one more and running pods would change. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "./meta/object.ts";
import { createTypeTable } from "./schema/table.ts";
import { defaulted } from "./testing/defaulted.ts";

const table = createTypeTable();

/** Every struct within, once, and one of every list of structs; no values. */
function filled(struct: string): object {
  const fields = [...(table.struct(struct)?.byName.values() ?? [])];
  return Object.fromEntries(
    fields.flatMap(({ name, struct: inner, shape }) => {
      if (inner === undefined || shape === "map") return [];
      return [[name, shape === "list" ? [filled(inner)] : filled(inner)]];
    }),
  );
}

/** Without what holds no values. */
function valuesOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(valuesOf).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, valuesOf(inner)] as const)
    .filter(([, inner]) => inner !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

const httpGet = { path: "/", scheme: "HTTP" };
const probe = {
  failureThreshold: 3,
  periodSeconds: 10,
  successThreshold: 1,
  timeoutSeconds: 1,
  httpGet,
  grpc: { service: "" },
};
const container = {
  env: [{ valueFrom: { fieldRef: { apiVersion: "v1" }, fileKeyRef: { optional: false } } }],
  imagePullPolicy: "IfNotPresent",
  lifecycle: { postStart: { httpGet }, preStop: { httpGet } },
  livenessProbe: probe,
  ports: [{ protocol: "TCP" }],
  readinessProbe: probe,
  startupProbe: probe,
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
};
const items = [{ fieldRef: { apiVersion: "v1" } }];
const template = {
  containers: [container],
  dnsPolicy: "ClusterFirst",
  ephemeralContainers: [container],
  initContainers: [container],
  restartPolicy: "Always",
  schedulerName: "default-scheduler",
  terminationGracePeriodSeconds: 30,
  volumes: [
    {
      azureDisk: { cachingMode: "ReadWrite", fsType: "ext4", kind: "Shared", readOnly: false },
      configMap: { defaultMode: 420 },
      downwardAPI: { defaultMode: 420, items },
      ephemeral: { volumeClaimTemplate: { spec: { volumeMode: "Filesystem" } } },
      hostPath: { type: "" },
      image: { pullPolicy: "IfNotPresent" },
      iscsi: { iscsiInterface: "default" },
      projected: {
        defaultMode: 420,
        sources: [{ downwardAPI: { items }, serviceAccountToken: { expirationSeconds: 3600 } }],
      },
      rbd: { keyring: "/etc/ceph/keyring", pool: "rbd", user: "admin" },
      scaleIO: { fsType: "xfs", storageMode: "ThinProvisioned" },
      secret: { defaultMode: 420 },
    },
  ],
};

const pod = "io.k8s.api.core.v1.Pod";
const specOf = (object: AnyObject): object => (object as { spec: object }).spec;

test("all that a template gets", () => {
  const given = { spec: { template: filled("io.k8s.api.core.v1.PodTemplateSpec") } };
  const spec = specOf(defaulted("v1", "ReplicationController", given)) as { template: object };
  assert.deepEqual(valuesOf(spec.template), { spec: template });
});

test("all that a pod gets", () => {
  assert.deepEqual(valuesOf(defaulted("v1", "Pod", filled(pod))), {
    spec: { ...template, enableServiceLinks: true },
  });
});

test("only pods get host ports, requests of their limits, and links to services", () => {
  const parts = {
    ports: [{ containerPort: 8080, protocol: "TCP" }],
    resources: { limits: { cpu: "100m", memory: "1Gi" }, requests: { memory: "0" } },
  };
  const given = { hostNetwork: true, containers: [parts], initContainers: [parts] };
  const pods = specOf(defaulted("v1", "Pod", { spec: given })) as typeof given;
  const controller = defaulted("v1", "ReplicationController", { spec: { template: { spec: given } } });
  const { template: made } = specOf(controller) as { template: { spec: typeof given } };
  for (const each of ["containers", "initContainers"] as const) {
    assert.deepEqual(
      [pods, made.spec].map((spec) => ({
        ports: spec[each][0]?.ports,
        requests: spec[each][0]?.resources.requests,
      })),
      [
        {
          ports: [{ containerPort: 8080, hostPort: 8080, protocol: "TCP" }],
          requests: { cpu: "100m", memory: "0" },
        },
        { ports: parts.ports, requests: { memory: "0" } },
      ],
    );
  }
  assert.equal("enableServiceLinks" in made.spec, false);
});

test("what can't be had in smaller parts is rounded up to them, in both", () => {
  const resources = { requests: { memory: "1n" }, limits: { cpu: "2n" } };
  const spec = specOf(
    defaulted("v1", "Pod", { spec: { containers: [{ resources }], initContainers: [{ resources }] } }),
  );
  for (const each of Object.values(spec).filter((value) => Array.isArray(value)) as {
    resources: object;
  }[][]) {
    assert.deepEqual(each[0]?.resources, { requests: { cpu: "1m", memory: "1m" }, limits: { cpu: "1m" } });
  }
});
