import type { CommandDefinition, CommandInput } from "../command.ts";
import { UsageError } from "../invocation.ts";
import { clusterSpecs, namespaceSpec, objectOf, withCluster, type Past } from "../past.ts";

export const historyCommand: CommandDefinition = {
  name: "history",
  summary: "Show every state of an object: when, by whom, which fields",
  description:
    "Who is told by the object's field managers and, by a server with --history, by the users who wrote. How far back it goes is told by --history of the server.",
  options: [namespaceSpec, ...clusterSpecs],
  args: [
    { name: "type", required: true, text: "TYPE/NAME, as kubectl knows them" },
    { name: "name", required: false, text: "When it isn't in the first" },
  ],
  examples: ["history deployment/web", "history configmap settings -n shop"],
  run: (input) => withCluster(input, "history", (past) => history(input, past)),
};

async function history({ args, invocation }: CommandInput, past: Past): Promise<number> {
  const { type, name } = objectOf(args);
  if (name === undefined || name === "") throw new UsageError(["the object's name is missing: TYPE/NAME"]);
  const { discoverResources, findResource } = await import("#history/resources.ts");
  const { readSpan } = await import("#history/moment.ts");
  const { objectHistory } = await import("#history/object-history.ts");
  const { changeText } = await import("#api/meta/changed-fields.ts");
  const { alignedText } = await import("#history/table-text.ts");
  const { transport, signal } = past;
  const resource = findResource(await discoverResources(transport, signal), type);
  const namespace = resource.isNamespaced ? past.namespace : "";
  const span = await readSpan(transport, signal);
  const changes = await objectHistory({ resource, namespace, name }, span, past);
  if (changes.length === 0) {
    invocation.err(
      `mini-k8s history: ${resource.plural} ${JSON.stringify(name)} isn't in the history since revision ${span.oldest}\n`,
    );
    return 1;
  }
  const lines = changes.flatMap(({ revision, time, user, manager, kind, fields }) => {
    const [first = kind, ...rest] = fields.map(changeText);
    const shown = kind === "changed" && fields.length === 0 ? "(nothing a user sees)" : first;
    return [[`${revision}`, time, user, manager, shown], ...rest.map((field) => ["", "", "", "", field])];
  });
  invocation.out(alignedText([["REVISION", "TIME", "USER", "MANAGER", "CHANGE"], ...lines]));
  return 0;
}
