/** What one RBAC rule allows. upstream: pkg/apis/rbac/v1/evaluation_helpers.go, plugin/pkg/auth/authorizer/rbac/rbac.go */
import type { PolicyRule } from "#api/generated/types/rbac-v1.ts";
import type { Attributes } from "./authorizer.ts";
import { urlPatternMatches } from "../request/url-pattern.ts";

const none: readonly string[] = [];

export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!hasOrAll(rule.verbs, attributes.verb)) return false;
  if (!attributes.isResourceRequest) return urlMatches(rule.nonResourceURLs ?? none, attributes.path);
  return (
    hasOrAll(rule.apiGroups ?? none, attributes.group) &&
    resourceMatches(rule.resources ?? none, attributes.resource, attributes.subresource) &&
    nameMatches(rule.resourceNames ?? none, attributes.name)
  );
}

export function rulesAllow(rules: readonly PolicyRule[], attributes: Attributes): boolean {
  return rules.some((rule) => ruleAllows(rule, attributes));
}

const hasOrAll = (list: readonly string[], value: string): boolean =>
  list.includes("*") || list.includes(value);

/** "pods/log" and "*" followed by "/scale" are exact; a "*" alone takes every resource and subresource. */
function resourceMatches(list: readonly string[], resource: string, subresource: string): boolean {
  if (subresource === "") return hasOrAll(list, resource);
  return list.some(
    (item) => item === "*" || item === `${resource}/${subresource}` || item === `*/${subresource}`,
  );
}

const nameMatches = (names: readonly string[], name: string): boolean =>
  names.length === 0 || names.includes(name);

function urlMatches(urls: readonly string[], path: string): boolean {
  return urls.some((url) => urlPatternMatches(url, path));
}
