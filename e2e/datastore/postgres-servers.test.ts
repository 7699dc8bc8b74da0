/** Two servers on one PostgreSQL: both serve, it dies and comes back, the leader dies. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { eventually } from "../wait.ts";
import { Ledger } from "./ledger.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";
import { MiniServer } from "./server.ts";

const regainMaxMs = 30_000;

let postgres: PostgresServer;
let servers: MiniServer[] = [];

suite("two servers on PostgreSQL", () => {
  before(async () => {
    postgres = await startPostgres();
    const args = ["--token", "open-sesame", "--datastore-endpoint", postgres.url("kubernetes")];
    servers = ["gamma", "delta"].map((name) => new MiniServer(name, args));
    await Promise.all(servers.map((server) => server.start()));
  });

  after(async () => {
    for (const server of servers) await server.remove();
    await postgres.remove();
  });

  test("each sees what the other has written, at once", async () => {
    const [gamma, delta] = servers as [MiniServer, MiniServer];
    for (let at = 0; at < 10; at++) {
      const [from, to] = at % 2 === 0 ? [gamma, delta] : [delta, gamma];
      await from.kubectl(["create", "configmap", `seen-${at}`, "--from-literal", `at=${at}`]);
      const found = await to.kubectl(["get", "configmap", `seen-${at}`, "-o", "jsonpath={.data.at}"]);
      assert.equal(found, String(at));
    }
    for (const { output } of servers) assert.doesNotMatch(output, /open-sesame|:secret@/);
  });

  test("PostgreSQL crashes and comes back: nothing acknowledged is lost, nobody stops", async () => {
    const [gamma] = servers as [MiniServer];
    const ledger = new Ledger(servers, 4);
    const grow = (what: string): Promise<unknown> => {
      const from = ledger.acknowledged.length;
      return eventually(what, regainMaxMs, () => Promise.resolve(ledger.acknowledged.length > from + 40));
    };
    await grow("writes are acknowledged");
    await postgres.crash();
    await postgres.start();
    await grow("writes go on");
    await ledger.stop();
    for (const { exitCode, output } of servers) assert.equal(exitCode, null, output.slice(-3000));
    const list = await gamma.kubectl(["get", "configmaps", "-o", "name"]);
    const found = new Set(list.trim().split("\n"));
    assert.deepEqual(
      ledger.acknowledged.filter((name) => !found.has(`configmap/${name}`)),
      [],
    );
  });

  test("a server that is started with another token is refused", async () => {
    const args = ["--token", "guess", "--datastore-endpoint", postgres.url("kubernetes")];
    const stranger = new MiniServer("stranger", args);
    await assert.rejects(stranger.start(), /--token is not the one that the cluster in the datastore/);
    assert.doesNotMatch(stranger.output, /guess|:secret@/);
    await stranger.remove();
  });
});
