/** Watches over WebSocket, as a client sees them. Logs: connect/kubelets.test.ts. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { WebSocket } from "ws";
import type { AnyObject } from "#api/meta/object.ts";
import {
  conditionOf,
  define,
  isEstablished,
  version,
  widgetDefinition,
} from "#apiserver/crd/testing/widgets.ts";
import { clusterRoleBindings, configMaps } from "#api/resources.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { createClient } from "#client/rest.ts";
import { openMemoryStore } from "#store/memory.ts";
import { openDoor, parsed } from "#testing/door-client.ts";
import { startTestServer, type TestServer } from "#testing/server.ts";

const namespace = "/api/v1/namespaces/default";
const maps = `${namespace}/configmaps`;
const widgets = "/apis/example.com/v1/namespaces/default/widgets";
const json = { "content-type": "application/json" };

const { server, h1, h2, close } = await openDoor();
after(close);
const local = createClient(server.apiserver.local({ name: "system:admin", groups: ["system:masters"] }));
await define(local, widgetDefinition([version("v1")]));
await conditionOf(local, "widgets.example.com", isEstablished);

interface Opening {
  readonly at?: TestServer;
  readonly user?: string;
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** "": none. */
function credentials(user: string, at = server): { ca: string; cert?: string; key?: string } {
  if (user === "") return { ca: at.caPem };
  const { certificatePem: cert, keyPem: key } = at.certificate(
    user,
    user === "admin" ? ["system:masters"] : [],
  );
  return { ca: at.caPem, cert, key };
}

/** As an administrator, from some page. */
const opened = (
  path: string,
  { at = server, user = "admin", protocols = [], headers }: Opening = {},
): WebSocket =>
  new WebSocket(`${at.url}${path}`, [...protocols], {
    ...credentials(user, at),
    headers: { origin: "https://example.com", ...headers },
  });

interface Said {
  readonly messages: readonly Buffer[];
  readonly kinds: ReadonlySet<"text" | "binary">;
  readonly code: number;
}

async function allOf(socket: WebSocket): Promise<Said> {
  const messages: Buffer[] = [];
  const kinds = new Set<"text" | "binary">();
  socket.on("message", (data, isBinary) => {
    messages.push(data as Buffer);
    kinds.add(isBinary ? "binary" : "text");
  });
  const [code] = (await once(socket, "close")) as [number];
  return { messages, kinds, code };
}

const eventOf = (message: Buffer): { type: string; object: AnyObject } =>
  JSON.parse(message.toString("utf8")) as { type: string; object: AnyObject };

const handshake = {
  connection: "Upgrade",
  upgrade: "websocket",
  origin: "https://example.com",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
};

await h2("POST", maps, json, JSON.stringify({ metadata: { name: "first" }, data: { a: "ä" } }));
await h2("POST", maps, json, JSON.stringify({ metadata: { name: "second" } }));
await h2(
  "POST",
  widgets,
  json,
  JSON.stringify({ apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "w" }, spec: {} }),
);

const lengthPrefixed = (body: Buffer): Buffer[] => {
  const events: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const end = at + 4 + body.readUInt32BE(at);
    events.push(body.subarray(at + 4, end));
    at = end;
  }
  return events;
};
const lines = (body: Buffer): Buffer[] =>
  body
    .toString("utf8")
    .split(/(?<=\n)/)
    .map((each) => Buffer.from(each));

const partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const protobuf = "application/vnd.kubernetes.protobuf";
test("a watch has the events of any other, each a message, and a close when its time is over", async () => {
  const cases = [
    [maps, "application/json", "text", lines],
    [maps, partial, "text", lines],
    [maps, protobuf, "binary", lengthPrefixed],
    [widgets, "application/json", "text", lines],
  ] as const;
  const query = "?watch=true&timeoutSeconds=1&resourceVersion=0";
  const compared = cases.map(async ([path, accept, kind, eventsOf]) => {
    const [plain, said] = await Promise.all([
      h2("GET", `${path}${query}`, { accept }),
      allOf(opened(`${path}${query}`, { headers: { accept } })),
    ]);
    assert.deepEqual(said.messages, eventsOf(plain.body));
    assert.ok(said.messages.length > 0);
    assert.deepEqual([said.code, ...said.kinds], [1000, kind]);
  });
  await Promise.all(compared);
});

test("what the client says is ignored, its pings are answered, what happens meanwhile is told; bookmarks are", async () => {
  const query =
    "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const socket = opened(`${maps}${query}`);
  const types: string[] = [];
  const told = Promise.withResolvers<void>();
  const bookmarked = Promise.withResolvers<void>();
  socket.on("message", (data: Buffer) => {
    const { type, object } = eventOf(data);
    types.push(type);
    if (type === "BOOKMARK") {
      assert.equal(object.metadata?.annotations?.["k8s.io/initial-events-end"], "true");
      bookmarked.resolve();
    }
    if (object.metadata?.name === "third") told.resolve();
  });
  await bookmarked.promise;
  socket.send("hello");
  const pong = once(socket, "pong");
  socket.ping("?");
  assert.equal(String((await pong)[0]), "?");
  await h2("POST", maps, json, JSON.stringify({ metadata: { name: "third" } }));
  await told.promise;
  assert.deepEqual(types.slice(-2), ["BOOKMARK", "ADDED"]);
  const closed = once(socket, "close");
  socket.close(1000);
  assert.deepEqual((await closed)[0], 1000);
  // Nothing is left of it.
  const open = async (): Promise<string | undefined> => {
    const { body } = await h2("GET", "/metrics");
    return /apiserver_longrunning_requests\{.*resource="configmaps".*\} (\d+)/.exec(body.toString())?.[1];
  };
  while ((await open()) !== "0");
});

