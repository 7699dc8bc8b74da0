/**
 * One end of a connection whose ends show each other their certificates, run in a pod.
 *
 *   node mtls.ts server|client URL
 */
import { readFileSync } from "node:fs";
import { createServer, request } from "node:https";
import type { TLSSocket } from "node:tls";

const [, , role, url = ""] = process.argv;
const bundle = readFileSync("/run/tls-config/spiffe-cred-bundle.pem", "utf8");
const ca = readFileSync("/run/tls-config/spiffe-trust-bundle.pem", "utf8");
const own = { key: bundle, cert: bundle.slice(bundle.indexOf("-----BEGIN CERTIFICATE-----")), ca };

if (role === "server") {
  const options = { ...own, requestCert: true, rejectUnauthorized: true };
  createServer(options, (asked, answer) => {
    const { subjectaltname } = (asked.socket as TLSSocket).getPeerCertificate();
    answer.end(`Client Identity: ${/URI:(\S+)/.exec(subjectaltname ?? "")?.[1] ?? "none"}`);
  }).listen(8443);
} else {
  const asked = request(url, own, (answer) => {
    answer.setEncoding("utf8");
    answer.on("data", (text: string) => {
      process.stdout.write(`Got response body: ${text}\n`);
    });
  });
  asked.end();
}
