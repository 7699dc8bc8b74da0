/** What a runtime's test left behind, of what it made: others may be at work on the machine as well. */
import { Leftovers } from "../leftovers.ts";

export class Remains {
  readonly #before = Leftovers.now();
  readonly #marks: readonly string[];

  /** `marks`: parts of every path and name the test uses. */
  constructor(marks: readonly string[]) {
    this.#marks = marks;
  }

  list(): string[] {
    return this.#before.added().filter((line) => this.#marks.some((mark) => line.includes(mark)));
  }
}
