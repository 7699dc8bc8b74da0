import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, Service } from "#api/generated/types/core-v1.ts";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { planEndpoints } from "../endpoints/plan.ts";
import { RangeAllocator } from "../nodeipam/range-allocator.ts";
import { endpointsMax, planSlices } from "./plan.ts";

const service: Service = {
  metadata: { name: "web", namespace: "default", uid: "svc" },
  spec: {
    clusterIP: "10.43.0.5",
    selector: { app: "web" },
    ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }],
  },
};

interface More {
  readonly ready?: boolean;
  readonly deleting?: boolean;
  readonly phase?: string;
  readonly port?: number;
  readonly app?: string;
  readonly hostname?: string;
}

function pod(
  index: number,
  { ready = true, deleting = false, phase = "Running", port = 8080, app = "web", hostname }: More = {},
): Pod {
  return {
    metadata: {
      name: `p${index}`,
      namespace: "default",
      uid: `u${index}`,
      labels: { app },
      deletionTimestamp: deleting ? "2026-01-01T00:00:00Z" : undefined,
    },
    spec: {
      nodeName: "n1",
      hostname,
      subdomain: hostname === undefined ? undefined : "web",
      containers: [{ name: "m", ports: [{ name: "http", containerPort: port }] }],
    },
    status: {
      phase,
      podIP: `10.42.0.${index}`,
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    },
  };
}

const plan = (pods: Pod[], slices: EndpointSlice[] = [], of: Service = service) =>
  planSlices({ service: of, pods, slices, zoneOf: () => "z1" });

test("a ready pod becomes an endpoint with its port, node, zone and name", () => {
  const [slice] = plan([pod(1)]).create;
  assert.deepEqual(slice?.ports, [{ name: "http", protocol: "TCP", port: 8080 }]);
  assert.deepEqual(slice.endpoints, [
    {
      addresses: ["10.42.0.1"],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: "Pod", namespace: "default", name: "p1", uid: "u1" },
      nodeName: "n1",
      zone: "z1",
    },
  ]);
  assert.deepEqual(slice.metadata?.labels, {
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
  });
});

const conditions: readonly [string, More, object | undefined][] = [
  [
    "a pod that isn't ready doesn't serve",
    { ready: false },
    { ready: false, serving: false, terminating: false },
  ],
  [
    "a draining pod serves but takes nothing new",
    { deleting: true },
    { ready: false, serving: true, terminating: true },
  ],
  ["a finished pod is none", { phase: "Succeeded" }, undefined],
  ["a pod of another app is none", { app: "db" }, undefined],
];
for (const [name, more, expected] of conditions) {
  test(name, () => {
    assert.deepEqual(plan([pod(1, more)]).create[0]?.endpoints[0]?.conditions, expected);
  });
}

test("publishNotReadyAddresses makes everybody ready", () => {
  const eager = { ...service, spec: { ...service.spec!, publishNotReadyAddresses: true } };
  assert.equal(plan([pod(1, { ready: false })], [], eager).create[0]?.endpoints[0]?.conditions?.ready, true);
});

test("pods with other numbers for the port's name get a slice of their own", () => {
  const ports = plan([pod(1), pod(2, { port: 9090 })]).create.map((slice) => slice.ports?.[0]?.port);
  assert.deepEqual(ports, [8080, 9090]);
});

test("a headless service's pods keep their host names", () => {
  const headless = { ...service, spec: { ...service.spec!, clusterIP: "None" } };
  const [slice] = plan([pod(1, { hostname: "db-0" })], [], headless).create;
  assert.equal(slice?.endpoints[0]?.hostname, "db-0");
  assert.equal(slice.metadata?.labels?.["service.kubernetes.io/headless"], "");
});

test("what is as it should be isn't written again; a change writes one slice", () => {
  const many = Array.from({ length: 150 }, (_, i) => pod(i + 1));
  const made = plan(many).create.map((slice, i) => ({
    ...slice,
    metadata: { ...slice.metadata, name: `s${i}` },
  }));
  assert.deepEqual(
    made.map(({ endpoints }) => endpoints.length),
    [endpointsMax, 50],
  );
  assert.deepEqual(plan(many, made), { create: [], update: [], remove: [] });
  const changed = plan(many.with(120, pod(121, { ready: false })), made);
  assert.deepEqual([changed.create.length, changed.update.length, changed.remove.length], [0, 1, 0]);
});

test("slices that run empty go, but one stays to say that nobody is there", () => {
  const made = plan(Array.from({ length: 150 }, (_, i) => pod(i + 1))).create.map((slice, i) => ({
    ...slice,
    metadata: { ...slice.metadata, name: `s${i}` },
  }));
  const after = plan([pod(1)], made);
  assert.deepEqual([after.update.length, after.remove.map(({ metadata }) => metadata?.name)], [1, ["s1"]]);
  const none = plan([], made);
  assert.deepEqual([none.create[0]?.endpoints, none.remove.length], [[], 2]);
  const empty = none.create.map((slice) => ({ ...slice, metadata: { ...slice.metadata, name: "e" } }));
  assert.deepEqual(plan([], empty), { create: [], update: [], remove: [] });
});

test("Endpoints tell ready from not ready and leave out who is leaving", () => {
  const { subsets } = planEndpoints(service, [pod(1), pod(2, { ready: false }), pod(3, { deleting: true })]);
  assert.deepEqual(
    subsets.map(({ addresses, notReadyAddresses, ports }) => [
      addresses?.map(({ ip }) => ip),
      notReadyAddresses?.map(({ ip }) => ip),
      ports,
    ]),
    [[["10.42.0.1"], ["10.42.0.2"], [{ name: "http", port: 8080, protocol: "TCP" }]]],
  );
});

test("node ranges are given once, skip what is taken, and come back", () => {
  const ranges = new RangeAllocator("10.42.0.0/22", 24);
  ranges.take("10.42.1.0/24");
  assert.deepEqual(
    [ranges.next(), ranges.next(), ranges.next(), ranges.next()],
    ["10.42.0.0/24", "10.42.2.0/24", "10.42.3.0/24", undefined],
  );
  ranges.release("10.42.2.0/24");
  ranges.release("192.168.0.0/24");
  assert.equal(ranges.next(), "10.42.2.0/24");
});
