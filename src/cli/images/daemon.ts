import path from 'node:path'
import { type Command, Option } from 'commander'
import { cycle, type Cycle, type CycledTag, type DaemonEvent, faultOfCycle, runDaemon, wasDone } from '../../images/index.ts'
import { Fault, faultToJson, formatBytes, parseDuration } from '../../kit/index.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { countText, timeText, tookText } from '../words.ts'
import { broughtLines, broughtToJson } from './brought-text.ts'
import { imagesContext } from './choose.ts'
import {
  type DownloadsFlags,
  type GithubFlags,
  githubOptions,
  type GitlabFlags,
  gitlabOptions,
  type RegistryFlags,
  registryOptions,
  retagAsLatestOption,
  scratchOption,
  skipLoginOption,
} from './options.ts'

interface DaemonFlags extends DownloadsFlags, GithubFlags, GitlabFlags, RegistryFlags {
  /** Milliseconds. */
  readonly interval?: number
  readonly once?: boolean
  readonly forcePush?: boolean
  readonly retagAsLatest?: boolean
  readonly skipLogin?: boolean
  readonly scratch?: string
}

export function addDaemonCommand(images: Command, cli: Cli): void {
  cli.add<DaemonFlags>(images, {
    name: 'daemon',
    goesOn: true,
    summary: 'Bring what the registry lacks, again and again, until it is stopped',
    more: 'Each cycle is an xref and a sync of what is missing; one without news is at most three requests. It never asks. What fails is tried again, less and less often. With --json each line is a document.',
    options: [
      parsedOption(
        '--interval <time>',
        'rest between two cycles, such as 900 or 15m (default: `interval` of [images], 15m)',
        parseInterval,
      ),
      new Option('--once', 'one cycle, then end'),
      new Option('--force-push', 'bring all images of a tag of which one is missing, also those that are there'),
      retagAsLatestOption(),
      scratchOption(),
      new Option('--downloads-dir <folder>', 'for old command lines: nothing is kept on the disk'),
      skipLoginOption(),
      ...githubOptions(),
      ...gitlabOptions(),
      ...registryOptions(),
    ],
    examples: [
      ['holdfast images daemon --once', 'first: whether credentials and names are right'],
      ['holdfast images daemon --interval 15m --retag-as-latest', 'from then on'],
    ],
    run: daemon,
  })
}

/** A bare number is seconds. */
function parseInterval(text: string): number {
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : parseDuration(text)
  if (ms > 0) return ms
  throw new Fault('invalid', 'an interval is more than nothing', { hint: 'write a time such as 900 or 15m' })
}

async function daemon(call: Call<DaemonFlags>): Promise<Outcome> {
  const { options, host } = call
  const { interval, once, forcePush: force, retagAsLatest, scratch } = options
  const context = await imagesContext(call, { interval, isDockerLogin: options.skipLogin })
  const { settings } = context
  const scratchFolder = scratch === undefined ? undefined : path.resolve(host.cwd, scratch)
  if (options.json === true) call.asLines()
  const sent = await requestCount(call)
  let before = sent()
  const onEvent = (event: Told) => {
    const now = sent()
    tell(call, event, now - before)
    // A cycle's own line counts all that it asked.
    if (event.kind !== 'tag') before = now
  }
  const what = { force, retagAsLatest, scratchFolder }
  if (once === true) {
    const started = host.clock.now()
    const done = await cycle(context, { ...what, onTag: (tag) => onEvent({ kind: 'tag', cycle: 1, done: tag, nextTry: undefined }) })
    onEvent({ kind: 'cycle', cycle: 1, done, took: host.clock.now() - started, next: undefined })
    return { result: { cycles: 1, synced: syncedOf(done), failed: failedOf(done) }, text: '', incomplete: faultOfCycle(done) }
  }
  const totals = await runDaemon(context, { ...what, interval: settings.interval, onEvent })
  return { result: totals, text: `ended after ${countText(totals.cycles, 'cycle')}: ${countText(totals.synced, 'tag')} brought` }
}

/** All that was sent so far, whoever was asked. */
async function requestCount(call: Call<object>): Promise<() => number> {
  const meter = await (await call.wire()).meter()
  return () => Object.values(meter.snapshot().requests).reduce((sum, count) => sum + count, 0)
}

