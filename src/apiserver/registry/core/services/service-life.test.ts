/**
 * What a Service takes and gives back over its life, and what becomes of it when its type changes.
 * Cases re-expressed from pkg/registry/core/service/storage/storage_test.go (TestCreateIgnoresIPsForExternalName,
 * TestCreateInitClusterIPsFromClusterIP, TestCreateInvalidClusterIPInputs, TestCreateDeleteReuse,
 * TestCreateSkipsAllocationsForHeadless, Test{Create,Update,Delete}DryRun, TestDeleteWithFinalizer, TestFeatureType,
 * TestFeature{ExternalName,Selector,SessionAffinity,InternalTrafficPolicy}).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { Answer } from "#testing/answers.ts";
import { addressesFor, startServiceServer, type Families } from "./testing/service-server.ts";

const messageOf = ({ body }: Answer<Service>): string => (body as { message?: string }).message ?? "";
const single = { ipFamilyPolicy: "SingleStack" };
const prefer = { ipFamilyPolicy: "PreferDualStack" };
const dual = { ipFamilyPolicy: "RequireDualStack" };
const external = { type: "ExternalName", externalName: "example.com" };
const clusterIp = { type: "ClusterIP" };
const nodePort = { type: "NodePort" };
const balancer = { type: "LoadBalancer" };
const local = { type: "LoadBalancer", externalTrafficPolicy: "Local" };
const headless = { type: "ClusterIP", clusterIP: "None" };
const both: Families = "46";

test("a name elsewhere has no addresses, and may say nothing of them", async () => {
  for (const families of ["6", "64"] as const) {
    await using server = await startServiceServer(families);
    for (const fields of [
      { ...single, ipFamilies: ["IPv6"] },
      { ...prefer, ipFamilies: ["IPv4", "IPv6"] },
      { ...dual, ipFamilies: ["IPv6", "IPv4"] },
    ]) {
      assert.match(messageOf(await server.create({ ...external, ...fields })), /for ExternalName services/);
    }
    const { body } = await server.create(external);
    const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = body.spec ?? {};
    assert.deepEqual([clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy], Array(4).fill(undefined));
    await server.assertClaims();
  }
});

test("the list of addresses follows from the single one", async () => {
  for (const families of ["4", "6", "46", "64"] as const) {
    await using server = await startServiceServer(families);
    const clusterIP = families.startsWith("4") ? "10.0.0.1" : "2000::1";
    for (const asked of [undefined, clusterIP]) {
      const { spec = {} } = (await server.create({ clusterIP: asked })).body;
      assert.equal(spec.clusterIP, asked ?? spec.clusterIPs?.[0]);
      assert.deepEqual(spec.clusterIPs, [spec.clusterIP]);
      await server.remove();
    }
  }
});

const withIps = (...clusterIPs: readonly string[]): object => ({ clusterIP: clusterIPs[0], clusterIPs });
const notValid = "must be a valid IP";

const invalid: readonly (readonly [families: Families, spec: object, ...wants: readonly string[]])[] = [
  ["4", { ipFamilyPolicy: "garbage" }, "Unsupported value"],
  ["4", dual, "cluster is not configured for dual-stack"],
  ["4", { ipFamilies: ["garbage"] }, "Unsupported value"],
  ["4", { ipFamilies: ["IPv4", "garbage"] }, "Unsupported value"],
  [both, { ipFamilies: ["IPv4", "IPv6", "garbage"] }, "Unsupported value"],
  ["4", { ipFamilies: ["IPv6"] }, "not configured on this cluster"],
  ["4", { ipFamilies: ["IPv4", "IPv6"] }, "when multiple IP families are specified"],
  ["4", { ipFamilies: ["IPv4", "IPv4"] }, "Duplicate value"],
  [both, { ipFamilies: ["IPv4", "IPv6", "IPv6"] }, "Duplicate value"],
  ["4", withIps("garbage"), notValid],
  ["4", withIps("2000::1"), "not configured on this cluster"],
  ["4", { ipFamilies: ["IPv4"], ...withIps("2000::1") }, "expected an IPv4 value as indicated"],
  ["4", withIps("10.0.0.1", "10.0.0.2"), "no more than one IP for each IP family"],
  [both, withIps("10.0.0.1", "2000::1", "10.0.0.2"), "only hold up to 2 values"],
  ["4", withIps("10.0.0.1", "10.0.0.1"), "no more than one IP for each IP family"],
  ["4", withIps(""), "must be empty when", notValid],
  ["4", withIps("10.0.0.1", "None"), notValid],
  ["4", { ...nodePort, clusterIP: "None" }, "may not be set to 'None' for NodePort services"],
  ["6", { ...balancer, clusterIP: "None" }, "may not be set to 'None' for LoadBalancer services"],
  // Addresses that a range doesn't give: its own, the broadcast one, and none of its.
  ...["10.0.0.0", "10.0.255.255", "10.1.0.0"].map(
    (ip) => ["4", withIps(ip), `failed to allocate IP ${ip}: the provided network does not match`] as const,
  ),
  [
    both,
    { ...prefer, ...withIps("10.1.0.0") },
    'Invalid value: ["10.1.0.0",""]: failed to allocate IP 10.1.0.0',
  ],
];

test("addresses that a new Service can't have", async () => {
  for (const families of ["4", "6", both] as const) {
    await using server = await startServiceServer(families);
    for (const [of, spec, ...wants] of invalid) {
      if (of !== families) continue;
      const answer = await server.create(spec);
      assert.equal(answer.status, 422, JSON.stringify(spec));
      for (const want of wants) assert.ok(messageOf(answer).includes(want), messageOf(answer));
      await server.assertClaims();
    }
  }
});

test("what a Service had is to be had again when it is gone", async () => {
  await using server = await startServiceServer(both);
  for (const families of [
    { ipFamilies: ["IPv4"] },
    { ipFamilies: ["IPv6"] },
    { ...prefer, ipFamilies: ["IPv4", "IPv6"] },
  ]) {
    const { body } = await server.create({ ...nodePort, ...families });
    await server.remove();
    await server.assertClaims();
    const again = await server.create(body.spec ?? {});
    assert.equal(again.status, 201, messageOf(again));
    assert.deepEqual(again.body.spec, body.spec);
    await server.remove();
  }
});

test("headless Services have no address, whatever the cluster has", async () => {
  for (const families of ["4", "6", "46", "64"] as const) {
    await using server = await startServiceServer(families);
    const { body } = await server.create(headless);
    assert.deepEqual([body.spec?.clusterIP, body.spec?.clusterIPs], ["None", ["None"]]);
    await server.assertClaims();
  }
});

test("what is only tried takes nothing", async () => {
  for (const [families, spec] of [
    ["4", {}],
    ["4", addressesFor("4")],
    ["6", {}],
    ["6", addressesFor("6")],
    ["46", prefer],
    ["46", { ...prefer, ...addressesFor("46") }],
    ["4", nodePort],
    ["4", { ...balancer, ports: [{ port: 80, nodePort: 30_080 }] }],
    ["4", local],
  ] as const) {
    await using server = await startServiceServer(families);
    const { status, body } = await server.create(spec, true);
    assert.equal(status, 201);
    assert.match(body.spec?.clusterIP ?? "", /^(?:10\.0\.|2000::)/);
    assert.equal(body.spec?.clusterIPs?.length, body.spec?.ipFamilies?.length);
    await server.assertClaims();
  }
});

test("an update or deletion that is only tried takes and frees nothing", async () => {
  for (const families of ["4", "6", "46", "64"] as const) {
    await using server = await startServiceServer(families);
    await server.create(external);
    const tried = (await server.update(local, true)).body.spec;
    assert.match(tried?.clusterIP ?? "", /^(?:10\.0\.|2000::)/);
    assert.notEqual(tried?.ports?.[0]?.nodePort, undefined);
    assert.notEqual(tried?.healthCheckNodePort, undefined);
    await server.assertClaims();
    await server.remove();
    const { body } = await server.create(local);
    const { clusterIP, clusterIPs, ports, healthCheckNodePort } =
      (await server.update(external, true)).body.spec ?? {};
    assert.deepEqual(
      [clusterIP, clusterIPs, ports?.[0]?.nodePort, healthCheckNodePort],
      Array(4).fill(undefined),
    );
    assert.equal((await server.remove(true)).status, 200);
    assert.deepEqual((await server.get()).body.spec, body.spec);
    await server.assertClaims();
  }
});

test("a Service that waits for its finalizers keeps what it has till it is gone", async () => {
  await using server = await startServiceServer(both);
  const { body } = await server.create(local, false, { finalizers: ["example.com/test"] });
  await server.remove();
  assert.deepEqual((await server.get()).body.spec, body.spec);
  await server.assertClaims();
  assert.equal((await server.update(body.spec ?? {}, false, { finalizers: [] })).status, 200);
  assert.equal((await server.get()).status, 404);
  await server.assertClaims();
});

/** Of each kind: the fields, and whether it has addresses, and node ports. */
const kinds = {
  external: [external, false, false],
  clusterIp: [clusterIp, true, false],
  nodePort: [nodePort, true, true],
  balancer: [balancer, true, true],
  local: [local, true, true],
  headless: [headless, false, false],
} as const satisfies Record<string, readonly [object, boolean, boolean]>;
type Kind = keyof typeof kinds;

