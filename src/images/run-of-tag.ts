import { Fault, formatBytes } from '../kit/index.ts'
import { openZip, type RangedSource, type Zip } from '../kit/zip/index.ts'
import type { ImagesContext } from './context.ts'
import type { GitHub } from './github/github.ts'
import type { Artifact, WorkflowRun } from './github/shapes.ts'
import type { RunMetadata } from './settings.ts'
import type { WantedImage } from './tags.ts'

/** A run, and what its log says of it. */
export interface DescribedRun {
  readonly run: WorkflowRun
  readonly metadata: RunMetadata
}

/** The newest successful run of a tag; others of the same tag are told. Throws `not-found`. */
export async function runOfTag(context: ImagesContext, tag: string): Promise<DescribedRun> {
  const { settings, report, signal } = context
  const { branch, limit } = settings
  const found = await (await context.github()).findRun(tag, { branch, limit, signal })
  if (found === undefined) {
    throw new Fault('not-found', `no successful run has the image tag ${tag}`, {
      at: `${settings.repo} ${settings.workflow}`,
      hint: '`holdfast images gh-list` shows the tags; --limit looks at more runs, --branch at those of another branch',
    })
  }
  const { run, metadata, others } = found
  if (others.length > 0) {
    const listed = others.map((other) => other.url).join(', ')
    const text = `${tag}: the newest of ${others.length + 1} runs is taken, ${run.url}; not ${listed}`
    report({ kind: 'note', level: 'warning', text })
  }
  return { run, metadata }
}

/** An artifact of a run that can be read. */
export interface OpenedArtifact {
  readonly artifact: Artifact
  readonly source: RangedSource
}

/** The artifact that holds the run's images. Throws `not-found` where it has none, or none any more. */
export async function openArtifactOf(
  { report, signal }: ImagesContext,
  github: GitHub,
  run: WorkflowRun,
  wanted: readonly WantedImage[],
): Promise<OpenedArtifact> {
  const all = await github.artifacts(run, { signal })
  const standing = all.filter(({ isExpired }) => !isExpired)
  if (standing.length === 0) throw noArtifact(run, all)
  const open = async (artifact: Artifact) => ({ artifact, source: await github.openArtifact(artifact, { signal }) })
  // Of a run that was started again, each attempt has its own of one name: the newest has the highest number.
  const newest = [...new Map(standing.toSorted((a, b) => a.id - b.id).map((each) => [each.name, each])).values()]
  if (newest.length === 1) return await open(newest[0]!)
  const fitting: OpenedArtifact[] = []
  for (const each of newest) {
    const opened = await open(each)
    if (holdsAll(await openZip(opened.source, { signal }), wanted)) fitting.push(opened)
  }
  const names = newest.map(({ name }) => name).join(', ')
  const [only, ...more] = fitting
  if (only !== undefined && more.length === 0) {
    report({ kind: 'note', level: 'info', text: `of the artifacts of ${run.url} (${names}), ${only.artifact.name} has the images` })
    return only
  }
  throw new Fault('corrupt', `${fitting.length} of ${newest.length} artifacts have the images: ${names}`, {
    at: run.url,
    hint: `one artifact has to have ${wanted.map(({ tarball }) => tarball).join(', ')}`,
  })
}

function holdsAll({ entries }: Zip, wanted: readonly WantedImage[]): boolean {
  const stem = (name: string) => name.slice(name.lastIndexOf('/') + 1).replace(/\.(tar|tar\.gz|tgz|tar\.zst)$/, '')
  const stems = new Set(entries.map(({ name }) => stem(name)))
  return wanted.every(({ tarball }) => stems.has(stem(tarball)))
}

function noArtifact(run: WorkflowRun, expired: readonly Artifact[]): Fault {
  const hint = `build it again: \`holdfast images build\`, or start ${run.url} again`
  const [first] = expired
  if (first === undefined) return new Fault('not-found', 'the run has no artifact', { at: run.url, hint })
  const when = first.expiresAt === undefined ? '' : ` on ${new Date(first.expiresAt).toISOString().slice(0, 10)}`
  return new Fault('not-found', `the artifact ${first.name} (${formatBytes(first.size)}) has expired${when}`, { at: run.url, hint })
}
