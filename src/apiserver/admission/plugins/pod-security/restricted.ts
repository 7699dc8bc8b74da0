/** The checks of the restricted level: what a hardened pod says of itself. upstream: pod-security-admission/policy/check_*.go */
import type { Container, Volume } from "#api/generated/types/core-v1.ts";
import {
  containersOf,
  containersText,
  distinct,
  joinQuoted,
  namesOf,
  plural,
  settersText,
  violation,
  type Check,
  type CheckPod,
  type PodLike,
} from "./check.ts";
import { hasUserNamespace, procMount } from "./baseline.ts";
import { isGoodProfile, seccompProfile } from "./profiles.ts";

/** Since 1.25, what Windows doesn't know isn't asked of its pods. */
const unlessWindows =
  (check: CheckPod): CheckPod =>
  (pod) =>
    pod.spec.os?.name === "windows" ? undefined : check(pod);

const unlessUserNamespace =
  (check: CheckPod): CheckPod =>
  (pod) =>
    hasUserNamespace(pod) ? undefined : check(pod);

const allowPrivilegeEscalation: CheckPod = (pod) => {
  const bad = containersOf(pod).filter(
    ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false,
  );
  const text = containersText(namesOf(bad));
  return text === undefined
    ? undefined
    : violation(
        "allowPrivilegeEscalation != false",
        `${text} must set securityContext.allowPrivilegeEscalation=false`,
      );
};

const forbiddenAdds = ({ securityContext }: Container): string[] =>
  (securityContext?.capabilities?.add ?? []).filter((name) => name !== "NET_BIND_SERVICE");

const capabilities: CheckPod = (pod) => {
  const all = containersOf(pod);
  const keeping = all.filter(
    ({ securityContext }) => securityContext?.capabilities?.drop?.includes("ALL") !== true,
  );
  const adding = all.filter((container) => forbiddenAdds(container).length > 0);
  const keepText = containersText(namesOf(keeping));
  const addText = containersText(namesOf(adding));
  const details = [
    ...(keepText === undefined ? [] : [`${keepText} must set securityContext.capabilities.drop=["ALL"]`]),
    ...(addText === undefined
      ? []
      : [
          `${addText} must not include ${joinQuoted(distinct(adding.flatMap(forbiddenAdds)))} in securityContext.capabilities.add`,
        ]),
  ];
  return details.length === 0 ? undefined : violation("unrestricted capabilities", details.join("; "));
};

const freeVolumes: readonly (keyof Volume)[] = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
];
/** In the order in which upstream looks for them. */
const restrictedVolumeTypes: readonly (keyof Volume)[] = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "gitRepo",
  "nfs",
  "iscsi",
  "glusterfs",
  "rbd",
  "flexVolume",
  "cinder",
  "cephfs",
  "flocker",
  "fc",
  "azureFile",
  "vsphereVolume",
  "quobyte",
  "azureDisk",
  "photonPersistentDisk",
  "portworxVolume",
  "scaleIO",
  "storageos",
];

const volumes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(
    (volume) => !freeVolumes.some((type) => volume[type] !== undefined),
  );
  if (bad.length === 0) return undefined;
  const types = distinct(
    bad.map((volume) => restrictedVolumeTypes.find((type) => volume[type] !== undefined) ?? "unknown"),
  );
  const names = joinQuoted(bad.map(({ name }) => name));
  const what = plural("restricted volume type", "restricted volume types", types.length);
  return violation(
    "restricted volume types",
    `${plural("volume", "volumes", bad.length)} ${names} ${plural("uses", "use", bad.length)} ${what} ${joinQuoted(types)}`,
  );
};

const runAsNonRoot: CheckPod = (pod) => {
  const ofPod = pod.spec.securityContext?.runAsNonRoot;
  const all = containersOf(pod);
  const setters = settersText(
    ofPod === false,
    namesOf(all.filter(({ securityContext }) => securityContext?.runAsNonRoot === false)),
  );
  if (setters !== undefined) {
    return violation("runAsNonRoot != true", `${setters} must not set securityContext.runAsNonRoot=false`);
  }
  const silent = all.filter(({ securityContext }) => securityContext?.runAsNonRoot === undefined);
  const text = ofPod === true ? undefined : containersText(namesOf(silent));
  return text === undefined
    ? undefined
    : violation("runAsNonRoot != true", `pod or ${text} must set securityContext.runAsNonRoot=true`);
};

const runAsUser: CheckPod = (pod) => {
  const bad = containersOf(pod).filter(({ securityContext }) => securityContext?.runAsUser === 0);
  const setters = settersText(pod.spec.securityContext?.runAsUser === 0, namesOf(bad));
  return setters === undefined ? undefined : violation("runAsUser=0", `${setters} must not set runAsUser=0`);
};

function hasGoodPodProfile({ spec }: PodLike): boolean {
  const type = spec.securityContext?.seccompProfile?.type;
  return type !== undefined && isGoodProfile(type);
}

const seccomp: CheckPod = (pod) => {
  const explicit = seccompProfile(pod);
  if (explicit !== undefined) return explicit;
  const silent = containersOf(pod).filter(
    ({ securityContext }) => securityContext?.seccompProfile === undefined,
  );
  const text = hasGoodPodProfile(pod) ? undefined : containersText(namesOf(silent));
  return text === undefined
    ? undefined
    : violation(
        "seccompProfile",
        `pod or ${text} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
      );
};

const overSeccomp = ["seccompProfile_baseline"];
const overCapabilities = ["capabilities_baseline"];

export const restrictedChecks: readonly Check[] = [
  {
    id: "allowPrivilegeEscalation",
    versions: [
      { since: 8, run: allowPrivilegeEscalation },
      { since: 25, run: unlessWindows(allowPrivilegeEscalation) },
    ],
  },
  {
    id: "capabilities_restricted",
    versions: [
      { since: 22, run: capabilities, overrides: overCapabilities },
      { since: 25, run: unlessWindows(capabilities), overrides: overCapabilities },
    ],
  },
  { id: "procMount_restricted", versions: [{ since: 35, run: procMount, overrides: ["procMount"] }] },
  { id: "restrictedVolumes", versions: [{ since: 0, run: volumes, overrides: ["hostPathVolumes"] }] },
  {
    id: "runAsNonRoot",
    versions: [
      { since: 0, run: runAsNonRoot },
      { since: 35, run: unlessUserNamespace(runAsNonRoot) },
    ],
  },
  {
    id: "runAsUser",
    versions: [
      { since: 23, run: runAsUser },
      { since: 35, run: unlessUserNamespace(runAsUser) },
    ],
  },
  {
    id: "seccompProfile_restricted",
    versions: [
      { since: 19, run: seccomp, overrides: overSeccomp },
      { since: 25, run: unlessWindows(seccomp), overrides: overSeccomp },
    ],
  },
];
