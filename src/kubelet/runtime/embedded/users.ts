/** Who a container's process runs as: names of the image's /etc/passwd and /etc/group made into numbers. */
import { RuntimeError } from "../runtime.ts";

export interface UserRequest {
  /** The image's USER: "", "1000", "app", "app:staff", "1000:1000". */
  readonly imageUser: string;
  readonly runAsUser: number | undefined;
  readonly runAsGroup: number | undefined;
  readonly runAsUsername: string;
  readonly supplementalGroups: readonly number[];
}

export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** `passwd` and `group` are the files' texts, "" where the image has none. */
export function resolveUser(request: UserRequest, passwd: string, group: string): ProcessUser {
  const [imageName = "", imageGroup] = request.imageUser.split(":");
  const name = request.runAsUsername === "" ? imageName : request.runAsUsername;
  const entries = parsePasswd(passwd);
  const groups = parseGroups(group);
  const wanted = request.runAsUser === undefined ? name : String(request.runAsUser);
  const { uid, entry } = findUser(wanted, entries);
  const named = request.runAsUser === undefined && request.runAsUsername === "" ? imageGroup : undefined;
  const gid = request.runAsGroup ?? (named === undefined ? (entry?.gid ?? 0) : findGroup(named, groups));
  const memberships = entry === undefined ? [] : groups.filter(({ members }) => members.includes(entry.name));
  const additionalGids = [...new Set([gid, ...memberships.map((g) => g.gid), ...request.supplementalGroups])];
  return { uid, gid, additionalGids };
}

function findUser(
  wanted: string,
  entries: readonly PasswdEntry[],
): { uid: number; entry: PasswdEntry | undefined } {
  const byName = entries.find(({ name }) => name === wanted);
  if (byName !== undefined) return { uid: byName.uid, entry: byName };
  if (!/^\d*$/.test(wanted)) {
    throw new RuntimeError("unknown", `unable to find user ${wanted}: no matching entries in passwd file`);
  }
  const uid = Number(wanted);
  return { uid, entry: entries.find((candidate) => candidate.uid === uid) };
}

function findGroup(wanted: string, groups: readonly { name: string; gid: number }[]): number {
  const byName = groups.find(({ name }) => name === wanted);
  if (byName !== undefined) return byName.gid;
  if (/^\d+$/.test(wanted)) return Number(wanted);
  throw new RuntimeError("unknown", `unable to find group ${wanted}: no matching entries in group file`);
}

function parsePasswd(text: string): PasswdEntry[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", , uid = "", gid = ""] = line.split(":");
    return /^\d+$/.test(uid) && /^\d+$/.test(gid) ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}

function parseGroups(text: string): { name: string; gid: number; members: readonly string[] }[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", , gid = "", members = ""] = line.split(":");
    return /^\d+$/.test(gid) ? [{ name, gid: Number(gid), members: members.split(",") }] : [];
  });
}
