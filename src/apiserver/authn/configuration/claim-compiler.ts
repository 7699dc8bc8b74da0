/**
 * How the claims of one issuer's tokens become users: expressions are compiled, everything is checked.
 * upstream: apiserver/pkg/apis/apiserver/validation/validation.go validateClaimMappings
 */
import type { ConfigExpression, ConfigVariable } from "#api/cel/config/config-expression.ts";
import type { Expressions } from "#api/expressions.ts";
import type { FaultList } from "#api/meta/fault-list.ts";
import { domainPrefixedPathFaults } from "./domain-prefixed-path.ts";
import type { GivenClaimRule, GivenJwt, GivenMapping, GivenMappings, GivenUserRule } from "./given.ts";
import type { Rule, UserMapping } from "./mapping.ts";

interface Compile {
  readonly variable: ConfigVariable;
  readonly result: "bool" | "any";
}

const claimValue: Compile = { variable: "claims", result: "any" };
const bothSet = "claim and expression can't both be set";

export class ClaimCompiler {
  readonly #faults: FaultList;
  readonly #loadExpressions: () => Promise<Expressions>;

  constructor(faults: FaultList, loadExpressions: () => Promise<Expressions>) {
    this.#faults = faults;
    this.#loadExpressions = loadExpressions;
  }

  /** Not to be used when there are faults. */
  async compile(given: GivenJwt, at: string): Promise<UserMapping> {
    const { claimMappings = {}, claimValidationRules = [], userValidationRules = [] } = given;
    const claimRules = await this.#claimRules(claimValidationRules, `${at}.claimValidationRules`);
    const mappings = await this.#mappings(claimMappings, `${at}.claimMappings`);
    this.#checkEmail(mappings, claimRules, `${at}.claimMappings.username.expression`);
    return {
      ...mappings,
      requiredClaims: Object.fromEntries(
        claimValidationRules.flatMap(({ claim = "", requiredValue = "" }) =>
          claim === "" ? [] : [[claim, requiredValue]],
        ),
      ),
      claimRules,
      userRules: await this.#userRules(userValidationRules, `${at}.userValidationRules`),
    };
  }

