/** Sandboxes, containers, their ends and their logs. */
import assert from "node:assert/strict";
import { readFile, rename } from "node:fs/promises";
import { logPieceMaxBytes } from "../cri-log.ts";
import { parseReference, canonicalName } from "../../images/reference.ts";
import { scripts } from "./scripts.ts";
import { nextTry, parseLog, readUntil, stdinOf, type SuiteCase, type SuiteWorld } from "./suite-world.ts";

export const sandboxCases: readonly SuiteCase[] = [
  {
    name: "an image is found by its names and its id, a missing one is undefined",
    run: async ({ runtime, options }) => {
      const name = canonicalName(parseReference(options.image));
      const info = await runtime.imageStatus(options.image);
      assert.match(info?.id ?? "", /^sha256:[0-9a-f]{64}$/);
      assert.deepEqual(await runtime.imageStatus(name), info);
      assert.equal((await runtime.imageStatus(info?.id ?? ""))?.id, info?.id);
      assert((await runtime.listImages()).some(({ tags }) => tags.includes(name)));
      assert.equal(await runtime.imageStatus("docker.io/mini/nowhere:1"), undefined);
      await runtime.removeImage("docker.io/mini/nowhere:1");
    },
  },
  {
    name: "a sandbox is ready with an address, and says what it was made of",
    run: async (world) => {
      const config = world.sandbox();
      const id = await world.runtime.runSandbox(config, world.signal);
      const status = await world.runtime.sandboxStatus(id);
      const { name, uid, namespace, attempt, labels, annotations } = config;
      const { state, ip, createdAt, ...said } = status;
      assert.deepEqual(said, { id, name, uid, namespace, attempt, labels, annotations });
      assert.equal(state, "ready");
      assert.match(ip, /^\d+\.\d+\.\d+\.\d+$/);
      assert(createdAt > 1_600_000_000_000_000_000n);
      assert.deepEqual(await world.runtime.listSandboxes(), [status]);
    },
  },
  {
    name: "stopping and removing a sandbox may be done twice",
    run: async (world) => {
      const id = await world.runtime.runSandbox(world.sandbox(), world.signal);
      for (let i = 0; i < 2; i++) await world.runtime.stopSandbox(id);
      const { state, ip } = await world.runtime.sandboxStatus(id);
      assert.deepEqual({ state, ip }, { state: "notready", ip: "" });
      for (let i = 0; i < 2; i++) await world.runtime.removeSandbox(id);
      await assert.rejects(world.runtime.sandboxStatus(id), { name: "RuntimeError", code: "not-found" });
    },
  },
  {
    name: "the same attempt of a pod can't have two sandboxes, the next attempt has its own",
    run: async (world) => {
      const config = world.sandbox();
      const first = await world.runtime.runSandbox(config, world.signal);
      await assert.rejects(world.runtime.runSandbox(config, world.signal), { code: "already-exists" });
      const second = await world.runtime.runSandbox({ ...config, attempt: 1 }, world.signal);
      assert.notEqual(first, second);
      await world.runtime.removeSandbox(first);
      await world.runtime.removeSandbox(await world.runtime.runSandbox(config, world.signal));
    },
  },
  {
    name: "an aborted run leaves nothing",
    run: async (world) => {
      await assert.rejects(world.runtime.runSandbox(world.sandbox(), AbortSignal.abort()));
    },
  },
  {
    name: "a removed sandbox takes its containers along, running ones too",
    run: async (world) => {
      const { id, sandboxId } = await world.start(scripts.forever);
      await world.runtime.removeSandbox(sandboxId);
      await assert.rejects(world.runtime.containerStatus(id), { code: "not-found" });
    },
  },
  {
    name: "a stopped sandbox has no running containers and takes no new ones",
    run: async (world) => {
      const { id, sandboxId, sandbox } = await world.start(scripts.forever);
      await world.runtime.stopSandbox(sandboxId);
      assert.equal((await world.ended(id)).exitCode, 137);
      await assert.rejects(world.runtime.createContainer(sandboxId, world.container("true"), sandbox));
    },
  },
];

