/** Another server says whether pods may run their images. upstream: plugin/pkg/admission/imagepolicy/admission.go */
import type { Pod } from "#api/generated/types/core-v1.ts";
import { loadKubeconfig } from "#client/kubeconfig.ts";
import { LruCache } from "#pki/lru.ts";
import { KubeconfigHook } from "#apiserver/connect/kubeconfig-hook.ts";
import type { CertificateFaults } from "#apiserver/connect/server-certificate.ts";
import { askReview, isHookFailure, type HookReviewDeps } from "#apiserver/connect/hook-review.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { refuse } from "../refuse.ts";

export interface ImagePolicySettings {
  readonly kubeConfigFile: string;
  /** How long what it allowed stays allowed. 0: it is asked each time. */
  readonly allowTtlMs: number;
  readonly denyTtlMs: number;
  /** Before the second try. */
  readonly retryBackoffMs: number;
  /** What goes while it can't be asked. */
  readonly defaultAllow: boolean;
}

export interface ImagePolicyDeps extends Omit<HookReviewDeps, "hook"> {
  /** Who is asked instead of the server that the settings name. */
  readonly hook?: HookReviewDeps["hook"];
  readonly certificateFaults?: CertificateFaults | undefined;
}

/** upstream: lru.NewLRUExpireCache(1024) */
const rememberedMax = 1024;
const timeoutMs = 30_000;
const auditPrefix = "imagepolicywebhook.image-policy.k8s.io/";

interface Verdict {
  readonly allowed?: boolean;
  readonly reason?: string;
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

export class ImagePolicyWebhook implements AdmissionPlugin {
  readonly name = "ImagePolicyWebhook";
  readonly resources = ["pods"];
  readonly #settings: ImagePolicySettings;
  readonly #deps: ImagePolicyDeps;
  readonly #remembered = new LruCache<{ readonly verdict: Verdict; readonly until: number }>(rememberedMax);
  #hook: HookReviewDeps["hook"] | undefined;

  constructor(settings: ImagePolicySettings, deps: ImagePolicyDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#hook = deps.hook;
  }

  /** Throws KubeconfigError. */
  async load(): Promise<void> {
    if (this.#hook !== undefined) return;
    const { clock, certificateFaults } = this.#deps;
    const access = await loadKubeconfig(this.#settings.kubeConfigFile, clock);
    this.#hook ??= new KubeconfigHook(access, clock, certificateFaults);
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  validate(attributes: AdmissionAttributes): Promise<void> | undefined {
    const { subresource } = attributes;
    return subresource === "" || subresource === "ephemeralcontainers" ? this.#judge(attributes) : undefined;
  }

  async #judge(attributes: AdmissionAttributes): Promise<void> {
    const verdict = await this.#verdictOf(specOf(attributes), attributes);
    if (verdict === undefined) return;
    for (const [key, text] of Object.entries(verdict.auditAnnotations ?? {})) {
      attributes.annotate(`${auditPrefix}${key}`, text);
    }
    if (verdict.allowed === true) return;
    const { reason = "" } = verdict;
    throw refuse(
      attributes,
      reason === ""
        ? "one or more images rejected by webhook backend"
        : `image policy webhook backend denied one or more images: ${reason}`,
    );
  }

  /** Undefined: it couldn't be asked, and that is no reason to refuse. */
  async #verdictOf(spec: object, attributes: AdmissionAttributes): Promise<Verdict | undefined> {
    const { clock } = this.#deps;
    const key = JSON.stringify(spec);
    const known = this.#remembered.get(key);
    if (known !== undefined && clock.monotonic() < known.until) return known.verdict;
    try {
      const verdict: Verdict = await this.#ask(spec);
      const ttlMs = verdict.allowed === true ? this.#settings.allowTtlMs : this.#settings.denyTtlMs;
      this.#remembered.set(key, { verdict, until: clock.monotonic() + ttlMs });
      return verdict;
    } catch (error) {
      if (!isHookFailure(error)) throw error;
      if (!this.#settings.defaultAllow) throw refuse(attributes, error.message);
      attributes.annotate(`${auditPrefix}failed-open`, "true");
      return undefined;
    }
  }

  async #ask(spec: object): Promise<Verdict> {
    await this.load();
    const hook = this.#hook;
    if (hook === undefined) throw new Error("the server that judges images isn't known");
    const review = { kind: "ImageReview", apiVersion: "imagepolicy.k8s.io/v1alpha1", metadata: {}, spec };
    return askReview(review, timeoutMs, { ...this.#deps, hook, firstRetryMs: this.#settings.retryBackoffMs });
  }
}

function specOf({ object, subresource, namespace }: AdmissionAttributes): object {
  const { spec, metadata } = object as Pod;
  const containers =
    subresource === ""
      ? [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
      : (spec?.ephemeralContainers ?? []);
  const annotations = Object.fromEntries(
    Object.entries(metadata?.annotations ?? {}).filter(([key]) => key.includes(".image-policy.k8s.io/")),
  );
  return {
    ...(containers.length === 0 ? {} : { containers: containers.map(({ image = "" }) => ({ image })) }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    namespace,
  };
}
