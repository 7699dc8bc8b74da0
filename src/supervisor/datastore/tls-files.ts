/** The certificates a datastore is reached with, read and checked before anything connects. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { InvalidOptionsError } from "#base/component.ts";
import { errorText } from "#base/log.ts";
import type { DatastoreFiles } from "./endpoint.ts";

export interface DatastoreTls {
  readonly caPem: string | undefined;
  readonly certificatePem: string | undefined;
  readonly keyPem: string | undefined;
}

/** Throws InvalidOptionsError naming every file that is no good. */
export async function readTlsFiles(files: DatastoreFiles): Promise<DatastoreTls> {
  const faults: string[] = [];
  const read = async (flag: string, path: string | undefined, check: (pem: string) => unknown) => {
    if (path === undefined) return undefined;
    try {
      const pem = await readFile(path, "utf8");
      check(pem);
      return pem;
    } catch (error) {
      faults.push(`--${flag} is ${path}, which can't be used: ${errorText(error)}`);
      return undefined;
    }
  };
  const [caPem, certificatePem, keyPem] = await Promise.all([
    read("datastore-cafile", files.caFile, (pem) => new X509Certificate(pem)),
    read("datastore-certfile", files.certFile, (pem) => new X509Certificate(pem)),
    read("datastore-keyfile", files.keyFile, (pem) => createPrivateKey(pem)),
  ]);
  if (certificatePem !== undefined && keyPem !== undefined) {
    const isPair = new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
    if (!isPair) {
      faults.push(`--datastore-keyfile is ${files.keyFile}, which is not the key of --datastore-certfile`);
    }
  }
  if (faults.length > 0) throw new InvalidOptionsError("datastore", faults);
  return { caPem, certificatePem, keyPem };
}