export const containerCases: readonly SuiteCase[] = [
  {
    name: "a container is created, then running, then exited",
    run: async (world) => {
      const { runtime } = world;
      const sandbox = world.sandbox();
      const sandboxId = await runtime.runSandbox(sandbox, world.signal);
      const config = world.container(scripts.polite);
      const id = await runtime.createContainer(sandboxId, config, sandbox);
      const created = await runtime.containerStatus(id);
      assert.deepEqual(
        { state: created.state, startedAt: created.startedAt, pid: created.pid, exitCode: created.exitCode },
        { state: "created", startedAt: 0n, pid: 0, exitCode: 0 },
      );
      await runtime.startContainer(id);
      const running = await runtime.containerStatus(id);
      assert.equal(running.state, "running");
      assert(running.pid > 0 && running.startedAt >= running.createdAt);
      await assert.rejects(runtime.startContainer(id));
      await world.logged(id, "ready");
      await runtime.stopContainer(id, 10_000);
      const ended = await runtime.containerStatus(id);
      const { state, exitCode, reason, pid } = ended;
      assert.deepEqual(
        { state, exitCode, reason, pid },
        { state: "exited", exitCode: 7, reason: "Error", pid: 0 },
      );
      assert(ended.finishedAt >= ended.startedAt);
      const { name, attempt, image, labels, annotations } = config;
      const imageId = (await runtime.imageStatus(image))?.id;
      assert.deepEqual(
        { name: ended.name, attempt: ended.attempt, image: ended.image, imageId: ended.imageId },
        { name, attempt, image, imageId },
      );
      assert.deepEqual({ labels: ended.labels, annotations: ended.annotations }, { labels, annotations });
    },
  },
  {
    name: "exit codes and reasons",
    run: async (world) => {
      const good = await world.ended((await world.start(scripts.hello)).id);
      assert.deepEqual([good.exitCode, good.reason], [0, "Completed"]);
      const bad = await world.ended((await world.start(scripts.fail)).id);
      assert.deepEqual([bad.exitCode, bad.reason], [3, "Error"]);
    },
  },
  {
    name: "a command that isn't in the image fails the start, and the container says so",
    run: async (world) => {
      const sandbox = world.sandbox();
      const sandboxId = await world.runtime.runSandbox(sandbox, world.signal);
      const config = world.container("", { command: ["no-such-program"] });
      const id = await world.runtime.createContainer(sandboxId, config, sandbox);
      await assert.rejects(world.runtime.startContainer(id), {
        name: "RuntimeError",
        message: /no-such-program.*executable file not found in \$PATH/s,
      });
      const { state, exitCode, reason, message } = await world.runtime.containerStatus(id);
      assert.equal(state, "exited");
      assert([127, 128].includes(exitCode), `exit code ${exitCode}`);
      assert.match(reason, /^(StartError|ContainerCannotRun)$/);
      assert.match(message, /no-such-program/);
    },
  },
  {
    name: "an image that isn't there is not-found at creation",
    run: async (world) => {
      const sandbox = world.sandbox();
      const sandboxId = await world.runtime.runSandbox(sandbox, world.signal);
      const config = world.container("true", { image: "docker.io/mini/nowhere:1" });
      await assert.rejects(world.runtime.createContainer(sandboxId, config, sandbox), { code: "not-found" });
      await assert.rejects(world.runtime.createContainer("0".repeat(64), world.container("true"), sandbox), {
        code: "not-found",
      });
    },
  },
  {
    name: "two attempts of a container live side by side, the same one doesn't twice",
    run: async (world) => {
      const { id, sandboxId, sandbox } = await world.start(scripts.fail);
      await world.ended(id);
      const again = world.container(scripts.forever, { attempt: 1, logPath: "main/1.log" });
      const second = await world.add(sandboxId, sandbox, again);
      const states = (await world.runtime.listContainers()).map(({ attempt, state }) => [attempt, state]);
      assert.deepEqual(
        states.toSorted(([a], [b]) => Number(a) - Number(b)),
        [
          [0, "exited"],
          [1, "running"],
        ],
      );
      await assert.rejects(world.runtime.createContainer(sandboxId, again, sandbox), {
        code: "already-exists",
      });
      await world.runtime.removeContainer(id);
      assert.deepEqual(
        (await world.runtime.listContainers()).map((status) => status.id),
        [second],
      );
    },
  },
  {
    name: "what ignores TERM is killed when its grace is over",
    run: async (world) => {
      const { id } = await world.start(scripts.stubborn);
      await world.logged(id, "ready");
      await world.runtime.stopContainer(id, 1_000);
      const { exitCode, reason } = await world.ended(id);
      assert.deepEqual([exitCode, reason], [137, "Error"]);
      await world.runtime.stopContainer(id, 1_000);
    },
  },
  {
    name: "a stop signal of its own is used",
    run: async (world) => {
      const { id } = await world.start(scripts.usr1, { stopSignal: "SIGUSR1" });
      await world.logged(id, "ready");
      await world.runtime.stopContainer(id, 10_000);
      assert.equal((await world.ended(id)).exitCode, 5);
    },
  },
  {
    name: "stopping and removing what is gone succeeds, asking about it doesn't",
    run: async ({ runtime }) => {
      const nobody = "0".repeat(64);
      await runtime.stopContainer(nobody, 0);
      await runtime.removeContainer(nobody);
      await runtime.stopSandbox(nobody);
      await runtime.removeSandbox(nobody);
      await assert.rejects(runtime.containerStatus(nobody), { code: "not-found" });
      await assert.rejects(runtime.startContainer(nobody), { code: "not-found" });
      await assert.rejects(runtime.execSync(nobody, ["true"], 0), { code: "not-found" });
    },
  },
  {
    name: "removing a running container kills it",
    run: async (world) => {
      const { id } = await world.start(scripts.stubborn);
      await world.runtime.removeContainer(id);
      await assert.rejects(world.runtime.containerStatus(id), { code: "not-found" });
    },
  },
  {
    name: "events tell a container's life in order",
    run: async (world) => {
      const sandbox = world.sandbox();
      const sandboxId = await world.runtime.runSandbox(sandbox, world.signal);
      let id = "";
      const events = await world.eventsUntil(
        "deleted",
        () => id,
        async () => {
          id = await world.add(sandboxId, sandbox, world.container(scripts.fail));
          await world.ended(id);
          await world.runtime.removeContainer(id);
        },
      );
      const own = events.filter(({ containerId }) => containerId === id);
      assert.deepEqual(
        own.map(({ type }) => type),
        ["created", "started", "stopped", "deleted"],
      );
      assert(own.every((event) => event.podUid === sandbox.uid && event.sandboxId === sandboxId));
    },
  },
];

