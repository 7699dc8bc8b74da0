import assert from "node:assert/strict";
import { createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { ManualClock, settle, systemClock, type Clock } from "#base/clock.ts";
import { silentLogger, type Logger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { openMemoryStore } from "#store/memory.ts";
import type { EventBatch, Store } from "#store/store.ts";
import { ConfigurationFile } from "../configuration-file.ts";
import { EncryptingStore } from "../encrypting-store.ts";
import { readKms } from "./configuration.ts";
import { encryptedObject } from "./messages.ts";
import { seedCipher } from "./envelope-ciphers.ts";
import { KmsProvider } from "./provider.ts";
import { KmsProviders } from "./providers.ts";
import { TestKmsPlugin } from "./testing/test-plugin.ts";

const place = "/registry/secrets/a/b";
const value = Buffer.from('{"metadata":{}}');

test("a value's own key follows from the seed as HKDF has it; info, nonce, text, tag", () => {
  const seed = randomBytes(32);
  const sealed = seedCipher(seed).encrypt(Buffer.from("hello"), place);
  assert.equal(seedCipher(seed).decrypt(sealed, place).toString(), "hello");
  assert.throws(() => seedCipher(seed).decrypt(sealed, "/elsewhere"));
  const info = sealed.subarray(0, 32);
  const key = createHmac("sha256", seed).update(info).update("\u0001").digest();
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(32, 44))
    .setAAD(Buffer.from(place))
    .setAuthTag(sealed.subarray(-16));
  assert.equal(
    decipher.update(sealed.subarray(44, -16), undefined, "utf8") + decipher.final("utf8"),
    "hello",
  );
});

/** A folder with a plugin's socket and a configuration that names it, and a store behind both. */
class Setup implements AsyncDisposable {
  readonly #directory: string;
  readonly inner: Store;
  readonly plugin: TestKmsPlugin;
  readonly path: string;
  kms = {};
  readonly #files: ConfigurationFile[] = [];

  private constructor(directory: string, plugin: TestKmsPlugin) {
    this.#directory = directory;
    this.plugin = plugin;
    this.path = join(directory, "encryption.yaml");
    this.inner = openMemoryStore({ clock: systemClock, log: silentLogger });
  }

  static async make(): Promise<Setup> {
    const directory = await mkdtemp(join(tmpdir(), "mini-k8s-kms-"));
    const socket = join(directory, "kms.sock");
    const setup = new Setup(directory, await TestKmsPlugin.start(socket));
    setup.kms = { apiVersion: "v2", name: "vault", endpoint: `unix://${socket}` };
    await setup.write([{ resources: ["secrets"], providers: [{ kms: setup.kms }, { identity: {} }] }]);
    return setup;
  }

  async write(resources: unknown): Promise<void> {
    const head = { apiVersion: "apiserver.config.k8s.io/v1", kind: "EncryptionConfiguration" };
    await writeFile(this.path, JSON.stringify({ ...head, resources }));
  }

  /** As another server of the same store has it. */
  async open(
    clock: Clock = systemClock,
    log: Logger = silentLogger,
  ): Promise<{ store: EncryptingStore; file: ConfigurationFile }> {
    const store = new EncryptingStore(this.inner, () => ({ group: "", resource: "secrets" }));
    const deps = { store, clock, random: systemRandom, log, loaded: () => undefined };
    const file = new ConfigurationFile(this.path, deps);
    this.#files.push(file);
    await file.load();
    return { store, file };
  }

  async raw(): Promise<Buffer> {
    return (await this.inner.get(place)).entry?.value ?? Buffer.alloc(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files) await file.close();
    await this.plugin[Symbol.asyncDispose]();
    await this.inner.close();
    await rm(this.#directory, { recursive: true });
  }
}

const prefix = "k8s:enc:kms:v2:vault:";

suite("values under a KMS plugin", () => {
  test("are encrypted with one seed, which the plugin is asked for once by each server that reads them", async () => {
    await using setup = await Setup.make();
    const { plugin } = setup;
    const { store } = await setup.open();
    await store.create(place, value);
    await store.create(`${place}2`, value);
    assert.deepEqual(plugin.asked, ["Status", "Encrypt"]);
    const raw = await setup.raw();
    assert.equal(raw.subarray(0, prefix.length).toString(), prefix);
    const envelope = encryptedObject.decode(raw.subarray(prefix.length));
    assert.deepEqual([envelope.keyId, envelope.sourceType], ["one", 1]);
    assert.equal(envelope.annotations[0]?.key, "test.example.com/kind");
    assert.equal(raw.includes(value), false);

    const { store: other } = await setup.open();
    plugin.asked.length = 0;
    const { entries } = await other.list("/registry/");
    assert.deepEqual(
      entries.map((entry) => entry.value),
      [value, value],
    );
    assert.deepEqual((await other.get(place)).entry?.value, value);
    assert.deepEqual(plugin.asked, ["Decrypt"]);
  });

  test("are handed on with the reason while a plugin can't be asked for their key", async () => {
    await using setup = await Setup.make();
    const { plugin } = setup;
    const { store } = await setup.open();
    const { store: other } = await setup.open();
    const stop = new AbortController();
    const watch = other.watch("/registry/", { startRevision: 1n, signal: stop.signal });
    const batches = watch[Symbol.asyncIterator]();
    plugin.isRefusing = true;
    await store.create(place, value);
    const reason = /^failed to decrypt DEK, error: rpc error: code = /;
    const seen: (Error | undefined)[] = [];
    while (seen.length === 0) {
      const { value: batch } = (await batches.next()) as { value: EventBatch };
      seen.push(...batch.events.map(({ entry }) => entry.fault));
    }
    assert.match(seen[0]?.message ?? "", reason);
    assert.match((await other.get(place)).entry?.fault?.message ?? "", reason);
    plugin.isRefusing = false;
    const { entry } = await other.get(place);
    assert.deepEqual([entry?.fault, entry?.value], [undefined, value]);
    stop.abort();
    await batches.next();
  });

  test("are stale once the plugin has another key, and read all the same", async () => {
    await using setup = await Setup.make();
    const { store } = await setup.open();
    const { value: stored } = await store.create(place, value);
    assert.equal(store.isStale(place, stored), false);
    setup.plugin.keyId = "two";
    const { store: later } = await setup.open();
    const { entry } = await later.get(place);
    assert.ok(entry !== undefined);
    assert.deepEqual(entry.value, value);
    assert.equal(later.isStale(place, entry.value), true);
    await later.update(place, entry.value, entry.modRevision);
    const again = (await later.get(place)).entry?.value ?? Buffer.alloc(0);
    assert.equal(later.isStale(place, again), false);
    assert.deepEqual(encryptedObject.decode((await setup.raw()).subarray(prefix.length)).keyId, "two");
  });

  test("are written for three minutes with a plugin that fails, and again when it is well; its health is told", async () => {
    const clock = new ManualClock();
    const said = { healthz: "ok", keyId: "one", version: "v2" };
    const plugin = {
      status: () => Promise.resolve({ ...said }),
      encrypt: (ciphertext: Buffer) => Promise.resolve({ ciphertext, keyId: said.keyId, annotations: [] }),
      decrypt: ({ ciphertext }: { readonly ciphertext: Buffer }) => Promise.resolve(ciphertext),
      close: () => Promise.resolve(),
    };
    const provider = new KmsProvider("vault", { plugin, clock, random: systemRandom, log: silentLogger });
    const stop = new AbortController();
    await provider.probe();
    const running = provider.run(stop.signal);
    const sealed = provider.encrypt(value, place);
    said.healthz = "sealed";
    await clock.advance(60_000);
    assert.equal(
      provider.fault,
      "kmsv2 Provider vault is not healthy, error: got unexpected healthz status: sealed",
    );
    await clock.advance(120_000);
    provider.encrypt(value, place);
    await clock.advance(1);
    assert.throws(
      () => provider.encrypt(value, place),
      /encryptedDEKSource with keyID hash "sha256:[0-9a-f]{64}" expired at .* \(current time is /,
    );
    assert.deepEqual(provider.decrypt(sealed, place), value);
    said.healthz = "ok";
    await clock.advance(10_000);
    assert.equal(provider.fault, undefined);
    assert.equal(provider.isStale(provider.encrypt(value, place)), false);
    said.keyId = "two";
    await clock.advance(60_000);
    assert.equal(provider.isStale(sealed), true);
    assert.deepEqual(provider.decrypt(sealed, place), value);
    stop.abort();
    await running;
  });

  test("are read on when the configuration changes, as long as it names the plugin", async () => {
    await using setup = await Setup.make();
    const { store, file } = await setup.open();
    await store.create(place, value);
    await setup.write([{ resources: ["secrets"], providers: [{ identity: {} }, { kms: setup.kms }] }]);
    assert.equal(await file.load(), true);
    setup.plugin.asked.length = 0;
    // What was sealed or opened here is remembered; only a new server has to ask.
    const { store: later } = await setup.open();
    const { entry } = await later.get(place);
    assert.ok(entry !== undefined);
    assert.deepEqual([entry.value, later.isStale(place, entry.value)], [value, true]);
    assert.deepEqual(setup.plugin.asked, ["Status", "Encrypt", "Decrypt"]);
    await later.update(place, entry.value, entry.modRevision);
    await setup.write([{ resources: ["secrets"], providers: [{ identity: {} }] }]);
    assert.equal(await file.load(), true);
    assert.deepEqual((await store.get(place)).entry?.value, value);
    assert.deepEqual(await setup.raw(), value);
  });

  test("are waited for when a server starts before its plugin", async () => {
    await using setup = await Setup.make();
    setup.plugin.isRefusing = true;
    const clock = new ManualClock(systemClock.now());
    const log = {
      ...silentLogger,
      warn: (): void => {
        setup.plugin.isRefusing = false;
        void settle().then(() => clock.advance(1000));
      },
    };
    const { store } = await setup.open(clock, log);
    await store.create(place, value);
    assert.deepEqual(setup.plugin.asked, ["Status", "Status", "Encrypt"]);
  });

  test("need a plugin that answers as it must", async () => {
    await using setup = await Setup.make();
    const { plugin } = setup;
    for (const [wrong, reason] of [
      [{ version: "v3" }, "expected KMSv2 API version v2, got v3"],
      [{ version: "v2", keyId: "" }, "keyID is empty"],
      [{ keyId: "x".repeat(1025) }, "keyID is 1025 bytes, which exceeds the max size of 1024"],
    ] as const) {
      Object.assign(plugin, wrong);
      const stop = new AbortController();
      const provider = new KmsProviders([readKms(setup.kms)], {
        clock: systemClock,
        random: systemRandom,
        log: silentLogger,
      });
      await assert.rejects(provider.ready(0, stop.signal), {
        message: `kmsv2 Provider vault is not healthy, error: ${reason}`,
      });
      await provider.close();
    }
  });
});
