/** What trust bundles hold are authorities, each once. upstream: pkg/apis/certificates/validation/validation.go (validateTrustBundle) */
import { X509Certificate } from "node:crypto";
import type { ClusterTrustBundle } from "#api/generated/types/certificates-v1beta1.ts";
import { invalid, tooLong, type FieldError } from "#api/meta/field-error.ts";
import { immutableMessage } from "#api/meta/field-rules.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { readCertificate } from "#pki/certificate.ts";
import { pemBlocks, type PemBlock } from "#base/pem.ts";
import { DelegatingStrategy, type StrategyContext } from "../strategy.ts";

const at = "spec.trustBundle";
const sizeMax = 2 ** 20;

const bundleOf = (object: AnyObject): string => (object as Loose<ClusterTrustBundle>).spec?.trustBundle ?? "";

export class TrustBundleStrategy extends DelegatingStrategy {
  override validateCreate(object: AnyObject, context?: StrategyContext): readonly FieldError[] {
    return [...super.validateCreate(object, context), ...bundleFaults(bundleOf(object))];
  }

  /**
   * What stays isn't read again: readers of certificates may have become stricter. That the signer stays is upstream's
   * last question.
   */
  override validateUpdate(
    object: AnyObject,
    old: AnyObject,
    context?: StrategyContext,
  ): readonly FieldError[] {
    const bundle = bundleOf(object);
    const found = bundle === bundleOf(old) ? [] : bundleFaults(bundle);
    const faults = super.validateUpdate(object, old, context);
    const last = faults.findIndex((one) => one.field === "spec.signerName" && isImmutable(one));
    return faults.toSpliced(last < 0 ? faults.length : last, 0, ...found);
  }
}

const isImmutable = ({ message }: FieldError): boolean => message.endsWith(immutableMessage);

const fault = (detail: string): FieldError => invalid(at, "<value omitted>", detail);

function bundleFaults(bundle: string): readonly FieldError[] {
  if (Buffer.byteLength(bundle) > sizeMax) return [tooLong(at, sizeMax)];
  const blocks = pemBlocks(bundle);
  const faults = blocks.flatMap((block, index) => {
    const wrong = entryFault(block);
    return wrong === undefined ? [] : [fault(`entry ${index} ${wrong}`)];
  });
  if (faults.length > 0) return faults;
  if (blocks.length === 0) return [fault("at least one trust anchor must be provided")];
  const places = Map.groupBy(blocks.keys(), (index) => blocks[index]?.der.toString("base64"));
  return [...places.values()]
    .filter((indices) => indices.length > 1)
    .map((indices) => fault(`duplicate trust anchor (indices [${indices.join(" ")}])`));
}

function entryFault({ label, hasHeaders, der }: PemBlock): string | undefined {
  if (label !== "CERTIFICATE") return `has bad block type: ${label}`;
  if (hasHeaders) return "has PEM block headers";
  try {
    void new X509Certificate(der);
    return readCertificate(der).extensions.isCa ? undefined : "does not have the CA bit set";
  } catch {
    return "does not parse as X.509";
  }
}
