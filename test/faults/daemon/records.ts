import assert from 'node:assert/strict'
import type { Queue } from '../../../src/daemon/index.ts'
import type { Crew, Member, Told } from './crew.ts'

/** Nothing is held and nobody is left; what ended has its end written down; no job was fired before all of its last firing had ended. Gives what there was. */
export async function assertSettled(queue: Queue): Promise<string[]> {
  const counts = await queue.counts()
  assert.equal(counts.running, 0, 'units that are held')
  assert.deepEqual(await queue.workers(), [])
  const units = await queue.executions({ limit: 100_000 })
  for (const unit of units) {
    const isOver = unit.state !== 'waiting'
    assert.equal(unit.ended !== undefined, isOver, JSON.stringify(unit))
    if (isOver) assert.ok(unit.attempt >= 1 && unit.attempt <= 5, JSON.stringify(unit))
  }
  const keys = units.filter(({ state }) => state === 'waiting').map(({ key }) => key)
  assert.equal(new Set(keys).size, keys.length, 'two that wait for the same')
  for (const [job, all] of Map.groupBy(units, (unit) => unit.job)) {
    const firings = [...Map.groupBy(all, ({ firing }) => firing)].map(([firing, some]) => ({
      firing,
      created: Math.min(...some.map(({ created }) => created)),
      ended: Math.max(...some.map(({ ended = Number.POSITIVE_INFINITY }) => ended)),
    }))
    firings.sort((one, other) => one.created - other.created)
    for (const [at, { created, firing }] of firings.entries()) {
      const before = firings[at - 1]
      assert.ok(before === undefined || before.ended <= created, `firing ${firing} of ${job} began before ${before?.firing} had ended`)
    }
  }
  const said = Map.groupBy(
    units.filter(({ state }) => state === 'failed' || state === 'dead'),
    ({ job, exit, code }) => `${job} ${code ?? ''} (${exit})`,
  )
  return [`units: ${JSON.stringify(counts)}`, `failures: ${[...said].map(([what, all]) => `${what}: ${all.length}`).join(', ')}`]
}

/** After so many milliseconds without a sign of life a worker loses what it holds. */
const lease = 30_000

interface Span {
  readonly begin: number
  readonly end: number
  readonly first: Told
  /** What was told at its end; undefined where its process ended first, or it had lost the unit. */
  readonly last: Told | undefined
}

/**
 * No unit was worked on twice at once, nor did a build go on beside another. A worker that this machine let wait for so long that its units went
 * to another is left out: nobody can tell it in time. Gives how often that was.
 */
export function assertAlone(crew: Crew, killed: ReadonlyMap<string, number>, builds: string): string[] {
  let lost = 0
  for (const [id, tries] of Map.groupBy(spansOf(crew, killed), ({ first }) => first.id)) {
    const inOrder = tries.toSorted((one, other) => one.begin - other.begin || one.end - other.end)
    for (const [at, { begin, first }] of inOrder.entries()) {
      const before = inOrder[at - 1]
      // What is handed back may be taken before that is told.
      if (before === undefined || begin >= before.end || before.last?.state === 'waiting') continue
      const isLost = before.last === undefined && /was lost/.test(first.message ?? '') && begin - before.begin >= lease
      assert.ok(isLost, `unit ${id} twice at once: ${JSON.stringify(before.first)}, ${JSON.stringify(first)}`)
      lost++
    }
  }
  const begun: string[] = []
  for (const line of lost > 0 ? [] : builds.trim().split('\n')) {
    const [what, pid] = line.split(' ')
    if (what === 'begin') begun.push(pid!)
    else assert.equal(begun.at(-1), pid, 'a build went on after another had begun')
  }
  return [`workers that were silent for too long: ${lost} units`]
}

/** What was begun and never told to have ended, ended with its process. */
function spansOf({ told, ends }: Crew, killed: ReadonlyMap<string, number>): Span[] {
  const open = new Map<string, Told>()
  const spans: Span[] = []
  const close = (key: string, end: number, last?: Told) => {
    const first = open.get(key)
    if (first === undefined) return
    spans.push({ begin: first.at, end, first, last })
    open.delete(key)
  }
  for (const each of told) {
    const key = `${each.by} ${each.id}`
    close(key, each.at, each.event === 'end' ? each : undefined)
    if (each.event === 'begin') open.set(key, each)
  }
  for (const [key, { by }] of open) close(key, killed.get(by) ?? ends.get(by) ?? Number.POSITIVE_INFINITY)
  return spans
}

const tolerance = 1.15
const slack = 16 << 20

/** Of those that stayed: the median of the last quarter of its samples is not above that of the second. Gives the figures. */
export function assertFlat(members: readonly Member[], isLong: boolean): string[] {
  return members.flatMap((member) => {
    const [rss, descriptors] = [quarters(member.rss), quarters(member.descriptors)]
    if (rss === undefined || descriptors === undefined) return []
    if (isLong) {
      assert.ok(rss.last <= rss.second * tolerance + slack, `${member.name} grows: ${JSON.stringify(rss)}`)
      assert.ok(descriptors.last <= descriptors.second + 10, `${member.name} leaves files open: ${JSON.stringify(descriptors)}`)
    }
    const mib = (bytes: number) => `${(bytes / (1 << 20)).toFixed(0)} MiB`
    return [
      `${member.name}: ${member.rss.length} samples; second quarter ${mib(rss.second)}, last ${mib(rss.last)}, most ${mib(rss.most)}; descriptors ${descriptors.second}, ${descriptors.last}`,
    ]
  })
}

function quarters(samples: readonly number[]): { second: number; last: number; most: number } | undefined {
  if (samples.length < 8) return undefined
  const quarter = Math.floor(samples.length / 4)
  const median = (some: readonly number[]) => some.toSorted((a, b) => a - b)[Math.floor(some.length / 2)]!
  return { second: median(samples.slice(quarter, 2 * quarter)), last: median(samples.slice(-quarter)), most: Math.max(...samples) }
}
