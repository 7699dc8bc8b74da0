/** What metrics tell of encryption at rest. */
import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
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

const other = Buffer.alloc(32, 9).toString("base64");
const sealedBy = async (provider: ProviderConfiguration): Promise<Buffer> =>
  (await new World([provider]).secrets()).seal(Buffer.from("x".repeat(40)), place);
const behind = (prefix: string, bytes: number): Promise<Buffer> =>
  Promise.resolve(Buffer.concat([Buffer.from(`k8s:enc:${prefix}`), Buffer.alloc(bytes)]));
const tooShort = "the stored data was shorter than the required size";
const cbc = { aescbc: { keys: [{ name: "one", secret: other }] } };
const noAes = "no matching key was found for the provided AES transformer";

/** What upstream says: apiserver/pkg/storage/value/transformer.go, encrypt/{aes,secretbox} */
const unopenable: readonly (readonly [
  what: string,
  sealed: Promise<Buffer>,
  read: readonly ProviderConfiguration[],
  said: string,
])[] = [
  ["nobody's", behind("aesgcm:v1:one:", 60), providers, "no matching prefix found"],
  ["plain, without identity", Promise.resolve(value), [cbc], "no matching prefix found"],
  ["garbage", behind("", 9), providers, "no matching prefix found"],
  ["of another key", sealedBy({ aescbc: { keys: [{ name: "three", secret }] } }), providers, noAes],
  [
    "of another key of either provider",
    sealedBy({ aescbc: { keys: [{ name: "three", secret }] } }),
    [...providers, { aescbc: { keys: [{ name: "four", secret }] } }],
    noAes,
  ],
  [
    "of one provider's key and not the other's",
    behind("aescbc:v1:one:", 9),
    [...providers, { aescbc: { keys: [{ name: "four", secret }] } }],
    `[${tooShort}, ${noAes}]`,
  ],
  [
    "of another box",
    sealedBy({ secretbox: { keys: [{ name: "two", secret: other }] } }),
    providers,
    "output array was not large enough for encryption",
  ],
  [
    "of another AES-GCM key",
    sealedBy({ aesgcm: { keys: [{ name: "one", secret: other }] } }),
    [{ aesgcm: { keys: [{ name: "one", secret }] } }],
    "cipher: message authentication failed",
  ],
  ["a short box", behind("secretbox:v1:two:", 39), providers, tooShort],
  ["short for AES-CBC", behind("aescbc:v1:one:", 15), providers, tooShort],
  [
    "no whole blocks",
    behind("aescbc:v1:one:", 33),
    providers,
    "the stored data is not a multiple of the block size",
  ],
  ["no block", behind("aescbc:v1:one:", 16), providers, "invalid PKCS7 data (empty or not padded)"],
  [
    "short for AES-GCM",
    behind("aesgcm:v1:one:", 11),
    [{ aesgcm: { keys: [{ name: "one", secret }] } }],
    tooShort,
  ],
];
for (const [what, sealed, read, said] of unopenable) {
  test(`a value that is ${what} is refused in upstream's words`, async () => {
    const transformer = await new World(read).secrets();
    const bytes = await sealed;
    assert.throws(() => transformer.open(bytes, place), { name: "DecryptionError", message: said });
  });
}

for (const [what, ending, said] of [
  ["none", [5, 0], "invalid PKCS7 data (empty or not padded)"],
  ["more than there is", [5, 17], "invalid PKCS7 data (empty or not padded)"],
  ["of different bytes", [5, 2], "invalid padding on input"],
] as const) {
  test(`where AES-CBC finds padding that is ${what}, it was another key`, async () => {
    const cipher = createCipheriv("aes-256-cbc", Buffer.from(secret, "base64"), Buffer.alloc(16));
    const block = cipher.setAutoPadding(false).update(Buffer.from([...Buffer.alloc(14), ...ending]));
    const sealed = Buffer.concat([Buffer.from("k8s:enc:aescbc:v1:one:"), Buffer.alloc(16), block]);
    const transformer = await new World().secrets();
    assert.throws(() => transformer.open(sealed, place), { name: "DecryptionError", message: said });
  });
}

test("of two keys of one name the one that fits counts", async () => {
  const both = [cbc, { aescbc: { keys: [{ name: "one", secret }] } }];
  const sealed = await sealedBy({ aescbc: { keys: [{ name: "one", secret }] } });
  const transformer = await new World([...both, { aescbc: { keys: [{ name: "two", secret }] } }]).secrets();
  assert.equal(transformer.open(sealed, place).toString(), "x".repeat(40));
});
