/** What the controllers need to know. */
import type { Completed } from "#base/component.ts";
import type { KeyPair } from "#pki/ca.ts";

export interface ControllersOptions {
  /** Controllers to leave out, by upstream's names. */
  readonly disable: ReadonlySet<string>;
  /** Pods' addresses; nodes get a part each. */
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  /** Bits of a node's part. */
  readonly nodeCidrMaskSize?: number;
  /** PEM of the CA that signs what the API server presents. */
  readonly rootCaPem: string;
  /** Signs the tokens that secrets of accounts hold; "": they stay without. */
  readonly serviceAccountKeyPem?: string;
  /** What sign certificates of clients and of servers; absent: approved requests wait for somebody else. */
  readonly signing?: { readonly clientCa: KeyPair; readonly serverCa: KeyPair } | undefined;
  /** Others serve the same API, and hear of a change at another time than we do. */
  readonly severalServers?: boolean;
  /** StorageVersionMigrations are served: somebody has to carry them out. */
  readonly migratesStorage?: boolean;
  /** PodCertificateRequests are: somebody has to take the old ones away. */
  readonly podCertificates?: boolean;
  /** ClusterTrustBundles are: what the API server is verified with is one. */
  readonly trustBundles?: boolean;
  readonly nodeMonitorGraceMs?: number;
}

export function complete(options: ControllersOptions): Completed<ControllersOptions> {
  return {
    ...options,
    nodeCidrMaskSize: options.nodeCidrMaskSize ?? 24,
    serviceAccountKeyPem: options.serviceAccountKeyPem ?? "",
    severalServers: options.severalServers ?? false,
    migratesStorage: options.migratesStorage ?? false,
    podCertificates: options.podCertificates ?? false,
    trustBundles: options.trustBundles ?? false,
    nodeMonitorGraceMs: options.nodeMonitorGraceMs ?? 50_000,
  } as Completed<ControllersOptions>;
}

export function validate(options: Completed<ControllersOptions>): readonly string[] {
  const faults: string[] = [];
  const bits = Number(options.clusterCidr.split("/")[1]);
  if (!(options.nodeCidrMaskSize > bits && options.nodeCidrMaskSize <= 30)) {
    faults.push(
      `--node-cidr-mask-size is ${options.nodeCidrMaskSize}, must lie in ${bits + 1}-30 for --cluster-cidr ${options.clusterCidr}`,
    );
  }
  if (options.rootCaPem === "") faults.push("the root CA is empty");
  return faults;
}
