import { signal } from '@preact/signals'
import type { Answers } from './answers.ts'
import { revision } from './client.ts'

export type Execution = Answers['listExecutions']['executions'][number]

/** Whether the server tells of changes as they happen. */
export const isLive = signal(false)
/** What executions have become since the page was opened, by id. */
export const executions = signal<ReadonlyMap<number, Execution>>(new Map())

/** Milliseconds that several moves are taken together for. */
const gathering = 200
const mostExecutions = 500

/** Follows the server's events for as long as the page is open; the browser connects again by itself, and says where it was. */
export function follow(): void {
  const source = new EventSource('/api/v1/events')
  source.addEventListener('open', () => {
    // What happened before the stream stood, or while it was broken, is told by nobody.
    changed()
    isLive.value = true
  })
  source.addEventListener('error', () => {
    isLive.value = false
  })
  source.addEventListener('move', () => changed())
  source.addEventListener('execution', ({ data }: MessageEvent<string>) => {
    const told = JSON.parse(data) as Execution
    const before = executions.value.get(told.id)
    const all = [...executions.value].filter(([id]) => id !== told.id)
    executions.value = new Map([...all.slice(-mostExecutions), [told.id, told]])
    if (before?.state !== told.state) changed()
  })
}

let waiting: ReturnType<typeof setTimeout> | undefined

function changed(): void {
  waiting ??= setTimeout(() => {
    waiting = undefined
    revision.value += 1
  }, gathering)
}
