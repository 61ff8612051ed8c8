import { useEffect, useState } from 'preact/hooks'
import { troubleFrom } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { ask, at, type Trouble, withQuery } from '../../api/client.ts'
import { executions as told } from '../../api/live.ts'
import { Ago, Facts } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Empty, Failed, Waiting } from '../../parts/states.tsx'
import { bytesText, countText, exact } from '../../parts/words.ts'
import { Action } from '../../shell/action.tsx'
import { hrefTo } from '../../shell/place.ts'
import { ProgressBar, StateBadge, Took } from './state.tsx'

type Shown = Answers['getExecution']

export function Execution({ id }: { readonly id: string }) {
  const { data, trouble } = useFollowed(id)
  return (
    <Page
      title={data === undefined ? `Execution ${id}` : `holdfast ${data.run}`}
      trail={[['Jobs', hrefTo(['jobs'])]]}
      actions={data && <Buttons data={data} />}
    >
      {trouble !== undefined && <Failed trouble={trouble} />}
      {data === undefined ? trouble === undefined && <Waiting /> : <Told data={data} />}
    </Page>
  )
}

function Told({ data }: { readonly data: Shown }) {
  const { job, attempt, created, started, worker, exit, code, message, summary, requests, bytes, progress, state, log } = data
  return (
    <>
      {message !== undefined && <Failed trouble={{ status: 0, detail: message }} />}
      <Facts
        of={[
          ['State', <StateBadge execution={data} />],
          job === undefined ? undefined : ['Job', <a href={hrefTo(['jobs'], { job })}>{job}</a>],
          ['Queued', <Ago at={created} />],
          ['Started', <Ago at={started} />],
          ['Took', <Took execution={data} />],
          ['Try', attempt],
          exit === undefined ? undefined : ['Exit', code === undefined ? exit : `${exit}, ${code}`],
          worker === undefined ? undefined : ['Worker', <code>{worker}</code>],
          requests === undefined ? undefined : ['Requests', countText(requests)],
          bytes === undefined ? undefined : ['Bytes', bytesText(bytes)],
        ]}
      />
      {state === 'running' && progress !== undefined && (
        <section>
          <ProgressBar progress={progress} />
        </section>
      )}
      {summary !== undefined && (
        <Section title="What came of it">
          <p>{summary}</p>
        </Section>
      )}
      <Section title="Log">
        {log.length === 0 ? (
          <Empty>{state === 'waiting' || state === 'running' ? 'It has said nothing yet.' : 'It said nothing.'}</Empty>
        ) : (
          <pre class="log" tabIndex={0} aria-label="Log">
            {log.map(({ id, at, text }) => (
              <code key={id} title={exact(at)}>
                <span class="faint">{at.slice(11, 19)}</span> {text}
              </code>
            ))}
          </pre>
        )}
      </Section>
    </>
  )
}

function Buttons({ data: { id, state } }: { readonly data: Shown }) {
  if (state === 'waiting' || state === 'running')
    return <Action label="Cancel" title={`Cancel execution ${id}`} name="job-cancel" scope="job:run" body={{ execution: id }} isGrave />
  if (state === 'done') return null
  return <Action label="Try again" title={`Try execution ${id} again`} name="job-retry" scope="job:run" body={{ execution: id }} />
}

/** Milliseconds between two looks at the log of what runs. */
const lookEvery = 1000

/** Asked again while it waits or runs, only for the lines that are new; and at once when the server tells of it. */
function useFollowed(id: string): { readonly data: Shown | undefined; readonly trouble: Trouble | undefined } {
  const [data, setData] = useState<Shown>()
  const [trouble, setTrouble] = useState<Trouble>()
  const [looks, setLooks] = useState(0)
  const heard = told.value.get(Number(id))
  useEffect(() => {
    const end = new AbortController()
    const after = data?.log.at(-1)?.id
    let again: ReturnType<typeof setTimeout> | undefined
    ask('getExecution', withQuery(at('jobs', 'executions', id), { after }), { signal: end.signal }).then(
      (found) => {
        setTrouble(undefined)
        setData((before) => ({ ...found, log: [...(before?.log ?? []).filter((line) => line.id <= (after ?? 0)), ...found.log] }))
        if (found.state === 'waiting' || found.state === 'running') again = setTimeout(() => setLooks(looks + 1), lookEvery)
        return undefined
      },
      (error: unknown) => end.signal.aborted || setTrouble(troubleFrom(error)),
    )
    return () => {
      end.abort()
      clearTimeout(again)
    }
  }, [id, looks, heard])
  return { data, trouble }
}
