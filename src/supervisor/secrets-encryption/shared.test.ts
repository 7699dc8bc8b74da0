/** Several servers on one store: the same keys everywhere, before each step and after it. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, suite, test } from "node:test";
import { ManualClock, settle, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { openMemoryStore } from "#store/memory.ts";
import type { Store } from "#store/store.ts";
import { newKey, readState } from "./files.ts";
import { configurationText, hashOf } from "./keeper.ts";
import { readStepRequest, type Step } from "./messages.ts";
import { newState, StageError } from "./plan.ts";
import { SecretsKeys, type Servers } from "./service.ts";
import { SharedKeeper, sharedStateKey } from "./shared.ts";

const basis = { clock: systemClock, random: systemRandom, log: silentLogger };
const first = (isEnabled: boolean) => () => newState(newKey(systemRandom, "aescbckey"), isEnabled);

function keeperOn(t: TestContext, store: Store, password = "sesam"): { keeper: SharedKeeper; path: string } {
  const directory = mkdtempSync(join(tmpdir(), "mini-k8s-keys-"));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const path = join(directory, "encryption-config.json");
  return { keeper: new SharedKeeper({ path, password }, { ...basis, store }), path };
}

test("servers that start together have the same keys, and the store doesn't tell them", async (t) => {
  const store = openMemoryStore(basis);
  const servers = [keeperOn(t, store), keeperOn(t, store), keeperOn(t, store)];
  const states = await Promise.all(servers.map(({ keeper }) => keeper.start(first(true))));
  assert.equal(new Set(states.map(hashOf)).size, 1);
  const texts = servers.map(({ path }) => readFileSync(path, "utf8"));
  assert.equal(new Set(texts).size, 1);
  const { entry } = await store.get(sharedStateKey);
  assert.doesNotMatch(entry?.value.toString("latin1") ?? "", /aescbckey/);
  const stranger = keeperOn(t, store, "simsim");
  await assert.rejects(stranger.keeper.start(first(true)), /another password/);
});

test("a cluster that is moved to a shared store brings its keys along", async (t) => {
  const { keeper, path } = keeperOn(t, openMemoryStore(basis));
  await keeper.start(first(true));
  const before = await readState(path);
  const state = await new SharedKeeper(
    { path, password: "sesam" },
    { ...basis, store: openMemoryStore(basis) },
  ).start(first(false));
  assert.deepEqual(state, before);
});

/** Each server's file, and what it has read of it: as the apiservers' registers tell it. */
class Fakes implements Servers {
  readonly #paths: readonly string[];
  readonly #listeners = new Set<() => void>();
  readonly #hashes = new Map<string, string>();
  readonly asleep = new Set<string>();

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  get servers() {
    return this.#paths.map((path, at) => ({
      address: `10.0.0.${at + 1}`,
      port: 6443,
      encryptionHash: this.#hashes.get(path) ?? "",
    }));
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async read(): Promise<void> {
    for (const path of this.#paths) {
      const state = this.asleep.has(path) ? undefined : await readState(path);
      if (state !== undefined) this.#hashes.set(path, hashOf(state));
    }
    for (const listener of this.#listeners) listener();
  }
}

async function cluster(t: TestContext, clock = new ManualClock()) {
  const store = openMemoryStore(basis);
  const keepers = [keeperOn(t, store), keeperOn(t, store)];
  for (const { keeper } of keepers) await keeper.start(first(true));
  const fakes = new Fakes(keepers.map(({ path }) => path));
  await fakes.read();
  const stop = new AbortController();
  const following = keepers.map(({ keeper }) => keeper.follow(stop.signal));
  // A poll, as files are followed by the apiserver only.
  const reading = (async () => {
    while (!stop.signal.aborted) {
      await systemClock.sleep(5, stop.signal).catch(() => undefined);
      await fakes.read();
    }
  })();
  t.after(async () => {
    stop.abort();
    await Promise.all([...following, reading]);
  });
  const keys = keepers.map(
    ({ keeper }) => new SecretsKeys({ keeper, servers: fakes, clock, random: systemRandom }),
  );
  return { keys: keys as [SecretsKeys, SecretsKeys], fakes, keepers, clock };
}

const take = async (keys: SecretsKeys, step: Step) => {
  const { hash } = await keys.report();
  return keys.step({ step, hash, isForced: false });
};

suite("steps", () => {
  test("each is over when all servers have read it, whichever was asked", async (t) => {
    const { keys, keepers } = await cluster(t);
    const [one, other] = keys;
    for (const [step, by] of [
      ["prepare", one],
      ["rotate", other],
      ["finish", one],
    ] as const) {
      const report = await take(by, step);
      assert.deepEqual(report.behind, []);
      const files = keepers.map(({ path }) => readFileSync(path, "utf8"));
      assert.equal(files[0], files[1]);
      assert.equal((await other.report()).hash, report.hash);
    }
    const report = await one.report();
    assert.equal(report.stage, "reencrypt_finished");
    assert.equal(report.keys.length, 1);
    assert.match(report.keys[0] ?? "", /^aescbckey-\d/);
    assert.equal(
      JSON.stringify(report).includes((await keepers[0]?.keeper.read())?.keys[0]?.secret ?? ""),
      false,
    );
  });

  test("none while a server has other keys; one that doesn't read in time is named", async (t) => {
    const { keys, fakes, keepers, clock } = await cluster(t);
    fakes.asleep.add(keepers[1]?.path ?? "");
    const late = assert.rejects(
      take(keys[0], "prepare"),
      /10\.0\.0\.2:6443 hasn't read the new keys within 40 s/,
    );
    while ((await keys[0].report()).stage === "start") await settle();
    await systemClock.sleep(20, AbortSignal.timeout(10_000));
    await clock.advance(40_000);
    await late;
    assert.deepEqual((await keys[0].report()).behind, ["10.0.0.2:6443"]);
    await assert.rejects(take(keys[0], "rotate"), /rotate: hash does not match at 10\.0\.0\.2:6443/);
    fakes.asleep.clear();
    await fakes.read();
    assert.equal((await take(keys[0], "rotate")).stage, "rotate");
  });

  test("decided on older keys, it is refused; two at once, only one is taken", async (t) => {
    const { keys } = await cluster(t);
    const { hash } = await keys[0].report();
    const both = await Promise.allSettled(
      keys.map((each) => each.step({ step: "prepare", hash, isForced: false })),
    );
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    await assert.rejects(
      keys[1].step({ step: "rotate", hash, isForced: false }),
      /somebody else has changed/,
    );
  });
});

test("without keys there is nothing to change", async () => {
  const servers = { servers: [], listen: () => () => undefined };
  const keys = new SecretsKeys({ ...basis, keeper: undefined, servers });
  await assert.rejects(keys.report(), StageError);
});

test("a request must name a step and the keys it was decided on", () => {
  const cases: readonly [body: unknown, read: unknown][] = [
    [undefined, "the request must be a JSON object"],
    [{ step: "jump" }, 'step is "jump", must be one of enable, disable, prepare, rotate, finish'],
    [{ step: "rotate" }, "hash is missing"],
    [
      { step: "rotate", hash: "x" },
      { step: "rotate", hash: "x", isForced: false },
    ],
  ];
  for (const [body, read] of cases) assert.deepEqual(readStepRequest(body), read);
});

test("the configuration is the same text for the same keys: servers compare its hash", () => {
  const state = newState({ name: "one", secret: "MQ==" }, true);
  assert.equal(configurationText(state), configurationText({ ...state, stage: "reencrypt_finished" }));
});
