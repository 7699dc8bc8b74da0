/**
 * What the documents of OpenAPI say of custom resources. upstream: apiextensions-apiserver/pkg/controller/openapi/builder
 */
import type { GroupVersionKind } from "#api/meta/object.ts";

/** "com.example.stable.v1.CronTab": the group backwards, as a name of a schema. */
export const customStruct = ({ group, version, kind }: GroupVersionKind): string =>
  [...group.split(".").toReversed(), version, kind].join(".");
