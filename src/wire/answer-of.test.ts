import assert from "node:assert/strict";
import { request } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { answerOf, SwitchedProtocolError } from "./answer-of.ts";

/** What a server's words are taken for. */
async function takenFrom(said: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(said));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const outgoing = request({ host: "127.0.0.1", port, agent: false });
  outgoing.end();
  try {
    const answer = await answerOf(outgoing);
    return `${answer.statusCode} ${await text(answer)}`;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const upgrade = "Connection: Upgrade\r\nUpgrade: echo\r\n";

for (const [what, said] of [
  ["as it comes", ok],
  [
    "after what is only told beforehand",
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${ok}`,
  ],
] as const) {
  test(`an answer is taken ${what}`, async () => {
    assert.equal(await takenFrom(said), "200 hi");
  });
}

for (const [said, protocol] of [
  [`HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\nbytes`, "echo"],
  ["HTTP/1.1 101 Switching Protocols\r\n\r\n", ""],
] as const) {
  test(`a server that goes over to "${protocol}" unasked has failed`, async () => {
    await assert.rejects(takenFrom(said), (error) => {
      assert.ok(error instanceof SwitchedProtocolError);
      assert.equal(error.message, `backend tried to switch protocol "${protocol}" when "" was requested`);
      return true;
    });
  });
}

test("a server that says nothing has failed", async () => {
  await assert.rejects(takenFrom(""), { code: "ECONNRESET" });
});
