/** kube-controller-manager: every controller that isn't disabled, each with its own identity, over shared informers. */
import type { Expressions } from "#api/expressions.ts";
import { ChildAbort, isAbortError } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { Completed, Component, ComponentKind } from "#base/component.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import type { ClientCounts } from "#client/client-counts.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import { OwnInformers } from "#client/cache/own-informers.ts";
import { ApiEventRecorder } from "#client/events/recorder.ts";
import type { Controller } from "./controller.ts";
import { complete, validate, type ControllersOptions } from "./options.ts";
import { controllerFactories } from "./registry.ts";

export const controllerNames: readonly string[] = Object.keys(controllerFactories);

export interface ControllersDeps {
  /** As system:kube-controller-manager. */
  readonly client: Client;
  /** As one of upstream's ServiceAccounts in kube-system: "deployment-controller". */
  readonly clientFor: (serviceAccount: string) => Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where clients and queues are counted; absent: nowhere. */
  readonly counts?: ClientCounts | undefined;
  readonly loadExpressions: () => Promise<Expressions>;
}

export const controllers: ComponentKind<ControllersOptions, ControllersDeps> = {
  name: "controller-manager",
  complete,
  validate,
  create: (options, deps): Component => ({
    name: "controller-manager",
    run: (signal, ready) => run(options, deps, { signal, ready }),
  }),
};

/** What `kubectl describe` shows as the source of an event, where it isn't the name plus "-controller". */
const eventSources: Readonly<Record<string, string>> = {
  garbagecollector: "garbage-collector-controller",
  nodelifecycle: "node-controller",
  nodeipam: "cidrAllocator",
  replicationcontroller: "replication-controller",
  "service-cidr-controller": "service-cidr-controller",
};

/** Whose rights a controller has, where it isn't the name plus "-controller". */
const serviceAccountNames: Readonly<Record<string, string>> = {
  serviceaccount: "service-account-controller",
  bootstrapsigner: "bootstrap-signer",
  tokencleaner: "token-cleaner",
  "root-ca-certificate-publisher": "root-ca-cert-publisher",
  csrapproving: "certificate-controller",
  csrsigning: "certificate-controller",
  csrcleaner: "certificate-controller",
  "podcertificaterequest-cleaner": "podcertificaterequestcleaner",
  "kube-apiserver-serving-clustertrustbundle-publisher":
    "kube-apiserver-serving-clustertrustbundle-publisher",
  endpoints: "endpoint-controller",
  nodeipam: "node-controller",
  garbagecollector: "generic-garbage-collector",
  nodelifecycle: "node-controller",
  "taint-eviction": "node-controller",
  podgc: "pod-garbage-collector",
  replicationcontroller: "replication-controller",
  "service-cidr-controller": "service-cidrs-controller",
};

/** Has the manager's own rights. */
const ownRights = new Set(["serviceaccount-token"]);

/** What these would watch isn't there unless it is served. */
const needs: Readonly<Record<string, "migratesStorage" | "podCertificates" | "trustBundles">> = {
  "storage-version-migrator": "migratesStorage",
  "podcertificaterequest-cleaner": "podCertificates",
  "kube-apiserver-serving-clustertrustbundle-publisher": "trustBundles",
};

function isEnabled(name: string, options: Completed<ControllersOptions>): boolean {
  const need = needs[name];
  return !options.disable.has(name) && (need === undefined || options[need]);
}

async function run(
  options: Completed<ControllersOptions>,
  deps: ControllersDeps,
  { signal, ready }: { readonly signal: AbortSignal; readonly ready: () => void },
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const enabled = Object.entries(controllerFactories).filter(([name]) => isEnabled(name, options));
  const running = enabled.map(([name, create]): Running => {
    const log = deps.log.child({ controller: name });
    const client = ownRights.has(name)
      ? deps.client
      : deps.clientFor(serviceAccountNames[name] ?? `${name}-controller`);
    const { clock, random, counts, loadExpressions } = deps;
    const informers = new OwnInformers(deps.informers);
    const component = eventSources[name] ?? `${name}-controller`;
    const events = stack.use(new ApiEventRecorder({ component }, { client, clock, random, log }));
    const parts = { name, options, client, informers, events, clock, random, log, counts, loadExpressions };
    return { controller: create(parts), informers };
  });
  ready();
  deps.log.info("controllers started", { controllers: enabled.length });
  using group = new ChildAbort(signal);
  try {
    await Promise.all(running.map((each) => runSynced(each, group.signal)));
  } finally {
    // One that failed takes the others with it: half a manager is worse than none.
    group.abort();
  }
}

interface Running {
  readonly controller: Controller;
  readonly informers: OwnInformers;
}

/** What others wait for mustn't keep it: a resource that can't be read stops those that need it, and no more. */
async function runSynced({ controller, informers }: Running, signal: AbortSignal): Promise<void> {
  try {
    await informers.waitForSync(signal);
  } catch (error) {
    if (isAbortError(error, signal)) return;
    throw error;
  }
  await controller.run(signal);
}
