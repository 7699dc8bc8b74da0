/** exec and attach. */
import assert from "node:assert/strict";
import { scripts } from "./scripts.ts";
import { readAll, readUntil, stdinOf, type SuiteCase } from "./suite-world.ts";

const all = { stdin: true, stdout: true, stderr: true, tty: false };
const sh = (script: string): string[] => ["sh", "-c", script];

export const execCases: readonly SuiteCase[] = [
  {
    name: "execSync gives both streams and the exit code",
    run: async (world) => {
      const { id } = await world.start(scripts.forever);
      const { stdout, stderr, exitCode } = await world.runtime.execSync(id, sh(scripts.both), 10_000);
      assert.deepEqual([stdout.toString(), stderr.toString(), exitCode], ["out\n", "err\n", 4]);
    },
  },
  {
    name: "execSync that takes too long is a deadline, and the container goes on",
    run: async (world) => {
      const { id } = await world.start(scripts.forever);
      await assert.rejects(world.runtime.execSync(id, sh(scripts.stubborn), 200), { code: "deadline" });
      assert.equal((await world.runtime.execSync(id, sh(scripts.both), 10_000)).exitCode, 4);
    },
  },
  {
    name: "exec of what isn't there fails or says so with 126 or more",
    run: async (world) => {
      const { id } = await world.start(scripts.forever);
      const outcome = await world.runtime.execSync(id, ["no-such-program"], 10_000).then(
        ({ exitCode, stdout, stderr }) => ({ exitCode, text: `${stdout.toString()}${stderr.toString()}` }),
        (error: unknown) => ({ exitCode: 126, text: String(error) }),
      );
      assert(outcome.exitCode >= 126);
      assert.match(outcome.text, /no-such-program/);
    },
  },
  {
    name: "exec in a container that doesn't run is refused",
    run: async (world) => {
      const { id } = await world.start(scripts.fail);
      await world.ended(id);
      await assert.rejects(world.runtime.execSync(id, sh(scripts.both), 10_000), { name: "RuntimeError" });
      await assert.rejects(world.runtime.exec(id, sh(scripts.both), all), { name: "RuntimeError" });
      await assert.rejects(world.runtime.attach(id, all), { name: "RuntimeError" });
    },
  },
  {
    name: "exec passes a megabyte through, and the end of stdin",
    run: async (world) => {
      const { id } = await world.start(scripts.forever);
      const session = await world.runtime.exec(id, sh(scripts.cat), all);
      const data = "0123456789abcdef".repeat(65_536);
      stdinOf(session).end(data);
      assert((await readAll(session.stdout)) === data, "what came back differs");
      assert.equal(await session.exit, 0);
    },
  },
  {
    name: "exec without the wanted streams has none",
    run: async (world) => {
      const { id } = await world.start(scripts.forever);
      const session = await world.runtime.exec(id, sh(scripts.both), { ...all, stdin: false, stderr: false });
      assert.deepEqual([session.stdin, session.stderr], [undefined, undefined]);
      assert.equal(await readAll(session.stdout), "out\n");
      assert.equal(await session.exit, 4);
    },
  },
  {
    name: "exec with a terminal knows its size",
    run: async (world) => {
      const { id } = await world.start(scripts.forever);
      const session = await world.runtime.exec(id, sh(scripts.terminal), { ...all, tty: true });
      assert.equal(session.stderr, undefined);
      session.resize({ width: 101, height: 33 });
      stdinOf(session).write("hello\n");
      const output = await readAll(session.stdout);
      assert.match(output, /line hello\r\n33 101\r\n/);
      assert.equal(await session.exit, 4);
    },
  },
  {
    name: "closing an exec kills its process",
    needsKernel: true,
    run: async (world) => {
      const { id } = await world.start(scripts.forever);
      const session = await world.runtime.exec(id, sh("echo on; exec sleep 4242"), all);
      await readUntil(session.stdout, "on\n");
      session.close();
      await session.exit;
      const gone = await world.runtime.execSync(
        id,
        sh("for i in 1 2 3 4 5 6 7 8 9; do ps | grep -q '[s]leep 4242' || exit 0; sleep 0.1; done; exit 1"),
        10_000,
      );
      assert.equal(gone.exitCode, 0);
    },
  },
];

export const attachCases: readonly SuiteCase[] = [
  {
    name: "attach hears the container and speaks to it, one client after the other",
    run: async (world) => {
      const { id } = await world.start(scripts.answer, { stdin: true });
      await world.logged(id, "ready");
      for (const word of ["one", "two"]) {
        const session = await world.runtime.attach(id, all);
        stdinOf(session).write(`${word}\n`);
        await readUntil(session.stdout, `got ${word}\n`);
        session.close();
        assert.equal(await session.exit, 0);
      }
      assert.equal((await world.runtime.containerStatus(id)).state, "running");
    },
  },
  {
    name: "with stdinOnce the first client's end is the end of stdin",
    run: async (world) => {
      const { id } = await world.start(scripts.answer, { stdin: true, stdinOnce: true });
      await world.logged(id, "ready");
      const session = await world.runtime.attach(id, all);
      stdinOf(session).write("one\n");
      await readUntil(session.stdout, "got one\n");
      stdinOf(session).end();
      assert.match(await readAll(session.stdout), /end\n/);
      assert.equal((await world.ended(id)).exitCode, 0);
      await world.logged(id, "stdout F end");
    },
  },
  {
    name: "a container with a terminal",
    run: async (world) => {
      const { id } = await world.start(scripts.terminal, { stdin: true, tty: true });
      const session = await world.runtime.attach(id, { ...all, tty: true });
      session.resize({ width: 90, height: 20 });
      stdinOf(session).write("hello\n");
      assert.match(await readAll(session.stdout), /line hello\r\n20 90\r\n/);
      assert.equal((await world.ended(id)).exitCode, 4);
      await world.logged(id, "stdout F line hello");
    },
  },
];
