/** Defaults of priority and fairness. upstream: pkg/apis/flowcontrol/v1/defaults.go */
import type {
  FlowSchema,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
} from "../generated/types/flowcontrol-v1.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";

const matchingPrecedence = 1000;
const concurrencyShares = 30;

function defaultLevel({ limited, exempt }: Loose<PriorityLevelConfigurationSpec>): void {
  if (exempt !== undefined) {
    exempt.nominalConcurrencyShares ??= 0;
    exempt.lendablePercent ??= 0;
  }
  if (limited === undefined) return;
  limited.nominalConcurrencyShares ??= concurrencyShares;
  limited.lendablePercent ??= 0;
  const queuing = limited.limitResponse?.queuing;
  if (queuing === undefined) return;
  queuing.queues ||= 64;
  queuing.handSize ||= 8;
  queuing.queueLengthLimit ||= 50;
}

export const flowcontrolDefaults: DefaultsByKind = {
  FlowSchema: (schema: Loose<FlowSchema>) => {
    const spec = (schema.spec ??= {});
    spec.matchingPrecedence ||= matchingPrecedence;
  },
  PriorityLevelConfiguration: ({ spec }: Loose<PriorityLevelConfiguration>) => {
    if (spec !== undefined) defaultLevel(spec);
  },
};
