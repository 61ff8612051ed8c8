import { useEffect, useState } from 'preact/hooks'
import { troubleFrom } from '../api/answer.ts'
import type { Answers } from '../api/answers.ts'
import { ask, revision, type Trouble, withQuery } from '../api/client.ts'
import { Ago, Badge } from '../parts/facts.tsx'
import { Page } from '../parts/page.tsx'
import { Empty, Failed, Waiting } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { TokenForm } from '../shell/action.tsx'
import { keepToken, token } from '../shell/token.ts'

type Entry = Answers['listAudit']['entries'][number]

const scope = 'audit:read'
const atOnce = 100

export function Audit() {
  return (
    <Page
      title="Audit"
      actions={
        token.value !== undefined && (
          <button type="button" onClick={() => keepToken(undefined, false)}>
            Forget the token
          </button>
        )
      }
    >
      {token.value === undefined ? (
        <div class="narrow">
          <p class="faint filters">Who moved what from where is told to those who may see it.</p>
          <TokenForm scope={scope} />
        </div>
      ) : (
        <Log secret={token.value} />
      )}
    </Page>
  )
}

function Log({ secret }: { readonly secret: string }) {
  const [entries, setEntries] = useState<readonly Entry[]>()
  const [trouble, setTrouble] = useState<Trouble>()
  const [isAll, setAll] = useState(false)
  const known = revision.value
  const load = (before: number | undefined, end?: AbortSignal) => {
    ask('listAudit', withQuery('/audit', { limit: atOnce, before }), { token: secret, signal: end }).then(
      (page) => {
        setAll(page.entries.length < atOnce)
        return setEntries((shown) => (before === undefined ? page.entries : [...(shown ?? []), ...page.entries]))
      },
      (error: unknown) => end?.aborted === true || setTrouble(troubleFrom(error)),
    )
  }
  useEffect(() => {
    const end = new AbortController()
    load(undefined, end.signal)
    return () => end.abort()
  }, [secret, known])
  if (trouble !== undefined) return <Failed trouble={trouble} again={() => keepToken(undefined, false)} />
  if (entries === undefined) return <Waiting />
  if (entries.length === 0) return <Empty>Nothing was done through this server yet.</Empty>
  return (
    <>
      <Table label="The audit log" columns={columns} rows={entries} keyOf={({ seq }) => String(seq)} />
      <p class="more">
        <span role="status">{entries.length} entries</span>
        {!isAll && (
          <button type="button" onClick={() => load(entries.at(-1)?.seq)}>
            Show more
          </button>
        )}
      </p>
    </>
  )
}

const tones = { began: 'plain', done: 'good', failed: 'bad' } as const

const columns: Column<Entry>[] = [
  { title: 'Entry', isNumber: true, cell: ({ seq }) => seq },
  { title: 'When', cell: ({ at }) => <Ago at={at} /> },
  {
    title: 'What',
    cell: ({ kind, action }) => (
      <>
        <strong>{action}</strong> <Badge tone={tones[kind]}>{kind}</Badge>
      </>
    ),
  },
  { title: 'By', cell: ({ by, from }) => <span title={from === '' ? undefined : `from ${from}`}>{by}</span> },
  {
    title: 'Of',
    isWide: true,
    cell: ({ what, before, after, message }) => (
      <>
        <Values of={what} />
        {before !== undefined && <Values of={before} title="before" />}
        {after !== undefined && <Values of={after} title="after" />}
        {message !== undefined && <p>{message}</p>}
      </>
    ),
  },
]

function Values({ of, title }: { readonly of: unknown; readonly title?: string }) {
  const pairs = typeof of === 'object' && of !== null ? Object.entries(of as Record<string, unknown>) : []
  const text = (value: unknown) =>
    typeof value === 'string' ? value.replace(/^sha256:([0-9a-f]{12})[0-9a-f]{52}$/, '$1') : JSON.stringify(value)
  return (
    <div>
      {title !== undefined && <span class="faint">{title}: </span>}
      {pairs.map(([name, value]) => (
        <span key={name} class="chip" title={typeof value === 'string' ? value : undefined}>
          {name} <code>{text(value)}</code>
        </span>
      ))}
    </div>
  )
}
