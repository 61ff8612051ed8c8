import { useEffect, useState } from 'preact/hooks'
import { troubleFrom } from '../../api/answer.ts'
import { ask, revision, type Trouble, withQuery } from '../../api/client.ts'
import { type Execution, executions as told } from '../../api/live.ts'
import { Badge } from '../../parts/facts.tsx'
import { Empty, Failed, Waiting } from '../../parts/states.tsx'
import { Durations } from '../../parts/plot.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { idColumn, outcomeColumn, startedColumn, tookColumn } from './columns.tsx'
import { durationsOf } from './durations.ts'
import { ProgressBar, StateBadge } from './state.tsx'

const atOnce = 50

interface ExecutionsProps {
  readonly job: string | undefined
  readonly state: string | undefined
}

/** What was run, runs and waits, newest first; what runs moves as the server tells it. */
export function Executions({ job, state }: ExecutionsProps) {
  const [list, setList] = useState<readonly Execution[]>()
  const [limit, setLimit] = useState(atOnce)
  const [trouble, setTrouble] = useState<Trouble>()
  const known = revision.value
  useEffect(() => {
    const end = new AbortController()
    ask('listExecutions', withQuery('/jobs/executions', { job, state, limit }), { signal: end.signal }).then(
      ({ executions }) => {
        setTrouble(undefined)
        return setList(executions)
      },
      (error: unknown) => end.signal.aborted || setTrouble(troubleFrom(error)),
    )
    return () => end.abort()
  }, [job, state, limit, known])
  if (trouble !== undefined) return <Failed trouble={trouble} />
  if (list === undefined) return <Waiting />
  if (list.length === 0) return <Empty command="holdfast daemon">Nothing {state === undefined ? 'was run yet' : `is ${state}`}.</Empty>
  return (
    <>
      {job !== undefined && <Durations label={`How long ${job} took`} points={durationsOf(list)} />}
      <Table
        label="Executions"
        rows={list.map((each) => told.value.get(each.id) ?? each)}
        columns={columns}
        keyOf={({ id }) => String(id)}
      />
      <p class="more">
        <span role="status">The newest {list.length}</span>
        {list.length === limit && limit < 1000 && (
          <button type="button" onClick={() => setLimit(Math.min(1000, limit * 4))}>
            Show more
          </button>
        )}
      </p>
    </>
  )
}

const columns: Column<Execution>[] = [
  idColumn,
  {
    title: 'Command',
    isWide: true,
    cell: ({ run, attempt }) => (
      <>
        <code>{run}</code> {attempt > 1 && <Badge>try {attempt}</Badge>}
      </>
    ),
  },
  {
    title: 'State',
    cell: (execution) => (
      <>
        <StateBadge execution={execution} />
        {execution.state === 'running' && execution.progress !== undefined && <ProgressBar progress={execution.progress} />}
      </>
    ),
  },
  startedColumn,
  tookColumn,
  outcomeColumn,
]
