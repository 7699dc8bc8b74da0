import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { HookIdentities } from "./hook-identities.ts";

const directory = await mkdtemp(join(tmpdir(), "mini-k8s-identities-"));
after(() => rm(directory, { recursive: true }));

async function identitiesOf(users: readonly string[], current?: string): Promise<HookIdentities> {
  const path = join(directory, "kubeconfig");
  const config = {
    users: users.map((name) => ({ name, user: { token: name } })),
    contexts: [{ name: "c", context: { cluster: "", user: current } }],
    ...(current === undefined ? {} : { "current-context": "c" }),
  };
  await writeFile(path, JSON.stringify(config));
  const identities = new HookIdentities(path, new ManualClock());
  await identities.load();
  return identities;
}

for (const [users, current, target, expected] of [
  [["a.ns.svc:8443", "*.ns.svc:8443"], undefined, "a.ns.svc:8443", "a.ns.svc:8443"],
  [["*.ns.svc:8443", "*"], undefined, "b.ns.svc:8443", "*.ns.svc:8443"],
  [["*.svc"], undefined, "b.ns.svc:443", "*.svc"],
  [["b.ns.svc"], undefined, "b.ns.svc:444", undefined],
  [["*", "me"], "me", "x:1", "*"],
  [["me"], "me", "x:1", "me"],
  [["other"], undefined, "x:1", undefined],
] as const) {
  test(`${target} is asked as ${String(expected)} of ${users.join(", ")}`, async () => {
    const identities = await identitiesOf(users, current);
    assert.equal((await identities.of(target)).bearerToken, expected);
  });
}
