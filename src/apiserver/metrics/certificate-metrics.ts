/** Servers whose certificates aren't taken any more. upstream: apiserver/pkg/util/{webhook,x509metrics}, kube-aggregator/pkg/apiserver/metrics.go */
import type { Registry } from "prom-client";
import type { CertificateFaults } from "#apiserver/connect/server-certificate.ts";
import { SeriesCounter, type Count } from "./series-counter.ts";
import { alpha } from "./stability.ts";

/** `subsystem`: whom is asked. Once per registry. */
export function certificateFaults(
  subsystem: "webhooks" | "kube_aggregator",
  registry: Registry,
): CertificateFaults {
  const count = (rest: string, help: string): Count => {
    const name = `apiserver_${subsystem}_x509_${rest}_total`;
    return new SeriesCounter({ name, help: alpha(help), labelNames: [] }, registry).count({});
  };
  const san = count(
    "missing_san",
    "Counts the number of requests to servers missing SAN extension in their serving certificate OR the number of connection failures due to the lack of x509 certificate SAN extension missing (either/or, based on the runtime environment)",
  );
  const sha1 = count(
    "insecure_sha1",
    "Counts the number of requests to servers with insecure SHA1 signatures in their serving certificate OR the number of connection failures due to the insecure SHA1 signatures (either/or, based on the runtime environment)",
  );
  return {
    missingSan: () => {
      san.add();
    },
    insecureSha1: () => {
      sha1.add();
    },
  };
}
