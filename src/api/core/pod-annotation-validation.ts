/** Annotations that mean something to pods. upstream: pkg/apis/core/validation/validation.go (ValidatePodSpecificAnnotations) */
import { goQuote } from "../meta/go-quote.ts";
import { int64, listOf, named, readAnnotation, string, structOf } from "../codec/json-shape.ts";
import type { Container, EphemeralContainer, Pod, PodSpec, Toleration } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Labels } from "../meta/labels.ts";
import type { Loose } from "../meta/loose.ts";
import { checkTolerations } from "./affinity-validation.ts";
import { checkDescendingPath } from "./path-rules.ts";

export const mirrorAnnotation = "kubernetes.io/config.mirror";
const tolerationsAnnotation = "scheduler.alpha.kubernetes.io/tolerations";
const deletionCost = "controller.kubernetes.io/pod-deletion-cost";
const podSeccomp = "seccomp.security.alpha.kubernetes.io/pod";
const containerSeccomp = "container.seccomp.security.alpha.kubernetes.io/";
const containerAppArmor = "container.apparmor.security.beta.kubernetes.io/";

type Annotations = Labels | undefined;
type Spec = Loose<PodSpec>;
type AnyContainer = Loose<Container | EphemeralContainer>;

/** In upstream's order of visits. */
export function containersWithPaths(spec: Spec, path: string): readonly (readonly [AnyContainer, string])[] {
  return (["initContainers", "containers", "ephemeralContainers"] as const).flatMap((list) =>
    (spec[list] ?? []).map(
      (container: AnyContainer, index) => [container, `${path}.${list}[${index}]`] as const,
    ),
  );
}

/** A 32-bit integer as Go prints one. */
export function isDeletionCost(text: string): boolean {
  return (
    /^(?:0|-[0-9]+|[1-9][0-9]*)$/.test(text) &&
    Number(text) === Math.trunc(Number(text)) &&
    fitsInt32(Number(text))
  );
}

const fitsInt32 = (value: number): boolean => value >= -(2 ** 31) && value < 2 ** 31;

const tolerationsShape = listOf(
  structOf("core.Toleration", {
    key: string,
    operator: named("core.TolerationOperator"),
    value: string,
    effect: named("core.TaintEffect"),
    tolerationSeconds: int64,
  }),
);

function checkTolerationsText(annotation: string | undefined, path: string, faults: FaultList): void {
  const tolerations = readAnnotation(annotation, tolerationsShape, (why) => {
    // The key is shown where the value should be.
    faults.invalid(path, tolerationsAnnotation, why);
  });
  checkTolerations((tolerations ?? []) as Loose<Toleration>[], `${path}.${tolerationsAnnotation}`, faults);
}

function checkSeccompText(profile: string, path: string, faults: FaultList): void {
  if (["runtime/default", "docker/default", "unconfined"].includes(profile)) return;
  if (profile.startsWith("localhost/")) checkDescendingPath(profile.slice("localhost/".length), path, faults);
  else faults.invalid(path, profile, "must be a valid seccomp profile");
}

function checkAppArmorTexts(annotations: Labels, spec: Spec, path: string, faults: FaultList): void {
  const names = new Set(containersWithPaths(spec, "").map(([{ name }]) => name));
  for (const [key, profile] of Object.entries(annotations)) {
    if (!key.startsWith(containerAppArmor)) continue;
    const name = key.slice(containerAppArmor.length);
    if (!names.has(name)) faults.invalid(`${path}[${key}]`, name, "container not found");
    if (!["", "runtime/default", "unconfined"].includes(profile) && !profile.startsWith("localhost/")) {
      faults.invalid(`${path}[${key}]`, profile, `invalid AppArmor profile name: ${goQuote(profile)}`);
    }
  }
}

/** Of a pod or a template. */
export function checkPodAnnotations(
  annotations: Annotations,
  spec: Spec,
  path: string,
  faults: FaultList,
): void {
  if (annotations === undefined) return;
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && (spec.nodeName ?? "") === "") {
    faults.invalid(
      `${path}[${mirrorAnnotation}]`,
      mirror,
      "must set spec.nodeName if mirror pod annotation is set",
    );
  }
  checkTolerationsText(annotations[tolerationsAnnotation], path, faults);
  const cost = annotations[deletionCost];
  if (cost !== undefined && !isDeletionCost(cost)) {
    faults.ratcheting("deletionCost", (found) => {
      found.invalid(`${path}[${deletionCost}]`, cost, "must be a 32bit integer");
    });
  }
  for (const [key, profile] of Object.entries(annotations)) {
    if (key === podSeccomp || key.startsWith(containerSeccomp)) {
      checkSeccompText(profile, `${path}.${key}`, faults);
    }
  }
  checkAppArmorTexts(annotations, spec, path, faults);
}

