/** The end of a door whose clients left it something that never ends by itself. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import { startTestServer } from "#testing/server.ts";

/** In a process of its own: only there the end of all handles shows. A hundredth of the time does. */
const program = `
  import { once } from "node:events";
  import { connect } from "node:tls";
  import { Door } from "#apiserver/http/door.ts";
  import { defaultServing } from "#apiserver/http/serving-options.ts";
  import { systemClock } from "#base/clock.ts";
  import { systemRandom } from "#base/random.ts";
  import { createCa, issueCertificate } from "#pki/ca.ts";
  const basis = { clock: systemClock, random: systemRandom };
  const ca = createCa({ commonName: "test-ca", days: 1, ...basis });
  const own = issueCertificate(ca, { commonName: "x", ipAddresses: ["127.0.0.1"], usage: "server", days: 1 });
  const clock = {
    ...systemClock,
    monotonic: () => systemClock.monotonic(),
    after: (ms, run) => systemClock.after(ms / 100, run),
    sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
  };
  const asked = Promise.withResolvers();
  const left = Promise.withResolvers();
  const front = {
    handle(exchange) { exchange.onClose(left.resolve); asked.resolve(); },
    load: () => Promise.resolve(),
    stop: () => new Promise(() => undefined),
  };
  const door = new Door(
    { host: "127.0.0.1", port: 0, ...own, clientCaPem: ca.certificatePem, serving: defaultServing },
    { clock, front, handshakeFailed() {} },
  );
  const client = connect({ host: "127.0.0.1", port: await door.open(), ca: ca.certificatePem });
  client.on("error", () => undefined);
  await once(client, "secureConnect");
  client.write("GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n");
  await asked.promise;
  client.destroy();
  await left.promise;
  await door.close();
  console.log("closed");
`;

test("a request that is never answered, its client gone, is given up and doesn't end the process in the middle", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  assert.equal(stdout, "closed\n");
});

test("a connection that never shakes hands is cut", async () => {
  const server = await startTestServer();
  const silent = connect({ host: "127.0.0.1", port: server.port });
  const gone = once(silent, "close");
  await once(silent, "connect");
  silent.resume();
  await server.close();
  await gone;
});
