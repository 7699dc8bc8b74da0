/**
 * Every verb of the real etcdctl (API 3), against a real etcd and against ours: the same script gives the same output
 * and exit codes. What differs by nature (ids, sizes, times, ports, versions) is made equal first.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { serveEtcd } from "#store/etcd/server/server.ts";
import { EtcdKeyValues } from "#store/testing/etcd-key-values.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";
import { type EtcdMember, startEtcd } from "../datastore/etcd.ts";
import { freePorts } from "../free-ports.ts";

interface Target {
  readonly name: string;
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), "mini-k8s-etcdctl-"));
let real: Target;
let ours: Target;

async function startReal(): Promise<Target> {
  const member: EtcdMember = await startEtcd();
  return { name: "real", endpoint: member.address, stop: () => member.remove() };
}

let stores = 0;

async function startOurs(url = "http://127.0.0.1:0"): Promise<Target> {
  const store = await openSqliteStore(
    { path: join(folder, `${stores++}.db`) },
    { clock: systemClock, log: silentLogger },
  );
  const server = await serveEtcd(
    {
      listenUrls: [url],
      tls: undefined,
      name: "one",
      clusterSeed: "e2e",
      quotaBytes: undefined,
      spoolFolder: folder,
    },
    { store: store.keyValues, clock: systemClock, random: systemRandom, log: silentLogger },
  );
  return {
    name: "ours",
    endpoint: url.startsWith("unix:") ? url : new URL(server.urls[0] ?? "").host,
    stop: async () => {
      await server.close();
      await store.close();
    },
  };
}

before(async () => {
  [real, ours] = await Promise.all([startReal(), startOurs()]);
});
after(async () => {
  await Promise.all([real.stop(), ours.stop()]);
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

interface Run {
  readonly input?: string | undefined;
  /** Ends the command with SIGINT once its output matches. */
  readonly until?: RegExp | undefined;
  /** And not before this has resolved. */
  readonly andAfter?: Promise<unknown> | undefined;
  readonly signal?: AbortSignal | undefined;
}

async function run(
  command: string,
  args: readonly string[],
  { input, until, andAfter, signal }: Run = {},
): Promise<Outcome> {
  const child = spawn(command, args, { env: { ...process.env, ETCDCTL_API: "3" } });
  let out = "";
  let err = "";
  const end = async (): Promise<void> => {
    await andAfter;
    child.kill("SIGINT");
  };
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString("latin1");
    if (until?.test(out) === true) void end();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString("latin1");
  });
  signal?.addEventListener("abort", () => child.kill("SIGKILL"));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input ?? "");
  const [code] = (await once(child, "close")) as [number | null];
  return { out, err, code };
}

function etcdctl(target: Target, args: readonly string[], options?: Run): Promise<Outcome> {
  return run("etcdctl", [`--endpoints=${target.endpoint}`, ...args], options);
}

/** Log lines of etcdctl itself aren't its output; the error at the end is. */
function normalized({ out, err, code }: Outcome, target: Target): string {
  const error = err
    .split("\n")
    .filter((line) => line.startsWith("Error:"))
    .join("\n");
  const text = `${out}\n${error}\nexit ${code}`;
  return (
    text
      .replaceAll(target.endpoint, "ENDPOINT")
      .replaceAll(
        /"(cluster_id|member_id|raft_term|leader|raftTerm|raftIndex|raftAppliedIndex|ID|dbSize|dbSizeInUse)":\d+/g,
        '"$1":N',
      )
      .replaceAll(/"?(ClusterID|MemberID|RaftTerm|Lease|ID)"? : \d+/g, '"$1" : N')
      .replaceAll(/took = [\d.]+(ms|µs|Âµs|s)/g, "took = T")
      .replaceAll(/\b[0-9a-f]{15,16}\b/g, "HEX")
      // Ours has no peers, and so no URL for them.
      .replaceAll(/(started, one, )[^,]*/g, "$1PEERS")
      .replaceAll(/http:\/\/[\d.:]+/g, "URL")
      .replaceAll(/, \d+\.\d+\.\d+, [\d.]+ kB/g, ", VERSION, SIZE")
      .replaceAll(/, true, false, \d+, \d+, \d+,/g, ", true, false, TERM, INDEX, INDEX,")
      .replaceAll(/remaining\(\d+s\)/g, "remaining(S)")
  );
}

async function same(args: readonly string[], options?: Run): Promise<string> {
  const [wanted, got] = await Promise.all(
    [real, ours].map(async (target) => normalized(await etcdctl(target, args, options), target)),
  );
  assert.equal(got, wanted, `etcdctl ${args.join(" ")}`);
  return got ?? "";
}

