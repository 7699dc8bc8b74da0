/** HPACK's Huffman code. RFC 7541, section 5.2 and appendix B. */

/** Bits of each byte's code, then of the end's. The code is canonical: by length, then by byte. */
const lengths = [
  "13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28",
  "6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10",
  "13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6",
  "15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28",
  "20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24",
  "22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23",
  "26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27",
  "20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26",
  "30",
]
  .join(" ")
  .split(" ")
  .map(Number);
const endSymbol = 256;
/** A code of up to seven ones fills the last byte. */
const paddingBitsMax = 7;

/** Two children a node: the next node's number, or -1 - symbol; 0 is none, since nothing leads to the root. */
const tree = treeOf();

function treeOf(): Int16Array {
  const nodes = new Int16Array(2 * lengths.length);
  let used = 1;
  let code = 0;
  let bits = 0;
  const symbols = lengths
    .map((length, symbol) => ({ length, symbol }))
    .toSorted((a, b) => a.length - b.length || a.symbol - b.symbol);
  for (const { length, symbol } of symbols) {
    code *= 2 ** (length - bits);
    bits = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const child = 2 * node + ((code >>> bit) & 1);
      if (nodes[child] === 0) nodes[child] = used++;
      node = nodes[child] ?? 0;
    }
    nodes[2 * node + (code & 1)] = -1 - symbol;
    code++;
  }
  return nodes;
}

/** Binary text; undefined when it isn't of this code. */
export function decodeHuffman(bytes: Uint8Array): string | undefined {
  let text = "";
  let node = 0;
  let depth = 0;
  let isOnes = true;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const one = (byte >>> bit) & 1;
      const next = tree[2 * node + one] ?? 0;
      if (next < 0) {
        if (-1 - next === endSymbol) return undefined;
        text += String.fromCodePoint(-1 - next);
        node = 0;
        depth = 0;
        isOnes = true;
      } else {
        node = next;
        depth++;
        isOnes &&= one === 1;
      }
    }
  }
  return depth <= paddingBitsMax && isOnes ? text : undefined;
}
