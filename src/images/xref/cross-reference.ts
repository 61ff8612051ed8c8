import { asFault, type FaultCode, mapBounded, type Report } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { WorkflowRun } from '../github/shapes.ts'
import type { ImagesSettings, RunMetadata } from '../settings.ts'
import { planXref, type SeenRun, wantedOf, type XrefPlan } from './plan.ts'
import type { ListedTags, TagLists, TagSource } from './tag-source.ts'

/** Who knows the runs and what their logs say. */
export interface RunSource {
  /** The newest first; successful ones. */
  runs(o: { readonly branch?: string | undefined; readonly limit: number } & Signal): Promise<readonly WorkflowRun[]>
  metadata(run: WorkflowRun, o?: Signal): Promise<RunMetadata | undefined>
}

export interface XrefContext extends Signal {
  readonly settings: ImagesSettings
  readonly runs: RunSource
  readonly tags: TagSource
  readonly report: Report
}

export interface XrefOptions {
  /** List the tags that no run has made. */
  readonly withExtra?: boolean | undefined
  /** Also in repositories of no family. */
  readonly everywhere?: boolean | undefined
}

export interface Xref extends XrefPlan {
  /** Who was asked for tags, for people. */
  readonly source: string
  /** Runs that were looked at. */
  readonly looked: number
  /** What people should know. */
  readonly notes: readonly string[]
}

/** Logs are read at once, so many of them; and so are tags asked for whose list may lack some. */
const width = 4
/** What is said of one run and not of all: the others are still of use. */
const ofOneRun: ReadonlySet<FaultCode> = new Set(['unavailable', 'corrupt', 'unsupported'])

/**
 * Which images of the runs the registry lacks, and which tags it has beyond them. Where a list of tags may not be whole, each tag that it
 * seems to lack is asked for: what is present never looks missing.
 */
export async function crossReference({ settings, runs: source, tags, report, signal }: XrefContext, o: XrefOptions = {}): Promise<Xref> {
  const { branch, limit, preset } = settings
  const runs = (await source.runs({ branch, limit, signal })).filter(({ conclusion }) => conclusion === 'success')
  const seen = await mapBounded(runs, width, (run, inner) => see(source, run, inner), signal)
  const wanted = wantedOf(settings, seen).tags.flatMap(({ images }) => images)
  const repositories = new Set(wanted.map(({ repository }) => repository))
  if (o.withExtra === true)
    for (const { folder } of preset.architectures) for (const { name } of preset.families) repositories.add(`${folder}/${name}`)
  const lists = await confirm(tags, await tags.list([...repositories], { signal }), wanted, signal)
  const plan = planXref(settings, seen, lists, { everywhere: o.everywhere })
  for (const { tag, run, others } of plan.tags) {
    if (others.length === 0) continue
    const text = `${tag}: the newest of ${others.length + 1} runs counts, ${run.url}; not ${others.map(({ url }) => url).join(', ')}`
    report({ kind: 'note', level: 'warning', text, event: 'images_runs_of_one_tag' })
  }
  return { ...plan, extra: o.withExtra === true ? plan.extra : [], source: tags.name, looked: runs.length, notes: tags.notes() }
}

async function see(source: RunSource, run: WorkflowRun, signal: AbortSignal): Promise<SeenRun> {
  try {
    return { run, metadata: await source.metadata(run, { signal }) }
  } catch (error) {
    const failure = asFault(error)
    // GitHub deletes logs after some months.
    if (failure.code === 'not-found') return { run, metadata: undefined, reason: 'its log is not there any more' }
    if (!ofOneRun.has(failure.code)) throw failure
    return { run, metadata: undefined, failure }
  }
}

/** The lists with every tag that is wanted and there, also where a list is not whole. */
async function confirm(
  source: TagSource,
  lists: TagLists,
  wanted: readonly { readonly repository: string; readonly tag: string }[],
  signal: AbortSignal | undefined,
): Promise<TagLists> {
  const found = new Map<string, ListedTags>(lists)
  const doubtful = wanted.filter(({ repository, tag }) => {
    const list = lists.get(repository)
    return list !== undefined && !list.isWhole && !list.tags.has(tag)
  })
  await mapBounded(
    doubtful,
    width,
    async ({ repository, tag }, inner) => {
      if (!(await source.has(repository, tag, { signal: inner }))) return
      const list = found.get(repository)!
      found.set(repository, { ...list, tags: new Set([...list.tags, tag]) })
    },
    signal,
  )
  return found
}
