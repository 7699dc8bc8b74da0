/** Fields select in the version that is asked for, also where only a webhook knows it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import { namespaces } from "#api/resources.ts";
import { startHookServer, type HookServer } from "#apiserver/admission/testing/hook-server.ts";
import type { Client } from "#client/client.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { define, version, widgetDefinition, widgets } from "./testing/widgets.ts";

const withField = (name: string): object => ({
  schema: { openAPIV3Schema: { type: "object", properties: { [name]: { type: "string" } } } },
  selectableFields: [{ jsonPath: `.${name}` }],
});

/** What is "red" in v1 is "the red" in v2; `isBroken` as long as it is so. */
async function startPainter(isBroken: () => boolean): Promise<HookServer> {
  return startHookServer({
    "/convert": (request) => {
      const { objects, desiredAPIVersion } = request as unknown as {
        readonly objects: readonly AnyObject[];
        readonly desiredAPIVersion: string;
      };
      if (isBroken()) return { result: { status: "Failure", message: "no paint" } } as object;
      const convertedObjects = objects.map(({ color, ...rest }) =>
        desiredAPIVersion.endsWith("v2")
          ? { ...rest, apiVersion: desiredAPIVersion, paint: `the ${String(color)}` }
          : { ...rest, apiVersion: desiredAPIVersion, color: String(rest["paint"]).slice(4) },
      );
      return { result: { status: "Success" }, convertedObjects } as object;
    },
  });
}

async function defined(client: Client, { port, caBundle }: HookServer): Promise<void> {
  await client.resource(namespaces).create({ metadata: { name: "default" } });
  await define(
    client,
    widgetDefinition([version("v1", withField("color")), version("v2", withField("paint"))], {
      conversion: {
        strategy: "Webhook",
        webhook: {
          clientConfig: { url: `https://127.0.0.1:${port}/convert`, caBundle },
          conversionReviewVersions: ["v1"],
        },
      },
    }),
  );
}

const ofV1 = (client: Client): ReturnType<typeof client.resource<AnyObject>> =>
  client.resource(widgets, "default");
const ofV2 = (client: Client): ReturnType<typeof client.resource<AnyObject>> =>
  client.resource({ ...widgets, version: "v2" }, "default");

const widget = (name: string, color: string): AnyObject => ({
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name },
  color,
});

const red = "paint=the red";

const isSaid = (error: unknown): boolean =>
  error instanceof StatusError && error.message.includes("no paint");

test("a list, of now and of the past", async () => {
  await using painter = await startPainter(() => false);
  await using server = await startTestApiserver();
  const client = server.client();
  await defined(client, painter);
  for (const [name, color] of [
    ["a", "red"],
    ["b", "blue"],
    ["c", "red"],
  ] as const) {
    await ofV1(client).create(widget(name, color));
  }
  const names = async (query: object): Promise<unknown> =>
    (await ofV2(client).list({ fieldSelector: red, ...query })).items.map(({ metadata }) => metadata?.name);
  assert.deepEqual(await names({}), ["a", "c"]);
  const { items, metadata } = await ofV2(client).list({ fieldSelector: red, limit: 1 });
  assert.equal(items[0]?.["paint"], "the red");
  await ofV1(client).patch("c", "merge", { color: "blue" });
  await ofV1(client).patch("b", "merge", { color: "red" });
  assert.deepEqual(await names({}), ["a", "b"]);
  const past = { resourceVersion: metadata.resourceVersion, resourceVersionMatch: "Exact" };
  assert.deepEqual(await names(past), ["a", "c"]);
  assert.deepEqual(await names({ continue: metadata.continue }), ["c"]);
  const named = { fieldSelector: `${red},metadata.name=b` };
  assert.deepEqual([await names(named), await names({ ...named, ...past })], [["b"], []]);
});

test("a watch, of what is there and of what comes, in order", async () => {
  await using painter = await startPainter(() => false);
  await using server = await startTestApiserver();
  const client = server.client();
  await defined(client, painter);
  await ofV1(client).create(widget("a", "red"));
  const stop = new AbortController();
  const query = { fieldSelector: red, sendInitialEvents: true, allowWatchBookmarks: true } as const;
  const watching = ofV2(client).watch({ ...query, resourceVersionMatch: "NotOlderThan" }, stop.signal);
  const events = watching[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const result = await events.next();
    if (result.done === true) return "ended";
    return `${result.value.type} ${String(result.value.object.metadata?.name)}`;
  };
  assert.deepEqual([await next(), await next()], ["ADDED a", "BOOKMARK undefined"]);
  await ofV1(client).create(widget("b", "blue"));
  await ofV1(client).create(widget("c", "red"));
  await ofV1(client).patch("b", "merge", { color: "red" });
  await ofV1(client).patch("c", "merge", { color: "blue" });
  await ofV1(client).delete("b");
  assert.deepEqual(
    [await next(), await next(), await next(), await next()],
    ["ADDED c", "ADDED b", "DELETED c", "DELETED b"],
  );
  stop.abort();
});

test("what can't be converted ends a list and a watch with what the webhook says", async () => {
  let isBroken = false;
  await using painter = await startPainter(() => isBroken);
  await using server = await startTestApiserver();
  const client = server.client();
  await defined(client, painter);
  await ofV1(client).create(widget("a", "red"));
  isBroken = true;
  await assert.rejects(ofV2(client).list({ fieldSelector: red }), isSaid);
  const stop = new AbortController();
  const watching = async (): Promise<void> => {
    for await (const { type } of ofV2(client).watch({ fieldSelector: red }, stop.signal)) assert.fail(type);
  };
  await assert.rejects(watching(), isSaid);
});
