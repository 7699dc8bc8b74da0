import assert from "node:assert/strict";
import { createDecipheriv } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { assert as holds, property, uint8Array } from "fast-check";
import { createScheme } from "#api/scheme.ts";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "#store/memory.ts";
import { storeSuite } from "#store/testing/store.suite.ts";
import { CacheFeed } from "../registry/cache-feed.ts";
import { cipherOf, keyLengths, type CipherName } from "./ciphers.ts";
import { ConfigurationFile } from "./configuration-file.ts";
import { EncryptionConfigurationError, parseEncryptionConfiguration } from "./configuration.ts";
import { EncryptingStore } from "./encrypting-store.ts";
import { resourceOfKey } from "./resource-of-key.ts";
import { DecryptionError, Transformer, transformerFinder } from "./transformer.ts";

const secretOf = (bytes: number, fill = 7): string => Buffer.alloc(bytes, fill).toString("base64");
const key = (name: string, fill = 7): { name: string; secret: string } => ({
  name,
  secret: secretOf(32, fill),
});

suite("ciphers", () => {
  for (const name of ["aescbc", "aesgcm", "secretbox"] satisfies CipherName[]) {
    for (const length of keyLengths[name]) {
      test(`${name} with a key of ${length} bytes gives back what it was given`, async () => {
        const cipher = await cipherOf(name, Buffer.alloc(length, 3));
        holds(
          property(uint8Array({ maxLength: 300 }), (bytes) => {
            const plain = Buffer.from(bytes);
            const sealed = cipher.encrypt(plain, "/registry/secrets/a/b");
            assert.deepEqual(cipher.decrypt(sealed, "/registry/secrets/a/b"), plain);
            assert.notDeepEqual(cipher.encrypt(plain, "/registry/secrets/a/b"), sealed);
          }),
          { numRuns: 50 },
        );
      });
    }

    test(`${name} finds another key`, async () => {
      const [one, two] = await Promise.all([1, 2].map((fill) => cipherOf(name, Buffer.alloc(32, fill))));
      const plain = Buffer.from("plain".repeat(10));
      const wrongly = (): Buffer | undefined => {
        const sealed = one?.encrypt(plain, "x") ?? Buffer.alloc(0);
        try {
          return two?.decrypt(sealed, "x");
        } catch {
          return undefined;
        }
      };
      const opened = Array.from({ length: 20 }, wrongly).filter((text) => text !== undefined);
      // CBC knows by its padding alone, which fits by chance once in 256 times.
      assert.ok(opened.length < (name === "aescbc" ? 10 : 1));
      assert.ok(!opened.some((text) => text.equals(plain)));
    });
  }

  test("aesgcm finds a value that was moved, and a bit that was turned", async () => {
    const cipher = await cipherOf("aesgcm", Buffer.alloc(32, 1));
    const sealed = cipher.encrypt(Buffer.from("plain"), "a");
    assert.throws(() => cipher.decrypt(sealed, "b"));
    sealed[14] = (sealed[14] ?? 0) ^ 1;
    assert.throws(() => cipher.decrypt(sealed, "a"));
  });

  test("aescbc is what anybody's AES-CBC is: the vector first, PKCS#7", async () => {
    const secret = Buffer.alloc(32, 5);
    const sealed = (await cipherOf("aescbc", secret)).encrypt(Buffer.from("hello"), "x");
    const decipher = createDecipheriv("aes-256-cbc", secret, sealed.subarray(0, 16));
    assert.equal(decipher.update(sealed.subarray(16), undefined, "utf8") + decipher.final("utf8"), "hello");
  });
});

const fileOf = (resources: unknown): string =>
  JSON.stringify({ apiVersion: "apiserver.config.k8s.io/v1", kind: "EncryptionConfiguration", resources });

const kms = (more: object): unknown[] => {
  const good = { apiVersion: "v2", name: "vault", endpoint: "unix:///run/kms.sock" };
  return [{ resources: ["secrets"], providers: [{ kms: { ...good, ...more } }] }];
};

