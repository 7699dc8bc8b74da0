/** Controllers over a whole apiserver in memory: for tests that follow an object through several of them. */
import { createScheme } from "#api/scheme.ts";
import { aggregatedDiscovery } from "#apiserver/discovery/aggregated.ts";
import { groupsOf } from "#apiserver/discovery/document.ts";
import { systemClock, type Clock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { ApiRequest, Client, Transport } from "#client/client.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import { createClient } from "#client/rest.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import type { ControllerFactory } from "../controller.ts";
import { complete } from "../options.ts";

export interface ControllersWorld extends AsyncDisposable {
  readonly client: Client;
  /** "REASON message" of every event, in order. */
  readonly events: readonly string[];
  /** Asks again until the answer is true; fails after some seconds, saying what was waited for. */
  until(what: string, isSo: () => Promise<boolean>): Promise<void>;
}

/** Where the controllers' objects are. */
export interface WorldServer {
  readonly client: Client;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** Default: one that serves resources only, and whose discovery knows the built-in ones. */
  readonly server?: WorldServer | undefined;
  readonly factories: readonly ControllerFactory[];
  readonly clock?: Clock | undefined;
  readonly serviceAccountKeyPem?: string | undefined;
  readonly rootCaPem?: string | undefined;
  /** Made before the controllers start. */
  readonly prepare?: ((client: Client) => Promise<void>) | undefined;
}

const waitMaxMs = 10_000;

export async function startWorld({
  factories,
  prepare,
  clock = systemClock,
  server: given,
  serviceAccountKeyPem = "",
  rootCaPem = "x",
}: WorldOptions): Promise<ControllersWorld> {
  const server = given ?? (await lightServer(clock));
  const { client } = server;
  await prepare?.(client);
  const random = new SeededRandom(1);
  const stop = new AbortController();
  const deps = { client, clock, random, log: silentLogger };
  const informers = createInformerFactory({ ...deps, freeze: true });
  const options = complete({
    disable: new Set(),
    clusterCidr: "10.42.0.0/16",
    serviceCidr: "10.43.0.0/16",
    rootCaPem,
    serviceAccountKeyPem,
  });
  const events: string[] = [];
  const recorder = {
    event: (_about: unknown, _type: string, reason: string, message: string) => {
      events.push(`${reason} ${message}`);
    },
  };
  const controllers = factories.map((create) =>
    create({
      ...deps,
      name: "test",
      options,
      informers,
      events: recorder,
      loadExpressions: () => Promise.reject(new Error("no expressions here")),
    }),
  );
  informers.start(stop.signal);
  await informers.waitForSync(stop.signal);
  const running = Promise.all(controllers.map((controller) => controller.run(stop.signal)));
  return {
    client,
    events,
    until: (what, isSo) => until(what, isSo, running),
    [Symbol.asyncDispose]: async () => {
      stop.abort(new Error("test over"));
      await running;
      await server.close();
    },
  };
}

async function lightServer(clock: Clock): Promise<WorldServer> {
  const server = await startTestApiserver({ clock });
  return { client: createClient(withDiscovery(server.transport())), close: () => server.close() };
}

/** Real time: what is waited for comes from streams, whatever clock the controllers have. */
async function until(what: string, isSo: () => Promise<boolean>, running: Promise<unknown>): Promise<void> {
  const end = systemClock.monotonic() + waitMaxMs;
  const never = new AbortController().signal;
  while (!(await isSo())) {
    if (systemClock.monotonic() > end) throw new Error(`waited ${waitMaxMs} ms in vain: ${what}`);
    await Promise.race([
      systemClock.sleep(10, never),
      running.then(() => {
        throw new Error("a controller ended");
      }),
    ]);
  }
}

/** The test apiserver serves resources only; controllers also ask which there are. */
function withDiscovery(transport: Transport): Transport {
  const scheme = createScheme();
  const groups = groupsOf(scheme.all(), scheme.groups());
  const ofPath: Readonly<Record<string, unknown>> = {
    "/api": aggregatedDiscovery(groups.filter(({ name }) => name === "")),
    "/apis": aggregatedDiscovery(groups.filter(({ name }) => name !== "")),
  };
  return {
    request: (request: ApiRequest) => {
      const body = ofPath[request.path];
      return body === undefined
        ? transport.request(request)
        : Promise.resolve({ status: 200, headers: {}, body });
    },
    watch: (request) => transport.watch(request),
    stream: (request) => transport.stream(request),
    close: () => transport.close(),
  };
}
