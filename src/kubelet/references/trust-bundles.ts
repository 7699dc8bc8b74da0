/**
 * The trust anchors that pods of this node mount. The cluster's bundles are watched while some pod wants one, so that
 * a change reaches the pod's files. upstream: pkg/kubelet/clustertrustbundle/clustertrustbundle_manager.go
 */
import type { ClusterTrustBundle } from "#api/generated/types/certificates-v1beta1.ts";
import type { ClusterTrustBundleProjection, Pod } from "#api/generated/types/core-v1.ts";
import { selectorOf } from "#api/meta/labels.ts";
import { clusterTrustBundles } from "#api/resources.ts";
import { SharedInformer, type SharedInformerDeps } from "#client/cache/shared-informer.ts";
import { pemBlocks, toPem } from "#base/pem.ts";
import { podUid } from "../pods/pod.ts";
import type { PodFollower } from "./referenced-objects.ts";

export interface TrustSource {
  /** PEM, in no order that means anything; "" where nothing is there and nothing has to be. Throws what users read. */
  anchors(projection: ClusterTrustBundleProjection): Promise<string>;
}

interface Watch {
  readonly informer: SharedInformer<ClusterTrustBundle>;
  readonly stop: AbortController;
}

interface Follower {
  readonly wanted: readonly ClusterTrustBundleProjection[];
  readonly onChange: (uid: string) => void;
}

export interface TrustBundlesDeps extends SharedInformerDeps {
  /** Of the kubelet. */
  readonly lifetime: AbortSignal;
}

/** A first list takes less, where bundles are served at all. */
const syncMsMax = 5000;

export class TrustBundles implements TrustSource, PodFollower {
  readonly #deps: TrustBundlesDeps;
  /** By uid. */
  readonly #pods = new Map<string, Follower>();
  #watch: Watch | undefined;

  constructor(deps: TrustBundlesDeps) {
    this.#deps = deps;
  }

  acquire(pod: Pod, onChange: (uid: string) => void): void {
    const wanted = projectionsOf(pod);
    if (wanted.length === 0) return;
    this.#pods.set(podUid(pod), { wanted, onChange });
    this.#watch ??= this.#start();
  }

  release(uid: string): void {
    if (!this.#pods.delete(uid) || this.#pods.size > 0) return;
    this.#watch?.stop.abort();
    this.#watch = undefined;
  }

  async anchors(projection: ClusterTrustBundleProjection): Promise<string> {
    const { name, signerName, labelSelector, optional = false } = projection;
    const { informer } = await this.#synced();
    if (name !== undefined) {
      const bundle = informer.lister.get(name);
      if (bundle !== undefined) return joined([bundle]);
      if (optional) return "";
      throw new Error(
        `while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io ${JSON.stringify(name)} not found`,
      );
    }
    const selector = selectorOf(labelSelector);
    const found = informer.lister
      .list()
      .filter(({ metadata, spec }) => spec.signerName === signerName && selector.matches(metadata?.labels));
    if (found.length === 0 && !optional) {
      throw new Error("combination of signerName and labelSelector matched zero ClusterTrustBundles");
    }
    return joined(found);
  }

  async #synced(): Promise<Watch> {
    const watch = this.#watch;
    if (watch !== undefined && !watch.informer.hasSynced) {
      const late = this.#deps.clock.sleep(
        syncMsMax,
        AbortSignal.any([watch.stop.signal, this.#deps.lifetime]),
      );
      await Promise.race([watch.informer.synced, late]);
    }
    if (watch?.informer.hasSynced !== true) throw new Error("ClusterTrustBundle informer has not yet synced");
    return watch;
  }

  #start(): Watch {
    const informer = new SharedInformer(clusterTrustBundles, {}, this.#deps);
    const changed = (bundle: ClusterTrustBundle): void => {
      for (const [uid, { wanted, onChange }] of this.#pods) {
        if (wanted.some((projection) => mayConcern(projection, bundle))) onChange(uid);
      }
    };
    informer.addHandler({
      add: (bundle, isInitial) => {
        if (!isInitial) changed(bundle);
      },
      update: changed,
      delete: changed,
    });
    const stop = new AbortController();
    void informer.run(AbortSignal.any([stop.signal, this.#deps.lifetime]));
    return { informer, stop };
  }
}

const projectionsOf = ({ spec }: Pod): readonly ClusterTrustBundleProjection[] =>
  (spec?.volumes ?? [])
    .flatMap(({ projected }) => projected?.sources ?? [])
    .flatMap(({ clusterTrustBundle }) => (clusterTrustBundle === undefined ? [] : [clusterTrustBundle]));

/** A signer's bundle may have come under a selector, or have left it. */
const mayConcern = (
  { name, signerName }: ClusterTrustBundleProjection,
  { metadata, spec }: ClusterTrustBundle,
): boolean => (name === undefined ? spec.signerName === signerName : metadata?.name === name);

/** Each anchor once, without what stands around it, and in an order that only other anchors change. */
function joined(bundles: readonly ClusterTrustBundle[]): string {
  const anchors = new Set(
    bundles.flatMap(({ spec }) => pemBlocks(spec.trustBundle).map(({ der }) => toPem("CERTIFICATE", der))),
  );
  return [...anchors].toSorted((a, b) => (a < b ? -1 : 1)).join("");
}