/** upstream: ValidatePodSpecificAnnotationUpdates */
export function checkPodAnnotationsUpdate(pod: Loose<Pod>, old: Loose<Pod>, faults: FaultList): void {
  const path = "metadata.annotations";
  const now = pod.metadata?.annotations ?? {};
  const before = old.metadata?.annotations ?? {};
  const kinds = [
    [(key: string) => key.startsWith(containerAppArmor), "AppArmor annotations"],
    [(key: string) => key === mirrorAnnotation, "mirror pod annotation"],
  ] as const;
  for (const [key, value] of Object.entries(before)) {
    if (now[key] === value) continue;
    for (const [isOfKind, what] of kinds) {
      if (isOfKind(key)) faults.forbidden(`${path}[${key}]`, `may not remove or update ${what}`);
    }
  }
  for (const key of Object.keys(now)) {
    if (before[key] !== undefined) continue;
    for (const [isOfKind, what] of kinds) {
      if (isOfKind(key)) faults.forbidden(`${path}[${key}]`, `may not add ${what}`);
    }
  }
  checkPodAnnotations(now, pod.spec ?? {}, path, faults);
}

interface Profile {
  readonly type?: string | undefined;
  readonly localhostProfile?: string | undefined;
}

/** What both say of the same. */
interface Said {
  readonly annotation: string | undefined;
  readonly field: Profile | undefined;
}

interface Kind {
  readonly name: "seccomp" | "apparmor";
  /** How the types of a profile are written in an annotation; a local one goes on with its name. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
}

const seccomp: Kind = {
  name: "seccomp",
  texts: new Map([
    ["Unconfined", ["unconfined"]],
    ["RuntimeDefault", ["runtime/default", "docker/default"]],
  ]),
};
const appArmor: Kind = {
  name: "apparmor",
  texts: new Map([
    ["Unconfined", ["unconfined"]],
    ["RuntimeDefault", ["runtime/default"]],
  ]),
};

function checkMatch(
  { annotation, field }: Said,
  { name, texts }: Kind,
  path: string,
  faults: FaultList,
): void {
  if (annotation === undefined || field === undefined) return;
  const { type = "", localhostProfile } = field;
  const isLocal = type === "Localhost";
  if (isLocal ? !annotation.startsWith("localhost/") : texts.get(type)?.includes(annotation) === false) {
    faults.forbidden(`${path}.type`, `${name} type in annotation and field must match`);
  } else if (isLocal && annotation !== `localhost/${localhostProfile ?? ""}`) {
    faults.forbidden(`${path}.localhostProfile`, `${name} profile in annotation and field must match`);
  }
}

/** What an annotation and a field both say of a new pod, or of a template of pods, must be the same. */
export function checkAnnotationsMatchFields(
  { metadata, spec = {} }: Loose<Pod>,
  path: string,
  faults: FaultList,
): void {
  const annotations = metadata?.annotations;
  if (annotations === undefined) return;
  const { securityContext: ofPod, os } = spec;
  const ofAll = { annotation: annotations[podSeccomp], field: ofPod?.seccompProfile };
  checkMatch(ofAll, seccomp, `${path}.securityContext.seccompProfile`, faults);
  const placed = containersWithPaths(spec, path);
  for (const [{ name = "", securityContext: own }, at] of placed) {
    const said = { annotation: annotations[containerSeccomp + name], field: own?.seccompProfile };
    checkMatch(said, seccomp, `${at}.securityContext.seccompProfile`, faults);
  }
  if (os?.name === "windows") return;
  for (const [{ name = "", securityContext: own }, at] of placed) {
    const field = own?.appArmorProfile ?? ofPod?.appArmorProfile;
    const said = { annotation: annotations[containerAppArmor + name], field };
    checkMatch(said, appArmor, `${at}.securityContext.appArmorProfile`, faults);
  }
}
