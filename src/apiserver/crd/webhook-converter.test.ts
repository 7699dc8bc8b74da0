import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import type { AnyObject } from "#api/meta/object.ts";
import { HookCallError } from "#apiserver/connect/hook-answer.ts";
import type { HookRequest } from "#apiserver/connect/hook-client.ts";
import { DefinitionMetrics } from "#apiserver/metrics/definition-metrics.ts";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { valueIn } from "#apiserver/metrics/testing/measured-server.ts";
import { ManualClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { WebhookConverter } from "./webhook-converter.ts";

interface Asked {
  readonly uid: string;
  readonly desiredAPIVersion: string;
  readonly objects: readonly object[];
}

const widget = (name: string, apiVersion = "example.com/v1"): AnyObject => ({
  apiVersion,
  kind: "Widget",
  metadata: { name, uid: `uid-${name}` },
});

const tookMs = 40;

class World {
  readonly registry = new Registry();
  readonly converter: WebhookConverter;

  constructor(answer: (request: Asked) => object, conversionReviewVersions = ["v1"]) {
    const clock = new ManualClock();
    const call = async ({ body }: HookRequest): Promise<unknown> => {
      await clock.advance(tookMs);
      const { request } = body as { request: Asked };
      return { kind: "ConversionReview", apiVersion: "apiextensions.k8s.io/v1", response: answer(request) };
    };
    this.converter = new WebhookConverter(
      "widgets.example.com",
      { clientConfig: { url: "https://hook.example.com/" }, conversionReviewVersions },
      { hooks: { call }, clock, random: new SeededRandom(1), metrics: new DefinitionMetrics(this.registry) },
    );
  }

  async counted(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
    return valueIn(await metricsText(this.registry), `apiserver_${name}`, labels);
  }
}

const converted = ({ uid, desiredAPIVersion, objects }: Asked): object => ({
  uid,
  result: { status: "Success" },
  convertedObjects: objects.map((object) => ({ ...object, apiVersion: desiredAPIVersion })),
});

test("only objects of other versions are converted, all at once, and their time is told", async () => {
  const asked: string[][] = [];
  const world = new World((request) => {
    asked.push(request.objects.map((one) => (one as AnyObject).metadata?.name ?? ""));
    return converted(request);
  });
  const objects = [widget("a"), widget("b", "example.com/v2"), widget("c")];
  const answer = await world.converter.convert(objects, "example.com/v2");
  assert.deepEqual(
    answer.map(({ apiVersion, metadata }) => [apiVersion, metadata?.name]),
    ["a", "b", "c"].map((name) => ["example.com/v2", name]),
  );
  await world.converter.convert([widget("d", "example.com/v2")], "example.com/v2");
  assert.deepEqual(asked, [["a", "c"]]);
  const success = { result: "success", failure_type: "" };
  assert.equal(await world.counted("conversion_webhook_request_total", success), 1);
  assert.equal(await world.counted("conversion_webhook_duration_seconds_sum", success), tookMs / 1000);
  const versions = { crd_name: "widgets.example.com", from_version: "v1", to_version: "v2" };
  const times = "crd_conversion_webhook_duration_seconds";
  assert.equal(await world.counted(`${times}_sum`, { ...versions, succeeded: "true" }), tookMs / 1000);
  assert.equal(await world.counted(`${times}_bucket`, { ...versions, le: "0.032" }), 0);
  assert.equal(await world.counted(`${times}_bucket`, { ...versions, le: "0.064" }), 1);
});

const about = "conversion webhook for example.com/v1, Kind=Widget";

type Failure = [type: string, message: string, answer: (request: Asked) => object, versions?: string[]];

const failures: readonly Failure[] = [
  [
    "call_failure",
    `${about} failed: Post "https://hook.example.com/": EOF`,
    () => {
      throw new HookCallError('Post "https://hook.example.com/": EOF');
    },
  ],
  ["call_failure", "no supported conversion review versions", converted, ["v2"]],
  [
    "malformed_response_failure",
    `${about} failed: response.result.status was 'Failure', not 'Success'`,
    (request) => ({ ...converted(request), result: { status: "Failure" } }),
  ],
  [
    "partial_response_failure",
    `${about} returned 0 objects, expected 1`,
    (request) => ({ ...converted(request), convertedObjects: [] }),
  ],
  [
    "invalid_converted_object_failure",
    `${about} returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v3)`,
    (request) => converted({ ...request, desiredAPIVersion: "example.com/v3" }),
  ],
  ...(
    [
      [{ kind: "Gadget" }, "invalid object at index 0: invalid kind (expected Widget, received Gadget)"],
      [{ metadata: { name: "b", uid: "uid-a" } }, "invalid object: must have the same name: a != b"],
      [{ metadata: { name: "a", uid: "u" } }, "invalid object: must have the same UID: uid-a != u"],
      [
        { metadata: { name: "a", uid: "uid-a", labels: [] } },
        "invalid metadata: invalid metadata.labels of type []interface {} in converted object",
      ],
      [
        { metadata: { name: "a", uid: "uid-a", annotations: { x: 1 } } },
        "invalid metadata: metadata.annotations[x] must be a string, but is int64 in converted object",
      ],
      [
        { metadata: { name: "a", uid: "uid-a", labels: { x: "?" } } },
        `invalid metadata: metadata.labels: Invalid value: "?": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
      ],
    ] as const
  ).map(([change, message]): Failure => [
    "invalid_converted_object_failure",
    `${about} returned ${message}`,
    (request) => converted({ ...request, objects: request.objects.map((one) => ({ ...one, ...change })) }),
  ]),
];

for (const [type, message, answer, versions] of failures) {
  test(`a conversion that fails is told by its reason: ${message}`, async () => {
    const world = new World(answer, versions);
    await assert.rejects(world.converter.convert([widget("a")], "example.com/v2"), { message, code: 500 });
    const failure = { result: "failure", failure_type: `conversion_webhook_${type}` };
    assert.equal(await world.counted("conversion_webhook_request_total", failure), 1);
    assert.equal(await world.counted("conversion_webhook_duration_seconds_count", failure), 1);
    const times = "crd_conversion_webhook_duration_seconds_count";
    assert.equal(await world.counted(times, { crd_name: "widgets.example.com", succeeded: "false" }), 1);
  });
}

test("objects are shown by key, as maps", async () => {
  const shown: string[] = [];
  const world = new World((request) => {
    shown.push(JSON.stringify(request.objects));
    return converted(request);
  });
  const object = {
    kind: "Widget",
    spec: { b: 1, a: 2 },
    apiVersion: "example.com/v1",
    metadata: { name: "x" },
  };
  await world.converter.convert([object], "example.com/v2");
  assert.deepEqual(shown, [
    '[{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"x"},"spec":{"a":2,"b":1}}]',
  ]);
});
