/**
 * What only one of several servers may run. Whoever holds the Lease runs it; who loses it stops all of it and waits to
 * hold it again. Every term begins with new parts, so that nothing believed in an old one is acted on in the next.
 * upstream: cmd/kube-controller-manager/app/controllermanager.go, which ends its process instead
 */
import { runInOrder, type Component } from "#base/component.ts";
import { readTextIfExists, writeFileAtomic } from "#base/files.ts";
import type { Random } from "#base/random.ts";
import { ApiEventRecorder } from "#client/events/recorder.ts";
import { LeaderElector, LeaseLostError, type LeaderElectionDeps } from "#client/leader/leader-election.ts";

export interface ElectedOptions {
  /** Of the component and of its Lease in kube-system, as upstream's: "kube-scheduler". */
  readonly name: string;
  /** This server's among all: see serverIdentity. */
  readonly identity: string;
  /** The source of the events that tell who leads. */
  readonly eventSource: string;
  readonly stopMaxMs: number;
}

/** `parts` makes what runs during one term, in order. */
export function electedComponent(
  options: ElectedOptions,
  deps: LeaderElectionDeps,
  parts: () => readonly Component[],
): Component {
  return {
    name: options.name,
    run: async (signal, ready) => {
      await using events = new ApiEventRecorder({ component: options.eventSource }, deps);
      const { name, identity, stopMaxMs } = options;
      const elector = new LeaderElector({ namespace: "kube-system", name, identity, events }, deps);
      // Not leading is no fault: another server does.
      ready();
      while (!signal.aborted) {
        try {
          await elector.run(signal, (leading) =>
            runInOrder(parts(), leading, { clock: deps.clock, stopMaxMs }),
          );
        } catch (error) {
          if (!(error instanceof LeaseLostError)) throw error;
        }
      }
    },
  };
}

/**
 * The same at every start on this data directory, and nobody else's. The directory's lock says that the holder of a
 * lease under this name is this process or a dead one, whose lease needn't run out before we go on.
 */
export async function serverIdentity(path: string, nodeName: string, random: Random): Promise<string> {
  let id = (await readTextIfExists(path))?.trim() ?? "";
  if (id === "") {
    id = random.uuid();
    await writeFileAtomic(path, `${id}\n`, 0o600);
  }
  return `${nodeName}_${id}`;
}
