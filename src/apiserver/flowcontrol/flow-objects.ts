/**
 * The objects behind priority and fairness: makes those that every server has, keeps the server's levels as the objects
 * say, and tells in each flow schema's status whether its level exists.
 * upstream: pkg/registry/flowcontrol/{rest,ensurer}, apiserver/pkg/util/flowcontrol/apf_controller.go
 */
import type { FlowSchema, PriorityLevelConfiguration } from "#api/generated/types/flowcontrol-v1.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { flowSchemas, priorityLevelConfigurations } from "#api/resources.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { InformerFactory, Lister } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";
import type { FlowControl } from "./flow-control.ts";

export interface FlowObjectsDeps {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly flow: FlowControl;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Begins with the first object; `informers` are started and waited for by their owner. */
export function followFlowObjects(deps: FlowObjectsDeps): void {
  const schemas = deps.informers.informer(flowSchemas);
  const levels = deps.informers.informer(priorityLevelConfigurations);
  let isDue = false;
  let telling = Promise.resolve();
  // Many changes at once are one.
  const changed = (): void => {
    if (isDue) return;
    isDue = true;
    queueMicrotask(() => {
      isDue = false;
      deps.flow.configure(schemas.lister.list(), levels.lister.list());
      telling = telling.then(() => tellDangling(deps, schemas.lister, levels.lister));
    });
  };
  const handler = { add: changed, update: changed, delete: changed };
  schemas.addHandler(handler);
  levels.addHandler(handler);
}

async function tellDangling(
  { client, clock, log }: FlowObjectsDeps,
  schemas: Lister<FlowSchema>,
  levels: Lister<PriorityLevelConfiguration>,
): Promise<void> {
  const lastTransitionTime = toRfc3339(clock.now());
  for (const schema of schemas.list()) {
    const level = schema.spec?.priorityLevelConfiguration.name ?? "";
    const wanted = danglingCondition(level, levels.get(level) !== undefined);
    const { conditions = [] } = schema.status ?? {};
    const known = conditions.find(({ type }) => type === "Dangling");
    if (known?.status === wanted.status && known.reason === wanted.reason) continue;
    const others = conditions.filter(({ type }) => type !== "Dangling");
    const status = { conditions: [...others, { ...wanted, lastTransitionTime }] };
    try {
      await client.resource(flowSchemas).updateStatus({ ...schema, status });
    } catch (error) {
      // Whoever was faster wakes us again.
      if (isConflict(error) || isNotFound(error)) continue;
      log.warn("flow schema's status not written", {
        name: schema.metadata?.name,
        reason: errorText(error),
      });
    }
  }
}

/** In upstream's words. */
function danglingCondition(
  level: string,
  exists: boolean,
): { type: string; status: string; reason: string; message: string } {
  const refers = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
  return exists
    ? { type: "Dangling", status: "False", reason: "Found", message: `${refers} and it exists` }
    : {
        type: "Dangling",
        status: "True",
        reason: "NotFound",
        message: `${refers} but there is no such object`,
      };
}
