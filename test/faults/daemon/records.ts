import assert from 'node:assert/strict'
import type { Queue } from '../../../src/daemon/index.ts'
import type { Crew, Member, Told } from './crew.ts'

/** Nothing is held and nobody is left; what ended has its end written down. Gives what there was. */
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
  const said = Map.groupBy(
    units.filter(({ state }) => state === 'failed' || state === 'dead'),
    ({ job, exit, code }) => `${job} ${code ?? ''} (${exit})`,
  )
  return [`units: ${JSON.stringify(counts)}`, `failures: ${[...said].map(([what, all]) => `${what}: ${all.length}`).join(', ')}`]
}

interface Span {
  readonly begin: number
  readonly end: number
  readonly what: Told
}

/** No unit was worked on twice at once, and no job began again before all of it had ended. */
export function assertAlone(crew: Crew, killed: ReadonlyMap<string, number>, builds: string): void {
  const spans = spansOf(crew, killed)
  for (const [id, tries] of Map.groupBy(spans, ({ what }) => what.id)) assertApart(tries, `tries of unit ${id}`)
  for (const [job, all] of Map.groupBy(spans, ({ what }) => what.job)) {
    const firings = [...Map.groupBy(all, ({ what }) => what.firing)].map(([, some]) => ({
      begin: Math.min(...some.map(({ begin }) => begin)),
      end: Math.max(...some.map(({ end }) => end)),
      what: some[0]!.what,
    }))
    assertApart(firings, `firings of job ${job}`)
  }
  const begun: string[] = []
  for (const line of builds.trim().split('\n')) {
    const [what, pid] = line.split(' ')
    if (what === 'begin') begun.push(pid!)
    else assert.equal(begun.at(-1), pid, 'a build went on after another had begun')
  }
}

/** What was begun and never told to have ended, ended with its process. */
function spansOf({ told, ends }: Crew, killed: ReadonlyMap<string, number>): Span[] {
  const open = new Map<string, Told>()
  const spans: Span[] = []
  const close = (key: string, end: number) => {
    const what = open.get(key)
    if (what === undefined) return
    spans.push({ begin: what.at, end, what })
    open.delete(key)
  }
  for (const each of told) {
    const key = `${each.by} ${each.id}`
    close(key, each.at)
    if (each.event === 'begin') open.set(key, each)
  }
  for (const [key, { by }] of open) close(key, killed.get(by) ?? ends.get(by) ?? Number.POSITIVE_INFINITY)
  return spans
}

function assertApart(spans: readonly Span[], what: string): void {
  const inOrder = spans.toSorted((one, other) => one.begin - other.begin || one.end - other.end)
  for (const [at, { begin, what: it }] of inOrder.entries()) {
    const before = inOrder[at - 1]
    if (before === undefined) continue
    assert.ok(begin >= before.end, `${what} overlap by ${before.end - begin} ms: ${JSON.stringify(before.what)}, ${JSON.stringify(it)}`)
  }
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
