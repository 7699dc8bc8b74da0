/**
 * Certificates of pods on this node, one for each source of a volume: we make the key, ask the signer with a
 * PodCertificateRequest, and ask again when the signer said that it is time. Keys are never written but into the pod's
 * volume: a kubelet that starts anew asks anew.
 * upstream: pkg/kubelet/podcertificate/podcertificatemanager.go
 */
import type { PodCertificateRequest } from "#api/generated/types/certificates-v1beta1.ts";
import type { Pod, PodCertificateProjection } from "#api/generated/types/core-v1.ts";
import { nodes, podCertificateRequests, serviceAccounts } from "#api/resources.ts";
import { parseTime } from "#base/clock.ts";
import { SharedInformer, type SharedInformerDeps } from "#client/cache/shared-informer.ts";
import { referenceTo, type EventRecorder } from "#client/events/recorder.ts";
import { pemBlocks, toPem } from "#base/pem.ts";
import { podName, podNamespace, podUid } from "../pods/pod.ts";
import { provenKeyFor } from "./pod-keys.ts";
import type { PodFollower } from "./referenced-objects.ts";

export interface Credential {
  readonly keyPem: string;
  /** The leaf first. */
  readonly chainPem: string;
  /** Milliseconds until it wants to be looked at again, if ever. */
  readonly refreshMs: number | undefined;
}

export interface CertificateSource {
  /** Of the source at that place of the volume. Throws what users read, until it is issued. */
  credential(pod: Pod, place: CertificatePlace): Promise<Credential>;
}

export interface CertificatePlace {
  readonly volume: string;
  readonly index: number;
  readonly projection: PodCertificateProjection;
}

export interface PodCertificatesDeps extends SharedInformerDeps {
  readonly nodeName: string;
  readonly recorder: EventRecorder;
  /** Of the kubelet. */
  readonly lifetime: AbortSignal;
}

/** What we wait for an answer to. */
interface Asked {
  readonly name: string;
  readonly keyPem: string;
}

interface Issued {
  readonly keyPem: string;
  readonly chainPem: string;
  readonly refreshAtMs: number;
  readonly notAfterMs: number;
  readonly said: Set<string>;
}

interface Entry {
  asked: Asked | undefined;
  issued: Issued | undefined;
  refusal: string | undefined;
}

const overdueMs = 10 * 60_000;
const jitterMs = 5 * 60_000;
const outcomes = ["Denied", "Failed", "Issued"];

export class PodCertificates implements CertificateSource, PodFollower {
  readonly #deps: PodCertificatesDeps;
  /** By uid. */
  readonly #pods = new Map<string, (uid: string) => void>();
  /** Keys begin with the pod's uid. */
  readonly #entries = new Map<string, Entry>();
  #requests: SharedInformer<PodCertificateRequest> | undefined;
  #stop = new AbortController();

  constructor(deps: PodCertificatesDeps) {
    this.#deps = deps;
  }

