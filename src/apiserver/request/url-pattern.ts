/** Paths that policies name. upstream: plugin/pkg/auth/authorizer/rbac (NonResourceURLMatches) */
import { trimRight } from "#base/trim.ts";

/** "*" is every path, "/a/*" each that begins so; another is that one. */
export const urlPatternMatches = (pattern: string, path: string): boolean =>
  pattern === "*" || pattern === path || (pattern.endsWith("*") && path.startsWith(trimRight(pattern, "*")));
