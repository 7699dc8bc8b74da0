/**
 * Every pod runs as a service account, mounts a token of it, and pulls images with its secrets.
 * upstream: plugin/pkg/admission/serviceaccount/admission.go
 */
import type { Container, Pod, ServiceAccount, Volume } from "#api/generated/types/core-v1.ts";
import { serviceAccounts } from "#api/resources.ts";
import { podReferences } from "#apiserver/authz/pod-references.ts";
import type { Clock } from "#base/clock.ts";
import { randomName, type Random } from "#base/random.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import { concerns, refuse } from "../refuse.ts";
import { mountableSecretsFault } from "./mountable-secrets.ts";

const defaultName = "default";
const mirrorAnnotation = "kubernetes.io/config.mirror";
const enforceAnnotation = "kubernetes.io/enforce-mountable-secrets";
const volumePrefix = "kube-api-access-";
const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
/** A pod made right after its namespace waits so long for the controller to make the default account. */
const defaultAccountWaitMs = 1500;

export interface ServiceAccountDeps extends LookupDeps {
  readonly clock: Clock;
  readonly random: Random;
}

export class ServiceAccountPlugin implements AdmissionPlugin {
  readonly name = "ServiceAccount";
  readonly resources = ["pods"];
  readonly #deps: ServiceAccountDeps;
  readonly #accounts: Lookup<ServiceAccount>;
  /** By key of the account that is waited for. */
  readonly #waiting = new Map<string, Set<() => void>>();
  /** By the account as it is: another state of it may have another. */
  readonly #volumeNames = new WeakMap<ServiceAccount, string>();

  constructor(deps: ServiceAccountDeps) {
    this.#deps = deps;
    this.#accounts = new Lookup(serviceAccounts, deps);
    deps.informers.informer(serviceAccounts).addHandler({
      add: ({ metadata }) => {
        for (const wake of this.#waiting.get(`${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`) ?? []) {
          wake();
        }
      },
    });
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE";
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    const pod = podOf(attributes);
    if (pod?.spec === undefined || isMirror(pod)) return;
    const { spec } = pod;
    if ((spec.serviceAccountName ?? "") === "") spec.serviceAccountName = defaultName;
    // The field's former name; upstream's conversion fills it likewise.
    spec.serviceAccount = spec.serviceAccountName;
    const account = await this.#account(attributes, spec.serviceAccountName ?? defaultName);
    const mounts = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
    if (mounts) mountToken(pod, () => this.#volumeName(account));
    if ((spec.imagePullSecrets ?? []).length === 0 && (account.imagePullSecrets ?? []).length > 0) {
      spec.imagePullSecrets = (account.imagePullSecrets ?? []).map((secret) => ({ ...secret }));
    }
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const pod = podOf(attributes);
    if (pod === undefined) return;
    if (isMirror(pod)) {
      validateMirror(attributes, pod);
      return;
    }
    const name = pod.spec?.serviceAccountName ?? "";
    if (name === "") {
      throw refuse(
        attributes,
        `no service account specified for pod ${attributes.namespace}/${pod.metadata?.name ?? ""}`,
      );
    }
    const account = await this.#account(attributes, name);
    if (/^(1|t|T|true|TRUE|True)$/.test(account.metadata?.annotations?.[enforceAnnotation] ?? "")) {
      const fault = mountableSecretsFault(pod, account);
      if (fault !== undefined) throw refuse(attributes, fault);
    }
  }

  /**
   * Upstream draws one for every pod. It need only be unlike the pod's other volumes, and with one for all pods of an
   * account those of a template have the same containers and volumes, which memory then holds once.
   */
  #volumeName(account: ServiceAccount): string {
    let name = this.#volumeNames.get(account);
    if (name === undefined) {
      name = `${volumePrefix}${randomName(this.#deps.random, 5)}`;
      this.#volumeNames.set(account, name);
    }
    return name;
  }

  async #account(attributes: AdmissionAttributes, name: string): Promise<ServiceAccount> {
    const { namespace } = attributes;
    const account = (await this.#accounts.get(name, namespace)) ?? (await this.#wait(namespace, name));
    if (account !== undefined) return account;
    throw refuse(
      attributes,
      `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
    );
  }

  /** Only the default account is waited for: every namespace gets one. */
  async #wait(namespace: string, name: string): Promise<ServiceAccount | undefined> {
    if (name !== defaultName) return undefined;
    const key = `${namespace}/${name}`;
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting);
    await new Promise<void>((resolve) => {
      const cancel = this.#deps.clock.after(defaultAccountWaitMs, done);
      function done(): void {
        cancel();
        waiting.delete(done);
        resolve();
      }
      waiting.add(done);
      // It may have come while we asked.
      if (this.#accounts.lister.get(key) !== undefined) done();
    });
    if (waiting.size === 0) this.#waiting.delete(key);
    return this.#accounts.get(name, namespace);
  }
}

function podOf(attributes: AdmissionAttributes): Pod | undefined {
  return concerns(attributes, "pods") && attributes.subresource === "" ? attributes.object : undefined;
}

const isMirror = (pod: Pod): boolean => pod.metadata?.annotations?.[mirrorAnnotation] !== undefined;

/** A container that mounts something at that path already keeps what it has. */
function mountToken(pod: Pod, nameVolume: () => string): void {
  if (pod.spec === undefined) return;
  const existing = pod.spec.volumes?.find(({ name }) => name.startsWith(volumePrefix));
  const volumeName = existing?.name ?? nameVolume();
  const containers: Container[] = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const needing = containers.filter(
    ({ volumeMounts }) => volumeMounts?.some((mount) => mount.mountPath === mountPath) !== true,
  );
  for (const container of needing) {
    const mount = { name: volumeName, readOnly: true, mountPath };
    container.volumeMounts = longer(container.volumeMounts, mount);
  }
  if (existing === undefined && needing.length > 0) {
    pod.spec.volumes = longer(pod.spec.volumes, tokenVolume(volumeName));
  }
}

/** In no more memory than that takes: a list written out with a spread has room for 16 more, in each of all pods. */
const longer = <T>(items: readonly T[] | undefined, last: T): T[] =>
  items === undefined ? [last] : items.concat([last]);

const tokenVolume = (name: string): Volume => ({
  name,
  projected: {
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
      { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      {
        downwardAPI: {
          items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
        },
      },
    ],
    defaultMode: 0o644,
  },
});

/** A mirror pod shows what a kubelet runs without asking us, so it must not open anything to that kubelet. */
function validateMirror(attributes: AdmissionAttributes, pod: Pod): void {
  if ((pod.spec?.serviceAccountName ?? "") !== "") {
    throw refuse(attributes, "a mirror pod may not reference service accounts");
  }
  if (podReferences(pod).secrets.size > 0) {
    throw refuse(attributes, "a mirror pod may not reference secrets");
  }
  const projectsToken = pod.spec?.volumes?.some(
    ({ projected }) =>
      projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken !== undefined) === true,
  );
  if (projectsToken === true) {
    throw refuse(attributes, "a mirror pod may not use ServiceAccountToken volume projections");
  }
}
