/** Migrations of what is stored. upstream: pkg/apis/storagemigration/validation/validation.go */
import type {
  StorageVersionMigration,
  StorageVersionMigrationStatus,
} from "../generated/types/storagemigration-v1beta1.ts";
import { checkConditions } from "../meta/conditions-validation.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable, immutableMessage, isSame } from "../meta/field-rules.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dns1035LabelFaults, dnsSubdomainFaults } from "../meta/names.ts";

type Migration = Loose<StorageVersionMigration>;
type Status = Loose<StorageVersionMigrationStatus>;

const isTrue = ({ conditions = [] }: Status, wanted: string): boolean =>
  conditions.some(({ type, status }) => type === wanted && status === "True");

function checkSpec({ spec = {} }: Migration, faults: FaultList): void {
  const { group = "", resource = "" } = spec.resource ?? {};
  const foundOfResource = dns1035LabelFaults(resource);
  if (resource === "") faults.required("spec.resource.resource", "resource is required to be set");
  else if (foundOfResource.length > 0) {
    faults.invalid("spec.resource.resource", resource, foundOfResource.join(","));
  }
  const foundOfGroup = group === "" ? [] : dnsSubdomainFaults(group);
  if (foundOfGroup.length > 0) faults.invalid("spec.resource.group", group, foundOfGroup.join(","));
}

/** Decimal, without leading zeros. upstream: apimachinery/pkg/util/resourceversion */
const revision = /^[1-9]\d*$/;

function checkStatus({ status = {} }: Migration, { status: old = {} }: Migration, faults: FaultList): void {
  const { resourceVersion = "", conditions } = status;
  const { resourceVersion: before = "" } = old;
  // There is none as long as nobody has looked at the resource.
  if (resourceVersion !== "" && !revision.test(resourceVersion)) {
    const detail = `resource version is not well formed: ${resourceVersion}`;
    faults.invalid("status.resourceVersion", resourceVersion, detail);
  }
  checkConditions(conditions, "status.conditions", faults);
  if (before !== "") checkImmutable(resourceVersion, before, "status.resourceVersion", faults);
  for (const detail of contradictions(status, old)) faults.invalid("status.conditions", conditions, detail);
}

/** A migration runs, and then has succeeded or failed, once and for all. */
function contradictions(status: Status, old: Status): string[] {
  const [isRunning, succeeded, failed] = [
    isTrue(status, "Running"),
    isTrue(status, "Succeeded"),
    isTrue(status, "Failed"),
  ];
  return [
    [succeeded && failed, "Both success and failed conditions cannot be true at the same time"] as const,
    [succeeded && isRunning, "Running condition cannot be true when success condition is true"] as const,
    [failed && isRunning, "Running condition cannot be true when failed condition is true"] as const,
    [
      isTrue(old, "Succeeded") && !succeeded,
      "Success condition cannot be set to false once it is true",
    ] as const,
    [isTrue(old, "Failed") && !failed, "Failed condition cannot be set to false once it is true"] as const,
  ].flatMap(([isSo, detail]) => (isSo ? [detail] : []));
}

/** What tells of the resource has its fields' names in the API even in Go. */
const specShape: GoShape = {
  Resource: ["resource", {}, { group: ["group", ""], resource: ["resource", ""] }],
};

export const storagemigrationValidations: ValidationsByKind = {
  StorageVersionMigration: {
    check: checkSpec,
    steps: ["metadata", "rules", "metadata change", "change"],
    onUpdate: (migration: Migration, old: Migration, faults: FaultList) => {
      if (isSame(migration.spec, old.spec)) return;
      faults.invalid("spec", asGoStruct(migration.spec, specShape), immutableMessage);
    },
    onStatusUpdate: checkStatus,
  },
};
