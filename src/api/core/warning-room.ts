/** How much is worth putting together: of all warnings a client is told 4096 characters, and pairs in a list are many. */
const charsMax = 256 * 1024;

/** Room for the warnings of one pod; who finds none left looks no further. */
export class WarningRoom {
  #left = charsMax;

  isFull(): boolean {
    return this.#left <= 0;
  }

  /** The text, which takes of the room. */
  take(text: string): string {
    this.#left -= text.length;
    return text;
  }
}
