/** A sample operator, as people write them: an informer on its own kind, owned objects, status, a finalizer. */
import {
  CoreV1Api,
  CustomObjectsApi,
  makeInformer,
  type KubeConfig,
  type V1ObjectMeta,
} from "@kubernetes/client-node";

export const greetingGroup = "operator.example.com";
const plural = "greetings";
const finalizer = `${greetingGroup}/farewell`;

/** In v2; v1 calls `who` `name`. */
interface Greeting {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Pick<V1ObjectMeta, "name" | "uid" | "generation" | "finalizers" | "deletionTimestamp">;
  readonly spec: { readonly who: string };
  readonly status?: { readonly observedGeneration: number; readonly text: string };
}

const isGreeted = ({ status, metadata }: Greeting): boolean =>
  status?.observedGeneration === metadata.generation;

interface GreetingList {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: object;
  readonly items: Greeting[];
}

export class GreetingOperator implements AsyncDisposable {
  readonly #core: CoreV1Api;
  readonly #custom: CustomObjectsApi;
  readonly #namespace: string;
  readonly #informer;
  /** What went wrong, in words; conflicts are tried again with the next event. */
  readonly errors: string[] = [];
  #work: Promise<void> = Promise.resolve();

  constructor(config: KubeConfig, namespace: string) {
    this.#core = config.makeApiClient(CoreV1Api);
    this.#custom = config.makeApiClient(CustomObjectsApi);
    this.#namespace = namespace;
    const path = `/apis/${greetingGroup}/v2/namespaces/${namespace}/${plural}`;
    this.#informer = makeInformer<Greeting>(config, path, () => this.#list());
    for (const verb of ["add", "update"] as const) {
      this.#informer.on(verb, (greeting) => {
        this.#work = this.#work.then(() => this.#reconcile(greeting));
      });
    }
    this.#informer.on("error", (error: unknown) => this.errors.push(String(error)));
  }

  start(): Promise<void> {
    return this.#informer.start();
  }

  async #list(): Promise<GreetingList> {
    const where = { group: greetingGroup, version: "v2", namespace: this.#namespace, plural };
    return (await this.#custom.listNamespacedCustomObject(where)) as GreetingList;
  }

  async #reconcile(greeting: Greeting): Promise<void> {
    try {
      if (greeting.metadata.deletionTimestamp !== undefined) await this.#farewell(greeting);
      else if (greeting.metadata.finalizers?.includes(finalizer) !== true) await this.#adopt(greeting);
      else if (!isGreeted(greeting)) await this.#greet(greeting);
    } catch (error) {
      if ((error as { code?: number }).code !== 409) this.errors.push(String(error));
    }
  }

  #where({ metadata: { name = "" } }: Greeting): {
    group: string;
    version: string;
    namespace: string;
    plural: string;
    name: string;
  } {
    return { group: greetingGroup, version: "v2", namespace: this.#namespace, plural, name };
  }

  async #adopt(greeting: Greeting): Promise<void> {
    const { metadata } = greeting;
    const finalizers = [...(metadata.finalizers ?? []), finalizer];
    const body = { ...greeting, metadata: { ...metadata, finalizers } };
    await this.#custom.replaceNamespacedCustomObject({ ...this.#where(greeting), body });
  }

  async #greet(greeting: Greeting): Promise<void> {
    const { apiVersion, kind, metadata, spec } = greeting;
    const { name = "", uid = "", generation = 0 } = metadata;
    const text = `Hello, ${spec.who}!`;
    const map = {
      metadata: { name, ownerReferences: [{ apiVersion, kind, name, uid, controller: true }] },
      data: { text },
    };
    const where = { namespace: this.#namespace, name };
    try {
      await this.#core.replaceNamespacedConfigMap({ ...where, body: map });
    } catch (error) {
      if ((error as { code?: number }).code !== 404) throw error;
      await this.#core.createNamespacedConfigMap({ namespace: this.#namespace, body: map });
    }
    const body = { ...greeting, status: { observedGeneration: generation, text } };
    await this.#custom.replaceNamespacedCustomObjectStatus({ ...this.#where(greeting), body });
  }

  /** Leaves a note, then lets go. */
  async #farewell(greeting: Greeting): Promise<void> {
    const { metadata } = greeting;
    if (metadata.finalizers?.includes(finalizer) !== true) return;
    const note = { metadata: { name: `farewell-${metadata.name ?? ""}` } };
    await this.#core.createNamespacedConfigMap({ namespace: this.#namespace, body: note });
    const finalizers = metadata.finalizers.filter((each) => each !== finalizer);
    const body = { ...greeting, metadata: { ...metadata, finalizers } };
    await this.#custom.replaceNamespacedCustomObject({ ...this.#where(greeting), body });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#informer.stop();
    await this.#work;
  }
}
