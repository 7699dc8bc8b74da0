/** A request for tests of authorizers: jane, of the devs, lists the pods of namespace a. */
import type { Attributes } from "../authorizer.ts";

export const asked: Attributes = {
  user: { name: "jane", groups: ["devs", "system:authenticated"] },
  verb: "list",
  isResourceRequest: true,
  path: "",
  group: "",
  version: "v1",
  resource: "pods",
  subresource: "",
  namespace: "a",
  name: "",
};
