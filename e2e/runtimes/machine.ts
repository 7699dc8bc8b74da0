/** What a runtime needs around it in a test: directories, images, and a network that is only a loopback. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { createLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { parseCapabilities } from "../../src/kubelet/runtime/embedded/machine.ts";
import type { OpenRuntimeDeps } from "../../src/kubelet/runtime/open.ts";
import type { SandboxNetwork } from "../../src/kubelet/runtime/runtime.ts";
import { testImages } from "../images.ts";

export interface RuntimeDirectories extends Disposable {
  readonly root: string;
  readonly dataDir: string;
  readonly stateDir: string;
}

/** With the test images laid where a runtime finds them at its start. */
export function makeDirectories(name: string): RuntimeDirectories {
  const root = mkdtempSync(join(tmpdir(), `mini-k8s-${name}-`));
  const dataDir = join(root, "data");
  const images = join(dataDir, "agent", "images");
  mkdirSync(images, { recursive: true });
  for (const image of ["busybox", "layers"]) {
    copyFileSync(join(testImages(), `${image}.tar`), join(images, `${image}.tar`));
  }
  return {
    root,
    dataDir,
    stateDir: join(root, "run"),
    [Symbol.dispose]: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Addresses that lead nowhere; remembers who has one. */
export class LoopbackNetwork implements SandboxNetwork {
  readonly problem = undefined;
  readonly attached = new Map<string, string>();
  #count = 0;

  attach({ id }: { readonly id: string }): Promise<{ ip: string }> {
    let ip = this.attached.get(id);
    if (ip === undefined) {
      this.#count += 1;
      ip = `10.99.${Math.floor(this.#count / 250)}.${(this.#count % 250) + 1}`;
      this.attached.set(id, ip);
    }
    return Promise.resolve({ ip });
  }

  detach(id: string): Promise<void> {
    this.attached.delete(id);
    return Promise.resolve();
  }
}

const write = (line: string): void => {
  process.stderr.write(line);
};

export function realDeps(network: SandboxNetwork): Omit<OpenRuntimeDeps, "connectDocker"> {
  const log = createLogger({ level: "warn", format: "text", clock: systemClock, write });
  return { network, clock: systemClock, random: systemRandom, log };
}

export function hasCapability(name: string): boolean {
  return parseCapabilities(readFileSync("/proc/self/status", "utf8")).includes(name);
}
