/**
 * Makes the default flow schemas and levels what they should be. Suggested ones follow this server as long as their
 * annotation says so, or nobody has changed them; mandatory ones always. upstream: pkg/registry/flowcontrol/ensurer/strategy.go
 */
import { isDeepStrictEqual } from "node:util";
import type { FlowSchema, PriorityLevelConfiguration } from "#api/generated/types/flowcontrol-v1.ts";
import type { ObjectMeta } from "#api/meta/object.ts";
import type { Change } from "#apiserver/bootstrap/reconcile-policy.ts";

export const autoUpdate = "apf.kubernetes.io/autoupdate-spec";

type FlowObject = FlowSchema | PriorityLevelConfiguration;

export const planMandatory = <T extends FlowObject>(
  existing: T | undefined,
  expected: T,
): Change<T> | undefined => planSpec(existing, expected, true);

export const planSuggested = <T extends FlowObject>(
  existing: T | undefined,
  expected: T,
): Change<T> | undefined =>
  planSpec(existing, expected, existing === undefined || follows(existing.metadata));

/** Without the annotation, an object is the server's until somebody changes it. */
function follows({ annotations, generation }: ObjectMeta = {}): boolean {
  const told = annotations?.[autoUpdate];
  return told === undefined ? generation === 1 : isTrue(told);
}

/** One that servers have by themselves no longer: it says that it is theirs, and none expects it. */
export const isSurplus = ({ annotations }: ObjectMeta): boolean => isTrue(annotations?.[autoUpdate] ?? "");

/** Go's strconv.ParseBool. */
const isTrue = (text: string): boolean => /^(1|t|T|true|TRUE|True)$/.test(text);

function planSpec<T extends FlowObject>(
  existing: T | undefined,
  expected: T,
  isOurs: boolean,
): Change<T> | undefined {
  const annotation = { [autoUpdate]: String(isOurs) };
  if (existing === undefined) {
    return {
      action: "create",
      object: { ...expected, metadata: { ...expected.metadata, annotations: annotation } },
    };
  }
  const { metadata = {} } = existing;
  const spec = isOurs ? expected.spec : existing.spec;
  const isAnnotated = metadata.annotations?.[autoUpdate] === annotation[autoUpdate];
  if (isAnnotated && isDeepStrictEqual(spec, existing.spec)) return undefined;
  const annotations = { ...metadata.annotations, ...annotation };
  return { action: "update", object: { ...existing, metadata: { ...metadata, annotations }, spec } };
}
