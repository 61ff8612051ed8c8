import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { at } from '../../api/client.ts'
import { Ago, Badge, Facts, Size } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { Durations, type Point } from '../../parts/plot.tsx'
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
            <RestoreTimes of={data} />
            <Section title="Snapshots">
              <Snapshots name={name} list={data.list} />
            </Section>
          </>
        )}
      </Shown>
    </Page>
  )
}

/** Whoever made them; those that jobs tried and failed at are known from the queue alone. */
function RestoreTimes({ of: { name, restores } }: { readonly of: Data }) {
  const { data } = useAnswer('listExecutions', '/jobs/executions?limit=1000')
  const byJobs = (data?.executions ?? []).filter(({ run }) => run === `env restore ${name}` || run.startsWith(`env restore ${name} `))
  const failed = durationsOf(byJobs).filter(({ tone }) => tone === 'bad')
  const ended = restores.map(({ at: made, milliseconds, snapshot, mode, fellBack }, place): Point => ({
    key: `${made} ${place}`,
    at: made,
    took: milliseconds,
    tone: fellBack === true ? 'warn' : 'good',
    text: fellBack === true ? `the clean-up ran in place of ${snapshot}` : `${snapshot}, ${mode}`,
    href: hrefTo(['environments', name, 'diff'], { from: snapshot }),
  }))
  return (
    <Section title="Restores">
      {ended.length + failed.length < 2 ? (
        <Empty command={`holdfast env restore ${name}`}>How long restores take is drawn here once there are two.</Empty>
      ) : (
        <Durations label={`How long restores of ${name} took`} points={[...ended, ...failed]} />
      )}
    </Section>
  )
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
