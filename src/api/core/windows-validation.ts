/** What containers on Windows run as. upstream: pkg/apis/core/validation/validation.go (validateWindowsSecurityContextOptions, validateWindowsHostProcessPod) */
import type {
  Container,
  EphemeralContainer,
  PodSpec,
  WindowsSecurityContextOptions,
} from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults } from "../meta/names.ts";

type AnyContainer = Loose<Container | EphemeralContainer>;

const credentialSpecKiBMax = 64;
const domainLengthMax = 256;
const userLengthMax = 104;

// oxlint-disable-next-line no-control-regex
const controlCharacters = /[\u0000-\u001f\u007f]/;
const netBiosName = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const domainLabel = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const domainName = new RegExp(`^${domainLabel}(?:\\.${domainLabel})*$`);
const onlyDotsOrSpaces = /^[. ]+$/;
const badUserCharacters = /["/\\:;|=,+*?<>@[\]]/;

export function checkWindowsOptions(
  options: Loose<WindowsSecurityContextOptions> | undefined,
  path: string,
  faults: FaultList,
): void {
  if (options === undefined) return;
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName } = options;
  if (name !== undefined) faults.messages(`${path}.gmsaCredentialSpecName`, name, dnsSubdomainFaults(name));
  if (spec === "") {
    faults.invalid(`${path}.gmsaCredentialSpec`, spec, "gmsaCredentialSpec cannot be an empty string");
  } else if (spec !== undefined && Buffer.byteLength(spec) > credentialSpecKiBMax * 1024) {
    const text = `gmsaCredentialSpec size must be under ${credentialSpecKiBMax} KiB`;
    faults.invalid(`${path}.gmsaCredentialSpec`, spec, text);
  }
  if (runAsUserName !== undefined) {
    faults.messages(`${path}.runAsUserName`, runAsUserName, userNameFaults(runAsUserName));
  }
}

/** "user" or "domain\user" */
function userNameFaults(name: string): readonly string[] {
  if (name === "") return ["runAsUserName cannot be an empty string"];
  if (controlCharacters.test(name)) return ["runAsUserName cannot contain control characters"];
  const parts = name.split("\\");
  if (parts.length > 2) return ["runAsUserName cannot contain more than one backslash"];
  const user = parts.at(-1) ?? "";
  const domain = parts.length === 2 ? parts[0] : undefined;
  const found: readonly (readonly [isFault: boolean, text: string])[] = [
    [
      domain !== undefined && domain.length >= domainLengthMax,
      `runAsUserName's Domain length must be under ${domainLengthMax} characters`,
    ],
    [
      domain !== undefined && !netBiosName.test(domain) && !domainName.test(domain),
      "runAsUserName's Domain doesn't match the NetBios nor the DNS format",
    ],
    [user === "", "runAsUserName's User cannot be empty"],
    [
      user.length > userLengthMax,
      `runAsUserName's User length must not be longer than ${userLengthMax} characters`,
    ],
    [onlyDotsOrSpaces.test(user), "runAsUserName's User cannot contain only periods or spaces"],
    [
      badUserCharacters.test(user),
      `runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]`,
    ],
  ];
  return found.flatMap(([isFault, text]) => (isFault ? [text] : []));
}

const isSpecial = (container: AnyContainer): boolean =>
  container.securityContext?.windowsOptions !== undefined;

/** Asked of every pod, and hardly any has such options. */
const hasOptions = (spec: Loose<PodSpec>): boolean =>
  spec.securityContext?.windowsOptions !== undefined ||
  spec.containers?.some(isSpecial) === true ||
  spec.initContainers?.some(isSpecial) === true ||
  spec.ephemeralContainers?.some(isSpecial) === true;

/** Containers on the host itself share a pod with none but their like, and the host's network. */
export function checkHostProcess(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  if (!hasOptions(spec)) return;
  const onHost = (["initContainers", "containers", "ephemeralContainers"] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, index) =>
      isOnHost(
        spec,
        container,
        `${path}.${list}[${index}].securityContext.windowsOptions.hostProcess`,
        faults,
      ),
    ),
  );
  if (!onHost.includes(true)) return;
  if (onHost.includes(false)) {
    faults.invalid(
      path,
      "",
      "If pod contains any hostProcess containers then all containers must be HostProcess containers",
    );
  }
  if (spec.hostNetwork !== true) {
    faults.invalid(
      `${path}.hostNetwork`,
      false,
      "hostNetwork must be true if pod contains any hostProcess containers",
    );
  }
}

/** What a container doesn't say its pod says. */
function isOnHost(
  { securityContext: ofPod }: Loose<PodSpec>,
  { securityContext }: AnyContainer,
  path: string,
  faults: FaultList,
): boolean {
  const whole = ofPod?.windowsOptions?.hostProcess;
  const own = securityContext?.windowsOptions?.hostProcess;
  if (whole !== undefined && own !== undefined && whole !== own) {
    const text = `pod hostProcess value must be identical if both are specified, was ${String(whole)}`;
    faults.invalid(path, own, text);
  }
  return own ?? whole ?? false;
}
