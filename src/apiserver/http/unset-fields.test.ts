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
