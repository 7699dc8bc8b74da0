/** An AuthenticationConfiguration, checked in upstream's words. upstream: apiserver/pkg/apis/apiserver/validation/validation.go */
import type { Expressions } from "#api/expressions.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import { fieldErrorText } from "#api/meta/field-error.ts";
import { certificatesOf } from "./certificates.ts";
import { ClaimCompiler } from "./claim-compiler.ts";
import type { GivenAuthentication, GivenIssuer } from "./given.ts";
import type { UserMapping } from "./mapping.ts";

export interface JwtIssuer {
  readonly issuerUrl: string;
  readonly discoveryUrl: string | undefined;
  readonly caPem: string | undefined;
  readonly audiences: readonly string[];
  readonly mapping: UserMapping;
}

/** Undefined where the configuration says nothing of it. Without paths: all of them. */
export type AnonymousRule =
  | { readonly enabled: boolean; readonly paths: ReadonlySet<string> | undefined }
  | undefined;

export interface ParsedAuthentication {
  readonly issuers: readonly JwtIssuer[];
  readonly anonymous: AnonymousRule;
  readonly faults: readonly string[];
}

const issuersMax = 64;

export interface ParseDeps {
  /** Of this server's own tokens: nobody else may issue under their names. */
  readonly disallowedIssuers: readonly string[];
  readonly loadExpressions: () => Promise<Expressions>;
}

export async function parseAuthentication(
  { jwt = [], anonymous }: GivenAuthentication,
  { disallowedIssuers, loadExpressions }: ParseDeps,
): Promise<ParsedAuthentication> {
  const faults = new FaultList();
  const issuers: JwtIssuer[] = [];
  if (jwt.length > issuersMax) faults.tooMany("jwt", jwt.length, issuersMax);
  else {
    const seen = { urls: new Set<string>(), discoveryUrls: new Set<string>() };
    for (const [index, given] of jwt.entries()) {
      const at = `jwt[${index}]`;
      const { issuer = {} } = given;
      checkIssuer(issuer, `${at}.issuer`, disallowedIssuers, faults);
      const mapping = await new ClaimCompiler(faults, loadExpressions).compile(given, at);
      checkSeen(issuer, `${at}.issuer`, seen, faults);
      issuers.push({
        issuerUrl: issuer.url ?? "",
        discoveryUrl: issuer.discoveryURL === "" ? undefined : issuer.discoveryURL,
        caPem: issuer.certificateAuthority === "" ? undefined : issuer.certificateAuthority,
        audiences: issuer.audiences ?? [],
        mapping,
      });
    }
  }
  const rule = anonymousRule(anonymous, faults);
  return { issuers, anonymous: rule, faults: faults.all.map(fieldErrorText) };
}

function anonymousRule(given: GivenAuthentication["anonymous"], faults: FaultList): AnonymousRule {
  if (given === undefined) return undefined;
  const { enabled = false, conditions = [] } = given;
  if (!enabled && conditions.length > 0) {
    const detail = "enabled should be set to true when conditions are defined";
    faults.invalid("anonymous.conditions", conditions, detail);
  }
  const paths = new Set(conditions.map(({ path = "" }) => path));
  return { enabled, paths: paths.size === 0 ? undefined : paths };
}

function checkSeen(
  { url = "", discoveryURL = "" }: GivenIssuer,
  at: string,
  seen: { readonly urls: Set<string>; readonly discoveryUrls: Set<string> },
  faults: FaultList,
): void {
  if (seen.urls.has(url)) faults.duplicate(`${at}.url`, url);
  seen.urls.add(url);
  if (discoveryURL === "") return;
  if (seen.discoveryUrls.has(discoveryURL)) faults.duplicate(`${at}.discoveryURL`, discoveryURL);
  seen.discoveryUrls.add(discoveryURL);
}

const bare = (url: string): string => url.replace(/\/+$/, "");

function checkIssuer(
  issuer: GivenIssuer,
  at: string,
  disallowed: readonly string[],
  faults: FaultList,
): void {
  const { url = "", discoveryURL = "", certificateAuthority = "", egressSelectorType = "" } = issuer;
  if (url === "") faults.required(`${at}.url`);
  else checkUrl(url, `${at}.url`, disallowed, faults);
  if (discoveryURL !== "") {
    const field = `${at}.discoveryURL`;
    if (url !== "" && bare(url) === bare(discoveryURL)) {
      faults.invalid(field, discoveryURL, "discoveryURL must be different from URL");
    }
    checkUrl(discoveryURL, field, [], faults);
  }
  checkAudiences(issuer, at, faults);
  if (certificateAuthority !== "" && certificatesOf(certificateAuthority) === undefined) {
    const detail = "data does not contain any valid RSA or ECDSA certificates";
    faults.invalid(`${at}.certificateAuthority`, "<omitted>", detail);
  }
  if (egressSelectorType !== "") {
    const detail = "this server has no egress selectors: it always connects directly";
    faults.invalid(`${at}.egressSelectorType`, egressSelectorType, detail);
  }
}

function checkUrl(text: string, field: string, disallowed: readonly string[], faults: FaultList): void {
  if (disallowed.includes(text)) {
    const list = disallowed.toSorted().join(" ");
    faults.invalid(field, text, `URL must not overlap with disallowed issuers: [${list}]`);
  }
  const url = URL.parse(text);
  if (url?.protocol !== "https:") faults.invalid(field, text, "URL scheme must be https");
  if (url === null) return;
  if (url.username !== "" || url.password !== "") {
    faults.invalid(field, text, "URL must not contain a username or password");
  }
  if (url.search !== "") faults.invalid(field, text, "URL must not contain a query");
  if (url.hash !== "") faults.invalid(field, text, "URL must not contain a fragment");
}

function checkAudiences(
  { audiences = [], audienceMatchPolicy: policy = "" }: GivenIssuer,
  at: string,
  faults: FaultList,
): void {
  const field = `${at}.audiences`;
  if (audiences.length === 0) {
    faults.required(field, `at least one ${field} is required`);
    return;
  }
  for (const [index, audience] of audiences.entries()) {
    if (audience === "") faults.required(`${field}[${index}]`);
    if (audiences.indexOf(audience) < index) faults.duplicate(`${field}[${index}]`, audience);
  }
  if (policy === "MatchAny") return;
  const place = `${at}.audienceMatchPolicy`;
  if (audiences.length > 1) {
    faults.invalid(place, policy, "audienceMatchPolicy must be MatchAny for multiple audiences");
  } else if (policy !== "") {
    faults.invalid(place, policy, "audienceMatchPolicy must be empty or MatchAny for single audience");
  }
}
