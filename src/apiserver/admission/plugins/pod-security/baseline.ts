/** The checks of the baseline level: known ways out of a container. upstream: pod-security-admission/policy/check_*.go */
import type { Container, LifecycleHandler, Probe, SELinuxOptions } from "#api/generated/types/core-v1.ts";
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
import { appArmorProfile, seccompAnnotations, seccompProfile } from "./profiles.ts";

const since = (first: number, run: CheckPod): { readonly since: number; readonly run: CheckPod } => ({
  since: first,
  run,
});

const defaultCapabilities = new Set([
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
]);

const capabilitiesAdded = ({ securityContext }: Container): string[] =>
  (securityContext?.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name));

const capabilities: CheckPod = (pod) => {
  const bad = containersOf(pod).filter((container) => capabilitiesAdded(container).length > 0);
  const text = containersText(namesOf(bad));
  if (text === undefined) return undefined;
  const names = joinQuoted(distinct(bad.flatMap(capabilitiesAdded)));
  return violation(
    "non-default capabilities",
    `${text} must not include ${names} in securityContext.capabilities.add`,
  );
};

const hostNamespaces: CheckPod = ({ spec }) => {
  const used = (["hostIPC", "hostNetwork", "hostPID"] as const).filter((name) => spec[name] === true);
  return used.length === 0 ? undefined : violation("host namespaces", used.join(", "));
};

const hostPathVolumes: CheckPod = ({ spec }) => {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
  return names.length === 0
    ? undefined
    : violation("hostPath volumes", `${plural("volume", "volumes", names.length)} ${joinQuoted(names)}`);
};

const hostPortsOf = ({ ports }: Container): string[] =>
  (ports ?? []).flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));

const hostPorts: CheckPod = (pod) => {
  const bad = namesOf(containersOf(pod).filter((container) => hostPortsOf(container).length > 0));
  const text = containersText(bad);
  if (text === undefined) return undefined;
  const ports = distinct(containersOf(pod).flatMap(hostPortsOf));
  const uses = plural("uses", "use", bad.length);
  return violation(
    "hostPort",
    `${text} ${uses} ${plural("hostPort", "hostPorts", ports.length)} ${ports.join(", ")}`,
  );
};

function handlerHosts(handler: Probe | LifecycleHandler | undefined): string[] {
  return [handler?.httpGet?.host ?? "", handler?.tcpSocket?.host ?? ""].filter((host) => host !== "");
}

const handlerHostsOf = (container: Container): string[] =>
  [
    container.livenessProbe,
    container.readinessProbe,
    container.startupProbe,
    container.lifecycle?.postStart,
    container.lifecycle?.preStop,
  ].flatMap(handlerHosts);

const probeHosts: CheckPod = (pod) => {
  const bad = distinct(namesOf(containersOf(pod).filter((each) => handlerHostsOf(each).length > 0)));
  const text = containersText(bad);
  if (text === undefined) return undefined;
  const hosts = distinct(containersOf(pod).flatMap(handlerHostsOf));
  const what = plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.length);
  return violation(
    "probe or lifecycle host",
    `${text} ${plural("uses", "use", bad.length)} ${what} ${joinQuoted(hosts)}`,
  );
};

const privileged: CheckPod = (pod) => {
  const bad = containersOf(pod).filter(({ securityContext }) => securityContext?.privileged === true);
  const text = containersText(namesOf(bad));
  return text === undefined
    ? undefined
    : violation("privileged", `${text} must not set securityContext.privileged=true`);
};

export const procMount: CheckPod = (pod) => {
  const bad = containersOf(pod).filter(
    ({ securityContext }) => (securityContext?.procMount ?? "Default") !== "Default",
  );
  const text = containersText(namesOf(bad));
  if (text === undefined) return undefined;
  const values = joinQuoted(distinct(bad.map(({ securityContext }) => securityContext?.procMount ?? "")));
  return violation("procMount", `${text} must not set securityContext.procMount to ${values}`);
};

