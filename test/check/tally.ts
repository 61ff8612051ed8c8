import path from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

interface Failure {
  readonly job: string
  /** The names from the outermost suite down to the test. */
  readonly names: readonly string[]
  readonly where: string
  readonly error: unknown
}

/** What a run of node:test came to: counts as Node counts them, and what a person needs to see of failures and skips. */
export interface Tally {
  tests: number
  suites: number
  passed: number
  failed: number
  cancelled: number
  skipped: number
  todo: number
  readonly failures: Failure[]
  readonly skips: { readonly job: string; readonly name: string; readonly reason: string }[]
  /** The last lines that the job's process printed itself. */
  readonly output: string[]
  readonly open: string[]
}

const keptLines = 60

export function createTally(): Tally {
  return { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0, failures: [], skips: [], output: [], open: [] }
}

export function noteEvent(tally: Tally, event: TestEvent, job: string): void {
  if (event.type === 'test:start') tally.open.splice(event.data.nesting, Infinity, event.data.name)
  if (event.type === 'test:pass' && event.data.skip !== undefined && event.data.skip !== false) {
    tally.skips.push({ job, name: event.data.name, reason: event.data.skip === true ? 'no reason given' : event.data.skip })
  }
  if (event.type === 'test:stdout' || event.type === 'test:stderr') {
    tally.output.push(...event.data.message.trimEnd().split('\n'))
    tally.output.splice(0, tally.output.length - keptLines)
  }
  if (event.type === 'test:fail' && !isOnlyItsSubtests(event.data.details.error)) {
    const { file, line, column, nesting, name, details } = event.data
    const names = [...tally.open.slice(0, nesting), name]
    tally.failures.push({ job, names, where: `${file ?? job}:${line ?? 0}:${column ?? 0}`, error: details.error.cause ?? details.error })
  }
  if (event.type === 'test:summary' && event.data.file === undefined) {
    const { counts } = event.data
    tally.tests += counts.tests
    tally.suites += counts.suites
    tally.passed += counts.passed
    tally.failed += counts.tests - counts.passed - counts.cancelled - counts.skipped - counts.todo
    tally.cancelled += counts.cancelled
    tally.skipped += counts.skipped
    tally.todo += counts.todo
  }
}

export function addTally(sum: Tally, part: Tally): void {
  for (const key of ['tests', 'suites', 'passed', 'failed', 'cancelled', 'skipped', 'todo'] as const) sum[key] += part[key]
  sum.failures.push(...part.failures)
  sum.skips.push(...part.skips)
}

export function hasFailed(tally: Tally): boolean {
  return tally.failed + tally.cancelled + tally.failures.length > 0
}

/** Each failing test with its place and error, then what its process printed. */
export function describeFailures(tally: Tally, root: string): string {
  return tally.failures
    .map(({ names, where, error }) => {
      const detail = inspect(error, { depth: 6 }).replaceAll(`${root}${path.sep}`, '').replaceAll('\n', '\n    ')
      return `✖ ${names.join(' > ')}\n    at ${path.relative(root, where)}\n    ${detail}\n`
    })
    .join('\n')
}

export function describeSkips(tally: Tally): string {
  return tally.skips.map(({ job, name, reason }) => `﹣ ${job}: ${name}: skipped, ${reason}\n`).join('')
}

/** The lines with which node:test itself ends. */
export function closingLines(tally: Tally, milliseconds: number): string {
  return [
    `ℹ tests ${tally.tests}`,
    `ℹ suites ${tally.suites}`,
    `ℹ pass ${tally.passed}`,
    `ℹ fail ${tally.failed}`,
    `ℹ cancelled ${tally.cancelled}`,
    `ℹ skipped ${tally.skipped}`,
    `ℹ todo ${tally.todo}`,
    `ℹ duration_ms ${Math.round(milliseconds)}`,
    '',
  ].join('\n')
}

/** A suite or file that failed only because something inside of it did is not told twice. */
function isOnlyItsSubtests(error: Error): boolean {
  return 'failureType' in error && error.failureType === 'subtestsFailed'
}
