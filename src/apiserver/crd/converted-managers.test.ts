/** Who manages what is found across versions, also where only a webhook knows them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import { namespaces } from "#api/resources.ts";
import { startHookServer, type HookServer } from "#apiserver/admission/testing/hook-server.ts";
import type { Client } from "#client/client.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { define, version, widgetDefinition, widgets } from "./testing/widgets.ts";

const withFields = (...names: string[]): object => ({
  schema: {
    openAPIV3Schema: {
      type: "object",
      properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
    },
  },
});

interface Conversion {
  readonly objects: readonly AnyObject[];
  readonly desiredAPIVersion: string;
}

/** Host and port of v1 are the address of v2. */
async function startAddresser(): Promise<HookServer> {
  return startHookServer({
    "/convert": (request) => {
      const { objects, desiredAPIVersion } = request as unknown as Conversion;
      const convertedObjects = objects.map(({ host = "", port = "", address = "", ...rest }) => {
        const other = { ...rest, apiVersion: desiredAPIVersion };
        if (desiredAPIVersion.endsWith("v2")) return { ...other, address: `${String(host)}:${String(port)}` };
        const [ownHost, ownPort] = String(address).split(":");
        return { ...other, host: ownHost, port: ownPort };
      });
      return { result: { status: "Success" }, convertedObjects } as object;
    },
  });
}

async function defined(client: Client, { port, caBundle }: HookServer): Promise<void> {
  await client.resource(namespaces).create({ metadata: { name: "default" } });
  const clientConfig = { url: `https://127.0.0.1:${port}/convert`, caBundle };
  await define(
    client,
    widgetDefinition([version("v1", withFields("host", "port")), version("v2", withFields("address"))], {
      conversion: { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } },
    }),
  );
}

const of = (client: Client, name: "v1" | "v2"): ReturnType<typeof client.resource<AnyObject>> =>
  client.resource({ ...widgets, version: name }, "default");

const widget = (name: "v1" | "v2", fields: Record<string, string>): AnyObject => ({
  apiVersion: `example.com/${name}`,
  kind: "Widget",
  metadata: { name: "w" },
  ...fields,
});

const managersOf = ({ metadata }: AnyObject): readonly string[] =>
  (metadata?.managedFields ?? []).map(
    ({ manager, apiVersion, fieldsV1 }) =>
      `${manager ?? ""} of ${apiVersion ?? ""}: ${Object.keys(fieldsV1 ?? {}).join(" ")}`,
  );

test("who applies in one version meets who applied in another", async () => {
  await using addresser = await startAddresser();
  await using apiserver = await startTestApiserver();
  const client = apiserver.client();
  await defined(client, addresser);
  await of(client, "v2").patch("w", "apply", widget("v2", { address: "a:1" }), { fieldManager: "two" });
  await assert.rejects(
    of(client, "v1").patch("w", "apply", widget("v1", { port: "2" }), { fieldManager: "one" }),
    (error) =>
      error instanceof StatusError &&
      error.message === 'Apply failed with 1 conflict: conflict with "two": .address',
  );
  const taken = await of(client, "v1").patch("w", "apply", widget("v1", { port: "2" }), {
    fieldManager: "one",
    force: true,
  });
  assert.deepEqual(managersOf(taken), ["one of example.com/v1: f:port"]);
});

test("who updates in one version takes from who applied in another only what he changes", async () => {
  await using addresser = await startAddresser();
  await using apiserver = await startTestApiserver();
  const client = apiserver.client();
  await defined(client, addresser);
  const first = await of(client, "v2").patch("w", "apply", widget("v2", { address: "a:1" }), {
    fieldManager: "two",
  });
  const { metadata } = first;
  const same = await of(client, "v1").update({ ...widget("v1", { host: "a", port: "1" }), metadata });
  assert.deepEqual(managersOf(same), ["two of example.com/v2: f:address"]);
  const other = await of(client, "v1").update({
    ...widget("v1", { host: "b", port: "1" }),
    metadata: { ...same.metadata },
  });
  assert.deepEqual(
    managersOf(other).filter((text) => text.startsWith("two")),
    [],
  );
});

test("what an applier leaves out in another version goes", async () => {
  await using addresser = await startAddresser();
  await using apiserver = await startTestApiserver();
  const client = apiserver.client();
  await defined(client, addresser);
  await of(client, "v1").patch("w", "apply", widget("v1", { host: "a", port: "1" }), { fieldManager: "one" });
  const left = await of(client, "v1").patch("w", "apply", widget("v1", { host: "a" }), {
    fieldManager: "one",
  });
  assert.equal(left["port"], undefined);
  const moved = await of(client, "v2").patch("w", "apply", widget("v2", { address: "a:3" }), {
    fieldManager: "one",
  });
  assert.deepEqual(managersOf(moved), ["one of example.com/v2: f:address"]);
  assert.equal(moved["address"], "a:3");
});
