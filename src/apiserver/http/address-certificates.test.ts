/** Connections to an address that has a certificate of its own are as all others. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, get } from "node:https";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock, type Clock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";
import { Door } from "./door.ts";
import type { Exchange } from "./exchange.ts";
import type { Front } from "./front.ts";
import { defaultServing } from "./serving-options.ts";

/** At which no time is ever over. */
const standing: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  after: () => () => undefined,
  sleep: () => new Promise(() => undefined),
};

const front = {
  load: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  handle: (exchange: Exchange) => {
    exchange.send(200, ["content-length", "0"], undefined);
  },
} as unknown as Front;

test("one over which nothing goes is ended with the door", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mini-k8s-address-"));
  const ca = createCa({ commonName: "addresses", days: 1, clock: systemClock, random: systemRandom });
  const of = (commonName: string): ReturnType<typeof issueCertificate> =>
    issueCertificate(ca, { commonName, ipAddresses: ["127.0.0.1"], usage: "server", days: 1 });
  const address = of("address");
  const [certFile, keyFile] = [join(directory, "crt"), join(directory, "key")];
  await writeFile(certFile, address.certificatePem);
  await writeFile(keyFile, address.keyPem);
  const serving = { ...defaultServing, sniCertificates: [{ certFile, keyFile, names: ["127.0.0.1"] }] };
  const door = new Door(
    { host: "127.0.0.1", port: 0, ...of("own"), clientCaPem: ca.certificatePem, serving },
    { clock: standing, log: silentLogger, front, handshakeFailed: () => undefined },
  );
  const agent = new Agent({ keepAlive: true, ca: ca.certificatePem });
  const asked = get({ host: "127.0.0.1", port: await door.open(), path: "/x", agent });
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const { socket } = answer;
  answer.resume();
  await once(answer, "end");
  assert.equal(socket.destroyed, false);
  await Promise.all([door.close(), once(socket, "close")]);
  agent.destroy();
  await rm(directory, { recursive: true });
});
