/**
 * AppArmor profiles are said in fields, and were said in annotations: of a new pod they become fields. Since 1.34 fields
 * become annotations no more.
 * upstream: pkg/registry/core/pod/strategy.go (applyAppArmorVersionSkew)
 */
import type { AppArmorProfile, Container, EphemeralContainer, Pod } from "../generated/types/core-v1.ts";
import { FaultList } from "../meta/fault-list.ts";
import { isSame } from "../meta/field-rules.ts";
import { containersWithPaths } from "./pod-annotation-validation.ts";
import { checkAppArmor } from "./security-validation.ts";

const prefix = "container.apparmor.security.beta.kubernetes.io/";
const local = "localhost/";

/** Undefined when the text names no valid profile. */
function profileOf(text: string): AppArmorProfile | undefined {
  if (text === "unconfined") return { type: "Unconfined" };
  if (text === "runtime/default") return { type: "RuntimeDefault" };
  if (!text.startsWith(local)) return undefined;
  const profile = { type: "Localhost", localhostProfile: text.slice(local.length) };
  const faults = new FaultList();
  checkAppArmor(profile, "", faults);
  return faults.count === 0 ? profile : undefined;
}

type AnyContainer = Container | EphemeralContainer;

/** The profile that an annotation tells and no field does; "unknown" when it tells none that is valid. */
function toldProfile(
  text: string,
  { securityContext }: AnyContainer,
  ofPod: AppArmorProfile | undefined,
): AppArmorProfile | "unknown" | undefined {
  if (securityContext?.appArmorProfile !== undefined) return undefined;
  const profile = profileOf(text);
  if (profile === undefined) return "unknown";
  return isSame(profile, ofPod) ? undefined : profile;
}

/** Changes the pod, which is about to be created. */
export function syncAppArmor({ metadata = {}, spec }: Pod, warn: (text: string) => void): void {
  if (spec === undefined || spec.os?.name === "windows") return;
  const ofPod = spec.securityContext?.appArmorProfile;
  for (const [given] of containersWithPaths(spec, "")) {
    const container = given as AnyContainer;
    const key = prefix + container.name;
    const text = metadata.annotations?.[key];
    if (text !== undefined && takeProfile(toldProfile(text, container, ofPod), container)) {
      warn(`metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
    }
  }
}

/** Whether there is something to warn of. */
function takeProfile(told: ReturnType<typeof toldProfile>, container: AnyContainer): boolean {
  if (typeof told === "object") (container.securityContext ??= {}).appArmorProfile = told;
  return told !== undefined;
}
