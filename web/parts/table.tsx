import type { ComponentChildren } from 'preact'
import type { Pages } from '../api/answer.ts'
import { Failed, Waiting } from './states.tsx'
import { countText } from './words.ts'

export interface Column<T> {
  readonly title: string
  readonly cell: (row: T) => ComponentChildren
  readonly isNumber?: boolean
  /** Takes what room there is, and breaks long words. */
  readonly isWide?: boolean
}

interface TableProps<T> {
  /** Of what it is a table, for those who hear it. */
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly keyOf: (row: T) => string
  readonly isMarked?: (row: T) => boolean
}

/** On a narrow screen every row is a card, its cells under each other with their titles; for readers of the screen it stays a table. */
export function Table<T>({ label, columns, rows, keyOf, isMarked }: TableProps<T>) {
  return (
    <table class="table" role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ title, isNumber }) => (
            <th key={title} role="columnheader" scope="col" class={isNumber === true ? 'number' : undefined}>
              {title === '' ? <span class="unseen">Actions</span> : title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row" class={isMarked?.(row) === true ? 'marked' : undefined}>
            {columns.map(({ title, cell, isNumber, isWide }) => (
              <td key={title} role="cell" data-title={title} class={isNumber === true ? 'number' : isWide === true ? 'wide' : undefined}>
                <div>{cell(row)}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** A list of any length: what is loaded of it, and a button for more. */
export function PagedTable<T>({
  pages,
  empty,
  ...table
}: Omit<TableProps<T>, 'rows'> & { readonly pages: Pages<T>; readonly empty: ComponentChildren }) {
  const { items, total, trouble, hasMore, isLoading } = pages
  if (trouble !== undefined && items === undefined) return <Failed trouble={trouble} again={pages.again} />
  if (items === undefined) return <Waiting />
  if (items.length === 0) return <>{empty}</>
  return (
    <>
      <Table {...table} rows={items} />
      <p class="more">
        <span role="status">
          {countText(items.length)} of {countText(total)}
        </span>
        {hasMore && (
          <button type="button" disabled={isLoading} onClick={() => pages.more()}>
            {isLoading ? 'Loading…' : 'Show more'}
          </button>
        )}
      </p>
    </>
  )
}
