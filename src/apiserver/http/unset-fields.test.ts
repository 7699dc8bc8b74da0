/** What nobody set of an object, as clients see it over a real connection. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openDoor } from "#testing/door-client.ts";

const json = { "content-type": "application/json" };

const { h2, close } = await openDoor();
after(close);

test("what nobody set of a pod is there as Go writes it, in every form, and a patch's path leads through it", async () => {
  const pods = "/api/v1/namespaces/default/pods";
  const spec = { containers: [{ name: "c", image: "i" }] };
  await h2("POST", "/api/v1/namespaces/default/serviceaccounts", json, '{"metadata":{"name":"default"}}');
  const made = await h2("POST", pods, json, JSON.stringify({ metadata: { name: "zeros" }, spec }));
  assert.equal(made.status, 201, made.body.toString());
  const query = "?fieldSelector=metadata.name%3Dzeros";
  const texts = [
    made,
    await h2("GET", `${pods}/zeros`),
    await h2("GET", `${pods}${query}`),
    await h2("GET", `${pods}${query}&watch=true&timeoutSeconds=1&resourceVersion=0`),
    await h2("GET", `${pods}/zeros?pretty=true`),
    await h2("GET", `${pods}${query}&pretty=true`),
  ];
  for (const { body } of texts) assert.match(body.toString(), /"resources": ?\{\}/);
  const yaml = (await h2("GET", `${pods}/zeros`, { accept: "application/yaml" })).body.toString();
  assert.match(yaml, /^ {4}resources: \{\}$/m);
  const patched = await h2(
    "PATCH",
    `${pods}/zeros/status`,
    { "content-type": "application/json-patch+json" },
    JSON.stringify([
      { op: "test", path: "/spec/containers/0/resources", value: {} },
      { op: "add", path: "/status/conditions", value: [{ type: "Ready", status: "True" }] },
      { op: "test", path: "/status/conditions/0/status", value: "True" },
    ]),
  );
  assert.match(
    patched.body.toString(),
    /"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":null/,
  );
});

test("a list that must be there and is empty is null from when it is stored on, which patches meet, too", async () => {
  const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
  const made = await h2("POST", roles, json, '{"metadata":{"name":"none"},"rules":[]}');
  assert.equal(made.status, 201, made.body.toString());
  const read = await h2("GET", `${roles}/none`);
  for (const { body } of [made, read]) assert.match(body.toString(), /"rules":null\}/);
  const patch = async (operations: object[]): Promise<number> => {
    const headers = { "content-type": "application/json-patch+json" };
    return (await h2("PATCH", `${roles}/none`, headers, JSON.stringify(operations))).status;
  };
  assert.equal(await patch([{ op: "test", path: "/rules", value: [] }]), 422);
  assert.equal(await patch([{ op: "test", path: "/rules", value: null }]), 200);
  const rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
  const review = await h2("POST", rules, json, '{"spec":{"namespace":"default"}}');
  assert.doesNotMatch(review.body.toString(), /Rules":null/);
});
