/** What --runtime-config does to what a client sees: discovery, OpenAPI, paths, and objects in several versions. */
import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { systemRandom } from "#base/random.ts";
import { createCa } from "#pki/ca.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { parseRuntimeConfig } from "#api/runtime-config.ts";
import { createScheme } from "#api/scheme.ts";
import { systemClock } from "#base/clock.ts";
import { FuzzClient, type HttpAnswer } from "#testing/fuzz/http-case.ts";
import { startTestServer } from "#testing/server.ts";

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: AnyObject;
}

const names = (list: AnyObject, key: string): string[] =>
  (list[key] as { name: string }[]).map(({ name }) => name);

const requestOf = ({ body }: Answered): unknown =>
  (body["spec"] as { devices: { requests: unknown[] } }).devices.requests[0];

/** A server of that --runtime-config, and requests to it. */
async function serving(...pairs: string[]) {
  const server = await startTestServer({ scheme: createScheme(parseRuntimeConfig(pairs)) });
  const client = new FuzzClient(server, systemClock);
  after(async () => {
    client.close();
    await server.close();
  });

  const raw = async (method: string, path: string, body?: unknown): Promise<HttpAnswer> => {
    const bytes = Buffer.from(body === undefined ? "" : JSON.stringify(body));
    const headers = { "content-type": "application/json" };
    const answer = await client.send({ method, path, headers, body: bytes }, "h1");
    assert.ok(answer !== undefined);
    return answer;
  };
  const send = async (method: string, path: string, body?: unknown): Promise<Answered> => {
    const answer = await raw(method, path, body);
    return { ...answer, body: JSON.parse(answer.body.toString("utf8")) as AnyObject };
  };
  return { server, raw, send };
}

suite("group versions that are turned on and off", async () => {
  const { server, raw, send } = await serving(
    "api/beta=true",
    "storage.k8s.io/v1beta1=false",
    "autoscaling/v1=false",
    "apps/v1/daemonsets=false",
  );
  const local = server.client({ name: "admin", groups: ["system:masters"] });

  test("discovery names what is served", async () => {
    const { body: group } = await send("GET", "/apis/resource.k8s.io");
    assert.deepEqual(
      (group["versions"] as { version: string }[]).map(({ version }) => version),
      ["v1", "v1beta2", "v1beta1"],
    );
    const { body: apps } = await send("GET", "/apis/apps/v1");
    const resources = names(apps, "resources");
    assert.ok(resources.includes("deployments") && !resources.includes("daemonsets"));
    const { body: policies } = await send("GET", "/apis/admissionregistration.k8s.io/v1beta1");
    assert.deepEqual(names(policies, "resources"), [
      "mutatingadmissionpolicies",
      "mutatingadmissionpolicybindings",
    ]);
    for (const path of ["/apis/storage.k8s.io/v1beta1", "/apis/autoscaling/v1"]) {
      assert.equal((await raw("GET", path)).status, 404);
    }
  });

  test("OpenAPI describes what is served", async () => {
    const { body } = await send("GET", "/openapi/v3");
    const paths = Object.keys(body["paths"] as object);
    assert.ok(paths.includes("apis/networking.k8s.io/v1beta1"));
    assert.ok(!paths.includes("apis/autoscaling/v1") && !paths.includes("apis/storage.k8s.io/v1beta1"));
    const { body: apps } = await send("GET", "/openapi/v3/apis/apps/v1");
    const served = Object.keys(apps["paths"] as object);
    assert.ok(!served.some((path) => path.includes("daemonsets")));
    const { body: policies } = await send("GET", "/openapi/v3/apis/admissionregistration.k8s.io/v1beta1");
    const { schemas } = policies["components"] as { schemas: Record<string, AnyObject> };
    const kind = schemas["io.k8s.api.admissionregistration.v1beta1.MutatingAdmissionPolicy"];
    assert.deepEqual(kind?.["x-kubernetes-group-version-kind"], [
      { group: "admissionregistration.k8s.io", kind: "MutatingAdmissionPolicy", version: "v1beta1" },
    ]);
  });

  test("what is turned off isn't there for clients, and still is for the server's own parts", async () => {
    const path = "/apis/apps/v1/namespaces/default/daemonsets";
    assert.equal((await raw("GET", path)).status, 404);
    assert.equal((await local.transport.request({ method: "GET", path })).status, 200);
  });

  test("a claim is the same one in all its versions", async () => {
    const root = "/apis/resource.k8s.io";
    const created = await send("POST", `${root}/v1beta1/namespaces/default/resourceclaims`, {
      metadata: { name: "gpu" },
      spec: { devices: { requests: [{ name: "one", deviceClassName: "gpu.example.com" }] } },
    });
    assert.equal(created.status, 201, JSON.stringify(created.body));
    assert.match(
      String(created.headers["warning"]),
      /resource.k8s.io\/v1beta1 ResourceClaim is deprecated in v1.35\+/,
    );
    const exactly = { deviceClassName: "gpu.example.com", allocationMode: "ExactCount", count: 1 };
    assert.deepEqual(requestOf(created), { name: "one", ...exactly });
    for (const version of ["v1", "v1beta2"]) {
      const read = await send("GET", `${root}/${version}/namespaces/default/resourceclaims/gpu`);
      assert.equal(read.body.apiVersion, `resource.k8s.io/${version}`);
      assert.deepEqual(requestOf(read), { name: "one", exactly });
    }
  });

  test("objects of versions with the same types differ by their apiVersion alone", async () => {
    const path = "/apis/networking.k8s.io/v1beta1/servicecidrs/kubernetes";
    const early = await send("GET", path);
    const stable = await send("GET", path.replace("v1beta1", "v1"));
    assert.equal(early.body.apiVersion, "networking.k8s.io/v1beta1");
    assert.deepEqual({ ...early.body, apiVersion: "networking.k8s.io/v1" }, stable.body);
  });
});

const pathOf = (version: string): string => `/apis/certificates.k8s.io/${version}/clustertrustbundles`;

test("trust bundles of v1alpha1 are those of v1beta1, whichever of the two is served", async () => {
  const { certificatePem } = createCa({
    commonName: "ca",
    days: 1,
    clock: systemClock,
    random: systemRandom,
  });
  const bundle = { metadata: { name: "bundle" }, spec: { trustBundle: certificatePem } };
  const early = await serving("certificates.k8s.io/v1alpha1=true");
  const made = await early.send("POST", pathOf("v1alpha1"), bundle);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.equal(made.body.apiVersion, "certificates.k8s.io/v1alpha1");
  const refused = await early.send("POST", pathOf("v1alpha1"), { metadata: { name: "no" }, spec: {} });
  assert.equal(refused.status, 422);
  assert.equal((await early.raw("GET", pathOf("v1beta1"))).status, 404);
  const table = await early.send("GET", "/apis/certificates.k8s.io/v1alpha1");
  assert.deepEqual(names(table.body, "resources"), ["clustertrustbundles"]);
  const both = await serving("certificates.k8s.io/v1alpha1=true", "certificates.k8s.io/v1beta1=true");
  await both.send("POST", pathOf("v1beta1"), bundle);
  const read = await both.send("GET", `${pathOf("v1alpha1")}/bundle`);
  assert.equal(read.body.apiVersion, "certificates.k8s.io/v1alpha1");
  assert.deepEqual(read.body["spec"], bundle.spec);
  const { body: group } = await both.send("GET", "/apis/certificates.k8s.io");
  assert.deepEqual(
    (group["versions"] as { version: string }[]).map(({ version }) => version),
    ["v1", "v1beta1", "v1alpha1"],
  );
});