const nobodys = tokenProtocolOf("x");
for (const [what, user, headers, status, body] of [
  ["of who doesn't say where its page is from", "admin", { origin: "" }, 403, /^$/],
  ["of a page of no origin", "admin", { origin: "null" }, 403, /^$/],
  ["with a choice of protocols", "admin", { "sec-websocket-protocol": "a, b" }, 400, /^$/],
  [
    "of another version",
    "admin",
    { "sec-websocket-version": "12" },
    400,
    /^missing or bad WebSocket Version$/,
  ],
  ["without a key", "admin", { "sec-websocket-key": "" }, 400, /^mismatch challenge\/response$/],
  ["in a form that there isn't", "admin", { accept: "text/html" }, 406, /"NotAcceptable"/],
  ["of who may not", "jane", {}, 403, /User \\"jane\\" cannot watch resource/],
  ["of nobody's", "", {}, 403, /"reason":"Forbidden"/],
  ["with nobody's token", "", { "sec-websocket-protocol": `${nobodys}, a` }, 401, /"Unauthorized"/],
  ["with a token alone", "", { "sec-websocket-protocol": nobodys }, 401, /"Unauthorized"/],
] as const) {
  test(`a WebSocket ${what} is refused with ${status}`, async () => {
    const path = `${maps}?watch=true`;
    const refused = await h1({ path, ...credentials(user), headers: { ...handshake, ...headers } });
    assert.equal(refused.status, status);
    assert.match(refused.body.toString(), body);
    assert.ok(refused.headers["audit-id"] !== undefined);
  });
}

function tokenProtocolOf(token: string): string {
  return `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString("base64url")}`;
}

test("a token comes as a protocol, and it is the other one that is spoken", async () => {
  await h2("POST", `${namespace}/serviceaccounts`, json, JSON.stringify({ metadata: { name: "browser" } }));
  await local.resource(clusterRoleBindings).create({
    metadata: { name: "browser" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name: "browser", namespace: "default" }],
  });
  const made = await h2("POST", `${namespace}/serviceaccounts/browser/token`, json, '{"spec":{}}');
  const { token } = parsed(made)["status"] as { token: string };
  const socket = opened(`${maps}?watch=true`, { user: "", protocols: [tokenProtocolOf(token), "mine"] });
  const [first] = (await once(socket, "message")) as [Buffer];
  assert.deepEqual([socket.protocol, eventOf(first).type], ["mine", "ADDED"]);
  socket.terminate();
});

test("one that asks for what is compacted is told so in a last event", async () => {
  const store = openMemoryStore({ clock: systemClock, log: silentLogger });
  await using before = await startTestServer({ store });
  const { metadata } = await before
    .client({ name: "admin", groups: ["system:masters"] })
    .resource(configMaps, "default")
    .create({ metadata: { name: "old" } });
  await before
    .client({ name: "admin", groups: ["system:masters"] })
    .resource(configMaps, "default")
    .delete("old");
  await store.compact(store.revision);
  await using late = await startTestServer({ store });
  const path = `${maps}?watch=true&resourceVersion=${metadata?.resourceVersion ?? ""}`;
  const { messages, code } = await allOf(opened(path, { at: late }));
  const events = messages.map(eventOf);
  assert.deepEqual(
    events.map(({ type, object }) => [type, object["code"], object["reason"]]),
    [["ERROR", 410, "Expired"]],
  );
  assert.equal(code, 1000);
});

test("when the server ends its clients are told; audit knows what was spoken", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "websocket-"));
  t.after(() => rm(folder, { recursive: true }));
  const policyFile = join(folder, "policy");
  const rules = [{ level: "Metadata", verbs: ["watch"], users: ["admin"] }];
  await writeFile(policyFile, JSON.stringify({ apiVersion: "audit.k8s.io/v1", kind: "Policy", rules }));
  const path = join(folder, "log");
  const batch = { bufferMax: 10, batchMax: 1, batchWaitMs: 0, throttle: undefined };
  const file = { path, sizeMaxBytes: 0, backupsMax: 0, ageMaxMs: 0, isCompressing: false };
  const log = { mode: "blocking", batch, truncate: undefined, format: "json", ...file } as const;
  const ending = await startTestServer({}, { audit: { policyFile, log } });
  const socket = opened(`${maps}?watch=true`, { at: ending });
  await once(socket, "open");
  const said = allOf(socket);
  await ending.close();
  assert.equal((await said).code, 1000);
  const events = (await readFile(path, "utf8")).trim().split("\n");
  const stages = events.map((each) => {
    const { stage, responseStatus } = JSON.parse(each) as {
      stage: string;
      responseStatus?: { code: number };
    };
    return [stage, responseStatus?.code];
  });
  assert.deepEqual(stages, [
    ["RequestReceived", undefined],
    ["ResponseStarted", 101],
    ["ResponseComplete", 101],
  ]);
});
