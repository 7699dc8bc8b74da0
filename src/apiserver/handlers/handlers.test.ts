/** What all verbs share, through the whole chain but HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { get, post } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { core, apps } from "./testing/objects.ts";

test("two versions of one resource share their objects", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers", {
    metadata: { name: "h" },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      maxReplicas: 3,
      targetCPUUtilizationPercentage: 50,
    },
  });
  const { body } = await get(transport, "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/h");
  assert.equal(body.apiVersion, "autoscaling/v2");
  const [metric] = (body["spec"] as { metrics: { resource: { target: { averageUtilization: number } } }[] })
    .metrics;
  assert.equal(metric?.resource.target.averageUtilization, 50);
});

test("what a client of this process gets is shared and frozen", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${core}/configmaps`, { metadata: { name: "a" }, data: { x: "1" } });
  const one = await get(transport, `${core}/configmaps/a`);
  const two = await get(transport, `${core}/configmaps/a`);
  assert.equal(one.body, two.body);
  assert.throws(() => {
    (one.body["data"] as Record<string, string>)["x"] = "2";
  }, TypeError);
});

test("who may not is told what and where", async () => {
  const authorizer = {
    authorize: () => ({ allowed: false, denied: false, reason: "" }),
    rulesFor: () => Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false }),
  };
  await using server = await startTestApiserver({ authorizer });
  const { status, body } = await get(
    server.transport({ name: "jane", groups: [] }),
    `${apps}/deployments/web`,
  );
  assert.deepEqual(
    [status, body["message"]],
    [
      403,
      'deployments.apps "web" is forbidden: User "jane" cannot get resource "deployments" in API group "apps" in the namespace "default"',
    ],
  );
});
