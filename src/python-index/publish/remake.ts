import { forEachBounded } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import type { LearntFile } from '../records/note.ts'
import type { ProjectRecord, PublishedFile, RefusedFile, Requirements, SeenFile, WithdrawnFile } from '../records/project.ts'
import type { ProjectContent } from '../records/write.ts'
import type { Lanes } from './lanes.ts'
import { distributionOf, placeOf } from './layout.ts'
import { isSettled, learnFile, type LearnRules, type LearntWheel, refuse } from './learn.ts'
import type { Group, ListedFile } from './scan.ts'

export interface RemakeOptions extends LearnRules {
  readonly prefix: string
  readonly project: string
  readonly group: Group
  /** Records that know some of the files already; the first one is the one that is published. */
  readonly known: readonly ProjectRecord[]
  /** Of this very version of the file, or undefined. */
  readonly noteOf: (prefix: string, row: ListedFile) => LearntFile | undefined
  /** What was withdrawn is published again. */
  readonly includeWithdrawn: boolean
  readonly lanes: Lanes
  /** Is given each wheel that was looked at, before the next one is. */
  readonly onWheel: (wheel: LearntWheel) => Promise<void>
}

/** What is said of it while it goes on. */
export function lookingAt(prefix: string): string {
  return `look at the files of ${prefix}`
}

type Outcome = PublishedFile | RefusedFile | WithdrawnFile

/** What a project is to say of the files that are listed. Only those that no record knows are looked at. Writes nothing. */
export async function remakeProject(context: IndexContext, options: RemakeOptions): Promise<ProjectContent> {
  const { group, known, project, lanes } = options
  const knowledge = gather(known)
  const outcomes: (Outcome | undefined)[] = []
  await forEachBounded(
    group.files.entries(),
    64,
    async ([index, row], signal) => {
      const remembered = recall(knowledge, row, options)
      outcomes[index] = remembered ?? (await lanes(() => look(context, knowledge, row, options, signal)))
      context.report({ kind: 'advance', task: lookingAt(options.prefix), items: 1 })
    },
    context.signal,
  )
  const found = outcomes.filter((outcome) => outcome !== undefined)
  return {
    name: project,
    status: known[0]?.status ?? { status: 'active' },
    files: found.filter((file) => !('reason' in file) && !('why' in file)) as PublishedFile[],
    refused: found.filter((file) => 'reason' in file),
    withdrawn: found.filter((file) => 'why' in file),
    metadata: knowledge.metadata,
  }
}

interface Knowledge {
  readonly published: Map<string, PublishedFile>
  readonly withdrawn: Map<string, WithdrawnFile>
  readonly refused: Map<string, RefusedFile>
  readonly metadata: Record<string, Requirements>
}

function gather(known: readonly ProjectRecord[]): Knowledge {
  const knowledge: Knowledge = { published: new Map(), withdrawn: new Map(), refused: new Map(), metadata: {} }
  // The first record has the last word.
  for (const { files, withdrawn, refused, metadata } of known.toReversed()) {
    Object.assign(knowledge.metadata, metadata)
    for (const file of files) {
      knowledge.published.set(file.name, file)
      knowledge.withdrawn.delete(file.name)
    }
    for (const file of withdrawn) {
      knowledge.withdrawn.set(file.name, file)
      knowledge.published.delete(file.name)
    }
    for (const file of refused) knowledge.refused.set(file.name, file)
  }
  return knowledge
}

/** What is known of this very version, or undefined where it has to be looked at. */
function recall(knowledge: Knowledge, row: ListedFile, options: RemakeOptions): Outcome | undefined {
  const withdrawn = knowledge.withdrawn.get(row.name)
  if (isSame(withdrawn, row)) return options.includeWithdrawn && withdrawn.why !== 'deleting' ? taken(withdrawn) : withdrawn
  const published = knowledge.published.get(row.name)
  if (isSame(published, row) && isSettled(published)) return published
  const refused = knowledge.refused.get(row.name)
  return isSame(refused, row) && isSettled(refused) ? refused : undefined
}

function isSame<T extends SeenFile>(known: T | undefined, row: ListedFile): known is T {
  return known !== undefined && known.size === row.size && known.etag === row.etag
}

/** As it was before it was withdrawn; but what is being deleted is not taken back. */
function taken(withdrawn: WithdrawnFile): PublishedFile | WithdrawnFile {
  const { why, since: _since, ...file } = withdrawn
  return why === 'deleting' ? withdrawn : file
}

async function look(
  context: IndexContext,
  knowledge: Knowledge,
  row: ListedFile,
  options: RemakeOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const found = placeOf(options.prefix, row.name, () => false)
  if (found.kind === 'file' && found.bad !== undefined) return refuse(row, found.bad).refused
  const note = options.noteOf(options.prefix, row)
  const learnt = await learnFile(context, options.prefix, row, distributionOf(row.name)!, note, options, signal)
  if ('refused' in learnt) return learnt.refused
  if ('metadata' in learnt) {
    knowledge.metadata[learnt.file.metadata!] = learnt.requirements
    await options.onWheel(learnt)
  }
  const hasProvenance = options.group.provenances.has(row.name)
  const outcome = asBefore(knowledge, { ...learnt.file, provenance: hasProvenance ? learnt.file.provenance : undefined })
  return 'why' in outcome && options.includeWithdrawn && outcome.why !== 'deleting' ? taken(outcome) : outcome
}

/** The same bytes under the same name keep what people know of them: when they came, and that they are yanked or withdrawn. */
function asBefore(knowledge: Knowledge, file: PublishedFile): PublishedFile | WithdrawnFile {
  const withdrawn = knowledge.withdrawn.get(file.name)
  if (withdrawn !== undefined && isSameBytes(withdrawn, file)) {
    const { uploaded, yanked, why, since } = withdrawn
    return { ...file, uploaded, yanked, why, since }
  }
  const before = knowledge.published.get(file.name)
  return before !== undefined && isSameBytes(before, file) ? { ...file, uploaded: before.uploaded, yanked: before.yanked } : file
}

function isSameBytes(before: PublishedFile, file: PublishedFile): boolean {
  if (before.digest === undefined || file.digest === undefined) return before.size === file.size && before.etag === file.etag
  return before.digest === file.digest
}
