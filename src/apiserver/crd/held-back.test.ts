/** Definitions as generators write them, before anybody fills in the certificate. upstream: apiextensions-apiserver/test/integration/ca_bundle_test.go */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import { StatusError } from "#api/meta/status.ts";
import { customResourceDefinitions } from "#api/resources.ts";
import { startHookServer } from "#apiserver/admission/testing/hook-server.ts";
import type { ApiRequest, Client } from "#client/client.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { startTestServer } from "#testing/server.ts";
import { findCondition } from "./conditions.ts";
import { conditionOf, define, isEstablished, version, widgetDefinition, widgets } from "./testing/widgets.ts";

const convertedWith = (caBundle: string): CustomResourceDefinition =>
  widgetDefinition([version("v1"), version("v2", { served: false })], {
    conversion: {
      strategy: "Webhook",
      webhook: {
        clientConfig: { url: "https://localhost/convert", caBundle },
        conversionReviewVersions: ["v1"],
      },
    },
  });

const noCertificate = Buffer.from("\n").toString("base64");
const root = { name: "admin", groups: ["system:masters"] };
const group = "example.com";
const collection = `/apis/${group}/v1/namespaces/default/widgets`;

const asked: readonly (readonly [method: ApiRequest["method"], path: string, code: number])[] = [
  ["GET", collection, 500],
  ["GET", `/apis/${group}/v1/widgets`, 500],
  ["GET", `/apis/${group}/v1/watch/widgets`, 500],
  ["POST", collection, 500],
  ["DELETE", collection, 500],
  ["GET", `${collection}/w`, 500],
  ["PUT", `${collection}/w`, 500],
  ["PATCH", `${collection}/w`, 500],
  ["GET", `${collection}/w/status`, 500],
  ["GET", `${collection}/w/none`, 500],
  ["POST", `${collection}/w/scale`, 500],
  // Neither of these is looked up.
  ["GET", `/apis/${group}/v1/widgets/w`, 404],
  ["POST", `/apis/${group}/v1/widgets`, 404],
  ["GET", `/apis/${group}/v2/namespaces/default/widgets`, 404],
  ["GET", `/apis/${group}/v3/namespaces/default/widgets`, 404],
];

async function answers(client: Client): Promise<string[]> {
  const found: string[] = [];
  for (const [method, path, code] of asked) {
    const error = await client.transport.request({ method, path, body: {} }).catch((each: unknown) => each);
    assert.ok(error instanceof StatusError);
    found.push(`${method} ${path} ${error.status.code}`);
    if (code === 500) assert.deepEqual(error.status, unresolved);
  }
  return found;
}

const unresolved = {
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  message: "Internal error occurred: error resolving resource",
  reason: "InternalError",
  details: { causes: [{ message: "error resolving resource" }] },
  code: 500,
};
const wanted = asked.map(([method, path, code]) => `${method} ${path} ${code}`);

const established = (client: Client, text: string): Promise<void> =>
  conditionOf(client, "widgets.example.com", (crd) => {
    const { status, reason, message } = (crd && findCondition(crd, "Established")) ?? {};
    return `${status} ${reason} ${message}` === text;
  });
const terminating = (client: Client, why: string): Promise<void> =>
  conditionOf(client, "widgets.example.com", (crd) => {
    const { reason, message } = (crd && findCondition(crd, "Terminating")) ?? {};
    const named = "unable to find a custom resource client for widgets.example.com";
    return reason === "InstanceDeletionFailed" && message === `could not list instances: ${named}: ${why}`;
  });
const groupsOf = async (client: Client): Promise<readonly string[]> => {
  const { body } = await client.transport.request({ method: "GET", path: "/apis" });
  return (body as { readonly groups: { readonly name: string }[] }).groups.map(({ name }) => name);
};

test("what a definition without a certificate for its webhook defines can't be resolved until it has one", async () => {
  await using server = await startTestServer();
  await using hooks = await startHookServer({});
  const client = server.client(root);
  const definitions = client.resource(customResourceDefinitions);
  await definitions.create(convertedWith(noCertificate));
  await established(client, "False InvalidCABundle The conversion webhook CABundle is invalid");
  assert.deepEqual(await answers(client), wanted);
  assert.ok(!(await groupsOf(client)).includes(group), "it is discovered");

  const { spec } = convertedWith(hooks.caBundle);
  await definitions.patch("widgets.example.com", "merge", { spec: { conversion: spec.conversion } });
  await conditionOf(client, "widgets.example.com", isEstablished);
  await client.resource(widgets, "default").list();
  assert.ok((await groupsOf(client)).includes(group));
});

test("nor what one defines that somebody says is established, which stays until it has one", async () => {
  await using server = await startTestServer();
  await using hooks = await startHookServer({});
  const client = server.client(root);
  const definitions = client.resource(customResourceDefinitions);
  await definitions.create(convertedWith(noCertificate));
  await established(client, "False InvalidCABundle The conversion webhook CABundle is invalid");
  const held = await definitions.get("widgets.example.com");
  const conditions = held.status?.conditions?.map((each) =>
    each.type === "Established" ? { ...each, status: "True" } : each,
  );
  await definitions.updateStatus({ ...held, status: { ...held.status, conditions: conditions ?? [] } });
  assert.deepEqual(await answers(client), wanted);
  assert.ok((await groupsOf(client)).includes(group), "it isn't discovered");

  await definitions.delete("widgets.example.com");
  await terminating(client, "unable to load root certificates: unable to parse bytes as PEM block");
  const { spec } = convertedWith(hooks.caBundle);
  await definitions.patch("widgets.example.com", "merge", { spec: { conversion: spec.conversion } });
  await conditionOf(client, "widgets.example.com", (crd) => crd === undefined);
});

test("nor what one defines whose service can't be a host; that is established", async () => {
  await using server = await startTestServer();
  const client = server.client(root);
  const { spec } = convertedWith("");
  const service = { name: "a b", namespace: "default" };
  const conversion = {
    ...spec.conversion,
    webhook: { clientConfig: { service }, conversionReviewVersions: ["v1"] },
  } as CustomResourceDefinition["spec"]["conversion"];
  await define(client, { ...convertedWith(""), spec: { ...spec, conversion } });
  assert.deepEqual(await answers(client), wanted);
  assert.ok((await groupsOf(client)).includes(group));
  await client.resource(customResourceDefinitions).delete("widgets.example.com");
  await terminating(client, 'host must be a URL or a host:port pair: "https://a b.default.svc:443"');
});

test("one certificate is enough, whatever stands beside it", async () => {
  await using server = await startTestApiserver();
  await using hooks = await startHookServer({});
  const client = server.client();
  const none = "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n";
  const bundle = none + Buffer.from(hooks.caBundle, "base64").toString("latin1");
  await client
    .resource(customResourceDefinitions)
    .create(convertedWith(Buffer.from(bundle).toString("base64")));
  await conditionOf(client, "widgets.example.com", isEstablished);
});
