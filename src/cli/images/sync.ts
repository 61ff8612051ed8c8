import path from 'node:path'
import { type Command, Option } from 'commander'
import {
  type BroughtImage,
  cycle,
  type Cycle,
  faultOfCycle,
  faultOfImages,
  type ImagesContext,
  imagesOf,
  lookForMissing,
  type SyncedTag,
  syncTag,
  wasDone,
} from '../../images/index.ts'
import { Fault, faultToJson, formatBytes, isFault } from '../../kit/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'
import { broughtLines, broughtToJson, layerLines } from './brought-text.ts'
import { imagesContext } from './choose.ts'
import {
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

interface SyncFlags extends GithubFlags, GitlabFlags, RegistryFlags {
  readonly missing?: boolean
  readonly force?: boolean
  readonly retagAsLatest?: boolean
  readonly skipLogin?: boolean
  readonly scratch?: string
}

export function addSyncCommand(images: Command, cli: Cli): void {
  cli.add<SyncFlags>(images, {
    name: 'sync',
    summary: 'Bring the images of runs to the registry: artifact, tarballs, layers and registry as one stream',
    more: 'Without the disk and without docker. Run again, it sends only what is missing. Tags that name another image are refused.',
    args: [['[tags...]', 'image tags of runs, as gh-list and xref print them']],
    options: [
      new Option('--missing', 'all tags of which the registry lacks an image, as xref lists them'),
      new Option('--force', 'replace tags that name another image; with --missing, bring all images of a tag of which one is missing'),
      retagAsLatestOption(),
      scratchOption(),
      skipLoginOption(),
      ...githubOptions(),
      ...gitlabOptions(),
      ...registryOptions(),
    ],
    writes: true,
    examples: [
      ['holdfast images sync --missing', 'everything that xref lists'],
      ['holdfast images sync presto-92865fbce0d2-velox-65797d572e0a-linux-amd64', 'one tag'],
    ],
    run: async (call) => {
      const tags = call.args.flatMap((tag) => tag ?? [])
      const isMissing = call.options.missing === true
      if (isMissing === tags.length > 0) {
        throw new Fault('invalid', isMissing ? 'either tags or --missing' : 'which tags?', {
          hint: 'name them, or add --missing for all that the registry lacks',
        })
      }
      const context = await imagesContext(call, { isDockerLogin: call.options.skipLogin })
      return isMissing ? await syncMissing(call, context) : await syncTags(call, context, [...new Set(tags)])
    },
  })
}

interface Done {
  readonly tag: string
  readonly synced?: SyncedTag | undefined
  readonly fault?: Fault | undefined
}

async function syncTags(call: Call<SyncFlags>, context: ImagesContext, tags: readonly string[]): Promise<Outcome> {
  const { force, retagAsLatest, dryRun, verbose } = call.options
  if (dryRun === true) return await planOutcome(context, tags)
  const done: Done[] = []
  for (const tag of tags) {
    const options = {
      tag,
      onOther: force === true ? 'replace' : 'refuse',
      isLatest: () => retagAsLatest === true,
      scratchFolder: scratchFolder(call),
    } as const
    done.push(await told(tag, () => syncTag(context, options)))
  }
  if (verbose === true) for (const line of layerLines(allOf(done))) call.screen.say(printable(line))
  const incomplete = faultOf(done)
  if (incomplete === undefined && !allOf(done).some(wasDone)) {
    throw new Fault(
      'nothing-to-do',
      `the registry has ${tags.length === 1 ? 'all images of it' : 'all of their images'}: ${tags.join(', ')}`,
      {
        hint: '--missing brings what is missing, and takes nothing to do for success',
      },
    )
  }
  return outcome(call, done, { text: [], result: {}, incomplete })
}

async function syncMissing(call: Call<SyncFlags>, context: ImagesContext): Promise<Outcome> {
  const { force, retagAsLatest, dryRun, verbose } = call.options
  if (dryRun === true) return await planOutcome(context, undefined)
  const did = await cycle(context, { force, retagAsLatest, scratchFolder: scratchFolder(call) })
  if (verbose === true) for (const line of layerLines(imagesOf(did))) call.screen.say(printable(line))
  const done = did.tags.map(({ missing, synced, fault }): Done => ({ tag: missing.tag, synced, fault }))
  const unread = did.xref.unread.length
  const nothing = `nothing to do: the registry has all images of ${countText(did.xref.looked - unread, 'run')}`
  const text = done.length === 0 ? [nothing] : []
  return outcome(call, done, {
    text,
    result: { runs: did.xref.looked, unread: unreadToJson(did) },
    incomplete: faultOfCycle(did),
  })
}

/** What xref says, of these tags alone. */
async function planOutcome(context: ImagesContext, tags: readonly string[] | undefined): Promise<Outcome> {
  const { missing, xref } = await lookForMissing(context)
  const unknown = (tags ?? []).filter((tag) => !xref.tags.some((each) => each.tag === tag))
  if (unknown.length > 0)
    throw new Fault('not-found', `no successful run has the image tag ${unknown.join(', ')}`, {
      hint: '`holdfast images gh-list` shows the tags',
    })
  const planned = missing.filter(({ tag }) => tags === undefined || tags.includes(tag))
  const images = planned.flatMap((each) => each.images.filter(({ isPresent }) => !isPresent))
  return {
    result: {
      dryRun: true,
      tags: planned.map(({ tag, run, images: all }) => ({
        tag,
        run: run.id,
        url: run.url,
        images: all.map(({ repository, tag: name, isPresent }) => ({ repository, tag: name, state: isPresent ? 'there' : 'planned' })),
      })),
    },
    text: [
      images.length === 0 ? 'dry run: nothing is missing' : `dry run: ${countText(images.length, 'image')} would be brought`,
      ...images.map(({ repository, tag }) => printable(`  + ${repository}:${tag}`)),
    ].join('\n'),
  }
}

function outcome(
  call: Call<SyncFlags>,
  done: readonly Done[],
  more: { text: readonly string[]; result: object; incomplete: Fault | undefined },
): Outcome {
  const lines = done.flatMap(({ tag, synced, fault }) => {
    // The only tag's own fault is told as the command's.
    if (synced === undefined && fault === more.incomplete) return []
    const images = synced?.images ?? []
    const changed = images.filter(wasDone).length
    const sent = images.reduce((sum, { pushed }) => sum + (pushed?.sentBytes ?? 0), 0)
    const head =
      synced === undefined
        ? call.paint.red(`${tag}: ${fault?.message}`)
        : `${tag}: ${countText(changed, 'image')} brought, ${formatBytes(sent)} sent`
    return [printable(head), ...broughtLines(images, call)]
  })
  return {
    result: {
      ...more.result,
      tags: done.map(({ tag, synced, fault }) => ({
        tag,
        run: synced?.run.id,
        url: synced?.run.url,
        artifact: synced?.artifact.id,
        images: synced?.images.map(broughtToJson) ?? [],
        fault: fault === undefined ? undefined : faultToJson(fault),
      })),
    },
    text: [...more.text, ...lines].join('\n'),
    incomplete: more.incomplete,
  }
}

async function told(tag: string, work: () => Promise<SyncedTag>): Promise<Done> {
  try {
    const synced = await work()
    return { tag, synced, fault: faultOfImages(synced.images, again) }
  } catch (error) {
    if (!isFault(error) || error.code === 'aborted' || error.code === 'bug') throw error
    return { tag, fault: error }
  }
}

const again = 'run it again: only what is missing is brought'

/** The only tag's own; of several, `partial` with the list. */
function faultOf(done: readonly Done[]): Fault | undefined {
  const failed = done.filter(({ fault }) => fault !== undefined)
  const [first] = failed
  if (first?.fault === undefined || done.length === 1) return first?.fault
  return new Fault('partial', `${failed.length} of ${done.length} tags failed: ${failed.map(({ tag }) => tag).join(', ')}`, {
    hint: again,
    cause: first.fault,
  })
}

function unreadToJson({ xref }: Cycle): object[] {
  return xref.unread.map(({ run, failure }) => ({ run: run.id, url: run.url, fault: faultToJson(failure) }))
}

function allOf(done: readonly Done[]): readonly BroughtImage[] {
  return done.flatMap(({ synced }) => synced?.images ?? [])
}

function scratchFolder({ options, host }: Call<SyncFlags>): string | undefined {
  return options.scratch === undefined ? undefined : path.resolve(host.cwd, options.scratch)
}
