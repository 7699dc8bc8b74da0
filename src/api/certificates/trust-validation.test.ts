/** upstream: pkg/apis/certificates/validation/validation_test.go */
import { suite } from "node:test";
import { testCreates, testUpdates, type Valid } from "../testing/validation-cases.ts";

const bundle = "certificates.k8s.io/v1beta1/ClusterTrustBundle";
const request = "certificates.k8s.io/v1beta1/PodCertificateRequest";
const spec = {
  signerName: "example.com/own",
  podName: "p",
  podUID: "pod-uid",
  serviceAccountName: "default",
  serviceAccountUID: "account-uid",
  nodeName: "n1",
  nodeUID: "node-uid",
};
const valid: Valid = { [bundle]: { spec: { trustBundle: "" } }, [request]: { spec } };
const named = (name: string, signerName?: string): object => ({
  metadata: { name },
  ...(signerName === undefined ? {} : { spec: { signerName } }),
});
const of = (changes: object): object => ({ spec: changes });
const seconds = (maxExpirationSeconds: number, signerName = spec.signerName): object =>
  of({ maxExpirationSeconds, signerName });
const at = "spec.maxExpirationSeconds";

suite("names of trust bundles", () => {
  testCreates(valid, [
    [bundle, named("k8s.io:foo:bar", "k8s.io/foo")],
    [
      bundle,
      named("foo", "k8s.io/foo"),
      'metadata.name: Invalid value: "foo": ClusterTrustBundle for signerName k8s.io/foo must be named with prefix k8s.io:foo:',
    ],
    [
      bundle,
      named("k8s.io:foo:bar"),
      'metadata.name: Invalid value: "k8s.io:foo:bar": ClusterTrustBundle without signer name must not have ":" in its name',
    ],
    [
      bundle,
      named("k8s.io:foo:Bar", "k8s.io/foo"),
      'metadata.name: Invalid value: "k8s.io:foo:Bar": a lowercase RFC 1123 subdomain must consist of…',
    ],
    [
      bundle,
      named("k8s.io:a:b:c", "k8s.io/a/b"),
      `spec.signerName: Invalid value: "k8s.io/a/b": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
    ],
  ]);
  testUpdates(valid, [
    [bundle, {}, { metadata: { labels: { a: "b" } } }],
    [
      bundle,
      named("k8s.io:foo:bar", "k8s.io/foo"),
      { spec: { signerName: "" } },
      'metadata.name: Invalid value: "k8s.io:foo:bar": ClusterTrustBundle without signer name must not have ":" in its name',
      'spec.signerName: Invalid value: "": field is immutable',
    ],
  ]);
});

suite("pods' requests", () => {
  testCreates(valid, [
    [request, seconds(3600)],
    [request, seconds(3599), `${at}: Invalid value: 3599: must be in the range [3600, 7862400]`],
    [request, seconds(7_862_401), `${at}: Invalid value: 7862401: must be in the range [3600, 7862400]`],
    [
      request,
      seconds(86_401, "sub.kubernetes.io/a"),
      `${at}: Invalid value: 86401: must be in the range [3600, 86400]`,
    ],
    [request, seconds(86_401, "notkubernetes.io/a")],
    [
      request,
      of({ podName: "P", podUID: "", nodeUID: "x".repeat(129) }),
      'spec.podName: Invalid value: "P": a lowercase RFC 1123 subdomain must consist of…',
      'spec.podUID: Invalid value: "": must not be empty',
      "spec.nodeUID: Too long: may not be more than 128 bytes",
    ],
    [request, of({ signerName: "" }), "spec.signerName: Required value"],
    [request, of({ unverifiedUserAnnotations: { "Example.com/Key": "v" } })],
    [
      request,
      of({ unverifiedUserAnnotations: { plain: "v", "a b/c": "v" } }),
      'spec.unverifiedUserAnnotations: Invalid value: "plain": must be a domain-prefixed key (such as "acme.io/foo")',
      'spec.unverifiedUserAnnotations: Invalid value: "a b/c": prefix part a lowercase RFC 1123 subdomain…',
    ],
    [
      request,
      of({ unverifiedUserAnnotations: { "a.io/b": "x".repeat(262_144) } }),
      "spec.unverifiedUserAnnotations: Too long: may not be more than 262144 bytes",
    ],
  ]);
  testUpdates(valid, [
    [request, {}, { metadata: { labels: { a: "b" } } }],
    [
      request,
      {},
      of({ podName: "other", pkixPublicKey: "AQ==" }),
      'spec: Invalid value: {"SignerName":"example.com/own","PodName":"other","PodUID":"pod-uid","ServiceAccountName":"default","ServiceAccountUID":"account-uid","NodeName":"n1","NodeUID":"node-uid","MaxExpirationSeconds":86400,"PKIXPublicKey":"AQ==","ProofOfPossession":null,"UnverifiedUserAnnotations":null}: field is immutable',
    ],
  ]);
});
