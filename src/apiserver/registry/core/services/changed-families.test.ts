/**
 * Which families a Service is of after an update, by what it was and what is said.
 * Cases re-expressed from pkg/registry/core/service/storage/storage_test.go (TestUpdateIPsFromSingleStack,
 * TestUpdateIPsFromDualStack, TestFeatureClusterIPs).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressesFor,
  familiesOf,
  startServiceServer,
  type Families,
  type ServiceServer,
} from "./testing/service-server.ts";

const policies = [undefined, "SingleStack", "PreferDualStack", "RequireDualStack"] as const;
/** By policy; in each by families said (none, one, two) and within those by addresses said. How many it has; "!": refused. */
type Grid = readonly string[];

const fromOne: Grid = ["1 1 ! 1 1 ! ! ! !", "1 1 ! 1 1 ! ! ! !", "2 2 2 2 2 2 2 2 2", "2 2 2 2 2 2 2 2 2"];
const fromTwo: Grid = ["2 ! 2 ! ! ! 2 ! 2", "1 1 1 1 1 1 1 1 1", "2 ! 2 ! ! ! 2 ! 2", "2 ! 2 ! ! ! 2 ! 2"];
const other = { selector: { k2: "v2" } };

interface Change {
  /** The families of the cluster. */
  readonly order: Families;
  /** Those that the Service was of. */
  readonly before: string;
  readonly policy: string | undefined;
  readonly families: string;
  readonly addresses: string;
}

async function assertChanged(server: ServiceServer, change: Change, want: string): Promise<void> {
  const { order, before, policy, families, addresses } = change;
  const name = `${policy ?? "no policy"}, families ${families}, addresses ${addresses}`;
  const created = await server.create({
    ipFamilyPolicy: before.length === 1 ? "SingleStack" : "RequireDualStack",
    ...addressesFor(before),
  });
  assert.equal(created.status, 201, name);
  const { status, body } = await server.update({
    ...other,
    ...addressesFor(addresses),
    ipFamilyPolicy: policy,
    ipFamilies: familiesOf(families),
  });
  assert.equal(status, want === "!" ? 422 : 200, `${name}: ${JSON.stringify(body)}`);
  await server.assertClaims();
  if (want !== "!") {
    const { ipFamilies, ipFamilyPolicy, clusterIPs = [] } = body.spec ?? {};
    assert.deepEqual(ipFamilies, familiesOf(order.slice(0, Number(want))), name);
    assert.equal(ipFamilyPolicy, policy ?? created.body.spec?.ipFamilyPolicy, name);
    assert.equal(clusterIPs.length, Number(want), name);
    assert.equal(clusterIPs[0], created.body.spec?.clusterIP, name);
    // What is left of two is what was there, and what was said is what was taken.
    const isKnown = before.length === 2 || addresses.length === 2;
    if (isKnown && want === "2") {
      assert.deepEqual({ clusterIP: clusterIPs[0], clusterIPs }, addressesFor(order), name);
    }
  }
  await server.remove();
}

for (const [order, before, grid] of [
  ["46", "4", fromOne],
  ["64", "6", fromOne],
  ["46", "46", fromTwo],
  ["64", "64", fromTwo],
] as const) {
  test(`families of a Service that had ${before}, where the cluster has ${order}`, async () => {
    await using server = await startServiceServer(order);
    const said = ["-", order.slice(0, 1), order];
    for (const [row, policy] of policies.entries()) {
      const wanted = grid[row]?.split(" ") ?? [];
      assert.equal(wanted.length, 9);
      for (const [column, want] of wanted.entries()) {
        const [families = "", addresses = ""] = [said[Math.floor(column / 3)], said[column % 3]];
        await assertChanged(server, { order, before, policy, families, addresses }, want);
      }
    }
    await server.assertClaims();
  });
}

const headlessGrids: readonly (readonly [string, string, Grid])[] = [
  ["SingleStack", "1", ["1 1 !", "1 1 !", "2 2 2", "2 2 2"]],
  ["RequireDualStack", "2", ["2 ! 2", "1 1 1", "2 ! 2", "2 ! 2"]],
];

for (const [before, had, grid] of headlessGrids) {
  test(`families of a Service without an address that had ${had}`, async () => {
    await using server = await startServiceServer("46");
    for (const [row, policy] of policies.entries()) {
      for (const [column, want] of (grid[row]?.split(" ") ?? []).entries()) {
        const families = ["-", "4", "46"][column] ?? "";
        const created = await server.create({ ipFamilyPolicy: before, ...addressesFor("None") });
        assert.equal(created.body.spec?.ipFamilies?.length, Number(had));
        const spec = { ...other, ipFamilyPolicy: policy, ipFamilies: familiesOf(families) };
        const { status, body } = await server.update(spec);
        const name = `${policy ?? "no policy"}, families ${families}: ${JSON.stringify(body)}`;
        if (want === "!") assert.equal(status, 422, name);
        else {
          assert.equal(status, 200, name);
          assert.equal(body.spec?.ipFamilies?.length, Number(want), name);
          assert.deepEqual(body.spec.clusterIPs, ["None"], name);
        }
        await server.remove();
      }
    }
    await server.assertClaims();
  });
}

