import type { Execution } from '../../api/live.ts'
import { Ago } from '../../parts/facts.tsx'
import type { Column } from '../../parts/table.tsx'
import { hrefTo } from '../../shell/place.ts'
import { Took } from './state.tsx'

/** Leads to the page of the execution. */
export const idColumn: Column<Execution> = {
  title: 'Id',
  isNumber: true,
  cell: ({ id }) => (
    <a href={hrefTo(['jobs', id])} data-row="">
      {id}
    </a>
  ),
}

export const startedColumn: Column<Execution> = {
  title: 'Started',
  cell: ({ started, created }) => <Ago at={started ?? created} />,
}

export const tookColumn: Column<Execution> = { title: 'Took', isNumber: true, cell: (execution) => <Took execution={execution} /> }

export const outcomeColumn: Column<Execution> = {
  title: 'What came of it',
  isWide: true,
  cell: ({ message, summary }) => message ?? summary ?? <span class="faint">–</span>,
}