type Line = readonly [args: string, options?: Run];

const scripts: Readonly<Record<string, readonly Line[]>> = {
  "put and get": [
    ["put a 1"],
    ["put a 2 --prev-kv"],
    ["put b 3 -w json"],
    ["put c 4 -w fields"],
    ["put aa 5"],
    ["put a --ignore-value"],
    ["put none --ignore-value"],
    ["put none x --ignore-lease"],
    ["put a x --lease=1234"],
    ["get a"],
    ["get a -w json"],
    ["get a -w fields"],
    ["get a c"],
    ["get a --prefix"],
    ["get --prefix ''"],
    ["get b --from-key"],
    ["get a --prefix --keys-only"],
    ["get a --prefix --count-only -w json"],
    ["get a --prefix --limit=1 -w json"],
    ["get --from-key a --order=DESCEND"],
    ["get --from-key a --sort-by=VALUE --order=DESCEND"],
    ["get --from-key a --sort-by=VERSION --order=ASCEND"],
    ["get --from-key a --sort-by=CREATE --order=ASCEND"],
    ["get --from-key a --sort-by=MODIFY --order=DESCEND"],
    ["get a --print-value-only"],
    ["get a --rev=2"],
    ["get a --rev=99"],
    ["get a --hex"],
    ["get a --consistency=s"],
    ["get none"],
  ],
  delete: [
    ["put d1 1"],
    ["put d2 2"],
    ["put d3 3"],
    ["del d1 --prev-kv"],
    ["del d --prefix -w json"],
    ["del d --prefix"],
    ["del none"],
  ],
  transactions: [
    ["put t 1"],
    ["txn -i", { input: 'value("t") = "1"\n\nput t 2\nget t\nput u 1\n\nput t 3\n\n' }],
    ["txn", { input: 'value("t") = "1"\nmod("t") > "0"\n\nput t 2\n\nget t\nget u\ndel u\n\n' }],
    ["txn -w json", { input: 'ver("t") > "1"\ncreate("nope") = "0"\n\nget t\ndel t\n\n\n' }],
    ["txn", { input: "\nput dup 1\nput dup 2\n\n\n" }],
    ["txn", { input: 'lease("t") = "0"\n\nget t\n\n\n' }],
  ],
  "leases, lists of them and their keys": [
    ["lease grant 100 -w json"],
    ["lease revoke 123"],
    ["lease timetolive 123"],
    ["lease keep-alive 123 --once"],
    ["lease grant 99999999999"],
  ],
  "authentication that isn't enabled": [
    ["auth enable"],
    ["auth disable"],
    ["user list"],
    ["role list"],
    ["user get nobody"],
    ["role get nothing"],
    ["user delete nobody"],
    ["role delete nothing"],
    ["user grant-role nobody nothing"],
    ["role grant-permission nothing read a"],
    ["role revoke-permission nothing a"],
    ["user passwd nobody --interactive=false", { input: "secret\n" }],
    ["get a --user=nobody:secret"],
  ],
  "the cluster": [
    ["endpoint health"],
    ["endpoint status"],
    ["member list -w simple"],
    ["member remove 1234"],
    ["member update 1234 --peer-urls=http://127.0.0.1:9"],
    ["member promote 1234"],
    ["alarm list"],
    ["alarm disarm"],
    ["defrag"],
    ["move-leader 1234"],
    ["lock l echo held"],
    ["get e --prefix"],
  ],
};

for (const [title, lines] of Object.entries(scripts)) {
  test(`etcdctl: ${title}`, async () => {
    for (const [line, options] of lines) {
      await same(
        line.split(" ").map((arg) => (arg === "''" ? "" : arg)),
        options,
      );
    }
    // A lock's key has its lease's id in its name.
    if (!lines.some(([line]) => line.startsWith("lock "))) await same(["endpoint", "hashkv"]);
  });
}

test("etcdctl through a unix socket: version 3.4 sends its path as the authority", async () => {
  const target = await startOurs(`unix://${join(folder, "etcd.sock")}`);
  try {
    assert.deepEqual(await etcdctl(target, ["put", "a", "1"]), { out: "OK\n", err: "", code: 0 });
    assert.equal((await etcdctl(target, ["get", "a"])).out, "a\n1\n");
    assert.match((await etcdctl(target, ["watch", "a", "--rev=1"], { until: /PUT\na\n1/ })).out, /PUT/);
  } finally {
    await target.stop();
  }
});

