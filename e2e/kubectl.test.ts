/** Acceptance: what people do with kubectl, by two real kubectls, on real containers without a daemon. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { startServer, type Cluster } from "./cluster.ts";
import { testImages } from "./images.ts";
import { createLab, type Lab } from "./lab.ts";
import { Leftovers } from "./leftovers.ts";
import { kubectlCases } from "./kubectl-cases.ts";
import { eventually } from "./wait.ts";

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

  test("an image that is laid into the node's folder, slowly, can be run", async () => {
    const from = join(testImages(), "layers.tar");
    const slowly = `(head -c 20000 ${from}; sleep 1; tail -c +20001 ${from}) >/var/lib/mini-k8s/agent/images/layers.tar`;
    await lab.host(1).exec(["sh", "-c", slowly]);
    await eventually("the image is taken", 30_000, () =>
      Promise.resolve(/images imported file=\S+layers\.tar/.test(cluster.server.output)),
    );
    const command = ["--image=mini/layers:1", "--image-pull-policy=Never", "--", "sleep", "1000"];
    await cluster.kubectl(["run", "late", ...command]);
    await cluster.kubectl(["wait", "--for=condition=Ready", "pod/late", "--timeout=60s"]);
    await cluster.kubectl(["delete", "pod", "late", "--now"]);
  });

  for (const version of ["1.35", "1.33"] as const) kubectlCases(version, () => cluster);
});
