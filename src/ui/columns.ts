import stringWidth from 'fast-string-width';

export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** Rows as aligned columns, two spaces between them; a line for each row, titles first. Cells must be safe text of one line. */
export function renderColumns(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const lines = [columns.map((column) => column.title), ...rows];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => stringWidth(line[at] ?? ''))));
  return lines.map((line) =>
    columns
      .map((column, at) => padded(line[at] ?? '', widths[at]!, column.right === true))
      .join('  ')
      .trimEnd(),
  );
}

function padded(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return right ? space + text : text + space;
}

/** Cut to a width in terminal cells, with `…` where something is left out. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    const cells = stringWidth(character);
    if (used + cells > width - 1) break;
    kept += character;
    used += cells;
  }
  return `${kept}…`;
}