  async #claimRules(rules: readonly GivenClaimRule[], at: string): Promise<Rule[]> {
    const seen = new Set<string>();
    const compiled: Rule[] = [];
    for (const [index, rule] of rules.entries()) {
      const place = `${at}[${index}]`;
      const { claim = "", expression = "", message = "" } = rule;
      if (!this.#checkClaimRule(rule, place)) continue;
      const [field, value] = claim === "" ? ["expression", expression] : ["claim", claim];
      if (seen.has(`${field} ${value}`)) this.#faults.duplicate(`${place}.${field}`, value);
      else if (claim === "") {
        const result = await this.#expression(expression, `${place}.expression`, {
          variable: "claims",
          result: "bool",
        });
        if (result !== undefined) compiled.push({ expression: result, message });
      }
      seen.add(`${field} ${value}`);
    }
    return compiled;
  }

  /** Whether it is either about a claim or an expression. */
  #checkClaimRule(rule: GivenClaimRule, at: string): boolean {
    const { claim = "", expression = "", message = "", requiredValue = "" } = rule;
    if (claim !== "" && expression !== "") this.#faults.invalid(at, claim, bothSet);
    else if (claim === "" && expression === "") {
      this.#faults.required(at, "claim or expression is required");
    } else {
      if (claim !== "" && message !== "") {
        this.#faults.invalid(`${at}.message`, message, "may not be specified when claim is set");
      }
      if (expression !== "" && requiredValue !== "") {
        const detail = "may not be specified when expression is set";
        this.#faults.invalid(`${at}.requiredValue`, requiredValue, detail);
      }
      return true;
    }
    return false;
  }

  async #mappings(
    { username = {}, groups = {}, uid = {}, extra = [] }: GivenMappings,
    at: string,
  ): Promise<Pick<UserMapping, "username" | "groups" | "uid" | "extra">> {
    return {
      username: (await this.#source(username, `${at}.username`, true)) ?? { claim: "", prefix: "" },
      groups: await this.#source(groups, `${at}.groups`, false),
      uid: await this.#uid(uid, `${at}.uid`),
      extra: await this.#extra(extra, `${at}.extra`),
    };
  }

  async #source(
    { claim = "", expression = "", prefix }: GivenMapping,
    at: string,
    isRequired: boolean,
  ): Promise<UserMapping["groups"]> {
    if (claim !== "" && expression !== "") this.#faults.invalid(at, "", bothSet);
    else if (expression !== "") {
      if (prefix !== undefined) {
        this.#faults.invalid(`${at}.prefix`, prefix, "may not be specified when expression is set");
      }
      return this.#expression(expression, `${at}.expression`, claimValue);
    } else if (claim !== "") {
      if (prefix === undefined) {
        const detail =
          "prefix is required when claim is set. It can be set to an empty string to disable prefixing";
        this.#faults.required(`${at}.prefix`, detail);
      }
      return { claim, prefix: prefix ?? "" };
    } else if (isRequired) this.#faults.required(at, "claim or expression is required");
    return undefined;
  }

  async #uid({ claim = "", expression = "" }: GivenMapping, at: string): Promise<UserMapping["uid"]> {
    if (claim !== "" && expression !== "") this.#faults.invalid(at, "", bothSet);
    else if (expression !== "") return this.#expression(expression, `${at}.expression`, claimValue);
    return claim === "" ? undefined : { claim };
  }

  async #extra(given: NonNullable<GivenMappings["extra"]>, at: string): Promise<UserMapping["extra"]> {
    const compiled: { key: string; expression: ConfigExpression }[] = [];
    for (const [index, { key = "", valueExpression = "" }] of given.entries()) {
      const place = `${at}[${index}]`;
      this.#faults.addAll(domainPrefixedPathFaults(`${place}.key`, key));
      if (key !== key.toLowerCase()) this.#faults.invalid(`${place}.key`, key, "must be lowercase");
      if (/^([^/]+\.)?(k8s|kubernetes)\.io\//.test(key)) {
        const detail = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use";
        this.#faults.invalid(`${place}.key`, key, detail);
      }
      if (given.findIndex((other) => (other.key ?? "") === key) < index) {
        this.#faults.duplicate(`${place}.key`, key);
      } else if (valueExpression === "") this.#faults.required(`${place}.valueExpression`);
      else {
        const expression = await this.#expression(valueExpression, `${place}.valueExpression`, claimValue);
        if (expression !== undefined) compiled.push({ key, expression });
      }
    }
    return compiled;
  }

  async #userRules(rules: readonly GivenUserRule[], at: string): Promise<Rule[]> {
    const compiled: Rule[] = [];
    for (const [index, { expression = "", message = "" }] of rules.entries()) {
      const field = `${at}[${index}].expression`;
      if (expression === "") this.#faults.required(field);
      else if (rules.findIndex((other) => other.expression === expression) < index) {
        this.#faults.duplicate(field, expression);
      } else {
        const result = await this.#expression(expression, field, { variable: "user", result: "bool" });
        if (result !== undefined) compiled.push({ expression: result, message });
      }
    }
    return compiled;
  }

  /** Who goes by mail addresses must look at whether they were verified. */
  #checkEmail(
    { username, extra }: Pick<UserMapping, "username" | "extra">,
    claimRules: readonly Rule[],
    field: string,
  ): void {
    if ("claim" in username || !username.selects("email")) return;
    const looking = [
      username,
      ...extra.map(({ expression }) => expression),
      ...claimRules.map((rule) => rule.expression),
    ];
    if (looking.some((expression) => expression.selects("email_verified"))) return;
    this.#faults.invalid(
      field,
      username.text,
      "claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression",
    );
  }

  async #expression(text: string, field: string, how: Compile): Promise<ConfigExpression | undefined> {
    const { cel, compileConfigExpression } = await this.#loadExpressions();
    const result = compileConfigExpression(cel, text, how);
    if (typeof result !== "string") return result;
    this.#faults.invalid(field, text, result);
    return undefined;
  }
}
