/** What becomes of claims, templates, classes and slices that use what is off in 1.35: upstream's strategies' own cases. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import type { Status } from "#api/meta/status.ts";
import { merge, post, put, type Answer } from "#testing/answers.ts";
import { startTestApiserver, type TestApiserver } from "#testing/cluster.ts";

const group = "/apis/resource.k8s.io/v1";
const admins = "admins";

/** The path of its kind, what is there before (undefined: it is created), what is sent, and what is kept or how it is refused. */
type Case = readonly [name: string, kind: Kind, old: object | undefined, sent: object, kept: object | string];

type Kind = "claims" | "templates" | "classes" | "slices" | "status";

const paths: Readonly<Record<Kind, string>> = {
  claims: `namespaces/${admins}/resourceclaims`,
  status: `namespaces/${admins}/resourceclaims`,
  templates: `namespaces/${admins}/resourceclaimtemplates`,
  classes: "deviceclasses",
  slices: "resourceslices",
};

const asking = (exactly: object = {}): object => ({
  devices: {
    requests: [{ name: "r", exactly: { deviceClassName: "c", allocationMode: "All", ...exactly } }],
  },
});
const preferring = (first: object = {}): object => ({
  devices: {
    requests: [
      {
        name: "r",
        firstAvailable: [
          { name: "s", deviceClassName: "c", allocationMode: "ExactCount", count: 1, ...first },
        ],
      },
    ],
  },
});
const tolerating = { tolerations: [{ key: "k", operator: "Exists" }] };
const capacity = { capacity: { requests: { c: "1" } } };
const distinct = (spec: object): object => ({
  devices: {
    ...(spec as { devices: object }).devices,
    constraints: [{ requests: ["r"], distinctAttribute: "d.io/a" }],
  },
});

