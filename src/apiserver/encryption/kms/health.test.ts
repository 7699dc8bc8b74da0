/** How a plugin is doing, as health checks and metrics tell it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { EnvelopeMetrics } from "#apiserver/metrics/envelope-metrics.ts";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { valueIn } from "#apiserver/metrics/testing/measured-server.ts";
import { KmsProvider } from "./provider.ts";

const name = "apiserver_envelope_encryption";

function world(): {
  said: { healthz: string; keyId: string; version: string };
  asked: () => number;
  provider: KmsProvider;
  clock: ManualClock;
  text: () => Promise<string>;
} {
  const clock = new ManualClock();
  const said = { healthz: "ok", keyId: "one", version: "v2" };
  let asked = 0;
  const plugin = {
    status: () => {
      asked += 1;
      return Promise.resolve({ ...said });
    },
    encrypt: (ciphertext: Buffer) => Promise.resolve({ ciphertext, keyId: said.keyId, annotations: [] }),
    decrypt: () => Promise.reject(Object.assign(new Error("5 NOT_FOUND: no such key"), { code: 5 })),
    close: () => Promise.resolve(),
  };
  const registry = new Registry();
  const metrics = new EnvelopeMetrics({ registry, serverId: "apiserver-test" });
  const deps = { plugin, clock, random: new SeededRandom(1), log: silentLogger, metrics };
  const provider = new KmsProvider("vault", deps);
  return { said, asked: () => asked, provider, clock, text: () => metricsText(registry) };
}

test("a healthy plugin is asked anew after 20 s, another after 3 s, once for all who ask", async () => {
  const { said, asked, provider, clock } = world();
  assert.equal(await provider.health(), undefined);
  said.healthz = "sealed";
  await clock.advance(19_999);
  assert.equal(await provider.health(), undefined);
  assert.equal(asked(), 1);
  await clock.advance(1);
  const fault = "kmsv2 Provider vault is not healthy, error: got unexpected healthz status: sealed";
  assert.deepEqual(await Promise.all([provider.health(), provider.health()]), [fault, fault]);
  assert.equal(asked(), 2);
  said.healthz = "ok";
  await clock.advance(2999);
  assert.equal(await provider.health(), fault);
  await clock.advance(1);
  assert.equal(await provider.health(), undefined);
  assert.equal(asked(), 3);
});

test("keys that can't be are told by what is wrong with them", async () => {
  const { said, provider, text } = world();
  said.keyId = "";
  await assert.rejects(provider.probe());
  said.keyId = "x".repeat(1025);
  await assert.rejects(provider.probe());
  await assert.rejects(provider.probe());
  const now = await text();
  const invalid = `${name}_invalid_key_id_from_status_total`;
  assert.equal(valueIn(now, invalid, { provider_name: "vault", error: "empty" }), 1);
  assert.equal(valueIn(now, invalid, { provider_name: "vault", error: "too_long" }), 2);
});

test("what the plugin refuses has gRPC's code in Go's words, and values their key's hash", async () => {
  const { provider, clock, text } = world();
  await provider.probe();
  const sealed = provider.encrypt(Buffer.from("x"), "place");
  assert.equal(provider.decrypt(sealed, "place").toString(), "x");
  const other = new KmsProvider("vault", { ...worldDeps(clock), metrics: undefined });
  await other.probe();
  await assert.rejects(provider.prepare(other.encrypt(Buffer.from("x"), "place")) ?? Promise.resolve());
  const now = await text();
  const refused = { method_name: "/v2.KeyManagementService/Decrypt", grpc_status_code: "NotFound" };
  assert.equal(valueIn(now, `${name}_kms_operations_latency_seconds_count`, refused), 1);
  // One seed of its own, and one of another server's.
  assert.equal(valueIn(now, "apiserver_storage_data_key_generation_duration_seconds_count"), 1);
  assert.equal(valueIn(now, "apiserver_storage_envelope_transformation_cache_misses_total"), 1);
  for (const way of ["to_storage", "from_storage"]) {
    assert.equal(valueIn(now, `${name}_key_id_hash_total`, { transformation_type: way }), 1, way);
    const last = `${name}_key_id_hash_last_timestamp_seconds`;
    assert.equal(valueIn(now, last, { transformation_type: way }), clock.now() / 1000, way);
  }
});

function worldDeps(clock: ManualClock): ConstructorParameters<typeof KmsProvider>[1] {
  const keyId = "elsewhere";
  const plugin = {
    status: () => Promise.resolve({ healthz: "ok", version: "v2", keyId }),
    encrypt: (ciphertext: Buffer) => Promise.resolve({ ciphertext, keyId, annotations: [] }),
    decrypt: () => Promise.reject(new Error("never")),
    close: () => Promise.resolve(),
  };
  return { plugin, clock, random: new SeededRandom(2), log: silentLogger };
}
