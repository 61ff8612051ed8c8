import { statSync } from 'node:fs'
import path from 'node:path'
import type { ChunkWriter, WriterStats } from '../../chunks/index.ts'
import { type Digest, Fault, throwIfAborted } from '../../kit/index.ts'
import { realSys } from '../../kit/sys/index.ts'
import { moveRef, readRef } from '../../refs/index.ts'
import { createShortfall, type Omission, rememberOwners } from '../attributes/index.ts'
import type { SnapshotContext } from '../context.ts'
import { lineNameOf, snapshotLine, type SnapshotSummary } from '../record/line.ts'
import { putRecord, snapshotFormat, type SnapshotRecord, summaryOf } from '../record/record.ts'
import { assertNotMarked } from '../restore/mark.ts'
import { openStatIndex, startStatIndex, statIndexFile, type StatIndex, type StatIndexWriter } from '../stat-index/stat-index.ts'
import { type ByteText, byteText } from '../tree/name.ts'
import { type Build, type Counts, visitRoot } from './build.ts'
import { readIntoStore } from './content.ts'
import { type Exclusion, exclusionOf } from './exclude.ts'
import { collectProblems, type Problem } from './problems.ts'
import { createRoom } from './room.ts'
import { isBelow, resolveSources, type Sources } from './sources.ts'

export interface CreateOptions {
  /** Files and directories; relative ones are below `cwd`. */
  readonly paths: readonly string[]
  readonly cwd: string
  /** The line that the snapshot belongs to; without one it follows from host and paths. */
  readonly name?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly exclude?: readonly string[] | undefined
  readonly message?: string | undefined
  readonly oneFileSystem?: boolean | undefined
  /** Reads every file again, whatever is known of it. */
  readonly force?: boolean | undefined
  /** Absolute paths that are left out, such as the store's own folder. */
  readonly without?: readonly string[] | undefined
  /** Makes none where the newest of the line has exactly this tree. */
  readonly skipUnchanged?: boolean | undefined
}

export interface Created {
  /** With `skipUnchanged`, of the snapshot that has this tree already. */
  readonly id: Digest
  readonly name: string
  readonly record: SnapshotRecord
  readonly counts: Readonly<Counts>
  /** The tree is exactly that of the newest snapshot of the line. */
  readonly isUnchanged: boolean
  /** None was made, since the newest has this tree already. */
  readonly isSkipped: boolean
  readonly storeIsNew: boolean
  /** What it added to the store; undefined where nothing had to be stored. */
  readonly stats: WriterStats | undefined
  readonly problems: { readonly count: number; readonly first: readonly Problem[] }
  /** Attributes that could not be read. */
  readonly omissions: readonly Omission[]
  /** Globs of `exclude` that nothing matched. */
  readonly unusedExcludes: readonly string[]
}

/**
 * Makes a snapshot: all that is new is in the store before the line of snapshots names it, by one conditional write. What cannot be read is
 * told in `problems`, and the rest is kept. Throws `busy` for a tree that is being restored. May be killed anywhere: what it
 * leaves in the store then is reached by nothing.
 */
export async function createSnapshot(context: SnapshotContext, options: CreateOptions): Promise<Created> {
  const sources = await resolveSources(options.paths, options.cwd)
  await assertNotMarked(sources.base)
  const { isNew } = await context.prepareStore()
  const name = options.name ?? lineNameOf(context.host, sources.base, sources.paths)
  try {
    return { ...(await createOn(context, options, sources, name, options.force !== true)), storeIsNew: isNew }
  } catch (error) {
    if (!(error instanceof ParentGone)) throw error
    // The snapshot that the index relied on was forgotten meanwhile: rely on nothing.
    return { ...(await createOn(context, options, sources, name, false)), storeIsNew: isNew }
  }
}

/** The snapshot that has what was not read again is not there any more. */
class ParentGone extends Fault {
  constructor() {
    super('precondition', 'the snapshot before this one was forgotten meanwhile')
  }
}

async function createOn(
  context: SnapshotContext,
  options: CreateOptions,
  sources: Sources,
  name: string,
  mayRelyOnIndex: boolean,
): Promise<Omit<Created, 'storeIsNew'>> {
  const file = statIndexFile(await context.cacheDir(), sources.base, sources.paths.join('\0'))
  const before = await readRef(context.store, snapshotLine, name, { signal: context.signal })
  const known = mayRelyOnIndex ? openStatIndex(file) : undefined
  const line = before?.ref.state.snapshots ?? []
  const parent = line.findLast(({ root }) => root === known?.basis)
  const session = openSession(context, file, parent === undefined ? undefined : known)
  try {
    const build = buildOf(context, options, sources, storing(session, parent === undefined ? undefined : known))
    context.report({ kind: 'begin', task: 'snapshot' })
    const visit = await visitRoot(build, byteText(sources.base), sources.selection)
    const done = visit.isSame ? { node: visit.known.node, record: undefined } : await visit.done
    const stats = await session.writer()?.finish()
    context.report({ kind: 'end', task: 'snapshot' })
    const newest = line.at(-1)
    const isUnchanged = newest?.root === done.node
    const isSkipped = isUnchanged && options.skipUnchanged === true
    const record = recordOf(context, options, sources, { name, root: done.node, parent: parent?.id, build })
    const id = isSkipped ? newest!.id : await putRecord(context.store, record, { signal: context.signal })
    if (!isSkipped) await session.publish(() => addToLine(context, name, summaryOf(record, id, options.tags ?? []), parent?.root))
    if (done.record !== undefined) session.index().commit(done.record, done.node)
    const problems = { count: build.problems.count, first: build.problems.list() }
    const left = { omissions: build.shortfall.omissions(), unusedExcludes: build.excluded.unused() }
    return { id, name, record, counts: build.counts, isUnchanged, isSkipped, stats, problems, ...left }
  } finally {
    await session.close()
    known?.close()
  }
}