type Refused = readonly [
  name: string,
  families: Families,
  before: object,
  after: object,
  ...messages: readonly string[],
];
const single = { ipFamilyPolicy: "SingleStack" };
const dual = { ipFamilyPolicy: "RequireDualStack" };
const prefer = { ipFamilyPolicy: "PreferDualStack" };
const onceSet = "may not change once set";
const notDual = `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services`;

const refused: readonly Refused[] = [
  ["two families of a cluster with one", "4", single, { ...dual, ipFamilies: ["IPv4", "IPv6"] }, notDual],
  ["a policy of two in a cluster with one", "4", single, dual, notDual],
  [
    "two families and no policy",
    "4",
    single,
    { ipFamilies: ["IPv4", "IPv6"] },
    `spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified`,
  ],
  [
    "the other family first",
    "46",
    { ...single, ...addressesFor("4") },
    { ...dual, ipFamilies: ["IPv6", "IPv4"] },
    'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
  ],
  [
    "the other address first",
    "46",
    { ...single, ...addressesFor("4") },
    { ...dual, ...addressesFor("64") },
    `spec.clusterIPs[0]: Invalid value: ["2000::1","10.0.0.1"]: ${onceSet}`,
    `spec.ipFamilies[0]: Invalid value: ["2000::1","10.0.0.1"]: ${onceSet}`,
  ],
  [
    "the second family alone",
    "46",
    { ...dual, ...addressesFor("46") },
    { ...single, ipFamilies: ["IPv6"] },
    'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
  ],
  [
    "the second address alone",
    "46",
    { ...dual, ...addressesFor("46") },
    { ...single, ...addressesFor("6") },
    `spec.clusterIPs[0]: Invalid value: ["2000::1"]: ${onceSet}`,
  ],
  ["no address any more", "46", {}, addressesFor("None"), onceSet],
  ["an address from now on", "46", addressesFor("None"), { clusterIP: "10.0.0.93" }, onceSet],
  [
    "another address",
    "46",
    { clusterIP: "10.0.0.93" },
    { clusterIP: "10.0.0.76" },
    `spec.clusterIPs[0]: Invalid value: ["10.0.0.76"]: ${onceSet}`,
  ],
  [
    "two other addresses",
    "46",
    { ...prefer, clusterIP: "10.0.0.93", clusterIPs: ["10.0.0.93", "2000::93"] },
    { ...prefer, clusterIP: "10.0.0.76", clusterIPs: ["10.0.0.76", "2000::76"] },
    `spec.clusterIPs[0]: Invalid value: ["10.0.0.76","2000::76"]: ${onceSet}`,
    `spec.clusterIPs[1]: Invalid value: ["10.0.0.76","2000::76"]: ${onceSet}`,
  ],
];

for (const [name, families, before, after, ...messages] of refused) {
  test(`a Service may not come to have ${name}`, async () => {
    await using server = await startServiceServer(families);
    const created = await server.create(before);
    assert.equal(created.status, 201);
    const { status, body } = await server.update(after);
    assert.equal(status, 422);
    const { message = "" } = body as { message?: string };
    for (const each of messages) assert.ok(message.includes(each), message);
    assert.deepEqual((await server.get()).body.spec, created.body.spec);
    await server.assertClaims();
  });
}

test("an address that another one has isn't had by an update", async () => {
  await using server = await startServiceServer("46");
  await server.create({ clusterIP: "2000::1", clusterIPs: ["2000::1"] }, false, { name: "taken" });
  await server.create({ ...single, ...addressesFor("4") });
  const { body } = await server.update({ ...dual, ...addressesFor("46") });
  assert.equal(
    (body as { message?: string }).message,
    'Service "foo" is invalid: spec.clusterIPs: Invalid value: ["10.0.0.1","2000::1"]: failed to allocate IP 2000::1: provided IP is already allocated',
  );
  // Nor is one that may not be asked for: what is wrong with it comes first.
  const changed = await server.update({ clusterIP: "2000::1", clusterIPs: ["2000::1"] });
  assert.match((changed.body as { message?: string }).message ?? "", /may not change once set/);
  await server.assertClaims();
});
