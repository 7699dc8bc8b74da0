/** Keeps ServiceCIDRs until nobody has an address of theirs, and says whether they are ready. upstream: pkg/controller/servicecidrs */
import type { IPAddress, ServiceCIDR } from "#api/generated/types/networking-v1.ts";
import { keyOf } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import { ipAddresses, serviceCidrs } from "#api/resources.ts";
import { parseTime, toRfc3339 } from "#base/clock.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { canGo, containing, isOfAllocator, overlapping } from "./plan.ts";

const workers = 5;
const finalizer = "networking.k8s.io/service-cidr-finalizer";
const fieldManager = "service-cidr-controller";
/** For so long, servers may not have noticed that it is being deleted, and give out its addresses. upstream: deletionGracePeriod */
const deletionGraceMs = 10_000;

interface Readiness {
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly message: string;
}

const ready: Readiness = { status: "True", message: "Kubernetes Service CIDR is ready" };
const inUse: Readiness = {
  status: "False",
  reason: "Terminating",
  message:
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
};

export function serviceCidrController(context: ControllerContext): Controller {
  const { informers, clock } = context;
  const queue = new RateLimitedQueue({ name: "ipaddresses" }, context);
  const cidrs = informers.informer(serviceCidrs);
  const addresses = informers.informer(ipAddresses);
  const enqueue = (cidr: ServiceCIDR): void => {
    queue.add(keyOf(cidr));
  };
  const onAddress = (address: IPAddress): void => {
    if (!isOfAllocator(address)) return;
    containing(address.metadata?.name ?? "", cidrs.lister.list()).forEach(enqueue);
  };
  cidrs.addHandler({
    add: (cidr) => {
      enqueue(cidr);
      // One that it contains may go now.
      overlapping(cidr, cidrs.lister.list()).forEach(enqueue);
    },
    update: enqueue,
  });
  addresses.addHandler({ add: onAddress, delete: onAddress });
  const writer = new CidrWriter(context);
  return queueController(queue, workers, async (name) => {
    const cidr = cidrs.lister.get(name);
    if (cidr === undefined) return;
    const { deletionTimestamp } = cidr.metadata ?? {};
    if (deletionTimestamp === undefined) {
      if (!isProtected(cidr)) await writer.patchFinalizers(name, { finalizers: [finalizer] });
      await writer.sayReady(cidr);
      return;
    }
    if (!isProtected(cidr)) return;
    const leftMs = deletionGraceMs - (clock.now() - parseTime(deletionTimestamp));
    if (!canGo(cidr, cidrs.lister.list(), addresses.lister.list())) await writer.say(cidr, inUse);
    else if (leftMs > 0) queue.addAfter(name, leftMs);
    else await writer.patchFinalizers(name, { "$deleteFromPrimitiveList/finalizers": [finalizer] });
  });
}

const isProtected = ({ metadata }: ServiceCIDR): boolean =>
  metadata?.finalizers?.includes(finalizer) === true;

class CidrWriter {
  readonly #context: Pick<ControllerContext, "client" | "clock" | "events">;

  constructor(context: Pick<ControllerContext, "client" | "clock" | "events">) {
    this.#context = context;
  }

  async sayReady(cidr: ServiceCIDR): Promise<void> {
    try {
      await this.say(cidr, ready);
    } catch (error) {
      const message = "The ServiceCIDR Status can not be set to Ready=True";
      this.#context.events.event(cidr, "Warning", "KubernetesServiceCIDRError", message);
      throw error;
    }
  }

  async say(cidr: ServiceCIDR, wanted: Readiness): Promise<void> {
    const { client, clock } = this.#context;
    const now = cidr.status?.conditions?.find(({ type }) => type === "Ready");
    const isSaid =
      now?.status === wanted.status && now.reason === (wanted.reason ?? "") && now.message === wanted.message;
    if (isSaid) return;
    const { name = "" } = cidr.metadata ?? {};
    const lastTransitionTime = toRfc3339(clock.now());
    const body = {
      apiVersion: "networking.k8s.io/v1",
      kind: "ServiceCIDR",
      metadata: { name },
      status: { conditions: [{ type: "Ready", ...wanted, lastTransitionTime }] },
    };
    const options = { fieldManager, force: true, subresource: "status" };
    await client.resource(serviceCidrs).patch(name, "apply", body, options);
  }

  async patchFinalizers(name: string, metadata: object): Promise<void> {
    try {
      await this.#context.client.resource(serviceCidrs).patch(name, "strategic", { metadata });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
