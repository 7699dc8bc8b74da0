/**
 * What is special about claims of volumes: what they are filled from is said in two fields, the older of which knows
 * only claims and snapshots. upstream: pkg/registry/core/persistentvolumeclaim/strategy.go, pkg/api/persistentvolumeclaim/util.go
 */
import type { PersistentVolumeClaim } from "#api/generated/types/core-v1.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Adjustments } from "../adjusting.ts";
import type { ReadForm } from "../read-form.ts";

type Claim = Loose<PersistentVolumeClaim>;
type ClaimSpec = NonNullable<Claim["spec"]>;
type Source = NonNullable<ClaimSpec["dataSource"]>;

const isOfOldKind = ({ kind, apiGroup = "" }: Source): boolean =>
  (kind === "PersistentVolumeClaim" && apiGroup === "") ||
  (kind === "VolumeSnapshot" && apiGroup === "snapshot.storage.k8s.io");

/** Sources in other namespaces have no feature yet; other kinds in the older field were never more than noise. */
function dropSources(spec: ClaimSpec, old: ClaimSpec | undefined): void {
  const isElsewhere = (spec.dataSourceRef?.namespace ?? "") !== "";
  if (isElsewhere && old?.dataSourceRef === undefined) delete spec.dataSourceRef;
  const isFilled = old?.dataSource !== undefined || old?.dataSourceRef !== undefined;
  if (isFilled || spec.dataSourceRef !== undefined) return;
  if (spec.dataSource !== undefined && !isOfOldKind(spec.dataSource)) delete spec.dataSource;
}

const withoutNamespace = ({ apiGroup, kind, name }: Source): Source => ({
  ...(apiGroup === undefined ? {} : { apiGroup }),
  kind,
  name,
});

/** Either field says what only the other does. */
function completeSources(spec: ClaimSpec): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined && dataSourceRef === undefined) {
    spec.dataSourceRef = withoutNamespace(dataSource);
  } else if (dataSource === undefined && dataSourceRef !== undefined) {
    if ((dataSourceRef.namespace ?? "") === "") spec.dataSource = withoutNamespace(dataSourceRef);
  }
}

const specOf = (claim: AnyObject): ClaimSpec | undefined => (claim as Claim).spec;

function adjust(claim: AnyObject, old: AnyObject | undefined): void {
  const spec = specOf(claim);
  if (spec === undefined) return;
  dropSources(spec, old === undefined ? undefined : specOf(old));
  completeSources(spec);
}

export const claimAdjustments: Adjustments = {
  create: (claim) => {
    adjust(claim, undefined);
  },
  update: adjust,
};

const source = Buffer.from('"dataSource":{');
const sourceRef = Buffer.from('"dataSourceRef":{');

/** Claims from before there was a second field. upstream: pkg/registry/core/persistentvolumeclaim/storage (defaultOnRead) */
export const claimReadForm: ReadForm = {
  isCurrent: (value) => value.includes(source) === value.includes(sourceRef),
  renew: (claim) => {
    const spec = specOf(claim);
    if (spec !== undefined) completeSources(spec);
  },
};
