/** What pods need to know of the node they run on. */
import type { ClusterDns } from "./dns.ts";

export interface NodeFacts {
  readonly name: string;
  readonly hostIPs: readonly string[];
  readonly allocatable: Readonly<Record<string, string>>;
  readonly memoryCapacityBytes: number;
  /** The lowest oom_score_adj this process may give; the kernel refuses less without CAP_SYS_RESOURCE. */
  readonly oomScoreMin: number;
  readonly clusterDns: ClusterDns;
  /** Marks sandboxes as ours. */
  readonly kubeletRoot: string;
  /** "docker": how container ids are prefixed. */
  readonly runtimeName: string;
}
