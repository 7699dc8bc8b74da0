/** The file of --authorization-policy-file: a policy per line. upstream: pkg/auth/authorizer/abac/abac.go, pkg/apis/abac */
import { errorText } from "#base/log.ts";

export interface Policy {
  /** Empty: not named. */
  readonly user: string;
  /** Empty: not named. */
  readonly group: string;
  readonly readonly: boolean;
  /** Of this and what follows "*" is everything, and an empty text only itself. */
  readonly apiGroup: string;
  readonly resource: string;
  readonly namespace: string;
  readonly nonResourcePath: string;
}

export class PolicyFileError extends Error {
  override readonly name = "PolicyFileError";
  readonly code = "POLICY_FILE";
}

export interface PolicyFile {
  readonly policies: readonly Policy[];
  /** Lines in the oldest form, which names neither version nor kind. */
  readonly unversionedCount: number;
}

const group = "abac.authorization.kubernetes.io";
const authenticated = "system:authenticated";

/** Empty lines and those that begin with # say nothing. Throws PolicyFileError, which names the line. */
export function parsePolicyFile(path: string, text: string): PolicyFile {
  const policies: Policy[] = [];
  let unversionedCount = 0;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    try {
      const { policy, isUnversioned } = parseLine(trimmed);
      policies.push(policy);
      if (isUnversioned) unversionedCount++;
    } catch (error) {
      const where = `error reading policy file ${path}, line ${index + 1}: ${line}`;
      throw new PolicyFileError(`${where}: ${errorText(error)}`);
    }
  }
  return { policies, unversionedCount };
}

function parseLine(line: string): { readonly policy: Policy; readonly isUnversioned: boolean } {
  const value = objectOf(JSON.parse(line), "the line");
  const apiVersion = textOf(value, "apiVersion");
  const kind = textOf(value, "kind");
  const isUnversioned = apiVersion === "" || kind === "";
  if (isUnversioned || (apiVersion === `${group}/v0` && kind === "Policy")) {
    return { policy: oldest(readPolicy(value)), isUnversioned };
  }
  if (apiVersion !== `${group}/v1beta1` || kind !== "Policy") {
    throw new PolicyFileError(`no kind ${JSON.stringify(kind)} is registered for version "${apiVersion}"`);
  }
  const policy = readPolicy(objectOf(value["spec"] ?? {}, "spec"));
  const isEverybody = policy.user === "*" || policy.group === "*";
  return { policy: isEverybody ? { ...policy, user: "", group: authenticated } : policy, isUnversioned };
}

/** In the oldest form whatever isn't said holds for everything. */
function oldest(given: Policy): Policy {
  const { user, group: groupName, namespace, resource } = given;
  const isEverybody = user === "*" || groupName === "*" || (user === "" && groupName === "");
  return {
    ...given,
    user: isEverybody ? "" : user,
    group: isEverybody ? authenticated : groupName,
    namespace: namespace === "" ? "*" : namespace,
    resource: resource === "" ? "*" : resource,
    apiGroup: "*",
    nonResourcePath: namespace === "" && resource === "" ? "*" : "",
  };
}

function readPolicy(fields: Readonly<Record<string, unknown>>): Policy {
  const isReadonly = fields["readonly"] ?? false;
  if (typeof isReadonly !== "boolean") throw new PolicyFileError("readonly must be true or false");
  return {
    user: textOf(fields, "user"),
    group: textOf(fields, "group"),
    readonly: isReadonly,
    apiGroup: textOf(fields, "apiGroup"),
    resource: textOf(fields, "resource"),
    namespace: textOf(fields, "namespace"),
    nonResourcePath: textOf(fields, "nonResourcePath"),
  };
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new PolicyFileError(`${what} must be an object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function textOf(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name] ?? "";
  if (typeof value !== "string") throw new PolicyFileError(`${name} must be a string`);
  return value;
}