const device = { driver: "d.io", pool: "p", device: "x" };
const share = { shareID: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa" };
const result = (fields: object = {}): object => ({ request: "r", ...device, ...fields });
const allocated = (...results: object[]): object => ({ allocation: { devices: { results } } });

const slice = (spec: object, fields: object = {}): object => ({
  driver: "d.io",
  pool: { name: "p", resourceSliceCount: 1, generation: 0 },
  devices: [{ name: "x", ...fields }],
  ...spec,
});
const onNode = { nodeName: "n" };
const counters = { m: { value: "40Gi" } };
const parts = { sharedCounters: [{ name: "c", counters }] };
const part = { consumesCounters: [{ counterSet: "c", counters }], nodeName: "n" };

const immutable = "field is immutable";
const oneOfBoth = "exactly one of `exactly` or `firstAvailable` is required";

const ofClaimSpec: readonly (readonly [name: string, sent: object, kept: object | string])[] = [
  ["is kept", asking(), asking()],
  ["may be an administrator's", asking({ adminAccess: true }), asking({ adminAccess: true })],
  ["tolerates nothing", asking(tolerating), asking()],
  ["tolerates nothing in a list of preferences", preferring(tolerating), preferring()],
  ["may have preferences", preferring(), preferring()],
  ["asks for no capacity", asking(capacity), asking()],
  ["asks for no capacity in a list of preferences", preferring(capacity), preferring()],
  ["constrains nothing by what is to differ", distinct(asking()), "matchAttribute: Required value"],
  ["must ask for something", { devices: { requests: [{ name: "r" }] } }, oneOfBoth],
];

const cases: readonly Case[] = [
  ...ofClaimSpec.flatMap(([name, sent, kept]): Case[] => [
    [name, "claims", undefined, { spec: sent }, typeof kept === "string" ? kept : { spec: kept }],
    [
      name,
      "templates",
      undefined,
      { spec: { spec: sent } },
      typeof kept === "string" ? kept : { spec: { spec: kept } },
    ],
  ]),
  ["stays", "claims", { spec: asking() }, { spec: asking() }, { spec: asking() }],
  [
    "doesn't begin to tolerate",
    "claims",
    { spec: asking() },
    { spec: asking(tolerating) },
    { spec: asking() },
  ],
  ["asks no more", "claims", { spec: preferring() }, { spec: preferring(capacity) }, { spec: preferring() }],
  ["gets no administrator", "claims", { spec: asking() }, { spec: asking({ adminAccess: true }) }, immutable],
  ["gets no preferences", "claims", { spec: asking() }, { spec: preferring() }, immutable],
  [
    "doesn't begin to tolerate",
    "templates",
    { spec: { spec: asking() } },
    { spec: { spec: asking(tolerating) } },
    { spec: { spec: asking() } },
  ],
  [
    "gets no administrator",
    "templates",
    { spec: { spec: asking() } },
    { spec: { spec: asking({ adminAccess: true }) } },
    immutable,
  ],
  [
    "tells of an administrator's device",
    "status",
    { spec: asking() },
    { status: allocated(result({ adminAccess: true })) },
    { spec: asking(), status: allocated(result({ adminAccess: true })) },
  ],
  [
    "tells of a device",
    "status",
    { spec: asking() },
    { status: { ...allocated(result()), devices: [device] } },
    { spec: asking(), status: { ...allocated(result()), devices: [{ ...device, conditions: [] }] } },
  ],
  [
    "waits for no conditions",
    "status",
    { spec: asking() },
    { status: allocated(result({ bindingConditions: ["a"], bindingFailureConditions: ["b"] })) },
    { spec: asking(), status: allocated(result()) },
  ],
  [
    "tells of no shares",
    "status",
    { spec: asking() },
    {
      spec: distinct(asking(capacity)),
      status: {
        ...allocated(result({ ...share, consumedCapacity: { c: "1" } })),
        devices: [{ ...device, ...share }],
      },
    },
    { spec: asking(), status: { ...allocated(result()), devices: [{ ...device, conditions: [] }] } },
  ],
  [
    "changes nothing but itself",
    "status",
    { spec: asking() },
    { metadata: { labels: { a: "b" }, annotations: { a: "b" }, finalizers: ["f.io/f"] }, spec: preferring() },
    { spec: asking() },
  ],
  ["has no other name", "classes", undefined, { spec: { extendedResourceName: "e.io/gpu" } }, { spec: {} }],
  [
    "gets no other name",
    "classes",
    { spec: {} },
    { spec: { extendedResourceName: "e.io/gpu" } },
    { spec: {} },
  ],
  [
    "has no taints",
    "slices",
    undefined,
    { spec: slice(onNode, { taints: [{ key: "e.io/t", effect: "NoSchedule" }] }) },
    { spec: slice(onNode) },
  ],
  [
    "isn't cut in parts",
    "slices",
    undefined,
    { spec: slice({ ...parts, ...onNode, perDeviceNodeSelection: false }, part) },
    { spec: slice(onNode) },
  ],
  [
    "has nodes of its own, not its devices'",
    "slices",
    undefined,
    { spec: slice({ perDeviceNodeSelection: true }, part) },
    "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required",
  ],
  [
    "isn't shared",
    "slices",
    undefined,
    {
      spec: slice(onNode, {
        allowMultipleAllocations: true,
        capacity: { m: { value: "1", requestPolicy: { default: "1" } } },
      }),
    },
    { spec: slice(onNode, { capacity: { m: { value: "1" } } }) },
  ],
  [
    "binds to no node",
    "slices",
    undefined,
    { spec: slice(onNode, { bindsToNode: true, bindingConditions: ["a"], bindingFailureConditions: ["b"] }) },
    { spec: slice(onNode) },
  ],
];

const named = (fields: object = {}): object => ({
  ...fields,
  metadata: { ...(fields as AnyObject).metadata, name: "a" },
});

async function write(
  server: TestApiserver,
  path: string,
  kind: Kind,
  [old, sent]: readonly (object | undefined)[],
): Promise<Answer> {
  const transport = server.transport();
  const all = `${group}/${path}`;
  if (old === undefined) return post(transport, all, named(sent));
  assert.equal((await post(transport, all, named(old))).status, 201);
  return put(transport, `${all}/a${kind === "status" ? "/status" : ""}`, named(sent));
}

for (const [name, kind, old, sent, kept] of cases) {
  test(`of ${kind}: one that ${old === undefined ? "is made" : "is there"} ${name}`, async () => {
    await using server = await startTestApiserver();
    const labels = { "resource.kubernetes.io/admin-access": "true" };
    await post(server.transport(), "/api/v1/namespaces", { metadata: { name: admins, labels } });
    const { status, body } = await write(server, paths[kind], kind, [old, sent]);
    if (typeof kept === "string") {
      assert.equal(status, 422, JSON.stringify(body));
      const { details, message } = body as unknown as Status;
      assert.equal(details?.causes?.length, 1, message);
      assert.ok(message?.includes(kept), message);
      return;
    }
    const { apiVersion: _, kind: __, metadata, status: told = {}, ...fields } = body;
    assert.deepEqual({ status: told, ...fields }, { status: {}, ...kept });
    assert.deepEqual(
      [metadata?.labels, metadata?.annotations, metadata?.finalizers],
      [undefined, undefined, undefined],
    );
  });
}

/** Upstream's slices are compared before what has no feature is dropped, its classes after. */
test("who would use what is off makes a new generation of a slice, but none of a class", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const generations = async (resource: string, spec: object, changed: object): Promise<unknown[]> => {
    const made = await post(transport, `${group}/${resource}`, {
      metadata: { name: "a", generation: 7 },
      spec,
    });
    const same = await merge(transport, `${group}/${resource}/a`, { metadata: { labels: { a: "b" } } });
    const after = await merge(transport, `${group}/${resource}/a`, { spec: changed });
    assert.deepEqual(after.body["spec"], made.body["spec"]);
    return [made, same, after].map(({ body }) => body.metadata?.generation);
  };
  assert.deepEqual(await generations("resourceslices", slice(onNode), slice(onNode, part)), [1, 1, 2]);
  assert.deepEqual(await generations("deviceclasses", {}, { extendedResourceName: "e.io/gpu" }), [1, 1, 1]);
});
