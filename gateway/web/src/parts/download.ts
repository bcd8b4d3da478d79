// Files that the page makes itself.

/** Saves a text or bytes as a file of the visitor. */
export function download(name: string, type: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // Some browsers read the file after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Returns rows as CSV (RFC 4180), with a header. An empty cell is what was not measured. */
export function csv(
  columns: readonly string[],
  rows: readonly (readonly (string | number | boolean | undefined)[])[],
): string {
  return [columns, ...rows].map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");
}

function csvCell(value: string | number | boolean | undefined): string {
  if (typeof value !== "string") {
    return value === undefined ? "" : String(value);
  }
  // A spreadsheet runs text that begins like this as a formula, and names are given by anybody.
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
