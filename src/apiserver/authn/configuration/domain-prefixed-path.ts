/** "example.org/role". upstream: apimachinery/pkg/util/validation IsDomainPrefixedPath */
import { invalid, required, type FieldError } from "#api/meta/field-error.ts";
import { dnsSubdomainFaults } from "#api/meta/names.ts";

const pathPattern = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

export function domainPrefixedPathFaults(field: string, text: string): readonly FieldError[] {
  if (text === "") return [required(field, "")];
  const [, domain = "", path = ""] = /^([^/]*)\/(.*)$/s.exec(text) ?? [];
  if (domain === "" || path === "") {
    return [invalid(field, text, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const faults = dnsSubdomainFaults(domain).map((fault) => invalid(field, domain, fault));
  if (!new RegExp(`^${pathPattern}$`).test(path)) {
    faults.push(invalid(field, path, `Invalid path (regex used for validation is '${pathPattern}')`));
  }
  return faults;
}
