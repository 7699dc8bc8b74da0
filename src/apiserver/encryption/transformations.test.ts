/** What metrics tell of encryption at rest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { valueIn } from "#apiserver/metrics/testing/measured-server.ts";
import { TransformationMetrics } from "#apiserver/metrics/transformation-metrics.ts";
import { ManualClock } from "#base/clock.ts";
import type { EncryptionConfiguration, ProviderConfiguration } from "./configuration.ts";
import { DecryptionError, transformerFinder, type Transformer } from "./transformer.ts";

const secret = Buffer.alloc(32, 7).toString("base64");
const place = "/registry/secrets/a/b";
const value = Buffer.from("x");

const providers: readonly ProviderConfiguration[] = [
  { aescbc: { keys: [{ name: "one", secret }] } },
  { secretbox: { keys: [{ name: "two", secret }] } },
  { identity: {} },
];

class World {
  readonly registry = new Registry();
  readonly find: Promise<(group: string, resource: string) => Transformer | undefined>;

  constructor(all: readonly ProviderConfiguration[] = providers) {
    const configuration: EncryptionConfiguration = {
      apiVersion: "apiserver.config.k8s.io/v1",
      kind: "EncryptionConfiguration",
      resources: [{ resources: ["secrets", "deployments.apps"], providers: all }],
    };
    const metrics = new TransformationMetrics(this.registry, new ManualClock());
    this.find = transformerFinder(configuration, undefined, metrics);
  }

  async secrets(): Promise<Transformer> {
    return (await this.find)("", "secrets") ?? assert.fail("secrets aren't encrypted");
  }

  async counted(labels: Readonly<Record<string, string>>): Promise<number> {
    const name = "apiserver_storage_transformation_operations_total";
    return valueIn(await metricsText(this.registry), name, labels);
  }
}

test("a value's way down and up is counted and timed, by its provider and by its key", async () => {
  const world = new World();
  const transformer = await world.secrets();
  const sealed = transformer.seal(value, place);
  transformer.open(sealed, place);
  transformer.open(sealed, place);
  (await world.find)("apps", "deployments")?.seal(value, place);
  for (const prefix of ["k8s:enc:aescbc:v1:", "one:"]) {
    const of = { transformer_prefix: prefix, status: "OK" };
    const down = { ...of, transformation_type: "to_storage" };
    assert.equal(await world.counted({ resource: "secrets", ...down }), 1, prefix);
    assert.equal(await world.counted({ resource: "deployments.apps", ...down }), 1, prefix);
    assert.equal(await world.counted({ ...of, transformation_type: "from_storage" }), 2, prefix);
    const text = await metricsText(world.registry);
    const times = "apiserver_storage_transformation_duration_seconds_count";
    assert.equal(valueIn(text, times, { transformer_prefix: prefix }), 4, prefix);
  }
  assert.equal(await world.counted({}), 8);
});

test("what is plain has no prefix, where identity is a provider", async () => {
  const world = new World();
  (await world.secrets()).open(value, place);
  const of = { transformation_type: "from_storage", transformer_prefix: "", status: "OK" };
  assert.equal(await world.counted(of), 1);
});

test("what can't be opened is told: by whose it is, or that it is nobody's", async () => {
  const world = new World();
  const transformer = await world.secrets();
  const other = new World([{ aescbc: { keys: [{ name: "three", secret }] } }]);
  const sealed = (await other.secrets()).seal(value, place);
  assert.throws(() => transformer.open(sealed, place), DecryptionError);
  const failed = { resource: "secrets", status: "unknown-non-grpc", transformation_type: "from_storage" };
  assert.equal(await world.counted({ ...failed, transformer_prefix: "unknown" }), 1);
  const broken = Buffer.concat([Buffer.from("k8s:enc:secretbox:v1:two:"), Buffer.alloc(60)]);
  assert.throws(() => transformer.open(broken, place), DecryptionError);
  assert.equal(await world.counted({ ...failed, transformer_prefix: "k8s:enc:secretbox:v1:" }), 1);
  assert.equal(await world.counted({ ...failed, transformer_prefix: "two:" }), 1);
  const times = "apiserver_storage_transformation_duration_seconds_count";
  assert.equal(valueIn(await metricsText(world.registry), times), 0);
});
