/** Controls (Unicode's Cc) but tab and newline, and what turns the direction of writing: in a terminal they are commands. */
const COMMANDS = /(?![\t\n])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Text for a terminal. Log lines, messages of API servers and reasons come from others, who must not be able to move the
 * cursor over what ldc says, set titles, or reach the clipboard.
 */
export function printable(text: string): string {
  return text.replace(COMMANDS, '\u{FFFD}');
}
