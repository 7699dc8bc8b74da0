/** Each rule of RFC 9113 that a client can break, against a whole server: what ends, with which code, and that all else goes on. */
import { after, suite, test } from "node:test";
import { SeededRandom } from "#base/random.ts";
import { Choice } from "#testing/fuzz/choice.ts";
import { breaches } from "#testing/fuzz/http2-breaches.ts";
import { runBreach, runHttp2Case } from "#testing/fuzz/http2-cases.ts";
import { RawHttp2Client } from "#testing/fuzz/http2-client.ts";
import { startTestServer } from "#testing/server.ts";

suite("what breaks HTTP/2 is told with its code", async () => {
  const server = await startTestServer();
  after(() => server.close());
  for (const [at, breach] of breaches.entries()) {
    test(breach.name, async () => {
      const client = await RawHttp2Client.open(server);
      try {
        await runBreach(breach, client, new Choice(new SeededRandom(at)));
      } finally {
        client.socket.destroy();
      }
    });
  }

  test("good and damaged conversations, and floods, all come to an end", async () => {
    for (let seed = 0; seed < 60; seed++) await runHttp2Case(new Choice(new SeededRandom(seed)), server);
  });
});
