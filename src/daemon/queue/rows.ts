import * as v from 'valibot'
import { type Execution, type ProgressState, type Settlement, type State, states } from '../execution.ts'
import type { JobState } from '../job.ts'
import { parseJson } from '../../kit/index.ts'
import type { WorkerState } from '../queue.ts'
import type { Row, Value } from './database.ts'

const words = v.array(v.string())
const progress = v.object({
  task: v.string(),
  items: v.number(),
  bytes: v.number(),
  totalItems: v.optional(v.number()),
  totalBytes: v.optional(v.number()),
})

export function executionFrom(row: Row): Execution {
  const at = `execution ${row['id']}`
  return {
    id: numberOf(row, 'id'),
    key: textOf(row, 'key'),
    words: parseJson(words, textOf(row, 'words'), at),
    source: textOf(row, 'source'),
    priority: numberOf(row, 'priority'),
    timeout: maybeNumber(row, 'timeout'),
    splits: numberOf(row, 'splits') !== 0,
    job: maybeText(row, 'job'),
    firing: maybeNumber(row, 'firing'),
    state: stateOf(row),
    attempt: numberOf(row, 'attempt'),
    due: numberOf(row, 'due'),
    created: numberOf(row, 'created'),
    started: maybeNumber(row, 'started'),
    ended: maybeNumber(row, 'ended'),
    worker: maybeText(row, 'worker'),
    isCancelling: numberOf(row, 'cancelling') !== 0,
    exit: maybeNumber(row, 'exit'),
    code: maybeText(row, 'code'),
    message: maybeText(row, 'message'),
    summary: maybeText(row, 'summary'),
    requests: maybeNumber(row, 'requests'),
    bytes: maybeNumber(row, 'bytes'),
    progress: row['progress'] === null ? undefined : (parseJson(progress, textOf(row, 'progress'), at) as ProgressState),
  }
}

export function jobFrom(row: Row): JobState {
  return {
    name: textOf(row, 'name'),
    since: numberOf(row, 'since'),
    fired: numberOf(row, 'fired'),
    due: maybeNumber(row, 'due'),
    open: numberOf(row, 'open'),
    ended: maybeNumber(row, 'ended'),
    exit: maybeNumber(row, 'exit'),
    succeeded: maybeNumber(row, 'succeeded'),
    failures: numberOf(row, 'failures'),
  }
}

export function workerFrom(row: Row): WorkerState {
  return {
    id: textOf(row, 'id'),
    host: textOf(row, 'host'),
    pid: numberOf(row, 'pid'),
    machine: maybeText(row, 'machine'),
    concurrency: numberOf(row, 'concurrency'),
    started: numberOf(row, 'started'),
    beaten: numberOf(row, 'beaten'),
  }
}

/** What a settlement changes, column by column. */
export function settled({ state, attempt, due, ended, exit, code, message, summary, requests, bytes }: Settlement) {
  return [
    ['state', 'text', state],
    ['attempt', 'bigint', attempt],
    ['due', 'bigint', due],
    ['ended', 'bigint', ended ?? null],
    ['exit', 'bigint', exit ?? null],
    ['code', 'text', code ?? null],
    ['message', 'text', message ?? null],
    ['summary', 'text', summary ?? null],
    ['requests', 'bigint', requests ?? null],
    ['bytes', 'bigint', bytes ?? null],
  ] as const satisfies readonly (readonly [column: string, type: 'text' | 'bigint', value: Value])[]
}

export function stateOf(row: Row): State {
  const found = states.find((state) => state === row['state'])
  return found ?? v.parse(v.picklist(states), row['state'])
}

export function textOf(row: Row, column: string): string {
  return String(row[column])
}

export function numberOf(row: Row, column: string): number {
  return Number(row[column])
}

export function maybeText(row: Row, column: string): string | undefined {
  const value = row[column]
  return value === null || value === undefined ? undefined : String(value)
}

export function maybeNumber(row: Row, column: string): number | undefined {
  const value = row[column]
  return value === null || value === undefined ? undefined : Number(value)
}
