/** Certificate signing requests (PKCS #10): made by agents and kubelets, signed by the cluster's authorities. */
import { createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from "node:crypto";
import { certify, type CertificateAuthority, type LeafOptions } from "./ca.ts";
import {
  bits,
  children,
  context,
  oid,
  positiveInteger,
  read,
  readAll,
  readBits,
  readOid,
  sequence,
  tag,
  write,
  type DerNode,
} from "./der.ts";
import { altNames, readExtensions, type ReadExtensions } from "./extensions.ts";
import { readName, writeName, type Name } from "./name.ts";
import { allFromPem, toPem } from "#base/pem.ts";

const extensionRequest = "1.2.840.113549.1.9.14";
const ecdsaWithSha256 = "1.2.840.10045.4.3.2";

/** Signature algorithms of requests that other programs make. Null: the key alone says which hash. */
const hashes: ReadonlyMap<string, string | null> = new Map([
  [ecdsaWithSha256, "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
  ["1.2.840.113549.1.1.11", "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
  ["1.3.101.112", null],
]);

export class CsrError extends Error {
  override readonly name = "CsrError";
  readonly code = "BAD_CSR";
}

export interface RequestOptions {
  readonly commonName: string;
  readonly organizations?: readonly string[] | undefined;
  readonly dnsNames?: readonly string[] | undefined;
  readonly ipAddresses?: readonly string[] | undefined;
}

/** A new key and the request for its certificate. */
export function createCsr(options: RequestOptions): { readonly csrPem: string; readonly keyPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const names = altNames(options.dnsNames ?? [], options.ipAddresses ?? []);
  const attributes =
    names === undefined ? [] : [sequence(oid(extensionRequest), write(tag.set, sequence(names)))];
  const body = sequence(
    positiveInteger(Buffer.of(0)),
    writeName({ commonName: options.commonName, organizations: options.organizations ?? [] }),
    publicKey.export({ type: "spki", format: "der" }),
    write(context(0, true), ...attributes),
  );
  const request = sequence(body, sequence(oid(ecdsaWithSha256)), bits(sign("sha256", body, privateKey)));
  return {
    csrPem: toPem("CERTIFICATE REQUEST", request),
    keyPem: privateKey.export({ type: "sec1", format: "pem" }).toString(),
  };
}

export interface CertificateRequest {
  readonly subject: Name;
  readonly extensions: ReadExtensions;
  readonly publicKey: KeyObject;
}

/** Reads a request and checks that its sender holds the key. Throws CsrError. */
export function readCsr(pem: string): CertificateRequest {
  const blocks = [...allFromPem("CERTIFICATE REQUEST", pem), ...allFromPem("NEW CERTIFICATE REQUEST", pem)];
  const [der] = blocks;
  if (der === undefined || blocks.length > 1) {
    throw new CsrError(`the request holds ${blocks.length} CERTIFICATE REQUEST blocks, must hold one`);
  }
  try {
    return parse(der);
  } catch (error) {
    if (error instanceof CsrError) throw error;
    throw new CsrError("the request can't be read", { cause: error });
  }
}

function parse(der: Buffer): CertificateRequest {
  const [body, algorithm, signature] = children(read(der), tag.sequence);
  const [, subject, key, attributes] = children(body, tag.sequence);
  if (body === undefined || key === undefined) throw new CsrError("the request is incomplete");
  const publicKey = createPublicKey({ key: key.whole, type: "spki", format: "der" });
  const algorithmId = readOid(children(algorithm, tag.sequence)[0]);
  const hash = hashes.get(algorithmId);
  if (hash === undefined) throw new CsrError(`signature algorithm ${algorithmId} is not supported`);
  if (!verify(hash, body.whole, publicKey, readBits(signature))) {
    throw new CsrError("the request's signature doesn't fit its key");
  }
  return {
    subject: readName(subject),
    extensions: readExtensions(attributes === undefined ? [] : requestedExtensions(attributes)),
    publicKey,
  };
}

function requestedExtensions(attributes: DerNode): DerNode[] {
  for (const attribute of readAll(attributes.content)) {
    const [type, values] = children(attribute, tag.sequence);
    if (readOid(type) === extensionRequest && values !== undefined) {
      return children(read(values.content), tag.sequence);
    }
  }
  return [];
}

export type SigningPolicy = Pick<LeafOptions, "usage" | "days"> &
  Partial<Pick<LeafOptions, "commonName" | "organizations" | "dnsNames" | "ipAddresses">>;

/** Signs a request. What the policy names replaces what was asked for; the rest is taken from the request. */
export function signCsr(ca: CertificateAuthority, csrPem: string, policy: SigningPolicy): string {
  const request = readCsr(csrPem);
  return certify(ca, request.publicKey, {
    commonName: request.subject.commonName,
    organizations: request.subject.organizations,
    dnsNames: request.extensions.dnsNames,
    ipAddresses: request.extensions.ipAddresses,
    ...policy,
  });
}
