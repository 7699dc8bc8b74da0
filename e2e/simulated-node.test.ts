/** A server with a simulated node: what is scheduled runs, as far as the API tells. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PlainServer } from "./plain-server.ts";

test("--runtime fake: the node is ready, a deployment's pods run with addresses, and scale", async () => {
  await using server = await PlainServer.start(["--runtime", "fake", "--node-name", "simulated"]);
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  await kubectl("wait", "--for=condition=Ready", "node/simulated", "--timeout=30s");
  await kubectl("create", "deployment", "web", "--image=example.com/web:1", "--replicas=3");
  await kubectl("rollout", "status", "deployment/web", "--timeout=30s");
  const path = "jsonpath={range .items[*]}{.status.phase} {.spec.nodeName} {.status.podIP}{'\\n'}{end}";
  const pods = (await kubectl("get", "pods", "-l", "app=web", "-o", path)).trim().split("\n");
  assert.equal(pods.length, 3);
  for (const pod of pods) assert.match(pod, /^Running simulated \d+\.\d+\.\d+\.\d+$/);
  await kubectl("scale", "deployment/web", "--replicas=1");
  await kubectl("wait", "--for=jsonpath={.status.replicas}=1", "deployment/web", "--timeout=30s");
});
