/** --etcd-listen and what belongs to it: whether, and how, others may use our store as an etcd. */
import type { OptionSpec } from "#base/options.ts";

export interface EtcdListenOptions {
  /** http://HOST:PORT, https://HOST:PORT, unix:///PATH. */
  readonly urls: readonly string[];
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly trustedCaFile: string | undefined;
  /** Undefined: etcd's. */
  readonly quotaBytes: number | undefined;
}

/** The names are etcd's own, behind "etcd-". */
export const etcdListenSpecs: readonly OptionSpec[] = [
  {
    name: "etcd-listen",
    type: "list",
    placeholder: "URL",
    group: "data",
    text: "Serve etcd's API over the store: http://HOST:PORT, https://HOST:PORT, unix:///PATH",
  },
  {
    name: "etcd-cert-file",
    type: "string",
    placeholder: "FILE",
    group: "data",
    text: "Certificate of the https URLs of --etcd-listen",
  },
  {
    name: "etcd-key-file",
    type: "string",
    placeholder: "FILE",
    group: "data",
    text: "Key of that certificate",
  },
  {
    name: "etcd-trusted-ca-file",
    type: "string",
    placeholder: "FILE",
    group: "data",
    text: "CA of certificates that clients must have; without it nobody has to",
  },
  {
    name: "etcd-quota-backend-bytes",
    type: "integer",
    placeholder: "BYTES",
    group: "data",
    defaultText: "2147483648",
    text: "Size of the store above which etcd clients can't write",
  },
];

interface Values {
  text(name: string): string | undefined;
  list(name: string): readonly string[];
  count(name: string, fallback: number): number;
  readonly faults: string[];
}

/** Undefined without --etcd-listen. `isOurStore`: the store is this server's own. */
export function readEtcdListen(values: Values, isOurStore: boolean): EtcdListenOptions | undefined {
  const urls = values.list("etcd-listen").flatMap((text) => text.split(","));
  const certFile = values.text("etcd-cert-file");
  const keyFile = values.text("etcd-key-file");
  const trustedCaFile = values.text("etcd-trusted-ca-file");
  const quota = values.count("etcd-quota-backend-bytes", 0);
  const { faults } = values;
  for (const url of urls) checkUrl(url, faults);
  const isSecure = urls.some((url) => url.startsWith("https:"));
  if (isSecure && (certFile === undefined || keyFile === undefined)) {
    faults.push("--etcd-listen with https needs --etcd-cert-file and --etcd-key-file");
  }
  if (!isSecure && [certFile, keyFile, trustedCaFile].some((file) => file !== undefined)) {
    faults.push(
      "--etcd-cert-file, --etcd-key-file and --etcd-trusted-ca-file need an https URL in --etcd-listen",
    );
  }
  if (urls.length === 0) return undefined;
  if (!isOurStore) faults.push("--etcd-listen can't be had with --datastore-endpoint: ask that datastore");
  return { urls, certFile, keyFile, trustedCaFile, quotaBytes: quota === 0 ? undefined : quota };
}

function checkUrl(text: string, faults: string[]): void {
  const isRight = text.startsWith("unix:")
    ? /^unix:\/\/\/?[^/].*$/.test(text)
    : /^https?:\/\/[^/]+:\d+$/.test(text) && URL.canParse(text);
  if (!isRight) {
    faults.push(`--etcd-listen is ${text}, must be http://HOST:PORT, https://HOST:PORT or unix:///PATH`);
  }
}
