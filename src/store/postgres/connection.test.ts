import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { after, suite, test } from "node:test";
import { connect, isConnectionError } from "./connection.ts";

suite("a connection", () => {
  const sockets: Socket[] = [];
  /** Takes connections, and ends them without a word. */
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined).resume();
    socket.end();
  });
  after(() => {
    server.close();
  });

  for (const host of ["127.0.0.1", "::1"]) {
    test(`is opened once: what is asked of one that ${host} ends is rejected`, async () => {
      sockets.splice(0);
      server.listen(0, host);
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const address = host.includes(":") ? `[${host}]` : host;
      const url = `postgres://me:secret@${address}:${port}/kubernetes?sslmode=disable`;
      const sql = connect({ url, name: "postgres", tls: undefined });
      await assert.rejects(sql`select 1`, (error: Error) => isConnectionError(error));
      await sql.end();
      assert.equal(sockets.length, 1);
      server.close();
      await once(server, "close");
    });
  }
});