  acquire(pod: Pod, onChange: (uid: string) => void): void {
    const sources = (pod.spec?.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
    if (!sources.some(({ podCertificate }) => podCertificate !== undefined)) return;
    this.#pods.set(podUid(pod), onChange);
    this.#requests ??= this.#follow();
  }

  release(uid: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(uid)) this.#entries.delete(key);
    if (!this.#pods.delete(uid) || this.#pods.size > 0) return;
    this.#stop.abort();
    this.#requests = undefined;
  }

  async credential(pod: Pod, place: CertificatePlace): Promise<Credential> {
    const key = [podUid(pod), place.volume, place.index].join("\n");
    const entry = this.#entries.get(key) ?? { asked: undefined, issued: undefined, refusal: undefined };
    this.#entries.set(key, entry);
    this.#takeAnswer(pod, entry);
    const nowMs = this.#deps.clock.now();
    const isWanted = entry.issued === undefined || nowMs >= entry.issued.refreshAtMs;
    if (entry.refusal === undefined && entry.asked === undefined && isWanted) {
      entry.asked = await this.#ask(pod, place.projection);
      this.#takeAnswer(pod, entry);
    }
    if (entry.refusal !== undefined) throw new Error(entry.refusal);
    if (entry.issued === undefined) throw new Error("credential bundle is not issued yet");
    this.#tellAge(pod, entry.issued, nowMs);
    const { keyPem, chainPem } = entry.issued;
    return { keyPem, chainPem, refreshMs: nextLookMs(entry.issued, entry.asked === undefined, nowMs) };
  }

  /** All of this node: that is what a node may list. */
  #follow(): SharedInformer<PodCertificateRequest> {
    const query = { fieldSelector: `spec.nodeName=${this.#deps.nodeName}` };
    const requests = new SharedInformer(podCertificateRequests, query, this.#deps);
    const onRequest = (request: PodCertificateRequest): void => {
      if (outcomeOf(request) !== undefined) this.#pods.get(request.spec.podUID)?.(request.spec.podUID);
    };
    requests.addHandler({ add: onRequest, update: onRequest, delete: (request) => this.#onDeleted(request) });
    this.#stop = new AbortController();
    void requests.run(AbortSignal.any([this.#stop.signal, this.#deps.lifetime]));
    return requests;
  }

  /** Nobody will answer it any more: the pod asks again. */
  #onDeleted({ metadata, spec }: PodCertificateRequest): void {
    for (const [key, entry] of this.#entries) {
      if (!key.startsWith(spec.podUID) || entry.asked?.name !== metadata?.name) continue;
      entry.asked = undefined;
      this.#pods.get(spec.podUID)?.(spec.podUID);
    }
  }

  #takeAnswer(pod: Pod, entry: Entry): void {
    const { asked } = entry;
    if (asked === undefined) return;
    const shown = `${podNamespace(pod)}/${asked.name}`;
    const request = this.#requests?.lister.get(shown);
    const outcome = request === undefined ? undefined : outcomeOf(request);
    if (request === undefined || outcome === undefined) return;
    entry.asked = undefined;
    if (outcome.type === "Issued") {
      entry.issued = this.#issued(asked, request);
      return;
    }
    const [did, said] = outcome.type === "Denied" ? ["denied", "was denied"] : ["failed", "failed"];
    const [reason, message] = [JSON.stringify(outcome.reason), JSON.stringify(outcome.message)];
    entry.refusal = `PodCertificateRequest was permanently ${did}: reason=${reason} message=${message}`;
    const text = `PodCertificateRequest ${shown} ${said}, reason=${reason}, message=${message}`;
    this.#record(pod, outcome.type, text);
  }

  #issued({ keyPem }: Asked, { status = {} }: PodCertificateRequest): Issued {
    const { certificateChain = "", beginRefreshAt = "", notAfter = "" } = status;
    const blocks = pemBlocks(certificateChain);
    return {
      keyPem,
      chainPem: blocks.map(({ der }) => toPem("CERTIFICATE", der)).join(""),
      refreshAtMs: parseTime(beginRefreshAt) + this.#deps.random.next() * jitterMs,
      notAfterMs: parseTime(notAfter),
      said: new Set(),
    };
  }

  async #ask(pod: Pod, projection: PodCertificateProjection): Promise<Asked> {
    const { client, lifetime, nodeName } = this.#deps;
    const namespace = podNamespace(pod);
    const serviceAccountName = pod.spec?.serviceAccountName ?? "default";
    const [account, node, key] = await Promise.all([
      client.resource(serviceAccounts, namespace).get(serviceAccountName, lifetime),
      client.resource(nodes).get(nodeName, lifetime),
      provenKeyFor(projection.keyType, podUid(pod)),
    ]);
    const { privatePem: keyPem, pkixPublicKey, proofOfPossession } = key;
    const owner = { apiVersion: "v1", kind: "Pod", name: podName(pod), uid: podUid(pod) };
    const made = await client.resource(podCertificateRequests, namespace).create({
      metadata: { generateName: "req-", namespace, ownerReferences: [owner] },
      spec: {
        signerName: projection.signerName,
        podName: podName(pod),
        podUID: podUid(pod),
        serviceAccountName,
        serviceAccountUID: account.metadata?.uid ?? "",
        nodeName,
        nodeUID: node.metadata?.uid ?? "",
        maxExpirationSeconds: projection.maxExpirationSeconds,
        pkixPublicKey,
        proofOfPossession,
        unverifiedUserAnnotations: projection.userAnnotations,
      },
    });
    return { name: made.metadata?.name ?? "", keyPem };
  }

  /** Once each. */
  #tellAge(pod: Pod, { refreshAtMs, notAfterMs, said }: Issued, nowMs: number): void {
    for (const [atMs, reason, message] of [
      [refreshAtMs + overdueMs, "CertificateOverdueForRefresh", "PodCertificate refresh overdue"],
      [notAfterMs, "CertificateExpired", "PodCertificate expired"],
    ] as const) {
      if (nowMs < atMs || said.has(reason)) continue;
      said.add(reason);
      this.#record(pod, reason, message);
    }
  }

  #record(pod: Pod, reason: string, message: string): void {
    this.#deps.recorder.event(referenceTo(pod, "Pod"), "Warning", reason, message);
  }
}

function outcomeOf({
  status,
}: PodCertificateRequest): { type: string; reason: string; message: string } | undefined {
  const {
    type = "",
    reason = "",
    message = "",
  } = status?.conditions?.find((condition) => outcomes.includes(condition.type)) ?? {};
  return type === "" ? undefined : { type, reason, message };
}

/** When to ask anew, or to tell that nobody answers. */
function nextLookMs(
  { refreshAtMs, notAfterMs }: Issued,
  isQuiet: boolean,
  nowMs: number,
): number | undefined {
  const times = [...(isQuiet ? [refreshAtMs] : []), refreshAtMs + overdueMs, notAfterMs];
  const ahead = times.filter((atMs) => atMs > nowMs);
  return ahead.length === 0 ? undefined : Math.max(1000, Math.min(...ahead) - nowMs);
}
