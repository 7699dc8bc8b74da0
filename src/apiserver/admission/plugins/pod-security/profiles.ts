/** The baseline checks of seccomp and AppArmor profiles, in their fields and in the annotations before them. */
import type { Container } from "#api/generated/types/core-v1.ts";
import {
  containersOf,
  containersText,
  distinct,
  joinQuoted,
  namesOf,
  plural,
  settersText,
  violation,
  type CheckPod,
} from "./check.ts";

const seccompPod = "seccomp.security.alpha.kubernetes.io/pod";
const seccompContainer = "container.seccomp.security.alpha.kubernetes.io/";
const appArmorContainer = "container.apparmor.security.beta.kubernetes.io/";

export const isGoodProfile = (type: string): boolean => type === "RuntimeDefault" || type === "Localhost";

const isGoodSeccompAnnotation = (value: string): boolean =>
  value === "runtime/default" || value === "docker/default" || value.startsWith("localhost/");

/** Up to 1.18. */
export const seccompAnnotations: CheckPod = (pod) => {
  const keys = [seccompPod, ...containersOf(pod).map(({ name }) => `${seccompContainer}${name}`)];
  const bad = distinct(
    keys.flatMap((key) => {
      const value = pod.annotations[key];
      return value === undefined || isGoodSeccompAnnotation(value) ? [] : [`${key}=${JSON.stringify(value)}`];
    }),
  );
  return bad.length === 0
    ? undefined
    : violation(
        "seccompProfile",
        `forbidden ${plural("annotation", "annotations", bad.length)} ${bad.join(", ")}`,
      );
};

const seccompOf = ({ securityContext }: Container): string | undefined =>
  securityContext?.seccompProfile?.type;

const isBad = (type: string | undefined): type is string => type !== undefined && !isGoodProfile(type);

export const seccompProfile: CheckPod = (pod) => {
  const ofPod = pod.spec.securityContext?.seccompProfile?.type;
  const bad = containersOf(pod).filter((container) => isBad(seccompOf(container)));
  const setters = settersText(isBad(ofPod), namesOf(bad));
  if (setters === undefined) return undefined;
  const values = joinQuoted(distinct([ofPod, ...bad.map(seccompOf)].filter(isBad)));
  return violation(
    "seccompProfile",
    `${setters} must not set securityContext.seccompProfile.type to ${values}`,
  );
};

const isGoodAppArmorAnnotation = (value: string): boolean =>
  value === "" || value === "runtime/default" || value.startsWith("localhost/");

const appArmorOf = ({ securityContext }: Container): string | undefined =>
  securityContext?.appArmorProfile?.type;

export const appArmorProfile: CheckPod = (pod) => {
  const ofPod = pod.spec.securityContext?.appArmorProfile?.type;
  const bad = containersOf(pod).filter((container) => isBad(appArmorOf(container)));
  const annotations = Object.entries(pod.annotations)
    .filter(([key, value]) => key.startsWith(appArmorContainer) && !isGoodAppArmorAnnotation(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .toSorted();
  const setters = [
    ...(isBad(ofPod) ? ["pod"] : []),
    containersText(namesOf(bad)),
    annotations.length === 0 ? undefined : plural("annotation", "annotations", annotations.length),
  ].filter((text) => text !== undefined);
  if (setters.length === 0) return undefined;
  const values = [...distinct([ofPod, ...bad.map(appArmorOf)].filter(isBad)), ...annotations];
  return violation(
    plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values.length),
    `${setters.join(" and ")} must not set AppArmor profile type to ${joinQuoted(values)}`,
  );
};