suite("the configuration's faults, in upstream's words", () => {
  const identity = [{ identity: {} }];
  const cases: readonly [resources: unknown, fault: RegExp][] = [
    [[], /resources: Required value: at least one resources is required/],
    [[{ resources: [], providers: identity }], /resources\[0\].resources: Required value: at least one/],
    [[{ resources: ["secrets"], providers: [] }], /resources\[0\].providers: Required value: at least one/],
    [[{ resources: ["Secrets"], providers: identity }], /should not contain capital letters/],
    [
      [{ resources: ["*"], providers: identity }],
      /use '\*\.' to encrypt all the resources from core API group/,
    ],
    [[{ resources: ["secrets.*"], providers: identity }], /the same resource across groups is not supported/],
    [[{ resources: ["secrets", "*."], providers: identity }], /will be masked/],
    [[{ resources: ["secrets", "*.*"], providers: identity }], /will be masked/],
    [[{ resources: ["secrets", "secrets"], providers: identity }], /cannot be specified multiple times/],
    [[{ resources: ["events.events.k8s.io"], providers: identity }], /Use 'events' instead/],
    [[{ resources: ["secrets"], providers: [{}] }], /does not contain any of the expected providers/],
    [
      [{ resources: ["secrets"], providers: [{ identity: {}, aescbc: { keys: [key("a")] } }] }],
      /more than one provider specified/,
    ],
    [
      [{ resources: ["secrets"], providers: [{ aescbc: { keys: [] } }] }],
      /aescbc.keys: Required value: at least one keys/,
    ],
    [
      [{ resources: ["secrets"], providers: [{ aescbc: { keys: [{ name: "", secret: secretOf(32) }] } }] }],
      /keys\[0\].name: Required value: name is a mandatory field for a key/,
    ],
    [
      [{ resources: ["secrets"], providers: [{ aescbc: { keys: [{ name: "a", secret: "!" }] } }] }],
      /keys\[0\].secret: Invalid value: "REDACTED": secrets must be base64 encoded/,
    ],
    [
      [
        {
          resources: ["secrets"],
          providers: [{ secretbox: { keys: [{ name: "a", secret: secretOf(16) }] } }],
        },
      ],
      /secret is not of the expected length, got 16, expected one of \[32\]/,
    ],
    [[{ resources: ["secrets"], providers: [{ foo: {} }] }], /provider foo isn't known here/],
    [kms({ name: "" }), /kms.name: Required value: name is a mandatory field for a provider/],
    [kms({ name: "a:b" }), /kms.name: .*: invalid KMS provider name a:b, must not contain ':'/],
    [[...kms({}), ...kms({})], /kms.name: .*: duplicate KMS provider name vault, names must be unique/],
    [kms({ timeout: "0s" }), /kms.timeout: Invalid value: 0: timeout should be a positive value/],
    [kms({ endpoint: "" }), /kms.endpoint: Invalid value: "": endpoint is a mandatory field for a kms/],
    [
      kms({ endpoint: "http://a" }),
      /kms.endpoint: .*: unsupported scheme "http" for KMS provider, only unix/,
    ],
    [kms({ cachesize: 5 }), /kms.cachesize: Invalid value: 5: cachesize is not supported in v2/],
    [kms({ apiVersion: undefined }), /kms.apiVersion: Invalid value: "v1": KMSv1 is deprecated/],
    [
      kms({ apiVersion: "v3" }),
      /kms.apiVersion: .*: unsupported apiVersion apiVersion for KMS provider, only v1/,
    ],
  ];
  for (const [resources, fault] of cases) {
    test(fault.source, () => {
      assert.throws(() => parseEncryptionConfiguration("f", fileOf(resources)), fault);
    });
  }

  test("another kind, and what is no YAML, are named", () => {
    assert.throws(() => parseEncryptionConfiguration("f", "kind: Pod"), /is Pod of undefined/);
    assert.throws(() => parseEncryptionConfiguration("f", "a: [b"), EncryptionConfigurationError);
  });

  test("YAML as the documentation writes it is taken", () => {
    const text = [
      "apiVersion: apiserver.config.k8s.io/v1",
      "kind: EncryptionConfiguration",
      "resources:",
      "  - resources: [secrets, configmaps]",
      "    providers:",
      `      - aescbc: { keys: [{ name: key1, secret: ${secretOf(32)} }] }`,
      "      - identity: {}",
    ].join("\n");
    const [first] = parseEncryptionConfiguration("f", text).resources;
    assert.deepEqual(first?.resources, ["secrets", "configmaps"]);
  });
});

suite("which providers a resource has", async () => {
  const configuration = parseEncryptionConfiguration(
    "f",
    fileOf([
      { resources: ["secrets"], providers: [{ aescbc: { keys: [key("a")] } }] },
      { resources: ["*.apps"], providers: [{ aescbc: { keys: [key("b")] } }] },
      { resources: ["*."], providers: [{ aescbc: { keys: [key("c")] } }] },
      { resources: ["*.*"], providers: [{ identity: {} }] },
    ]),
  );
  const find = await transformerFinder(configuration);
  const cases: readonly [group: string, resource: string, name: string | undefined][] = [
    ["", "secrets", "a"],
    ["apps", "deployments", "b"],
    ["", "pods", "c"],
    ["example.com", "widgets", undefined],
  ];
  for (const [group, resource, name] of cases) {
    test(`${resource} of ${group || "the core"}`, () => {
      const sealed = find(group, resource)?.seal(Buffer.from("x"), "k").toString("latin1") ?? "";
      assert.equal(/^k8s:enc:aescbc:v1:(\w+):/.exec(sealed)?.[1], name);
    });
  }
});

test("the key of every resource leads back to it", () => {
  const find = resourceOfKey(createScheme());
  const cases: readonly [key: string, found: unknown][] = [
    ["/registry/secrets/a/b", { group: "", resource: "secrets" }],
    ["/registry/services/specs/a/b", { group: "", resource: "services" }],
    ["/registry/deployments/a/b", { group: "apps", resource: "deployments" }],
    ["/registry/example.com/widgets/a/b", { group: "example.com", resource: "widgets" }],
    ["/other", undefined],
    ["/registry/nothing/x", undefined],
  ];
  for (const [path, found] of cases) assert.deepEqual(find(path), found, path);
});

const anything = (): { group: string; resource: string } => ({ group: "", resource: "secrets" });
const sealing = async (...providers: Parameters<typeof Transformer.of>[0]): Promise<() => Transformer> => {
  const transformer = await Transformer.of(providers);
  return () => transformer;
};
const openPlain = (): ReturnType<typeof openMemoryStore> =>
  openMemoryStore({ clock: systemClock, log: silentLogger });

storeSuite("a store that encrypts", async () => {
  const store = new EncryptingStore(openPlain(), anything);
  store.configure(await sealing({ aesgcm: { keys: [key("one")] } }));
  return { store, dispose: () => Promise.resolve() };
});

suite("changes of the configuration", () => {
  const place = "/registry/secrets/a/b";
  const value = Buffer.from('{"metadata":{}}');

  test("old keys read, the first one writes, and what lies there otherwise is stale", async () => {
    const inner = openPlain();
    const store = new EncryptingStore(inner, anything);
    const raw = async (): Promise<string> => (await inner.get(place)).entry?.value.toString("latin1") ?? "";
    const rewrite = async (): Promise<void> => {
      const { entry } = await store.get(place);
      assert.ok(entry !== undefined);
      assert.deepEqual(entry.value, value);
      assert.equal(store.isStale(place, entry.value), true);
      await store.update(place, entry.value, entry.modRevision);
      assert.equal(store.isStale(place, (await store.get(place)).entry?.value ?? value), false);
    };
    await store.create(place, value);
    assert.equal(await raw(), value.toString("latin1"));
    store.configure(await sealing({ aescbc: { keys: [key("one")] } }, { identity: {} }));
    await rewrite();
    assert.match(await raw(), /^k8s:enc:aescbc:v1:one:/);
    store.configure(await sealing({ aescbc: { keys: [key("two", 9), key("one")] } }));
    await rewrite();
    store.configure(await sealing({ aescbc: { keys: [key("two", 9)] } }));
    assert.deepEqual((await store.get(place)).entry?.value, value);
    store.configure(await sealing({ identity: {} }, { aescbc: { keys: [key("two", 9)] } }));
    await rewrite();
    assert.equal(await raw(), value.toString("latin1"));
    await store.close();
  });

  test("what is alike is packed where it lies in plain; what is sealed isn't taken for stale", async () => {
    const inner = openPlain();
    const store = new EncryptingStore(inner, anything);
    const large = Buffer.from(JSON.stringify({ metadata: {}, note: "n".repeat(1000) }));
    const feed = new CacheFeed({ store, clock: systemClock, random: systemRandom, log: silentLogger });
    const cache = feed.cache("secrets", true);
    const stop = new AbortController();
    const filled = Promise.withResolvers<void>();
    const running = feed.run(stop.signal, filled.resolve);
    await filled.promise;
    const names = ["one", "two", "three"];
    for (const name of names) await store.create(`/registry/secrets/a/plain-${name}`, large);
    store.configure(await sealing({ aescbc: { keys: [key("one")] } }, { identity: {} }));
    for (const name of names) await store.create(`/registry/secrets/a/sealed-${name}`, large);
    await feed.fresh();
    for (const name of names) {
      const plain = (await inner.get(`/registry/secrets/a/plain-${name}`)).entry;
      assert.equal(plain?.kept?.isPacked, name !== "one", `plain-${name}`);
      for (const [kind, isStale] of [
        ["plain", true],
        ["sealed", false],
      ] as const) {
        const object = cache.get("a", `${kind}-${name}`);
        assert.deepEqual(object?.value, large);
        assert.equal(store.isStale(`/registry/secrets/a/${kind}-${name}`, object.value), isStale);
      }
    }
    const { entries } = await store.list("/registry/secrets/");
    for (const entry of entries) assert.deepEqual(entry.value, large);
    stop.abort();
    await running;
    await store.close();
  });

  test("a value of a key that isn't there any more is handed on with the reason, and so is the rest", async () => {
    const inner = openPlain();
    const first = new EncryptingStore(inner, anything);
    first.configure(await sealing({ secretbox: { keys: [key("one")] } }));
    await first.create(place, value);
    const second = new EncryptingStore(inner, anything);
    second.configure(await sealing({ secretbox: { keys: [key("two")] } }));
    const { entry } = await second.get(place);
    assert.ok(entry?.fault instanceof DecryptionError);
    assert.equal(entry.fault.message, "no matching key was found for the provided Secretbox transformer");
    assert.deepEqual(
      (await second.list("/registry/")).entries.map(({ fault }) => fault?.message),
      [entry.fault.message],
    );
    await inner.close();
  });

  test("a file is followed: a new one counts, one that can't be used doesn't", async () => {
    const directory = await mkdtemp(join(tmpdir(), "mini-k8s-encryption-"));
    const inner = openPlain();
    try {
      const path = join(directory, "encryption.yaml");
      const write = async (resources: unknown): Promise<void> => {
        await writeFile(`${path}.new`, typeof resources === "string" ? resources : fileOf(resources));
        await rename(`${path}.new`, path);
      };
      await write([{ resources: ["secrets"], providers: [{ identity: {} }] }]);
      const loaded: string[] = [];
      const loads = new Map<string, () => void>();
      const log = {
        ...silentLogger,
        info: () => loads.get("info")?.(),
        error: () => loads.get("error")?.(),
      };
      const next = (level: string): Promise<void> =>
        new Promise((resolve) => {
          loads.set(level, () => {
            loaded.push(level);
            resolve();
          });
        });
      const store = new EncryptingStore(inner, anything);
      const file = new ConfigurationFile(path, {
        store,
        log,
        clock: systemClock,
        random: systemRandom,
        loaded: () => undefined,
      });
      await file.load();
      const stop = file.follow();
      const before = file.hash;
      const isLoaded = next("info");
      await write([{ resources: ["secrets"], providers: [{ aescbc: { keys: [key("one")] } }] }]);
      await isLoaded;
      assert.notEqual(file.hash, before);
      const isRefused = next("error");
      await write("kind: Nothing");
      await isRefused;
      await store.create(place, value);
      assert.match((await inner.get(place)).entry?.value.toString("latin1") ?? "", /^k8s:enc:aescbc:v1:one:/);
      stop();
    } finally {
      await inner.close();
      await rm(directory, { recursive: true });
    }
  });
});
