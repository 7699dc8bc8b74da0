/** Acceptance: what people do with kubectl, by two real kubectls, on real containers without a daemon. */
import assert from "node:assert/strict";
import { after, before, suite } from "node:test";
import { startServer, type Cluster } from "./cluster.ts";
import { createLab, type Lab } from "./lab.ts";
import { Leftovers } from "./leftovers.ts";
import { kubectlCases } from "./kubectl-cases.ts";

suite("kubectl", { timeout: 600_000 }, () => {
  let lab: Lab;
  let cluster: Cluster;
  let leftovers: Leftovers;

  before(async () => {
    leftovers = Leftovers.now();
    lab = await createLab(1);
    cluster = await startServer(lab.host(1), { args: ["--runtime", "embedded", "--node-name", "n1"] });
  });
  after(async () => {
    await cluster[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
    assert.deepEqual(leftovers.added(), []);
  });

  for (const version of ["1.35", "1.33"] as const) kubectlCases(version, () => cluster);
});
