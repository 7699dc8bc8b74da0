/** Components that are no more than one function. */
import { aborted } from "#base/abort.ts";
import type { Component } from "#base/component.ts";

/** Something that goes on beside the rest, ready from the start. */
export function loopComponent(name: string, run: (signal: AbortSignal) => Promise<void>): Component {
  return {
    name,
    run: async (signal, ready) => {
      ready();
      await run(signal);
    },
  };
}

/** Something that is done once, between two components. */
export function stepComponent(name: string, run: () => Promise<void>): Component {
  return {
    name,
    run: async (signal, ready) => {
      await run();
      ready();
      await aborted(signal);
    },
  };
}
