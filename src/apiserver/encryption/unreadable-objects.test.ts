/** A server over a store in which something can't be decrypted: the rest of it works, and what is wrong is said as by upstream. */
import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import type { AnyObject, KubeObject } from "#api/meta/object.ts";
import { configMaps, podTemplates, secrets } from "#api/resources.ts";
import { StatusError, type Status } from "#api/meta/status.ts";
import { settle, systemClock } from "#base/clock.ts";
import { silentLogger, type Logger } from "#base/log.ts";
import type { Client } from "#client/client.ts";
import { openMemoryStore } from "#store/memory.ts";
import { openDoor, parsed } from "#testing/door-client.ts";

const key = (name: string, fill: number): object => ({
  aescbc: { keys: [{ name, secret: Buffer.alloc(32, fill).toString("base64") }] },
});
const leases = { resources: ["secrets", "leases.coordination.k8s.io", "podtemplates"] };
const configuration = (...providers: readonly object[]): string =>
  JSON.stringify({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [{ ...leases, providers }],
  });

const noKey = "no matching key was found for the provided AES transformer";
const admin = { name: "admin", groups: ["system:masters"] };

interface Answered {
  readonly code: number | undefined;
  readonly message: string | undefined;
  readonly retryAfter: number | undefined;
}

async function refusal(run: Promise<unknown>): Promise<Answered> {
  const error: unknown = await run.then(
    () => assert.fail("it was answered"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StatusError);
  const { code, message, details } = error.status;
  return { code, message, retryAfter: details?.retryAfterSeconds };
}

const internal = (message: string): Answered => ({
  code: 500,
  message: `Internal error occurred: ${message}`,
  retryAfter: undefined,
});
const initializing = { code: 429, message: "storage is (re)initializing" };

const create = (client: Client, namespace: string, name: string): Promise<unknown> =>
  client.resource(secrets, namespace).create({ metadata: { name, namespace }, data: { a: "YQ==" } });

suite("objects that can't be read", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mini-k8s-unreadable-"));
  const path = join(directory, "encryption.json");
  const configure = async (...providers: readonly object[]): Promise<void> => {
    await writeFile(`${path}.new`, configuration(...providers));
    await rename(`${path}.new`, path);
  };
  const store = openMemoryStore({ clock: systemClock, log: silentLogger });
  const whole = Promise.withResolvers<void>();
  const info: Logger["info"] = (message, fields) => {
    const isOfSecrets = fields?.["prefix"] === "/registry/secrets/";
    if (message === "all objects can be read again" && isOfSecrets) whole.resolve();
  };
  const log: Logger = { ...silentLogger, info, child: () => log };
  const open = (): ReturnType<typeof openDoor> => openDoor({ encryptionConfiguration: path }, { store, log });

  await configure(key("one", 1), { identity: {} });
  const before = await open();
  const earlier = before.server.client(admin);
  for (const name of ["b", "d"]) await create(earlier, "default", name);
  const template = { spec: { containers: [{ name: "c", image: "i" }] } };
  await earlier
    .resource(podTemplates, "default")
    .create({ metadata: { name: "t", namespace: "default" }, template });
  await before.close();

  // From now on another key writes, and the old one is lost.
  await configure(key("two", 2), { identity: {} });
  await store.create("/registry/secrets/default/a", Buffer.from(JSON.stringify(plain("a"))));
  await store.create("/registry/secrets/kube-system/x", Buffer.from(JSON.stringify(plain("x"))));
  const door = await open();
  const client = door.server.client(admin);
  const inDefault = client.resource(secrets, "default");
  after(async () => {
    await door.close();
    await store.close();
    await rm(directory, { recursive: true });
  });
  const text = async (of: string): Promise<string> => (await door.h2("GET", of)).body.toString("utf8");
  /** Clients of ours would come again when they are told so. */
  const asked = async (query: string): Promise<Omit<Answered, "retryAfter">> => {
    const got = await door.h2("GET", `/api/v1/namespaces/default/secrets?${query}`);
    const { message, details } = parsed(got) as unknown as Status;
    assert.ok((details?.retryAfterSeconds ?? 0) >= 1);
    assert.equal(got.headers["retry-after"], String(details?.retryAfterSeconds));
    return { code: got.status, message };
  };
  const ready = async (): Promise<string> =>
    (await text("/readyz?verbose"))
      .split("\n")
      .filter((line) => line.startsWith("[-]"))
      .join();

  test("the server serves, and is not ready, as informers of its own don't know all Secrets", async () => {
    assert.equal(await ready(), "[-]informer-sync failed: reason withheld");
    assert.equal(
      await text("/readyz/informer-sync"),
      "internal server error: 1 informers not started yet: [*v1.Secret]\n",
    );
    assert.equal(await text("/livez"), "ok");
    await client
      .resource(configMaps, "default")
      .create({ metadata: { name: "works", namespace: "default" } });
    assert.ok((await client.resource(configMaps, "default").list({})).items.length > 0);
  });

  test("one is refused by itself; others aren't, and new ones are made", async () => {
    assert.deepEqual(await refusal(inDefault.get("b")), internal(noKey));
    assert.deepEqual(await refusal(inDefault.delete("b")), internal(noKey));
    assert.deepEqual(
      await refusal(inDefault.update({ metadata: { name: "b", namespace: "default" } })),
      internal(noKey),
    );
    assert.equal((await inDefault.get("a")).metadata?.name, "a");
    await create(client, "kube-system", "y");
    const changed = await client
      .resource(secrets, "kube-system")
      .update({ metadata: { name: "y", namespace: "kube-system" }, data: { b: "Yg==" } });
    assert.equal(changed.metadata?.name, "y");
    assert.equal((await refusal(create(client, "default", "b"))).code, 409);
  });

  test("lists by parts are told up to it, others and watches are refused for now", async () => {
    const first = `unable to transform key "/registry/secrets/default/b": ${noKey}`;
    assert.deepEqual(await refusal(inDefault.list({ limit: 500 })), internal(first));
    const page = await inDefault.list({ limit: 1 });
    assert.deepEqual(names(page), ["a"]);
    assert.deepEqual(
      await refusal(inDefault.list({ limit: 1, continue: page.metadata.continue ?? "" })),
      internal(first),
    );
    assert.deepEqual(names(await client.resource(secrets, "kube-system").list({ limit: 500 })), ["x", "y"]);
    for (const query of ["", "resourceVersion=0", "limit=5&labelSelector=a%3Db", "watch=true"]) {
      assert.deepEqual(await asked(query), initializing, query);
    }
    const exact = page.metadata.resourceVersion ?? "";
    assert.deepEqual(
      await refusal(inDefault.list({ resourceVersion: exact, resourceVersionMatch: "Exact" })),
      internal(first),
    );
  });

  test("so it is with what nobody follows", async () => {
    const templates = "/api/v1/namespaces/default/podtemplates";
    const list = JSON.parse(await text(`${templates}?limit=500`)) as AnyObject;
    assert.equal(
      list["message"],
      `Internal error occurred: unable to transform key "/registry/podtemplates/default/t": ${noKey}`,
    );
    const one = JSON.parse(await text(`${templates}/t`)) as AnyObject;
    assert.equal(one["message"], `Internal error occurred: ${noKey}`);
  });

  test("with the key all of it is there again, by itself", async () => {
    await configure(key("two", 2), key("one", 1), { identity: {} });
    await whole.promise;
    const watch = inDefault.watch({}, new AbortController().signal)[Symbol.asyncIterator]();
    assert.equal((await watch.next()).done, false);
    await watch.return?.();
    assert.deepEqual(names(await inDefault.list({})), ["a", "b", "d"]);
    // Its own informers ask again before long.
    while ((await ready()) !== "") await settle();
    await inDefault.delete("b");
  });

  test("what becomes unreadable ends watches, and is forgotten when it is written over or goes", async () => {
    const watch = inDefault.watch({ resourceVersion: "0" }, new AbortController().signal);
    const events = watch[Symbol.asyncIterator]();
    for (const name of ["a", "d"]) {
      const { value } = (await events.next()) as { value: { object: AnyObject } };
      assert.equal(value.object.metadata?.name, name);
    }
    const garbage = Buffer.from("k8s:enc:aescbc:v1:two:0123456789abcdef0123456789");
    const entry = await store.create("/registry/secrets/default/g", garbage);
    assert.equal((await events.next()).done, true);
    const said = "the stored data is not a multiple of the block size";
    assert.deepEqual(await refusal(inDefault.get("g")), internal(said));
    assert.deepEqual(await asked(""), initializing);
    // A server is ready once it was: its informers know what was last.
    assert.equal(await ready(), "");
    await store.update(entry.key, Buffer.from(JSON.stringify(plain("g"))), entry.modRevision);
    assert.deepEqual(names(await inDefault.list({})), ["a", "d", "g"]);
    await store.create("/registry/secrets/default/h", Buffer.from("nothing"));
    const unexplained = await refusal(inDefault.get("h"));
    assert.match(
      unexplained.message ?? "",
      /^couldn't get version\/kind; json parse error: json: cannot unmarshal string/,
    );
    await store.delete("/registry/secrets/default/h");
    assert.deepEqual(names(await inDefault.list({})), ["a", "d", "g"]);
  });
});

const plain = (name: string, namespace = name === "x" ? "kube-system" : "default"): AnyObject => ({
  kind: "Secret",
  apiVersion: "v1",
  metadata: { name, namespace, uid: `u-${name}`, creationTimestamp: "2026-01-01T00:00:00Z" },
  type: "Opaque",
});

const names = ({ items }: { readonly items: readonly KubeObject[] }): (string | undefined)[] =>
  items.map(({ metadata }) => metadata?.name);
