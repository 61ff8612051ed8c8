/** Rows of numbers, and of one digest where wanted, in columns: 150,000 of them are a few buffers and no objects. */
export interface Table<K extends string> {
  readonly names: readonly K[]
  readonly hasDigests: boolean
  length: number
  /** Longer than `length`. They are replaced as rows are added: do not keep them over an `add`. */
  columns: Readonly<Record<K, Float64Array>>
  /** 32 bytes for each row. */
  digests: Uint8Array
}

export const digestBytes = 32

export function createTable<K extends string>(names: readonly K[], { digests = false, room = 64 } = {}): Table<K> {
  const columns = Object.fromEntries(names.map((name) => [name, new Float64Array(room)])) as Record<K, Float64Array>
  return { names, hasDigests: digests, length: 0, columns, digests: new Uint8Array(digests ? room * digestBytes : 0) }
}

/** Adds a row and gives its number. */
export function addRow<K extends string>(table: Table<K>, row: Readonly<Record<K, number>>, digest?: Uint8Array): number {
  reserve(table, table.length + 1)
  const at = table.length++
  for (const name of table.names) table.columns[name][at] = row[name]
  if (digest !== undefined) table.digests.set(digest, at * digestBytes)
  return at
}

/** Adds the rows from `start` to before `end` of another table, and gives the number of the first. */
export function copyRows<K extends string>(table: Table<K>, from: Table<K>, start: number, end: number): number {
  reserve(table, table.length + end - start)
  const at = table.length
  for (const name of table.names) table.columns[name].set(from.columns[name].subarray(start, end), at)
  if (table.hasDigests) table.digests.set(from.digests.subarray(start * digestBytes, end * digestBytes), at * digestBytes)
  table.length += end - start
  return at
}

export function digestAt(table: Table<string>, row: number): Uint8Array {
  return table.digests.subarray(row * digestBytes, (row + 1) * digestBytes)
}

/** The bytes of the rows, column by column. */
export function tableBytes(table: Table<string>): Uint8Array[] {
  const columns = table.names.map((name) => new Uint8Array(table.columns[name]!.buffer, table.columns[name]!.byteOffset, table.length * 8))
  return [...columns, table.digests.subarray(0, table.hasDigests ? table.length * digestBytes : 0)]
}

/** How many bytes `length` rows of the table are. */
export function sizeOfRows(table: Table<string>, length: number): number {
  return length * (table.names.length * 8 + (table.hasDigests ? digestBytes : 0))
}

/** Takes its rows from bytes that `tableBytes` gave; they begin at a multiple of eight and are not copied. */
export function takeRows<K extends string>(table: Table<K>, bytes: Uint8Array, length: number): void {
  const columns: Partial<Record<K, Float64Array>> = {}
  let at = 0
  for (const name of table.names) {
    columns[name] = new Float64Array(bytes.buffer, bytes.byteOffset + at, length)
    at += length * 8
  }
  table.columns = columns as Record<K, Float64Array>
  if (table.hasDigests) table.digests = bytes.subarray(at, at + length * digestBytes)
  table.length = length
}

function reserve<K extends string>(table: Table<K>, rows: number): void {
  const room = table.columns[table.names[0]!].length
  if (rows <= room) return
  const wanted = Math.max(rows, room * 2)
  const columns: Partial<Record<K, Float64Array>> = {}
  for (const name of table.names) {
    const grown = new Float64Array(wanted)
    grown.set(table.columns[name])
    columns[name] = grown
  }
  table.columns = columns as Record<K, Float64Array>
  if (!table.hasDigests) return
  const grown = new Uint8Array(wanted * digestBytes)
  grown.set(table.digests)
  table.digests = grown
}
