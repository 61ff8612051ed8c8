import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { Ago, Badge } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { countText, wholeText } from '../../parts/words.ts'
import { Action } from '../../shell/action.tsx'
import { hrefTo, place, setQuery } from '../../shell/place.ts'
import { Executions } from './executions.tsx'

type Data = Answers['listJobs']
type Job = Data['jobs'][number]
type Worker = Data['workers'][number]

export function Jobs() {
  const answer = useAnswer('listJobs', '/jobs')
  const { job, state } = Object.fromEntries(place.value.query)
  return (
    <Page title="Jobs">
      <Shown of={answer}>
        {({ queue, jobs, counts, workers }) => (
          <>
            {jobs.length === 0 ? (
              <Empty command={'[[job]]\nrun = "store verify"\nevery = "24h"'}>
                No job is configured. Add one to holdfast.toml, and run: holdfast daemon.
              </Empty>
            ) : (
              <section>
                <Table label="Jobs" columns={columns} rows={jobs} keyOf={({ name }) => name} isMarked={({ name }) => name === job} />
              </section>
            )}
            <Section
              title="Executions"
              aside={
                (job ?? state) !== undefined && (
                  <button type="button" class="quiet" onClick={() => setQuery({ job: undefined, state: undefined })}>
                    {[job, state].filter((each) => each !== undefined).join(', ')} ✕
                  </button>
                )
              }
            >
              <States counts={counts} state={state} />
              <Executions job={job} state={state} />
            </Section>
            <Section title="Workers">
              <Workers workers={workers} />
              <p class="queue">
                The queue: <code>{queue}</code>
              </p>
            </Section>
          </>
        )}
      </Shown>
    </Page>
  )
}

const columns: Column<Job>[] = [
  {
    title: 'Job',
    cell: ({ name }) => (
      <a href={hrefTo(['jobs'], { job: name })} data-row="">
        <strong>{name}</strong>
      </a>
    ),
  },
  { title: 'Command', isWide: true, cell: ({ run }) => <code>{run}</code> },
  { title: 'Schedule', cell: ({ schedule }) => <span class="nowrap">{spoken(schedule)}</span> },
  { title: 'Next', cell: ({ next }) => (next === undefined ? <span class="faint">–</span> : <Ago at={next} />) },
  { title: 'Last', cell: (job) => <Last job={job} /> },
  {
    title: '',
    cell: ({ name }) => <Action label="Run now" title={`Run now: ${name}`} name="job-run" scope="job:run" body={{ job: name }} />,
  },
]

/** `every 3600 s` with the hours that people think in. */
function spoken(schedule: string): string {
  const seconds = /^every ([\d.]+) s$/.exec(schedule)?.[1]
  return seconds === undefined ? schedule : `every ${wholeText(Number(seconds))}`
}

function Last({ job: { name, open, ended, failures, succeeded } }: { readonly job: Job }) {
  if (open > 0) {
    return (
      <a href={hrefTo(['jobs'], { job: name })}>
        <Badge tone="busy">{countText(open)} open</Badge>
      </a>
    )
  }
  if (ended === undefined) return <span class="faint">never</span>
  return failures === 0 ? (
    <span class="nowrap">
      <Badge tone="good">good</Badge> <Ago at={ended} />
    </span>
  ) : (
    <>
      <a href={hrefTo(['jobs'], { job: name, state: 'failed' })}>
        <Badge tone="bad">failed{failures > 1 ? ` ${countText(failures)} times` : ''}</Badge>
      </a>{' '}
      <Ago at={ended} />
      {succeeded !== undefined && (
        <div class="faint">
          good <Ago at={succeeded} />
        </div>
      )}
    </>
  )
}

function States({ counts, state }: { readonly counts: Data['counts']; readonly state: string | undefined }) {
  const some = Object.entries(counts).filter(([, count]) => count > 0)
  if (some.length === 0) return null
  return (
    <div class="tabs">
      {some.map(([name, count]) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === state}
          onClick={() => setQuery({ state: name === state ? undefined : name })}
        >
          {name} <span class="count">{countText(count)}</span>
        </button>
      ))}
    </div>
  )
}

function Workers({ workers }: { readonly workers: readonly Worker[] }) {
  if (workers.length === 0)
    return <Empty command="holdfast daemon">Nobody works now: what waits in the queue stays there until a daemon or a worker runs.</Empty>
  return (
    <Table
      label="Workers"
      rows={workers}
      keyOf={({ id }) => id}
      columns={[
        { title: 'Worker', isWide: true, cell: ({ id }) => <code>{id}</code> },
        { title: 'Machine', cell: ({ host, pid }) => `${host}, process ${pid}` },
        { title: 'At once', isNumber: true, cell: ({ concurrency }) => countText(concurrency) },
        { title: 'Started', cell: ({ started }) => <Ago at={started} /> },
        { title: 'Seen', cell: ({ beaten }) => <Ago at={beaten} /> },
      ]}
    />
  )
}