/** Root within a user namespace of its own is nobody outside. */
export const hasUserNamespace = ({ spec }: PodLike): boolean => spec.hostUsers === false;

const seLinuxTypes = ["", "container_t", "container_init_t", "container_kvm_t"];

function seLinuxOptions(allowed: readonly string[]): CheckPod {
  const isBad = (options: SELinuxOptions | undefined): options is SELinuxOptions =>
    options !== undefined &&
    (!allowed.includes(options.type ?? "") || (options.user ?? "") !== "" || (options.role ?? "") !== "");
  return (pod) => {
    const ofPod = pod.spec.securityContext?.seLinuxOptions;
    const bad = containersOf(pod).filter(({ securityContext }) => isBad(securityContext?.seLinuxOptions));
    const setters = settersText(isBad(ofPod), namesOf(bad));
    if (setters === undefined) return undefined;
    const options = [ofPod, ...bad.map(({ securityContext }) => securityContext?.seLinuxOptions)].filter(
      isBad,
    );
    const types = distinct(options.map(({ type = "" }) => type).filter((type) => !allowed.includes(type)));
    const faults = [
      ...(types.length === 0 ? [] : [`${plural("type", "types", types.length)} ${joinQuoted(types)}`]),
      ...(options.some(({ user = "" }) => user !== "") ? ["user may not be set"] : []),
      ...(options.some(({ role = "" }) => role !== "") ? ["role may not be set"] : []),
    ];
    return violation(
      "seLinuxOptions",
      `${setters} set forbidden securityContext.seLinuxOptions: ${faults.join("; ")}`,
    );
  };
}

const sysctls10 = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
];
const sysctls127 = [...sysctls10, "net.ipv4.ip_local_reserved_ports"];
const sysctls129 = [
  ...sysctls127,
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
];
const sysctls132 = [...sysctls129, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];

const sysctls =
  (allowed: readonly string[]): CheckPod =>
  ({ spec }) => {
    const names = (spec.securityContext?.sysctls ?? []).map(({ name }) => name);
    const bad = names.filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : violation("forbidden sysctls", bad.join(", "));
  };

const windowsHostProcess: CheckPod = (pod) => {
  const bad = containersOf(pod).filter(
    ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true,
  );
  const isPod = pod.spec.securityContext?.windowsOptions?.hostProcess === true;
  const setters = settersText(isPod, namesOf(bad));
  return setters === undefined
    ? undefined
    : violation("hostProcess", `${setters} must not set securityContext.windowsOptions.hostProcess=true`);
};

export const baselineChecks: readonly Check[] = [
  { id: "appArmorProfile", versions: [since(0, appArmorProfile)] },
  { id: "capabilities_baseline", versions: [since(0, capabilities)] },
  { id: "hostNamespaces", versions: [since(0, hostNamespaces)] },
  { id: "hostPathVolumes", versions: [since(0, hostPathVolumes)] },
  { id: "hostPorts", versions: [since(0, hostPorts)] },
  { id: "hostProbesAndHostLifecycle", versions: [since(34, probeHosts)] },
  { id: "privileged", versions: [since(0, privileged)] },
  {
    id: "procMount",
    versions: [since(0, procMount), since(35, (pod) => (hasUserNamespace(pod) ? undefined : procMount(pod)))],
  },
  {
    id: "seLinuxOptions",
    versions: [
      since(0, seLinuxOptions(seLinuxTypes)),
      since(31, seLinuxOptions([...seLinuxTypes, "container_engine_t"])),
    ],
  },
  { id: "seccompProfile_baseline", versions: [since(0, seccompAnnotations), since(19, seccompProfile)] },
  {
    id: "sysctls",
    versions: [
      since(0, sysctls(sysctls10)),
      since(27, sysctls(sysctls127)),
      since(29, sysctls(sysctls129)),
      since(32, sysctls(sysctls132)),
    ],
  },
  { id: "windowsHostProcess", versions: [since(0, windowsHostProcess)] },
];
