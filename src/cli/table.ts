import { displayWidth, padTo, printable, truncate } from './width.ts'

export interface Column<Row> {
  readonly header: string
  readonly cell: (row: Row) => string
  readonly align?: 'left' | 'right'
  /** Columns with the lowest number leave first where the terminal is too narrow. Without one it stays. */
  readonly priority?: number
  /** The fewest cells it may be cut to. Without one it is never cut. */
  readonly min?: number
  /** Colours the finished cell. */
  readonly paint?: (text: string, row: Row) => string
}

export interface TableOptions {
  /** Cells in a line; undefined writes everything in full, as for a pipe. */
  readonly width: number | undefined
  readonly paintHeader?: (text: string) => string
}

const gap = 2

/** A table in lines. On a terminal it fits the width: first columns are cut, then the least important ones leave. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], options: TableOptions): string {
  const cells = new Map(columns.map((column) => [column, rows.map((row) => printable(column.cell(row)).replaceAll('\n', ' '))]))
  const natural = new Map(columns.map((column) => [column, widest([column.header, ...cells.get(column)!])]))
  const fitted = fit(columns, natural, options.width)
  const line = (texts: readonly string[]) => texts.join(' '.repeat(gap)).trimEnd()
  const header = fitted.map(({ column, width }) => padTo(truncate(column.header, width), width, column.align))
  return [
    (options.paintHeader ?? plain)(line(header)),
    ...rows.map((row, index) =>
      line(
        fitted.map(({ column, width }) => {
          const cell = padTo(truncate(cells.get(column)![index]!, width), width, column.align)
          return column.paint === undefined ? cell : column.paint(cell, row)
        }),
      ),
    ),
  ].join('\n')
}

interface Fitted<Row> {
  readonly column: Column<Row>
  readonly width: number
}

function fit<Row>(columns: readonly Column<Row>[], natural: ReadonlyMap<Column<Row>, number>, limit: number | undefined): Fitted<Row>[] {
  const widths = columns.map((column) => natural.get(column)!)
  if (limit === undefined || total(widths) <= limit) return columns.map((column, index) => ({ column, width: widths[index]! }))
  const least = columns.map((column, index) => Math.min(widths[index]!, Math.max(column.min ?? Infinity, displayWidth(column.header))))
  if (total(least) <= limit) return share(columns, widths, least, limit)
  const leaving = columns.toSorted((a, b) => (a.priority ?? Infinity) - (b.priority ?? Infinity))[0]!
  if (leaving.priority !== undefined) {
    return fit(
      columns.filter((column) => column !== leaving),
      natural,
      limit,
    )
  }
  return columns.map((column, index) => ({ column, width: index === columns.length - 1 ? lastWidth(least, limit) : least[index]! }))
}

/** Gives the cells past each column's least to the columns in turn, one by one, until the line is full. */
function share<Row>(columns: readonly Column<Row>[], widths: readonly number[], least: readonly number[], limit: number): Fitted<Row>[] {
  const given = [...least]
  let left = limit - total(given)
  while (left > 0) {
    const hungry = given.findIndex((width, index) => width < widths[index]! && width === minOfHungry(given, widths))
    if (hungry === -1) break
    given[hungry]! += 1
    left--
  }
  return columns.map((column, index) => ({ column, width: given[index]! }))
}

function minOfHungry(given: readonly number[], widths: readonly number[]): number {
  return Math.min(...given.filter((width, index) => width < widths[index]!))
}

function lastWidth(least: readonly number[], limit: number): number {
  return Math.max(1, limit - total(least.slice(0, -1)) - gap)
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, widths.length - 1)
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map(displayWidth))
}

function plain(text: string): string {
  return text
}
