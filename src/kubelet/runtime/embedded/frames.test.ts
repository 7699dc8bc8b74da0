import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { encodeFrame, FrameDecoder, fromShim, ShimConnection, toShim } from "./frames.ts";
import { ShimSession } from "./session.ts";

test("frames survive being cut anywhere", () => {
  const bytes = Buffer.concat([
    encodeFrame(1, Buffer.from("hello")),
    encodeFrame(3, Buffer.alloc(0)),
    encodeFrame(2, Buffer.from("x")),
  ]);
  for (let cut = 1; cut < bytes.length; cut++) {
    const decoder = new FrameDecoder();
    const frames = [...decoder.push(bytes.subarray(0, cut)), ...decoder.push(bytes.subarray(cut))];
    assert.deepEqual(
      frames.map(({ type, payload }) => [type, payload.toString()]),
      [
        [1, "hello"],
        [3, ""],
        [2, "x"],
      ],
    );
  }
});

const all = { stdin: true, stdout: true, stderr: true, tty: false };

function session(kills: boolean): { session: ShimSession; toUs: PassThrough; sent: () => number[] } {
  const toUs = new PassThrough();
  const fromUs = new PassThrough();
  const decoder = new FrameDecoder();
  const types: number[] = [];
  fromUs.on("data", (chunk: Buffer) => {
    types.push(...decoder.push(chunk).map(({ type }) => type));
  });
  const made = new ShimSession(all, { kills, endsStdin: kills });
  const connection = new ShimConnection(toUs, fromUs, {
    onOutput: (stream, chunk) => made.output(stream, chunk),
    onExit: (code) => {
      made.end(code);
    },
  });
  made.use(connection);
  return { session: made, toUs, sent: () => types };
}

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a session gives out both streams and the exit code", async () => {
  const { session: made, toUs } = session(true);
  toUs.write(encodeFrame(fromShim.stdout, Buffer.from("out")));
  toUs.write(encodeFrame(fromShim.stderr, Buffer.from("err")));
  const code = Buffer.alloc(4);
  code.writeUInt32BE(3);
  toUs.write(encodeFrame(fromShim.exit, code));
  assert.equal(await made.exit, 3);
  assert.deepEqual([String(made.stdout?.read()), String(made.stderr?.read())], ["out", "err"]);
});

test("a reader that is behind holds the shim up, and lets it go on", async () => {
  const { session: made, toUs } = session(true);
  for (let i = 0; i < 10; i++) toUs.write(encodeFrame(fromShim.stdout, Buffer.alloc(16_384)));
  await tick();
  assert(toUs.isPaused());
  made.stdout?.resume();
  await tick();
  await tick();
  assert(!toUs.isPaused());
});

test("stdin goes in pieces, its end ends an exec's but not an attached container's", async () => {
  const exec = session(true);
  exec.session.stdin?.end(Buffer.alloc(40_000));
  await tick();
  assert.deepEqual(exec.sent(), [toShim.stdin, toShim.stdin, toShim.stdinEnd]);
  const attach = session(false);
  attach.session.stdin?.end("x");
  await tick();
  assert.deepEqual(attach.sent(), [toShim.stdin]);
});

test("closing an exec kills, closing an attach only leaves", async () => {
  const exec = session(true);
  exec.session.close();
  assert.equal(await exec.session.exit, 137);
  const attach = session(false);
  attach.session.close();
  assert.equal(await attach.session.exit, 0);
  await tick();
  assert.deepEqual(attach.sent(), []);
});