/** What has an address can't lose it but for a name elsewhere, and what is headless can't get one. */
function isRefused(before: Kind, after: Kind): boolean {
  if (before === after || [before, after].includes("external")) return false;
  return after === "headless" || (before === "headless" && after !== "clusterIp");
}

function assertBecame(before: Kind, after: Kind, first: Service, last: Service): void {
  const [[, hadAddress, hadNodePort], [, hasAddress, hasNodePort]] = [kinds[before], kinds[after]];
  const { clusterIP = "", ports = [], healthCheckNodePort: health } = last.spec ?? {};
  const stays = before === "headless" && after === "clusterIp";
  assert.equal(/^\d/.test(clusterIP), hasAddress && !stays, after);
  if (hadAddress && hasAddress) assert.equal(clusterIP, first.spec?.clusterIP, after);
  assert.equal(ports[0]?.nodePort !== undefined, hasNodePort, after);
  if (hadNodePort && hasNodePort) assert.deepEqual(ports, first.spec?.ports, after);
  assert.equal(health !== undefined, after === "local", after);
}

for (const before of Object.keys(kinds) as Kind[]) {
  test(`what becomes of a Service that was of the kind ${before}`, async () => {
    await using server = await startServiceServer(both);
    for (const after of Object.keys(kinds) as Kind[]) {
      const created = await server.create(kinds[before][0]);
      assert.equal(created.status, 201);
      const answer = await server.update(kinds[after][0]);
      assert.equal(answer.status, isRefused(before, after) ? 422 : 200, `${after}: ${messageOf(answer)}`);
      if (answer.status === 200) assertBecame(before, after, created.body, answer.body);
      await server.assertClaims();
      await server.remove();
    }
    await server.assertClaims();
  });
}

