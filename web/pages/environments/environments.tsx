import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { Ago, Badge } from '../../parts/facts.tsx'
import { Page } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { countText, durationText } from '../../parts/words.ts'
import { hrefTo } from '../../shell/place.ts'

export type Environment = Answers['listEnvironments']['environments'][number]

export function Environments() {
  const answer = useAnswer('listEnvironments', '/environments')
  return (
    <Page title="Environments">
      <Shown of={answer}>
        {({ environments }) =>
          environments.length === 0 ? (
            <Empty command={'[env.NAME]\npath = "cache/data"'}>No test environment is configured. Add one to holdfast.toml.</Empty>
          ) : (
            <Table label="Environments" columns={columns} rows={environments} keyOf={({ name }) => name} />
          )
        }
      </Shown>
    </Page>
  )
}

const columns: Column<Environment>[] = [
  {
    title: 'Environment',
    cell: ({ name }) => (
      <a href={hrefTo(['environments', name])} data-row="">
        <strong>{name}</strong>
      </a>
    ),
  },
  { title: 'Directory', isWide: true, cell: ({ live }) => <code>{live}</code> },
  { title: 'Mode', cell: ({ mode, configured }) => mode ?? configured },
  {
    title: 'Snapshots',
    isNumber: true,
    cell: ({ name, snapshots }) => <a href={hrefTo(['environments', name])}>{countText(snapshots)}</a>,
  },
  {
    title: 'Last restore',
    cell: ({ last }) =>
      last === undefined ? (
        <span class="faint">never</span>
      ) : (
        <>
          <Ago at={last.at} />, in {durationText(last.milliseconds)}
        </>
      ),
  },
  { title: 'State', cell: (environment) => <EnvironmentState of={environment} /> },
]

export function EnvironmentState({ of: { liveExists, isUnmounted, damaged, unfinished, last } }: { readonly of: Environment }) {
  if (isUnmounted) return <Badge tone="warn">not mounted</Badge>
  if (unfinished !== undefined) return <Badge tone="warn">restore to {unfinished} has not ended</Badge>
  if (damaged.length > 0) return <Badge tone="bad">{countText(damaged.length)} damaged</Badge>
  if (last?.fellBack === true) return <Badge tone="warn">the last restore fell back</Badge>
  return liveExists ? <Badge tone="good">good</Badge> : <Badge>no directory yet</Badge>
}
