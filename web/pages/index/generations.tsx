import { usePages } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { at } from '../../api/client.ts'
import { Ago, Badge } from '../../parts/facts.tsx'
import { Page } from '../../parts/page.tsx'
import { Empty } from '../../parts/states.tsx'
import { type Column, PagedTable } from '../../parts/table.tsx'
import { Action } from '../../shell/action.tsx'
import { hrefTo, place } from '../../shell/place.ts'

type Generation = Answers['listGenerations']['items'][number]

export function Generations({ environment }: { readonly environment: string }) {
  const prefix = place.value.query.get('prefix')
  const pages = usePages('listGenerations', `${at('index', environment)}/generations`, { prefix })
  const trail = [
    ['Index', hrefTo(['index'])],
    ...(prefix === undefined ? [] : [[prefix, hrefTo(['index', environment, 'packages'], { prefix })] as const]),
  ] as const
  return (
    <Page title="Generations" trail={trail}>
      <PagedTable
        label="Generations"
        pages={pages}
        keyOf={({ generation }) => String(generation)}
        columns={columnsOf(environment, prefix)}
        empty={<Empty command="holdfast index publish all">Nothing was published yet.</Empty>}
      />
    </Page>
  )
}

function columnsOf(environment: string, prefix: string | undefined): Column<Generation>[] {
  const of = environment === 'default' ? {} : { environment }
  const columns: Column<Generation>[] = [
    { title: 'Generation', isNumber: true, cell: ({ generation }) => generation },
    { title: 'What', cell: ({ action }) => <strong>{action}</strong> },
    { title: 'When', cell: (each) => <Ago at={each.at} /> },
    { title: 'By', cell: ({ by }) => <span class="nowrap">{by}</span> },
    { title: 'Note', isWide: true, cell: ({ message }) => message ?? <span class="faint">–</span> },
    {
      title: 'Indexes',
      isWide: true,
      cell: ({ prefixes }) =>
        Object.entries(prefixes).map(([name, { isCurrent }]) => (
          <Badge key={name} tone={isCurrent ? 'good' : 'plain'}>
            {name}
            {isCurrent ? ', shown now' : ''}
          </Badge>
        )),
    },
  ]
  if (prefix === undefined) return columns
  const rollback: Column<Generation> = {
    title: '',
    cell: ({ generation, prefixes }) =>
      prefixes[prefix]?.isKept === true &&
      !prefixes[prefix].isCurrent && (
        <Action
          label="Roll back to it"
          title={`Roll ${prefix} back to ${generation}`}
          name="index-rollback"
          scope="index:rollback"
          body={{ ...of, prefix, generation }}
          isGrave
        />
      ),
  }
  const differs: Column<Generation> = {
    title: 'Against now',
    cell: ({ generation, prefixes }) =>
      prefixes[prefix]?.isKept === true &&
      !prefixes[prefix].isCurrent && (
        <a href={hrefTo(['index', environment, 'diff'], { a: `${prefix}@${generation}`, b: prefix })} data-row="">
          <span class="nowrap">what differs</span>
        </a>
      ),
  }
  return [...columns, differs, rollback]
}
