import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { at } from '../../api/client.ts'
import { Ago, Badge, Facts, Size } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { Durations } from '../../parts/plot.tsx'
import { Table } from '../../parts/table.tsx'
import { countText, durationText } from '../../parts/words.ts'
import { Action } from '../../shell/action.tsx'
import { hrefTo } from '../../shell/place.ts'
import { durationsOf } from '../jobs/durations.ts'
import { EnvironmentState } from './environments.tsx'

type Data = Answers['getEnvironment']
type Snapshot = Data['list'][number]

export function Environment({ name }: { readonly name: string }) {
  const answer = useAnswer('getEnvironment', at('environments', name))
  return (
    <Page title={name} trail={[['Environments', hrefTo(['environments'])]]}>
      <Shown of={answer}>
        {(data) => (
          <>
            <Facts
              of={[
                ['State', <EnvironmentState of={data} />],
                ['Directory', <code>{data.live}</code>],
                ['Mode', <span title={data.why}>{data.mode ?? data.configured}</span>],
                data.last === undefined
                  ? undefined
                  : [
                      'Last restore',
                      <>
                        to {data.last.snapshot}, <Ago at={data.last.at} />, in {durationText(data.last.milliseconds)}
                      </>,
                    ],
              ]}
            />
            {data.damaged.length > 0 && (
              <Section title="Damaged">
                <ul class="attention">
                  {data.damaged.map((each) => (
                    <li key={each.name}>
                      <strong>{each.name}</strong> {each.why}
                    </li>
                  ))}
                </ul>
              </Section>
            )}
            <RestoreTimes name={name} />
            <Section title="Snapshots">
              <Snapshots name={name} list={data.list} />
            </Section>
          </>
        )}
      </Shown>
    </Page>
  )
}

/** Of the restores that jobs have made; what people restore by hand is not written down but for the last. */
function RestoreTimes({ name }: { readonly name: string }) {
  const { data } = useAnswer('listExecutions', '/jobs/executions?limit=1000')
  const restores = (data?.executions ?? []).filter(({ run }) => run === `env restore ${name}` || run.startsWith(`env restore ${name} `))
  return <Durations label="How long restores by jobs took" points={durationsOf(restores)} />
}

function Snapshots({ name, list }: { readonly name: string; readonly list: readonly Snapshot[] }) {
  if (list.length === 0) return <Empty command={`holdfast env create ${name}`}>There is no snapshot yet: nothing to give back.</Empty>
  return (
    <Table
      label={`Snapshots of ${name}`}
      rows={list}
      keyOf={(row) => row.name}
      columns={[
        {
          title: 'Snapshot',
          cell: (row) => (
            <>
              <a href={hrefTo(['environments', name, 'diff'], { from: row.name })} data-row="">
                <strong>{row.name}</strong>
              </a>{' '}
              {row.inUse && <Badge tone="busy">in use</Badge>}
            </>
          ),
        },
        { title: 'Mode', cell: ({ mode }) => mode },
        { title: 'Entries', isNumber: true, cell: ({ entries }) => countText(entries) },
        { title: 'Size', isNumber: true, cell: ({ bytes }) => <Size bytes={bytes} /> },
        {
          title: 'Takes',
          isNumber: true,
          cell: ({ stored }) => (stored === undefined ? <span class="faint">–</span> : <Size bytes={stored} />),
        },
        { title: 'Made', cell: ({ created }) => <Ago at={created} /> },
        { title: 'Used', cell: ({ lastUsed }) => <Ago at={lastUsed} /> },
        {
          title: '',
          cell: (row) => (
            <Action
              label="Restore"
              title={`Restore ${name} to ${row.name}`}
              name="environment-restore"
              scope="env:restore"
              body={{ environment: name, snapshot: row.name }}
              isGrave
            />
          ),
        },
      ]}
    />
  )
}