/** Its verdict's lines, without the figures. */
function verdictOf({ out }: Outcome): string[] {
  const lines = out.match(/(PASS|FAIL)\b.*/g) ?? [];
  // What of memory is used is the whole machine's difference, and may be below nothing.
  return lines.map((line) => line.replaceAll(/-?[\d.]+ ?(MB|writes\/s|s)?\b/g, "N"));
}

test("health and version by HTTP/1.1, as a real etcd's", async () => {
  const [wanted, got] = await Promise.all(
    [real, ours].map(async ({ endpoint }) => {
      const [health, version] = await Promise.all(
        ["health", "version"].map(async (page) => (await fetch(`http://${endpoint}/${page}`)).json()),
      );
      return [(health as { health: string }).health, Object.keys(version as object)];
    }),
  );
  assert.deepEqual(got, wanted);
});

test("etcdctl: watch and compaction", async () => {
  const written = await same(["put", "w", "1", "-w", "json"]);
  const [, text = ""] = /"revision":(\d+)/.exec(written) ?? [];
  const first = Number(text);
  const since = (ahead: number): string => `--rev=${first + ahead}`;
  await same(["put", "w", "2"]);
  await same(["put", "wx", "3"]);
  await same(["del", "w"]);
  // etcdctl writes an event line by line: it is ended after the last one.
  await same(["watch", "w", since(0)], { until: /DELETE\nw\n\n/ });
  await same(["watch", "w", "--prefix", "--prev-kv", since(0)], { until: /DELETE\nw\n2\nw\n\n/ });
  await same(["watch", "w", since(1), "-w", "fields"], { until: /Type.*DELETE[^]*Lease.*\n/ });
  await same(["watch", "v", "x", since(2)], { until: /DELETE\nw\n\n/ });
  const compacted = `${first + 2}`;
  await same(["compaction", compacted]);
  await same(["compaction", compacted]);
  await same(["compaction", "--physical", `${first + 3}`]);
  await same(["compaction", "99999"]);
  await same(["get", "w", `--rev=${first}`]);
  await same(["watch", "w", since(0)]);
});

test("etcdctl: what has an id of its own", async () => {
  for (const target of [real, ours]) {
    const granted = await etcdctl(target, ["lease", "grant", "100"]);
    const [, id = ""] = /lease ([0-9a-f]+) granted with TTL\(100s\)/.exec(granted.out) ?? [];
    assert.match(id, /^[0-9a-f]{15,16}$/, target.name);
    await etcdctl(target, ["put", "held", "1", `--lease=${id}`]);
    const left = await etcdctl(target, ["lease", "timetolive", id, "--keys"]);
    assert.match(left.out, /granted with TTL\(100s\), remaining\(9\ds\), attached keys\(\[held\]\)/);
    assert.match((await etcdctl(target, ["lease", "list"])).out, new RegExp(id));
    assert.match(
      (await etcdctl(target, ["lease", "keep-alive", "--once", id])).out,
      /keepalived with TTL\(100\)/,
    );
    assert.equal((await etcdctl(target, ["lease", "revoke", id])).out, `lease ${id} revoked\n`);
    assert.equal((await etcdctl(target, ["get", "held"])).out, "");
    const list = await etcdctl(target, ["member", "list"]);
    const [self = ""] = list.out.split(",");
    assert.match((await etcdctl(target, ["move-leader", self])).out, /Leadership transferred/);
    assert.match((await etcdctl(target, ["member", "remove", self])).err, /not enough started members/);
  }
});

test("etcdctl elect: the second is elected when the first leaves, and observers hear of both", async () => {
  for (const target of [real, ours]) {
    const observer = etcdctl(target, ["elect", "-l", "boss"], { until: /two/ });
    const first = etcdctl(target, ["elect", "boss", "one"], { until: /one/ });
    assert.match((await first).out, /boss\/[0-9a-f]+\none/, target.name);
    const second = etcdctl(target, ["elect", "boss", "two"], { until: /two/, andAfter: observer });
    assert.match((await observer).out, /boss\/[0-9a-f]+\ntwo/, target.name);
    assert.match((await second).out, /boss\/[0-9a-f]+\ntwo/, target.name);
  }
});

