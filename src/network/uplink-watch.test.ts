import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Backoff } from "#base/backoff.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { exec } from "#base/exec.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { isAbout, watchUplink } from "./uplink-watch.ts";

const of = { device: "mk8s.1", address: "10.77.0.1" };

for (const [name, line, expected] of [
  [
    "the address came",
    "6: eth0    inet 10.77.0.1/24 brd 10.77.0.255 scope global eth0\\       valid_lft forever",
    true,
  ],
  ["the address went", "Deleted 6: eth0    inet 10.77.0.1/24 scope global eth0", true],
  ["another address that begins alike", "6: eth0    inet 10.77.0.12/24 scope global eth0", false],
  ["the tunnel went", "Deleted 9: mk8s.1: <BROADCAST,MULTICAST> mtu 1450 qdisc noop state DOWN", true],
  ["a pod's cable", "12: veth0123456789a@if2: <BROADCAST,UP> mtu 1450 master mk8s0 state UP", false],
] as const) {
  test(`isAbout: ${name}`, () => {
    assert.equal(isAbout(line, of), expected);
  });
}

function world() {
  const clock = new ManualClock();
  const backoff = new Backoff({ initialMs: 1000, maxMs: 1000, factor: 1, jitter: 0 }, new SeededRandom(1));
  return { clock, deps: { clock, backoff, log: silentLogger } };
}

test("lines about the uplink are told while the monitor runs; it ends with the signal", async () => {
  const { deps } = world();
  const stop = new AbortController();
  let told = 0;
  const script = 'echo "7: lo: <LOOPBACK>"; echo "6: eth0 inet 10.77.0.1/24"; exec sleep 60';
  await watchUplink(
    of,
    () => {
      told += 1;
      stop.abort();
    },
    { ...deps, command: ["sh", "-c", script] },
    stop.signal,
  );
  assert.equal(told, 1);
});

test("a monitor that ends is started again, and what it may have missed is told", async () => {
  const { clock, deps } = world();
  const stop = new AbortController();
  let told = 0;
  const asked = Promise.withResolvers<void>();
  const sleep = clock.sleep.bind(clock);
  const watched = watchUplink(
    of,
    () => {
      told += 1;
      stop.abort();
    },
    {
      ...deps,
      clock: {
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        after: (ms, run) => clock.after(ms, run),
        sleep: (ms, signal) => {
          asked.resolve();
          return sleep(ms, signal);
        },
      },
      command: ["no-such-program-here"],
    },
    stop.signal,
  );
  await asked.promise;
  assert.equal(told, 0);
  await clock.advance(1000);
  await settle();
  await watched;
  assert.equal(told, 1);
});

test("the monitor ends with the process that started it, however that ends", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mini-k8s-uplink-"));
  // Its reader sees the end of the file when nobody holds the other end any more.
  const pipe = join(directory, "pipe");
  const program = `
    import { systemClock } from "#base/clock.ts";
    import { silentLogger } from "#base/log.ts";
    import { watchUplink } from "#network/uplink-watch.ts";
    const command = ["sh", "-c", "exec sleep 600 >${pipe}"];
    const deps = { clock: systemClock, log: silentLogger, command, backoff: { next: () => 1000 } };
    await watchUplink({ device: "x", address: "10.0.0.1" }, () => undefined, deps, new AbortController().signal);
  `;
  await exec("mkfifo", [pipe]);
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "ignore" });
  const reading = await open(pipe, "r");
  child.kill("SIGKILL");
  assert.equal((await reading.readFile()).length, 0);
  await reading.close();
  await rm(directory, { recursive: true });
});
