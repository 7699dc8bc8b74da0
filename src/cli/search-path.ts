/** Where a login of root looks for programs: a service manager or `env -i` may name less, or nothing. */
const standard = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** What PATH names, then what it lacks: a node runs mount, ip and nft. */
export function searchPath(path: string | undefined): string {
  const named = (path ?? "").split(":").filter((directory) => directory !== "");
  return [...named, ...standard.filter((directory) => !named.includes(directory))].join(":");
}