export const logCases: readonly SuiteCase[] = [
  {
    name: "both streams are in the log, each line with its time",
    run: async (world) => {
      const { id } = await world.start(scripts.hello);
      await world.ended(id);
      const lines = await world.lines(id);
      const byStream = lines.toSorted((a, b) => b.stream.localeCompare(a.stream));
      assert.deepEqual(byStream, [
        { stream: "stdout", tag: "F", text: "hello" },
        { stream: "stderr", tag: "F", text: "oops" },
      ]);
    },
  },
  {
    name: "the last line may lack its newline, a long line comes in pieces",
    run: async (world) => {
      assert.equal(await world.output(scripts.unfinished), "no newline");
      const { id } = await world.start(scripts.longLine);
      await world.ended(id);
      const lines = await world.lines(id);
      const pieces = lines.slice(0, -1);
      assert.equal(pieces.map(({ text }) => text).join("").length, 2 * logPieceMaxBytes + 5);
      assert.deepEqual(
        pieces.map(({ tag }) => tag),
        ["P", "P", "F"],
      );
      assert.deepEqual(lines.at(-1), { stream: "stdout", tag: "F", text: "after" });
    },
  },
  {
    name: "after a rotation the log goes on in the new file",
    run: async (world) => {
      const { id } = await world.start(scripts.answer, { stdin: true });
      const session = await world.runtime.attach(id, { stdin: true, stdout: true, stderr: true, tty: false });
      stdinOf(session).write("one\n");
      await world.logged(id, "got one");
      const { logPath } = await world.runtime.containerStatus(id);
      await rename(logPath, `${logPath}.20260101-000000`);
      await world.runtime.reopenLog(id);
      stdinOf(session).write("two\n");
      await world.logged(id, "got two");
      assert.deepEqual(
        (await world.lines(id)).map(({ text }) => text),
        ["got two"],
      );
      session.close();
    },
  },
];

