/** "$(NAME)" in values, commands and arguments. upstream: third_party/forked/golang/expansion/expand.go */

/** "$$" is a dollar sign; a reference to an unknown name stays as it is written. */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let out = "";
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char !== "$" || at + 1 >= text.length) {
      out += char;
      continue;
    }
    const next = text.charAt(at + 1);
    const end = next === "(" ? text.indexOf(")", at + 2) : -1;
    if (next === "$") {
      out += "$";
      at += 1;
    } else if (end > 0) {
      const name = text.slice(at + 2, end);
      out += lookup(name) ?? `$(${name})`;
      at = end;
    } else out += char;
  }
  return out;
}
