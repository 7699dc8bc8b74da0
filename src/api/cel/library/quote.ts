import { goEscapes } from "../../meta/go-quote.ts";

/** Text in quotes, in which all that has no letter of its own stays as it is. upstream: cel-go ext/strings.go quote() */
export function quote(text: string): string {
  return `"${Array.from(text.toWellFormed())
    .map((char) => goEscapes.get(char) ?? char)
    .join("")}"`;
}