/** The parts that an unchanged tree never needs, begun when they are first asked for. */
interface Session {
  open(): Promise<ChunkWriter>
  /** Undefined where nothing had to be stored. */
  writer(): ChunkWriter | undefined
  index(): StatIndexWriter
  publish(move: () => Promise<void>): Promise<void>
  /** Gives up what has not been published or committed. */
  close(): Promise<void>
}

function openSession(context: SnapshotContext, file: string, known: StatIndex | undefined): Session {
  let opening: Promise<ChunkWriter> | undefined
  let writer: ChunkWriter | undefined
  let index: StatIndexWriter | undefined
  const start = async () => {
    const chunks = await context.chunks()
    writer = await chunks.startWriter({ by: context.by, signal: context.signal })
    return writer
  }
  return {
    open: () => (opening ??= start()),
    writer: () => writer,
    index: () => (index ??= startStatIndex(file, known)),
    publish: (move) => (writer === undefined ? move() : writer.publish(move)),
    async close() {
      await opening?.catch(() => undefined)
      await writer?.abort()
      index?.drop()
    },
  }
}

function storing({ open, index }: Session, known: StatIndex | undefined): BuildParts {
  return {
    known,
    index,
    sink: { addBytes: async (bytes, kind) => await (await open()).addBytes(bytes, kind) },
    read: async (file, stats) => await readIntoStore(await open(), file, stats),
  }
}

/** What differs between making a snapshot and only looking what it would take. */
export type BuildParts = Pick<Build, 'known' | 'index' | 'sink' | 'read'>

export function buildOf(context: SnapshotContext, options: CreateOptions, sources: Sources, parts: BuildParts): Build {
  const { clock, report, signal } = context
  return {
    excluded: leftOut(options, sources),
    onlyDevice: options.oneFileSystem === true ? statSync(sources.base, { bigint: true }).dev : undefined,
    ...parts,
    room: createRoom(64),
    owners: rememberOwners(realSys),
    shortfall: createShortfall(),
    clock,
    counts: { files: 0, directories: 0, links: 0, special: 0, bytes: 0, unchanged: 0, changed: 0, sockets: 0, excluded: 0 },
    problems: collectProblems(),
    report,
    signal,
    links: new Map(),
  }
}

function leftOut({ exclude = [], without = [] }: CreateOptions, { base }: Sources): Exclusion {
  const byGlob = exclusionOf(exclude)
  const places = new Set(without.filter((each) => isBelow(each, base)).map((each) => byteText(path.relative(base, each))))
  const has = (below: ByteText, isDirectory: boolean) => places.has(below) || byGlob.has(below, isDirectory)
  return { has, unused: byGlob.unused }
}

function recordOf(
  context: SnapshotContext,
  options: CreateOptions,
  { base, paths }: Sources,
  made: { readonly name: string; readonly root: Digest; readonly parent: Digest | undefined; readonly build: Build },
): SnapshotRecord {
  const { files, directories, links, special, bytes } = made.build.counts
  return {
    format: snapshotFormat,
    name: made.name,
    root: made.root,
    host: context.host,
    by: context.by,
    created: new Date(context.clock.now()).toISOString(),
    base,
    paths,
    exclude: options.exclude ?? [],
    ...(options.message === undefined ? {} : { message: options.message }),
    ...(made.parent === undefined ? {} : { parent: made.parent }),
    counts: { files, directories, links, special },
    size: bytes,
    problems: { count: made.build.problems.count, first: made.build.problems.list() },
    reaches: [{ kind: 'node', digest: made.root }],
  }
}

/** Throws ParentGone where no snapshot of the line has `reliedOn` any more. */
async function addToLine(context: SnapshotContext, name: string, summary: SnapshotSummary, reliedOn: Digest | undefined): Promise<void> {
  throwIfAborted(context.signal)
  await moveRef(
    context,
    snapshotLine,
    name,
    (current) => {
      const snapshots = current?.state.snapshots ?? []
      if (reliedOn !== undefined && !snapshots.some(({ root }) => root === reliedOn)) {
        throw new ParentGone()
      }
      return { state: { snapshots: [...snapshots, summary] }, action: 'create', note: { added: summary.id }, message: summary.message }
    },
    { onLost: 'retry' },
  )
}