test("etcdctl lock: one at a time, and nothing is left behind", async () => {
  for (const target of [real, ours]) {
    const order = join(folder, `order-${target.name}`);
    // Each holds the lock for as long as it takes to write twice.
    const script = join(folder, `hold-${target.name}`);
    writeFileSync(script, `#!/bin/sh\necho in >>${order}\nsleep 0.1\necho out >>${order}\n`, { mode: 0o755 });
    const runs = await Promise.all([1, 2, 3].map(() => etcdctl(target, ["lock", "mutex", script])));
    assert.deepEqual(
      runs.map(({ code, err }) => [code, err]),
      runs.map(() => [0, ""]),
    );
    assert.equal(readFileSync(order, "utf8"), "in\nout\n".repeat(3));
    assert.equal((await etcdctl(target, ["get", "mutex", "--prefix"])).out, "");
  }
});

function kvs(text: string): unknown {
  return (JSON.parse(text) as { kvs: unknown }).kvs;
}

test("etcdctl snapshot: what ours saves, a real etcd is restored from", async () => {
  const client = new EtcdKeyValues(ours.endpoint);
  for (let at = 0; at < 500; at++) {
    await client.put({ key: `snap/${at % 400}`, value: Buffer.alloc(at * 30, "x") });
  }
  client.close();
  const file = join(folder, "ours.snapshot");
  const saved = await etcdctl(ours, ["snapshot", "save", file]);
  assert.equal(saved.code, 0, saved.err);
  const status = await run("etcdctl", ["snapshot", "status", file, "-w", "json"]);
  const { revision } = JSON.parse(status.out) as { revision: number };
  const wanted = await etcdctl(ours, ["get", "", "--prefix", "-w", "json"]);
  const wantedHash = await etcdctl(ours, ["endpoint", "hashkv"]);
  const [port = 0, peer = 0] = await freePorts(2);
  const data = join(folder, "restored");
  const peerUrl = `http://127.0.0.1:${peer}`;
  const restored = await run("etcdctl", [
    "snapshot",
    "restore",
    file,
    "--data-dir",
    data,
    "--name=one",
    `--initial-cluster=one=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
  ]);
  assert.equal(restored.code, 0, restored.err);
  const url = `http://127.0.0.1:${port}`;
  const member = spawn("etcd", [
    "--name=one",
    `--data-dir=${data}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=one=${peerUrl}`,
  ]);
  try {
    const serves = Promise.withResolvers<void>();
    let log = "";
    member.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (/serving (insecure |client )/.test(log)) serves.resolve();
    });
    member.once("exit", () => {
      serves.reject(new Error(`the restored etcd ended:\n${log.slice(-2000)}`));
    });
    await serves.promise;
    const target = { name: "restored", endpoint: `127.0.0.1:${port}`, stop: () => Promise.resolve() };
    const found = await etcdctl(target, ["get", "", "--prefix", "-w", "json"]);
    assert.deepEqual(kvs(found.out), kvs(wanted.out));
    assert.equal((JSON.parse(found.out) as { header: { revision: number } }).header.revision, revision);
    const foundHash = await etcdctl(target, ["endpoint", "hashkv"]);
    assert.equal(foundHash.out.split(", ")[1], wantedHash.out.split(", ")[1]);
  } finally {
    if (member.exitCode === null) {
      member.kill("SIGKILL");
      await once(member, "exit");
    }
  }
});

test("etcdctl make-mirror: from a real etcd to ours and back", async () => {
  for (const [from, to, prefix] of [
    [real, ours, "there/"],
    [ours, real, "back/"],
  ] as const) {
    await etcdctl(from, ["put", `${prefix}a`, "1"]);
    const { out } = await etcdctl(to, ["get", "none", "-w", "json"]);
    const { revision } = (JSON.parse(out) as { header: { revision: number } }).header;
    const end = new AbortController();
    const mirror = etcdctl(from, ["make-mirror", `--prefix=${prefix}`, to.endpoint], {
      signal: end.signal,
    });
    const seen = etcdctl(to, ["watch", "--prefix", prefix, `--rev=${revision + 1}`], { until: /PUT[^]*PUT/ });
    await etcdctl(from, ["put", `${prefix}b`, "2"]);
    assert.match((await seen).out, new RegExp(`${prefix}a\\n1[^]*${prefix}b\\n2`));
    end.abort();
    await mirror;
  }
});

/** The last: how much is written in its time differs, and with it all revisions after it. */
test("etcdctl check: throughput and memory pass as with a real etcd", async () => {
  for (const verb of ["perf", "datascale"]) {
    const args = ["check", verb, "--load=s"];
    const [wanted, got] = await Promise.all([real, ours].map((target) => etcdctl(target, args)));
    assert.deepEqual(verdictOf(got as Outcome), verdictOf(wanted as Outcome), `check ${verb}`);
    assert.match((got as Outcome).out, /PASS/);
    assert.equal(got?.code, wanted?.code);
  }
});
