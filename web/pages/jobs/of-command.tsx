import { useAnswer } from '../../api/answer.ts'
import type { Execution } from '../../api/live.ts'
import { Section } from '../../parts/page.tsx'
import { Durations } from '../../parts/plot.tsx'
import { Empty } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { bytesText, countText } from '../../parts/words.ts'
import { Action } from '../../shell/action.tsx'
import { hrefTo } from '../../shell/place.ts'
import { idColumn, outcomeColumn, startedColumn, tookColumn } from './columns.tsx'
import { durationsOf } from './durations.ts'
import { StateBadge } from './state.tsx'

interface OfCommand {
  /** How the command lines begin: `images sync`. */
  readonly command: string
}

/** A button for each configured job with such a command. */
export function RunNow({ command, label }: OfCommand & { readonly label: string }) {
  const { data } = useAnswer('listJobs', '/jobs')
  const jobs = (data?.jobs ?? []).filter(({ run }) => isOf(run, command))
  return (
    <>
      {jobs.map(({ name }) => (
        <Action
          key={name}
          label={jobs.length === 1 ? label : `${label}: ${name}`}
          title={`Run now: ${name}`}
          name="job-run"
          scope="job:run"
          body={{ job: name }}
        />
      ))}
    </>
  )
}

const mostShown = 8

interface ExecutedProps extends OfCommand {
  readonly title: string
  /** A whole command line, for a job where there is none. */
  readonly example: string
}

/** What jobs with such a command came to, newest first. */
export function Executed({ command, title, example }: ExecutedProps) {
  const { data } = useAnswer('listExecutions', '/jobs/executions?limit=1000')
  if (data === undefined) return null
  const all = data.executions.filter(({ run }) => isOf(run, command))
  return (
    <Section
      title={title}
      aside={all.length > mostShown && <a href={hrefTo(['jobs'], { job: all[0]!.job })}>{countText(all.length)} in all</a>}
    >
      {all.length === 0 ? (
        <Empty command={`[[job]]\nrun = "${example}"\nevery = "15m"`}>
          No job has done it yet. A job in holdfast.toml does it by itself.
        </Empty>
      ) : (
        <>
          <Durations label="How long they took" points={durationsOf(all)} />
          <Table label={title} rows={all.slice(0, mostShown)} columns={columns} keyOf={({ id }) => String(id)} />
        </>
      )}
    </Section>
  )
}

function isOf(run: string, command: string): boolean {
  return run === command || run.startsWith(`${command} `)
}

const none = <span class="faint">–</span>

const columns: Column<Execution>[] = [
  idColumn,
  { title: 'State', cell: (execution) => <StateBadge execution={execution} /> },
  startedColumn,
  tookColumn,
  { title: 'Requests', isNumber: true, cell: ({ requests }) => (requests === undefined ? none : countText(requests)) },
  { title: 'Bytes', isNumber: true, cell: ({ bytes }) => (bytes === undefined ? none : bytesText(bytes)) },
  outcomeColumn,
]
