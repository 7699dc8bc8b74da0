import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#api/meta/status.ts";
import type { Transport } from "#client/client.ts";
import { startTestApiserver } from "#testing/cluster.ts";

const group = "/apis/resource.k8s.io/v1";
const selecting = (expression: string): object => ({ selectors: [{ cel: { expression } }] });

async function faultsOf(transport: Transport, path: string, body: object): Promise<readonly string[]> {
  try {
    await transport.request({ method: "POST", path: `${group}/${path}`, body });
    return [];
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    assert.equal(error.code, 422);
    return (error.status.details?.causes ?? []).map(({ field = "" }) => field);
  }
}

const named = (name: string, spec: object): object => ({ metadata: { name }, spec });
const claim = (exactly: object, alternative: object): object => ({
  devices: {
    requests: [
      { name: "a", exactly: { deviceClassName: "c", ...exactly } },
      { name: "b", firstAvailable: [{ name: "x", deviceClassName: "c", ...alternative }] },
    ],
  },
});

test("what selects devices must compile, in classes, claims and templates", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const [good, bad] = [selecting('device.driver == "d"'), selecting("device.colour")];
  const inClaim = ["exactly", "firstAvailable[0]"].map(
    (part, index) => `spec.devices.requests[${index}].${part}.selectors[0].cel.expression`,
  );
  assert.deepEqual(await faultsOf(transport, "deviceclasses", named("good", good)), []);
  assert.deepEqual(await faultsOf(transport, "deviceclasses", named("bad", bad)), [
    "spec.selectors[0].cel.expression",
  ]);
  const claims = "namespaces/default/resourceclaims";
  assert.deepEqual(await faultsOf(transport, claims, named("good", claim(good, good))), []);
  assert.deepEqual(await faultsOf(transport, claims, named("bad", claim(bad, bad))), inClaim);
  const templates = "namespaces/default/resourceclaimtemplates";
  assert.deepEqual(
    await faultsOf(transport, templates, named("bad", { spec: claim(bad, bad) })),
    inClaim.map((field) => `spec.${field}`),
  );
});

test("what doesn't compile is told of in its place", async () => {
  await using server = await startTestApiserver();
  const [bad, mode] = [selecting("device.colour"), { allocationMode: "Some" }];
  const spec = {
    devices: {
      requests: [
        { name: "A", exactly: { deviceClassName: "c", ...bad, ...mode } },
        { name: "b", firstAvailable: [{ name: "x", ...bad, ...mode }] },
        { name: "b", exactly: {}, firstAvailable: [{ name: "x", ...bad }] },
      ],
      config: [{}],
    },
  };
  const at = "spec.devices.requests";
  const alternative = `${at}[1].firstAvailable[0]`;
  const found = await faultsOf(server.transport(), "namespaces/default/resourceclaims", named("bad", spec));
  assert.deepEqual(found, [
    `${at}[0].name`,
    `${at}[0].exactly.selectors[0].cel.expression`,
    `${at}[0].exactly.allocationMode`,
    `${alternative}.deviceClassName`,
    `${alternative}.selectors[0].cel.expression`,
    `${alternative}.allocationMode`,
    `${at}[2]`,
    `${at}[2]`,
    "spec.devices.config[0].opaque",
  ]);
});

test("a class whose selectors stay isn't looked at again, and one whose selectors change is", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${group}/deviceclasses`;
  await transport.request({
    method: "POST",
    path,
    body: { metadata: { name: "c" }, spec: selecting("true") },
  });
  const patch = (body: object): Promise<unknown> =>
    transport.request({
      method: "PATCH",
      path: `${path}/c`,
      body,
      contentType: "application/merge-patch+json",
    });
  await patch({ metadata: { labels: { a: "b" } } });
  await assert.rejects(patch({ spec: selecting("1") }), /must evaluate to bool or the unknown type, not int/);
});
