/** Columns as wide as their widest cell, two spaces apart, the last one as it is; as kubectl prints them. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  const line = (row: readonly string[]) =>
    head
      .map((_, column) => {
        const cell = row[column] ?? '';
        return column === head.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell));
      })
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}

/** Characters on the screen; colours take none. */
function widthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  return [...text.replace(/\x1b\[[0-9;]*m/g, '')].length;
}

/** `3d4h`, `5m12s`, `8s`: how long ago, as kubectl says it. */
export function age(fromMs: number, nowMs: number): string {
  return duration(Math.max(0, nowMs - fromMs));
}

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
