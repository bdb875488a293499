/**
 * Hides PEM blocks in text that comes line by line. A stream may begin within a block (`--tail`, `--since`, a line that was cut
 * and read on), so a body is also known by its look, and an end also without its beginning.
 */
import { MASKED, type Mask } from './masking.ts';

/** As many lines as a key may have: a block that does not end is given up after them. */
const BLOCK_LINES_MAX = 200;
/** Up to two words of a log's own before what a program printed. */
const OWN_WORDS = '\\s*(?:\\S{1,64}\\s+){0,2}';
/** A line of a PEM block, with up to two words of a log's own before it; a header of one; nothing. What speaks in sentences is none. */
const BLOCK_LINE = new RegExp(`^${OWN_WORDS}[\\w+/=]*\\s*$|^\\s*[\\w-]{1,40}: [\\w,.-]*$`);
const END = /-----END [A-Z0-9 ]{1,40}-----/;
/** One word in base64 that ends the line. */
const WORD = new RegExp(`^${OWN_WORDS}([A-Za-z0-9+/]{1,76}={0,2})\\s*$`);
/** How long the lines of a body are as OpenSSL and Go, OpenSSH, and MIME write them. */
const BODY_CHARACTERS: readonly number[] = [64, 70, 76];
/** What is shorter, at the beginning of a stream, says too little about a key to be worth a word that is none. */
const LAST_LINE_CHARACTERS_MIN = 16;

/** For one stream: each line in, the line without secrets out. */
export function createLineMask(mask: Mask): Mask {
  /** How many lines more may belong to a block that was seen to begin. */
  let left = 0;
  /** The line before looked like a full one of a body. */
  let withinBody = false;
  let first = true;

  /** In a block whose beginning nobody saw. */
  function ofUnseenBlock(line: string): boolean {
    const word = WORD.exec(line)?.[1];
    const full = word !== undefined && isBodyLine(word);
    const last = word !== undefined && (withinBody || (first && isLastLine(word)));
    withinBody = full;
    return full || last;
  }
  return (line) => {
    const end = END.exec(line);
    if (left > 0) left = end === null && BLOCK_LINE.test(line) ? left - 1 : 0;
    const within = left > 0 || ofUnseenBlock(line);
    first = false;
    const begin = line.lastIndexOf('-----BEGIN ');
    if (begin >= 0 && !line.slice(begin).includes('-----END ')) left = BLOCK_LINES_MAX;
    // an end whose beginning is on another line, seen or not
    if (end !== null && line.lastIndexOf('-----BEGIN ', end.index) < 0) {
      return MASKED + mask(line.slice(end.index + end[0].length));
    }
    return within ? MASKED : mask(line);
  };
}

/** Digests in hex are as long, but of one case. */
function isBodyLine(word: string): boolean {
  return BODY_CHARACTERS.includes(word.length) && /[a-z]/.test(word) && /[A-Z]/.test(word);
}

function isLastLine(word: string): boolean {
  if (word.length % 4 !== 0) return false;
  if (word.endsWith('=')) return true;
  return word.length >= LAST_LINE_CHARACTERS_MIN && /[a-z]/.test(word) && /[A-Z]/.test(word);
}
