/**
 * The ends of texts, in time linear in them: /x+$/ looks at every run of x again and again, and a client that sends a
 * megabyte of them holds the server for minutes. As Go's strings.Trim has it.
 */

/** Without the characters of `set` at its end. */
export function trimRight(text: string, set: string): string {
  let end = text.length;
  while (end > 0 && set.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

export function trim(text: string, set: string): string {
  let from = 0;
  while (from < text.length && set.includes(text.charAt(from))) from += 1;
  return trimRight(text.slice(from), set);
}

/** What stands at its end of characters that `fits` takes. */
export function endOf(text: string, fits: RegExp): string {
  let from = text.length;
  while (from > 0 && fits.test(text.charAt(from - 1))) from -= 1;
  return text.slice(from);
}
