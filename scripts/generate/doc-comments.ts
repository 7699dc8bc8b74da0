/** The comments of a TypeScript declaration file, by what they stand before. */

/** Of one declaration: text by member; "" is the declaration's own. */
export type Texts = Readonly<Record<string, string>>;

const opening = /^( *)(?:export )?(?:declare )?(namespace|interface|class|type) (\w+)/;
const member = /^( *)(?:readonly )?"?([\w$-]+)"?\??: /;

/** By name, that of a declaration in namespaces with theirs before it: "core.v1.Pod". */
export function docComments(source: string): Map<string, Texts> {
  const found = new Map<string, Record<string, string>>();
  /** What is open at each depth of four spaces. */
  const path: string[] = [];
  for (const [line, comment] of commented(source)) {
    const [, indent, kind, declared = ""] = opening.exec(line) ?? [];
    if (indent !== undefined) {
      path.splice(indent.length / 4, Infinity, declared);
      if (kind !== "namespace") found.set(path.join("."), comment === undefined ? {} : { "": comment });
    } else if (comment !== undefined) {
      const [, memberIndent = "", name = ""] = member.exec(line) ?? [];
      const own = memberIndent.length / 4 === path.length ? found.get(path.join(".")) : undefined;
      if (own !== undefined) own[name] ??= comment;
    }
  }
  return found;
}

/** Lines of code, each with the comment that stands before it. */
function* commented(source: string): Generator<[line: string, comment: string | undefined]> {
  let comment: string[] | undefined;
  let isComment = false;
  for (const line of source.split("\n")) {
    const trimmed = line.trim();
    if (trimmed === "/**") {
      comment = [];
      isComment = true;
    } else if (trimmed === "*/") {
      isComment = false;
    } else if (isComment) {
      comment?.push(line.replace(/^ *\* ?/, ""));
    } else {
      yield [line, comment?.join("\n")];
      comment = undefined;
    }
  }
}