const spec = ({ body }: Answer<Service>): NonNullable<Service["spec"]> => body.spec ?? {};

test("fields that have nothing to do with addresses change as they like", async () => {
  await using server = await startServiceServer(both);
  for (const [before, after, want] of [
    [external, { ...external, externalName: "updated.example.com" }, { externalName: "updated.example.com" }],
    [clusterIp, { selector: { updated: "value" } }, { selector: { updated: "value" } }],
    [clusterIp, { selector: undefined }, { selector: undefined }],
    [clusterIp, { selector: {} }, { selector: undefined }],
    [{ selector: undefined }, {}, { selector: { k: "v" } }],
    [{ selector: {} }, {}, { selector: { k: "v" } }],
    [
      clusterIp,
      { sessionAffinity: "ClientIP" },
      { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } },
    ],
    [
      { sessionAffinity: "ClientIP" },
      { sessionAffinity: "None", sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } },
      { sessionAffinity: "None", sessionAffinityConfig: undefined },
    ],
    [external, external, { internalTrafficPolicy: undefined }],
    ...[clusterIp, nodePort, balancer, headless].map(
      (kind) =>
        [kind, { ...kind, internalTrafficPolicy: "Local" }, { internalTrafficPolicy: "Local" }] as const,
    ),
  ] as const) {
    const created = await server.create(before);
    assert.equal(spec(created).internalTrafficPolicy, before === external ? undefined : "Cluster");
    const updated = await server.update(after);
    assert.equal(updated.status, 200, messageOf(updated));
    const got = Object.fromEntries(Object.keys(want).map((key) => [key, spec(updated)[key as "type"]]));
    assert.deepEqual(got, want);
    assert.equal(spec(updated).clusterIP, spec(created).clusterIP);
    await server.remove();
  }
  await server.create(external);
  assert.match(
    messageOf(await server.update({ ...external, externalName: "" })),
    /spec.externalName: Required value/,
  );
});
