/** Whether what a signer issued to a pod is what it asked for. upstream: pkg/apis/certificates/validation/validation.go */
import { X509Certificate } from "node:crypto";
import type {
  PodCertificateRequestSpec,
  PodCertificateRequestStatus,
} from "#api/generated/types/certificates-v1beta1.ts";
import { invalid, required, tooLong, type FieldError } from "#api/meta/field-error.ts";
import type { Loose } from "#api/meta/loose.ts";
import { parseTime } from "#base/clock.ts";
import { readCertificate, type CertificateInfo } from "#pki/certificate.ts";
import { pemBlocks, type PemBlock } from "#base/pem.ts";
import { malformedKey, readKey } from "./pod-keys.ts";

type Spec = Loose<PodCertificateRequestSpec>;
type Status = Loose<PodCertificateRequestStatus>;

const chainPath = "status.certificateChain";
const chainSizeMax = 100 * 1024;
const minuteMs = 60_000;
const lifeMsMin = 60 * minuteMs;
const nanosecondsPerMs = 1_000_000;

interface Leaf {
  readonly certificate: X509Certificate;
  readonly info: CertificateInfo;
}

/** The first thing that is wrong; of the names in the certificate, and of the times that are missing, all. */
export function issuedFaults(status: Status, spec: Spec, nowMs: number): readonly FieldError[] {
  const { certificateChain: chain = "" } = status;
  if (Buffer.byteLength(chain) > chainSizeMax) return [tooLong(chainPath, chainSizeMax)];
  const fault = (detail: string): readonly FieldError[] => [invalid(chainPath, chain, detail)];
  const [first, ...others] = pemBlocks(chain);
  if (first === undefined) return fault("issued certificate chain must contain at least one certificate");
  if (first.label !== "CERTIFICATE") {
    return fault("issued certificate chain must consist entirely of CERTIFICATE PEM blocks");
  }
  const leaf = read(first.der);
  if (leaf === undefined) return fault("leaf certificate does not parse as valid X.509");
  const names = nameFaults(leaf.info);
  const key = readKey(spec.pkixPublicKey ?? "");
  if (key === undefined) return [...names, malformedKey(spec.pkixPublicKey ?? "")];
  if (!leaf.certificate.publicKey.equals(key)) {
    return [...names, ...fault("leaf certificate was not issued to the requested public key")];
  }
  const missing = [...names, ...missingTimes(status)];
  if (missing.length > 0) return missing;
  const wrong = timeFault(status, leaf.info, { nowMs, secondsMax: spec.maxExpirationSeconds ?? 0 });
  if (wrong !== undefined) return [wrong];
  const details = others.map(intermediateFault).filter((detail) => detail !== undefined);
  return details.slice(0, 1).flatMap(fault);
}

/** The misspelling is upstream's. */
function intermediateFault({ label, der }: PemBlock): string | undefined {
  if (label !== "CERTIFICATE") {
    return "issued certificate chain must consist entirely of CERTFICATE PEM blocks";
  }
  return read(der) === undefined ? "intermediate certificate does not parse as valid X.509" : undefined;
}

function read(der: Buffer): Leaf | undefined {
  try {
    return { certificate: new X509Certificate(der), info: readCertificate(der) };
  } catch {
    return undefined;
  }
}

const address = /^[^\s@<>]+@[^\s@<>]+$/;

function nameFaults({ extensions: { dnsNames, emailAddresses } }: CertificateInfo): FieldError[] {
  const ofDns = dnsNames.flatMap((name) => [
    ...(name === "" ? ["leaf certificate should not contain empty DNSName"] : []).map((detail) =>
      invalid(chainPath, name, detail),
    ),
    ...(name.includes("..")
      ? [invalid(chainPath, name, "leaf certificate's DNSName should not contain '..'")]
      : []),
    ...(name.startsWith(".") || name.endsWith(".")
      ? [invalid(chainPath, name, "leaf certificate's DNSName should not start or end with '.'")]
      : []),
  ]);
  const ofMail = emailAddresses
    .filter((text) => !address.test(text))
    .map((text) => invalid(chainPath, text, "leaf certificate should not contain invalid EmailAddress"));
  return [...ofDns, ...ofMail];
}

const consistent = "must be present and consistent with the issued certificate";

function missingTimes({ notBefore, notAfter, beginRefreshAt }: Status): FieldError[] {
  const refresh = "must be present and in the range [notbefore+10min, notafter-10min]";
  return [
    ...(notBefore === undefined ? [required("status.notBefore", consistent)] : []),
    ...(notAfter === undefined ? [required("status.notAfter", consistent)] : []),
    ...(beginRefreshAt === undefined ? [required("status.beginRefreshAt", refresh)] : []),
  ];
}

function timeFault(
  { notBefore = "", notAfter = "", beginRefreshAt = "" }: Status,
  leaf: CertificateInfo,
  { nowMs, secondsMax }: { readonly nowMs: number; readonly secondsMax: number },
): FieldError | undefined {
  const [startMs, endMs, refreshMs] = [parseTime(notBefore), parseTime(notAfter), parseTime(beginRefreshAt)];
  const lifeMs = leaf.notAfterMs - leaf.notBeforeMs;
  const start = (detail: string): FieldError => invalid("status.notBefore", notBefore, detail);
  const refresh = (detail: string): FieldError => invalid("status.beginRefreshAt", beginRefreshAt, detail);
  const life = (detail: string): FieldError => invalid(chainPath, lifeMs * nanosecondsPerMs, detail);
  if (startMs !== leaf.notBeforeMs) {
    return start("must be set to the NotBefore time encoded in the leaf certificate");
  }
  if (Math.abs(startMs - nowMs) >= 5 * minuteMs) {
    return start("must be set to within 5 minutes of kube-apiserver's current time");
  }
  if (endMs !== leaf.notAfterMs) {
    const detail = "must be set to the NotAfter time encoded in the leaf certificate";
    return invalid("status.notAfter", notAfter, detail);
  }
  if (lifeMs < lifeMsMin) return life("leaf certificate lifetime must be >= 1 hour");
  if (lifeMs > secondsMax * 1000) {
    return life(`leaf certificate lifetime must be <= spec.maxExpirationSeconds (${secondsMax})`);
  }
  if (refreshMs < startMs + 10 * minuteMs) {
    return refresh("must be at least 10 minutes after status.notBefore");
  }
  if (refreshMs > endMs - 10 * minuteMs) {
    return refresh("must be at least 10 minutes before status.notAfter");
  }
  return undefined;
}
