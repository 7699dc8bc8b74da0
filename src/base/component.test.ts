import assert from "node:assert/strict";
import { test } from "node:test";
import { aborted } from "./abort.ts";
import { ManualClock, settle } from "./clock.ts";
import {
  build,
  ComponentError,
  InvalidOptionsError,
  runInOrder,
  type Completed,
  type Component,
} from "./component.ts";

const options = { clock: new ManualClock(), stopMaxMs: 1000 };

function component(name: string, seen: string[], behaviour: Partial<Component> = {}): Component {
  return {
    name,
    run: async (signal, ready) => {
      seen.push(`+${name}`);
      ready();
      await aborted(signal);
      seen.push(`-${name}`);
    },
    ...behaviour,
  };
}

test("components start in order and stop in reverse", async () => {
  const seen: string[] = [];
  const stop = new AbortController();
  const running = runInOrder(
    ["store", "apiserver", "scheduler"].map((name) => component(name, seen)),
    stop.signal,
    options,
  );
  await settle();
  stop.abort(new Error("test over"));
  await running;
  assert.deepEqual(seen, ["+store", "+apiserver", "+scheduler", "-scheduler", "-apiserver", "-store"]);
});

test("a component that fails stops the others and is named", async () => {
  const seen: string[] = [];
  const broken = component("broken", seen, {
    run: async (_signal, ready) => {
      ready();
      await settle();
      throw new Error("disk full");
    },
  });
  await assert.rejects(
    runInOrder([component("store", seen), broken], new AbortController().signal, options),
    (error) =>
      error instanceof ComponentError &&
      error.component === "broken" &&
      (error.cause as Error).message === "disk full",
  );
  assert.deepEqual(seen, ["+store", "-store"]);
});

test("a component that fails before it is ready keeps the next from starting", async () => {
  const seen: string[] = [];
  const broken = component("broken", seen, { run: () => Promise.reject(new Error("port taken")) });
  await assert.rejects(
    runInOrder([broken, component("next", seen)], new AbortController().signal, options),
    /broken failed/,
  );
  assert.deepEqual(seen, []);
});

test("a component that ends by itself counts as failed", async () => {
  const quitter = component("quitter", [], {
    run: (_signal, ready) => {
      ready();
      return Promise.resolve();
    },
  });
  await assert.rejects(
    runInOrder([quitter], new AbortController().signal, options),
    /quitter ended although nobody stopped it/,
  );
});

test("an abort while waiting for ready stops what has started", async () => {
  const seen: string[] = [];
  const slow = component("slow", seen, { run: (signal) => aborted(signal) });
  const stop = new AbortController();
  const running = runInOrder([component("store", seen), slow, component("next", seen)], stop.signal, options);
  await settle();
  stop.abort(new Error("changed my mind"));
  await running;
  assert.deepEqual(seen, ["+store", "-store"]);
});

test("a component that doesn't stop in time is left behind and named", async () => {
  const clock = new ManualClock();
  const stuck = component("stuck", [], {
    run: (_signal, ready) => {
      ready();
      return new Promise(() => undefined);
    },
  });
  const stop = new AbortController();
  const running = runInOrder([stuck], stop.signal, { clock, stopMaxMs: 500 });
  const outcome = assert.rejects(running, /stuck did not stop within 500 ms/);
  await settle();
  stop.abort(new Error("test over"));
  await settle();
  await clock.advance(500);
  await outcome;
});

test("options with faults never become a component", () => {
  const kind = {
    name: "scheduler",
    complete: (given: { n: number }) => given as Completed<{ n: number }>,
    validate: ({ n }: { n: number }) => (n > 0 ? [] : [`--n is ${n}, must be positive`, "--m is missing"]),
    create: () => component("scheduler", []),
  };
  assert.throws(
    () => build(kind, { n: 0 }, undefined),
    (error) => error instanceof InvalidOptionsError && error.faults.length === 2,
  );
  assert.equal(build(kind, { n: 1 }, undefined).name, "scheduler");
});
