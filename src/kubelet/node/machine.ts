/** What the node is made of. The real one reads /proc and /sys, the simulated one is told. */

export interface MachineFacts {
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly cpus: number;
  readonly memoryBytes: bigint;
  readonly swapBytes: bigint;
  /** Of the file system that holds the kubelet's directory. */
  readonly storageBytes: bigint;
  /** Bytes by page size: "2Mi" → … */
  readonly hugepages: Readonly<Record<string, bigint>>;
  /** Own oom_score_adj, and whether it may be lowered. */
  readonly oomScoreMin: number;
}

/** What changes while the node runs. */
export interface MachineUse {
  readonly memoryAvailableBytes: bigint;
  readonly storageAvailableBytes: bigint;
  readonly storageBytes: bigint;
  readonly inodesFree: bigint;
  readonly inodes: bigint;
  readonly pidsUsed: number;
  readonly pidsMax: number;
}

export interface Machine {
  facts(): Promise<MachineFacts>;
  use(): Promise<MachineUse>;
}

const gibibyte = 1024n ** 3n;

/** A machine that exists on paper: 32 cores, 256 GiB (kwok's numbers). */
export class SimulatedMachine implements Machine {
  facts(): Promise<MachineFacts> {
    return Promise.resolve({
      architecture: "amd64",
      kernelVersion: "simulated",
      osImage: "simulated",
      machineId: "",
      systemUuid: "",
      bootId: "",
      cpus: 32,
      memoryBytes: 256n * gibibyte,
      swapBytes: 0n,
      storageBytes: 1024n * gibibyte,
      hugepages: {},
      oomScoreMin: -1000,
    });
  }

  use(): Promise<MachineUse> {
    return Promise.resolve({
      memoryAvailableBytes: 256n * gibibyte,
      storageAvailableBytes: 1024n * gibibyte,
      storageBytes: 1024n * gibibyte,
      inodesFree: 1_000_000n,
      inodes: 1_000_000n,
      pidsUsed: 0,
      pidsMax: 4_194_304,
    });
  }
}
