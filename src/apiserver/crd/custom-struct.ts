/** What the documents call the schema of a custom resource. */
import type { GroupVersionKind } from "#api/meta/object.ts";

/** "com.example.stable.v1.CronTab": the group backwards. */
export const customStruct = ({ group, version, kind }: GroupVersionKind): string =>
  [...group.split(".").toReversed(), version, kind].join(".");
