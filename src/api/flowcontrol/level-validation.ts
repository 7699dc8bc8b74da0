/** Priority levels. upstream: pkg/apis/flowcontrol/validation/validation.go */
import type {
  ExemptPriorityLevelConfiguration,
  FlowSchema,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from "../generated/types/flowcontrol-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { isSame } from "../meta/field-rules.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import type { Loose } from "../meta/loose.ts";
import { exemptLevel, mandatoryLevelSpecs } from "./mandatory-objects.ts";

const queuesMax = 10_000_000;
/** A hand is dealt from one hash. */
const hashBitsMax = 60;
const roundTripAnnotation = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";

function checkQueuing(queuing: Loose<QueuingConfiguration>, path: string, faults: FaultList): void {
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing;
  if (queueLengthLimit <= 0) faults.invalid(`${path}.queueLengthLimit`, queueLengthLimit, "must be positive");
  if (queues <= 0) faults.invalid(`${path}.queues`, queues, "must be positive");
  else if (queues > queuesMax) {
    faults.invalid(`${path}.queues`, queues, `must not be greater than ${queuesMax}`);
  }
  const at = `${path}.handSize`;
  const bits = Math.ceil(Math.log2(queues) * handSize);
  if (handSize <= 0) faults.invalid(at, handSize, "must be positive");
  else if (handSize > queues) {
    faults.invalid(at, handSize, `should not be greater than queues (${queues})`);
  } else if (bits > hashBitsMax) {
    faults.invalid(
      at,
      handSize,
      `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${hashBitsMax}`,
    );
  }
}

function checkResponse(response: Loose<LimitResponse>, path: string, faults: FaultList): void {
  const { type = "", queuing } = response;
  if (type === "Reject") {
    if (queuing !== undefined) {
      faults.forbidden(`${path}.queuing`, "must be nil if limited.limitResponse.type is not Limited");
    }
  } else if (type === "Queue") {
    if (queuing === undefined) {
      faults.required(`${path}.queuing`, "must not be empty if limited.limitResponse.type is Limited");
    } else checkQueuing(queuing, `${path}.queuing`, faults);
  } else faults.notSupported(`${path}.type`, type, ["Queue", "Reject"]);
}

type Shares = Loose<ExemptPriorityLevelConfiguration>;

function checkNominal(
  { nominalConcurrencyShares: shares = 0 }: Shares,
  path: string,
  faults: FaultList,
): void {
  if (shares >= 0) return;
  faults.invalid(`${path}.nominalConcurrencyShares`, shares, "must be a non-negative integer");
}

function checkLendable({ lendablePercent: lent = 0 }: Shares, path: string, faults: FaultList): void {
  if (lent >= 0 && lent <= 100) return;
  faults.invalid(`${path}.lendablePercent`, lent, "must be between 0 and 100, inclusive");
}

function checkLimited(
  limited: Loose<LimitedPriorityLevelConfiguration>,
  path: string,
  faults: FaultList,
): void {
  checkNominal(limited, path, faults);
  checkResponse(limited.limitResponse ?? {}, `${path}.limitResponse`, faults);
  checkLendable(limited, path, faults);
  const borrowed = limited.borrowingLimitPercent ?? 0;
  if (borrowed < 0) {
    faults.invalid(`${path}.borrowingLimitPercent`, borrowed, "if specified, must be a non-negative integer");
  }
}

function checkLevelSpec(spec: Loose<PriorityLevelConfigurationSpec>, name: string, faults: FaultList): void {
  const { type = "", limited, exempt } = spec;
  if ((name === exemptLevel) !== (type === "Exempt")) {
    faults.invalid("spec.type", type, "must be 'Exempt' if and only if `name` is 'exempt'");
  }
  if (type === "Exempt") {
    if (limited !== undefined) faults.forbidden("spec.limited", "must be nil if the type is not Limited");
    if (exempt !== undefined) {
      checkNominal(exempt, "spec.exempt", faults);
      checkLendable(exempt, "spec.exempt", faults);
    }
  } else if (type === "Limited") {
    if (exempt !== undefined) faults.forbidden("spec.exempt", "must be nil if the type is Limited");
    if (limited === undefined) faults.required("spec.limited", "must not be empty when type is Limited");
    else checkLimited(limited, "spec.limited", faults);
  } else faults.notSupported("spec.type", type, ["Exempt", "Limited"]);
}

const queuingShape: GoShape = {
  Queues: ["queues", 0],
  HandSize: ["handSize", 0],
  QueueLengthLimit: ["queueLengthLimit", 0],
};
const specShape: GoShape = {
  Type: ["type", ""],
  Limited: [
    "limited",
    null,
    {
      NominalConcurrencyShares: ["nominalConcurrencyShares", 0],
      LimitResponse: ["limitResponse", {}, { Type: ["type", ""], Queuing: ["queuing", null, queuingShape] }],
      LendablePercent: ["lendablePercent", null],
      BorrowingLimitPercent: ["borrowingLimitPercent", null],
    },
  ],
  Exempt: [
    "exempt",
    null,
    {
      NominalConcurrencyShares: ["nominalConcurrencyShares", null],
      LendablePercent: ["lendablePercent", null],
    },
  ],
};

/** Of the exempt level an administrator may choose the shares. */
function checkFixed(spec: Loose<PriorityLevelConfigurationSpec>, name: string, faults: FaultList): void {
  const fixed = mandatoryLevelSpecs().get(name);
  if (fixed === undefined) return;
  const isExempt = name === exemptLevel;
  if (isSame(isExempt ? { ...spec, exempt: fixed.exempt } : spec, fixed)) return;
  const exception = isExempt ? " except the 'spec.exempt' field" : "";
  faults.invalid(
    "spec",
    asGoStruct(spec, specShape),
    `spec of '${name}'${exception} must equal the fixed value`,
  );
}

export function checkPriorityLevel(level: Loose<PriorityLevelConfiguration>, faults: FaultList): void {
  const { metadata, spec = {} } = level;
  const name = metadata?.name ?? "";
  if (metadata?.annotations?.[roundTripAnnotation] !== undefined) {
    faults.forbidden("metadata.annotations", `annotation '${roundTripAnnotation}' is forbidden`);
  }
  checkLevelSpec(spec, name, faults);
  checkFixed(spec, name, faults);
  checkLevelConditions(level, faults);
}

/** Of levels and of schemas. */
export function checkLevelConditions(
  { status }: Loose<FlowSchema | PriorityLevelConfiguration>,
  faults: FaultList,
): void {
  const seen = new Set<string>();
  for (const [index, { type = "" }] of (status?.conditions ?? []).entries()) {
    const path = `status.conditions[${index}].type`;
    if (seen.has(type)) faults.duplicate(path, type);
    seen.add(type);
    if (type === "") faults.required(path, "must not be empty");
  }
}
