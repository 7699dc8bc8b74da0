/** What workloads are warned of. upstream: pkg/registry/apps/<resource>/strategy.go */
import { claimSpecWarnings } from "../core/claim-warnings.ts";
import { ownerNameWarnings, podTemplateWarnings } from "../core/pod-warnings.ts";
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "../generated/types/apps-v1.ts";
import { isSame } from "../meta/field-rules.ts";
import { isNewGeneration, type WarningsByKind } from "../meta/kind-warnings.ts";
import type { Loose } from "../meta/loose.ts";

const templateWarnings = ({ spec }: Loose<DaemonSet | Deployment | ReplicaSet | StatefulSet>): string[] =>
  podTemplateWarnings(spec?.template, "spec.template");

const namedWarnings = (workload: Loose<Deployment | ReplicaSet>): string[] => [
  ...ownerNameWarnings(workload.metadata?.name),
  ...templateWarnings(workload),
];

/** Beside those of the template. Upstream's paths of claim templates differ between creation and update. */
function claimAndHistoryWarnings(set: Loose<StatefulSet>, pathInClaim: string): string[] {
  const { volumeClaimTemplates = [], revisionHistoryLimit = 0 } = set.spec ?? {};
  const claims = volumeClaimTemplates.flatMap(({ spec }, index) =>
    claimSpecWarnings(spec ?? {}, `spec.volumeClaimTemplates[${index}]${pathInClaim}`),
  );
  const history =
    revisionHistoryLimit < 0
      ? [
          "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",
        ]
      : [];
  return [...claims, ...history];
}

/** Upstream asks whether the template has another generation. */
const changedTemplateWarnings = (set: Loose<DaemonSet>, old: Loose<DaemonSet>): string[] =>
  isSame(set.spec?.template, old.spec?.template) ? [] : templateWarnings(set);

export const appsWarnings: WarningsByKind = {
  DaemonSet: { onCreate: templateWarnings, onUpdate: changedTemplateWarnings },
  Deployment: { onCreate: namedWarnings, onUpdate: templateWarnings, onlyNewGenerations: true },
  ReplicaSet: { onCreate: namedWarnings, onUpdate: templateWarnings, onlyNewGenerations: true },
  StatefulSet: {
    onCreate: (set: Loose<StatefulSet>) => [...templateWarnings(set), ...claimAndHistoryWarnings(set, "")],
    onUpdate: (set: Loose<StatefulSet>, old: Loose<StatefulSet>) => [
      ...(isNewGeneration(set, old) ? templateWarnings(set) : []),
      ...claimAndHistoryWarnings(set, ".Spec"),
    ],
  },
};