/** Lines that a container wrote, as numbers: none may be missing, none twice. */
function numbersIn(log: string): number[] {
  return parseLog(log).map(({ text }) => Number(text));
}

const ticks = "i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo $i; sleep 0.02; done; exit 9";

async function answersStill(world: SuiteWorld, id: string): Promise<void> {
  const session = await world.runtime.attach(id, { stdin: true, stdout: true, stderr: true, tty: false });
  stdinOf(session).write("again\n");
  await readUntil(session.stdout, "got again");
  session.close();
}

export const restartCases: readonly SuiteCase[] = [
  {
    name: "another driver over the same directories finds everything as it was",
    run: async (world) => {
      const { id, sandboxId } = await world.start(scripts.answer, { stdin: true });
      const ended = await world.start(scripts.fail);
      await world.ended(ended.id);
      await world.logged(id, "ready");
      const list = async (): Promise<unknown> => [
        (await world.runtime.listSandboxes()).toSorted((a, b) => a.id.localeCompare(b.id)),
        (await world.runtime.listContainers()).toSorted((a, b) => a.id.localeCompare(b.id)),
        (await world.runtime.listImages()).toSorted((a, b) => a.id.localeCompare(b.id)),
      ];
      const before = await list();
      await world.reopen();
      assert.deepEqual(await list(), before);
      await answersStill(world, id);
      assert.equal((await world.runtime.execSync(id, ["sh", "-c", scripts.both], 10_000)).exitCode, 4);
      await world.runtime.stopContainer(id, 0);
      assert.equal((await world.ended(id)).exitCode, 137);
      await world.runtime.removeSandbox(sandboxId);
      await assert.rejects(world.runtime.containerStatus(id), { code: "not-found" });
    },
  },
  {
    name: "what ends while nobody looks is known afterwards, and its log is whole",
    needsKernel: true,
    run: async (world) => {
      const { id } = await world.start(ticks);
      await world.logged(id, "stdout F 5\n");
      const { pid } = await world.runtime.containerStatus(id);
      await world.reopenAfter(async () => {
        await processEnd(pid);
      });
      const { exitCode, reason } = await world.ended(id);
      assert.deepEqual([exitCode, reason], [9, "Error"]);
      await world.logged(id, "stdout F 60\n");
      assert.deepEqual(
        numbersIn(await world.logText(id)),
        Array.from({ length: 60 }, (_, i) => i + 1),
      );
    },
  },
  {
    name: "restarts in the middle of output lose no line and double none",
    needsKernel: true,
    run: async (world) => {
      const { id } = await world.start(ticks);
      for (const line of [5, 20, 35]) {
        await world.logged(id, `stdout F ${line}\n`);
        await world.reopen();
      }
      assert.equal((await world.ended(id)).exitCode, 9);
      await world.logged(id, "stdout F 60\n");
      assert.deepEqual(
        numbersIn(await world.logText(id)),
        Array.from({ length: 60 }, (_, i) => i + 1),
      );
    },
  },
];

/** Waits until the kernel knows no such process; a zombie counts as ended. */
async function processEnd(pid: number): Promise<void> {
  for (;;) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    if (stat === "" || /\) Z /.test(stat)) return;
    await nextTry();
  }
}
