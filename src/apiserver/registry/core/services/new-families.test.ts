/**
 * Which families a new Service is of, by what it says and what the cluster has.
 * Cases re-expressed from pkg/registry/core/service/storage/storage_test.go (TestCreateInitIPFields).
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

/** "bare": None, and no selector either. */
type Address = "-" | "4" | "6" | "46" | "64" | "None" | "bare";
/** By policy (none, SingleStack, PreferDualStack, RequireDualStack), and in each by families ("-", 4, 6, 46, 64). "!": refused. */
type Grid = readonly [string, string, string, string];

const policies = [undefined, "SingleStack", "PreferDualStack", "RequireDualStack"] as const;
const columns = ["-", "4", "6", "46", "64"] as const;

const none = "!  !  !  !  !";
const nothing: Grid = [none, none, none, none];
const only4: Grid = ["4  4  !  !  !", "4  4  !  !  !", "4  4  !  !  !", none];
const only6: Grid = ["6  !  6  !  !", "6  !  6  !  !", "6  !  6  !  !", none];
const first4: Grid = ["4  4  6  !  !", "4  4  6  !  !", "46 46 64 46 64", "46 46 64 46 64"];
const first6: Grid = ["6  4  6  !  !", "6  4  6  !  !", "64 46 64 46 64", "64 46 64 46 64"];
const bare4: Grid = ["46 46 64 46 64", "4  4  6  !  !", "46 46 64 46 64", "46 46 64 46 64"];
const bare6: Grid = ["64 46 64 46 64", "6  4  6  !  !", "64 46 64 46 64", "64 46 64 46 64"];
const has4: Grid = ["4  4  !  !  !", "4  4  !  !  !", "46 46 !  46 !", "46 46 !  46 !"];
const has6: Grid = ["6  !  6  !  !", "6  !  6  !  !", "64 !  64 !  64", "64 !  64 !  64"];
const has46: Grid = [none, none, "46 46 !  46 !", "46 46 !  46 !"];
const has64: Grid = [none, none, "64 !  64 !  64", "64 !  64 !  64"];

const clusters: readonly (readonly [Families, Partial<Record<Address, Grid>>])[] = [
  ["4", { "-": only4, "4": only4, "46": nothing, "64": nothing, None: only4, bare: bare4 }],
  ["6", { "-": only6, "6": only6, "46": nothing, "64": nothing, None: only6, bare: bare6 }],
  ["46", { "-": first4, "4": has4, "6": has6, "46": has46, "64": has64, None: first4, bare: bare4 }],
  ["64", { "-": first6, "4": has4, "6": has6, "46": has46, "64": has64, None: first6, bare: bare6 }],
];

const familiesIn = (addresses: readonly string[]): string =>
  addresses.map((address) => (address.includes(":") ? "6" : "4")).join("");

async function assertCreated(
  server: ServiceServer,
  [address, policy, given, want]: readonly [string, string | undefined, string, string],
): Promise<void> {
  const name = `${address}, ${policy ?? "no policy"}, ${given}`;
  const isBare = address === "bare";
  const { status, body } = await server.create({
    ...addressesFor(isBare ? "None" : address),
    ...(isBare ? { selector: undefined } : {}),
    ipFamilyPolicy: policy,
    ipFamilies: familiesOf(given),
  });
  assert.equal(status, want === "!" ? 422 : 201, `${name}: ${JSON.stringify(body)}`);
  await server.assertClaims();
  if (want === "!") return;
  const { ipFamilies, ipFamilyPolicy, clusterIPs = [], clusterIP } = body.spec ?? {};
  assert.deepEqual(ipFamilies, familiesOf(want), name);
  assert.equal(ipFamilyPolicy, policy ?? (isBare ? "RequireDualStack" : "SingleStack"), name);
  assert.equal(clusterIP, clusterIPs[0], name);
  if (isBare || address === "None") assert.deepEqual(clusterIPs, ["None"], name);
  else assert.equal(familiesIn(clusterIPs), want, name);
  await server.remove();
}

for (const [families, grids] of clusters) {
  test(`families of new Services where the cluster has ${families}`, async () => {
    await using server = await startServiceServer(families);
    for (const [address, grid] of Object.entries(grids)) {
      for (const [row, policy] of policies.entries()) {
        const wanted = grid[row]?.split(/ +/) ?? [];
        assert.equal(wanted.length, columns.length);
        for (const [column, given] of columns.entries()) {
          await assertCreated(server, [address, policy, given, wanted[column] ?? ""]);
        }
      }
    }
    await server.assertClaims();
  });
}