type Told =
  | DaemonEvent
  | { readonly kind: 'cycle'; readonly cycle: number; readonly done: Cycle; readonly took: number; readonly next: undefined }

/** A line, or a document in a line, on standard output: it is what this command is for. */
function tell(call: Call<object>, event: Told, requests: number): void {
  const { screen, options, host, paint } = call
  if (options.json === true) return screen.result(JSON.stringify({ time: isoOf(host.clock.now()), ...eventToJson(event, requests) }))
  const time = paint.dim(timeText(isoOf(host.clock.now())))
  if (event.kind === 'failed') {
    const { fault, next } = event
    return screen.result(`${time} ${paint.red('failed')}: ${printable(fault.message)}; tried again at ${timeText(isoOf(next))}`)
  }
  if (event.kind === 'tag') {
    const [head, ...lines] = tagLines(call, event.done)
    const later = event.nextTry === undefined ? '' : `; tried again at ${timeText(isoOf(event.nextTry))}`
    return screen.result([`${time} ${head}${later}`, ...lines].join('\n'))
  }
  const { done, took, next } = event
  if (options.quiet === true && done.tags.length === 0) return
  const cost = `${countText(done.xref.looked, 'run')} looked at, ${countText(requests, 'request')}, ${tookText(took)}`
  const parts = [
    ...(done.tags.length === 0 ? ['nothing new'] : [`${countText(syncedOf(done), 'tag')} brought`]),
    ...(failedOf(done) === 0 ? [] : [paint.red(`${failedOf(done)} failed`)]),
    ...(done.waiting.length === 0 ? [] : [`${done.waiting.length} waiting after failures`]),
    ...(done.xref.unread.length === 0 ? [] : [paint.red(`${countText(done.xref.unread.length, 'log')} could not be read`)]),
  ]
  screen.result(`${time} ${parts.join(', ')}: ${cost}${next === undefined ? '' : `; next at ${timeText(isoOf(next))}`}`)
}

function tagLines({ paint }: Call<object>, { missing, synced, fault }: CycledTag): string[] {
  const images = synced?.images ?? []
  const sent = images.reduce((sum, { pushed }) => sum + (pushed?.sentBytes ?? 0), 0)
  const did = `${countText(images.filter(wasDone).length, 'image')} brought, ${formatBytes(sent)} sent`
  const head = fault === undefined ? paint.green(did) : paint.red(`${did}; ${fault.message}`)
  return [`${printable(missing.tag)}: ${printable(head)}`, ...broughtLines(images, { paint })]
}

function eventToJson(event: Told, requests: number): Record<string, unknown> {
  if (event.kind === 'failed') {
    const { cycle: number, fault, failures, next } = event
    return { event: 'failed', cycle: number, failures, fault: faultToJson(fault), next: isoOf(next) }
  }
  if (event.kind === 'tag') {
    const { cycle: number, done, nextTry } = event
    const { missing, synced, fault } = done
    return {
      event: 'tag',
      cycle: number,
      tag: missing.tag,
      run: missing.run.id,
      url: missing.run.url,
      images: synced?.images.map(broughtToJson) ?? [],
      fault: fault === undefined ? undefined : faultToJson(fault),
      next: nextTry === undefined ? undefined : isoOf(nextTry),
    }
  }
  const { cycle: number, done, took, next } = event
  return {
    event: 'cycle',
    cycle: number,
    runs: done.xref.looked,
    unread: done.xref.unread.length,
    missing: done.tags.length + done.waiting.length,
    synced: syncedOf(done),
    failed: failedOf(done),
    waiting: done.waiting.map(({ tag }) => tag),
    requests,
    tookMs: Math.round(took),
    next: next === undefined ? undefined : isoOf(next),
  }
}

function syncedOf({ tags }: Pick<Cycle, 'tags'>): number {
  return tags.filter(({ fault }) => fault === undefined).length
}

function failedOf({ tags }: Pick<Cycle, 'tags'>): number {
  return tags.filter(({ fault }) => fault !== undefined).length
}

function isoOf(time: number): string {
  return new Date(time).toISOString()
}
