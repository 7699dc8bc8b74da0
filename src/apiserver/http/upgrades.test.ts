import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { AuditLostError, type Auditor } from "#apiserver/audit/auditor.ts";
import { anonymous } from "#apiserver/authn/authenticator.ts";
import type { Answer } from "#apiserver/request/call.ts";
import { Drain } from "./drain.ts";
import { Identification } from "./identification.ts";
import { Targets } from "./target.ts";
import { Upgrades } from "./upgrades.ts";

const url = "/apis/demo.example.com/v1/things?watch=true";
const incoming = {
  method: "GET",
  url,
  headers: { upgrade: "echo" },
  rawHeaders: [],
} as unknown as IncomingMessage;

/** What the client of an upgrade is told. `auditor`: asked for each request. */
async function saidBy(answer: Answer, auditor?: Pick<Auditor, "begin">): Promise<string> {
  const clock = new ManualClock();
  const identification = new Identification({
    clock,
    log: silentLogger,
    authenticator: { authenticate: () => Promise.resolve(anonymous) },
    authorizer: {
      authorize: () => ({ allowed: true, denied: false, reason: "" }),
      rulesFor: () => Promise.reject(new Error("not asked")),
    },
  });
  const upgrades = new Upgrades(
    {
      log: silentLogger,
      random: new SeededRandom(1),
      serving: { sendsRetryAfter: false },
      auditor: () => auditor as Auditor | undefined,
      chain: () => answer,
      isRemote: () => true,
    },
    { targets: new Targets(), drain: new Drain(), identification },
  );
  assert.equal(upgrades.mayTakeOver(incoming), true);
  assert.equal(upgrades.tellsInMessages(incoming), false);
  const socket = new PassThrough();
  await upgrades.handle(incoming, socket, Buffer.alloc(0));
  return String(socket.read());
}

test("a watch by who answers for a group that was another server's a moment ago isn't begun", async () => {
  let isCancelled = false;
  const items = { cancel: () => (isCancelled = true) };
  const said = await saidBy({ kind: "watch", items } as unknown as Answer);
  assert.match(said, /^HTTP\/1\.1 400 Bad Request\r\n.*\r\n\r\nthis resource knows no upgrade\n$/s);
  assert.equal(isCancelled, true);
});

const begin = (): Promise<never> => Promise.reject(new AuditLostError("failed to store audit event"));

test("what nobody could be told of is refused as any other request", async () => {
  const said = await saidBy({ kind: "hijacked" }, { begin });
  assert.match(said, /^HTTP\/1\.1 500 Internal Server Error\r\n/);
  const uri = JSON.stringify(url);
  assert.ok(said.endsWith(`\r\n\r\nInternal Server Error: ${uri}: failed to store audit event\n`), said);
});
