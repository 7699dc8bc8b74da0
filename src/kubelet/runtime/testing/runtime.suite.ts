/** What every runtime promises, as tests. Drivers run it over real containers in e2e/runtimes, the fake beside itself. */
import assert from "node:assert/strict";
import { after, afterEach, before, suite, test } from "node:test";
import type { Runtime } from "../runtime.ts";
import { limitCases, rightsCases, surroundingCases } from "./kernel-cases.ts";
import { containerCases, logCases, restartCases, sandboxCases } from "./lifecycle-cases.ts";
import { attachCases, execCases } from "./stream-cases.ts";
import { SuiteWorld, waitMaxMs, type RuntimeSuiteOptions, type SuiteCase } from "./suite-world.ts";

const groups: Readonly<Record<string, readonly SuiteCase[]>> = {
  sandboxes: sandboxCases,
  containers: containerCases,
  logs: logCases,
  exec: execCases,
  attach: attachCases,
  restarts: restartCases,
  limits: limitCases,
  rights: rightsCases,
  surroundings: surroundingCases,
};

/** `open` gives a driver, each time over the same directories. */
export function runtimeSuite(name: string, open: () => Promise<Runtime>, options: RuntimeSuiteOptions): void {
  suite(`runtime ${name}`, () => {
    let world: SuiteWorld | undefined;
    const need = (): SuiteWorld => {
      assert(world !== undefined, "the runtime could not be opened");
      return world;
    };
    before(async () => {
      world = await SuiteWorld.create(options, open);
    });
    afterEach(() => need().clear());
    after(() => world?.runtime.close());
    for (const [group, cases] of Object.entries(groups)) {
      for (const { name: title, needsKernel, run } of cases) {
        if (needsKernel === true && !options.isReal) continue;
        test(`${group}: ${title}`, { timeout: 2 * waitMaxMs }, () => run(need()));
      }
    }
  });
}
