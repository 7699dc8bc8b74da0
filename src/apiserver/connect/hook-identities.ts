/**
 * As whom a webhook is asked: the users of a kubeconfig bear the webhooks' names.
 * upstream: apiserver/pkg/util/webhook/authentication.go
 */
import type { Clock } from "#base/clock.ts";
import type { Identity, IdentitySource } from "#client/identity.ts";
import { loadKubeconfigUsers, type KubeconfigUsers } from "#client/kubeconfig.ts";

const defaultPort = ":443";

export class HookIdentities {
  readonly #file: string;
  readonly #clock: Clock;
  #users: KubeconfigUsers | undefined;

  constructor(kubeConfigFile: string, clock: Clock) {
    this.#file = kubeConfigFile;
    this.#clock = clock;
  }

  /** Throws KubeconfigError. */
  async load(): Promise<void> {
    this.#users ??= await loadKubeconfigUsers(this.#file, this.#clock);
  }

  /** `target`: HOST:PORT of a URL, or NAME.NAMESPACE.svc:PORT. */
  async of(target: string): Promise<Identity> {
    await this.load();
    return (await this.#sourceOf(target)?.identity()) ?? {};
  }

  #sourceOf(target: string): IdentitySource | undefined {
    const { byName, current } = this.#users ?? {};
    const names = target.endsWith(defaultPort)
      ? [...namesOf(target), ...namesOf(target.slice(0, -defaultPort.length))]
      : namesOf(target);
    const name = [...names, "*"].find((each) => byName?.has(each) === true);
    return name === undefined ? current : byName?.get(name);
  }
}

/** Itself, and with a star for more and more of its beginning. */
function namesOf(target: string): string[] {
  const steps = target.split(".");
  return [target, ...steps.slice(1).map((_, at) => `*.${steps.slice(at + 1).join(".")}`)];
}
