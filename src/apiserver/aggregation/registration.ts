/** Keeps an APIService for every group version that this server serves itself. */
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import { isAlreadyExists, isNotFound } from "#api/meta/status.ts";
import { apiServices, customResourceDefinitions } from "#api/resources.ts";
import type { GroupVersionPriority } from "#api/scheme.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Informer, InformerFactory } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";
import type { ClientCounts } from "#client/client-counts.ts";
import { RateLimitedQueue, runWorkers } from "#client/work/rate-limited.ts";
import { apiServiceName } from "./group-version.ts";
import { planRegistration, type Wanted } from "./registration-plan.ts";

export interface RegistrationDeps {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly log: Logger;
  readonly counts?: ClientCounts | undefined;
  /** Of the groups that are built in. */
  readonly builtin: readonly GroupVersionPriority[];
}

/** upstream: autoRegistrationController.Run(5, …) */
const workers = 5;
/** upstream: pkg/controlplane/controller/crdregistration */
const customGroupPriority = 1000;
const customVersionPriority = 100;

export class Registration {
  readonly #client: Client;
  readonly #services: Informer<APIService>;
  readonly #definitions: Informer<CustomResourceDefinition>;
  readonly #queue: RateLimitedQueue;
  readonly #builtin: ReadonlyMap<string, Wanted>;
  readonly #seenTo = new Set<string>();
  #before: ReadonlySet<string> = new Set();

  constructor({ client, informers, clock, log, counts, builtin }: RegistrationDeps) {
    this.#client = client;
    this.#services = informers.informer(apiServices);
    this.#definitions = informers.informer(customResourceDefinitions);
    this.#queue = new RateLimitedQueue({ name: "autoregister" }, { clock, log, counts });
    this.#builtin = new Map(
      builtin
        // The group of APIServices is served by who reads them: it needs none.
        .filter(({ group }) => group !== "apiregistration.k8s.io")
        .map((own) => [apiServiceName(own), { ...own, management: "onstart" }]),
    );
  }

  /** The informers have synced. Runs until the signal aborts. */
  run(signal: AbortSignal): Promise<void> {
    const present = this.#services.lister.list().map(nameOf);
    this.#before = new Set(present);
    const onService = (service: APIService): void => {
      this.#queue.add(nameOf(service));
    };
    const onDefinition = (definition: CustomResourceDefinition): void => {
      this.#definitionSeen(definition);
    };
    this.#services.addHandler({ add: onService, update: onService, delete: onService });
    this.#definitions.addHandler({
      add: onDefinition,
      update: (definition, old) => {
        onDefinition(old);
        onDefinition(definition);
      },
      delete: onDefinition,
    });
    for (const name of this.#builtin.keys()) this.#queue.add(name);
    return runWorkers(this.#queue, workers, (name) => this.#sync(name), signal);
  }

  #definitionSeen({ spec }: CustomResourceDefinition): void {
    for (const { name } of spec.versions) {
      this.#queue.add(apiServiceName({ group: spec.group, version: name }));
    }
  }

  async #sync(name: string): Promise<void> {
    const step = planRegistration({
      current: this.#services.lister.get(name),
      wanted: this.#builtin.get(name) ?? this.#wantedByDefinitions(name),
      isFromBefore: this.#before.has(name),
      isSeenTo: this.#seenTo.has(name),
    });
    const resource = this.#client.resource(apiServices);
    try {
      if (step?.action === "create") await resource.create(step.object);
      else if (step?.action === "update") await resource.update(step.object);
      else if (step?.action === "delete") await resource.delete(name);
    } catch (error) {
      // Another server, or the event of our own write still on its way.
      if (!isAlreadyExists(error) && !isNotFound(error)) throw error;
    }
    if (this.#builtin.has(name) || this.#before.has(name)) this.#seenTo.add(name);
  }

  #wantedByDefinitions(name: string): Wanted | undefined {
    const dot = name.indexOf(".");
    const [group, version] = [name.slice(dot + 1), name.slice(0, dot)];
    const isServed = this.#definitions.lister
      .list()
      .some(
        ({ spec }) => spec.group === group && spec.versions.some((one) => one.name === version && one.served),
      );
    if (!isServed) return undefined;
    return {
      group,
      version,
      groupPriority: customGroupPriority,
      versionPriority: customVersionPriority,
      management: "true",
    };
  }
}

const nameOf = ({ metadata }: APIService): string => metadata?.name ?? "";
