import { type BigIntStats, promises as fs } from 'node:fs'
import path from 'node:path'
import { diskFault, errno, Fault } from '../kit/index.ts'
import { describeFiles } from '../manifest/index.ts'
import type { ReleaseContext } from './context.ts'
import type { ReleaseFile } from './record.ts'

/** A file of the release to be, and where it lies now. */
export interface LocalFile extends ReleaseFile {
  readonly absolute: string
}

/**
 * Reads and hashes what was built. A file keeps its own name; a directory's files keep theirs below its name. Throws
 * `not-found` for a missing artifact and `invalid` for an empty directory, two artifacts of one name, or no byte in any of them.
 */
export async function readArtifacts(context: ReleaseContext, artifacts: readonly string[]): Promise<LocalFile[]> {
  await lookAtArtifacts(artifacts)
  const files: LocalFile[] = []
  for (const artifact of artifacts) {
    const name = path.basename(artifact)
    const before = files.length
    for await (const file of describeFiles(artifact, { sha1: true, report: context.report, signal: context.signal })) {
      const { size, digest, absolute } = file
      files.push({ path: file.isRoot ? name : `${name}/${file.path}`, size, digest, sha1: file.sha1!, mode: file.mode ?? 0o644, absolute })
    }
    if (files.length === before)
      throw new Fault('invalid', 'the artifact is an empty directory', {
        at: artifact,
        hint: toMend,
      })
  }
  const names = new Set<string>()
  for (const { path: name, absolute } of files) {
    if (names.has(name))
      throw new Fault('invalid', `two artifacts are called ${name}`, {
        at: absolute,
        hint: 'give them different names, or release the directory that holds both',
      })
    names.add(name)
  }
  if (files.every(({ size }) => size === 0))
    throw new Fault('invalid', 'the artifact is empty: it has 0 bytes', { at: artifacts[0], hint: toMend })
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

const toMend = 'build it first, or correct artifact in holdfast.toml'

/** What is there to be released, without reading it. Throws `not-found` for what is missing and `invalid` for what is no file or directory. */
export async function lookAtArtifacts(artifacts: readonly string[]): Promise<void> {
  for (const artifact of artifacts) {
    const stats = await fs.stat(artifact).catch((error: unknown) => {
      const fault = diskFault(error, artifact, 'read it')
      throw fault.code === 'not-found' ? new Fault('not-found', 'there is no such artifact', { at: artifact, hint: toMend }) : fault
    })
    if (!stats.isFile() && !stats.isDirectory())
      throw new Fault('invalid', 'neither a regular file nor a directory', { at: artifact, hint: toMend })
  }
}

/** Those plain files among the artifacts that work, such as a build, has left exactly as they were. */
export async function leftAlone(artifacts: readonly string[], work: () => Promise<void>): Promise<readonly string[]> {
  const seen = () => Promise.all(artifacts.map(fileStats))
  const before = await seen()
  await work()
  const after = await seen()
  return artifacts.filter((_, index) => isSame(before[index], after[index]))
}

async function fileStats(file: string): Promise<BigIntStats | undefined> {
  try {
    const stats = await fs.stat(file, { bigint: true })
    return stats.isFile() ? stats : undefined
  } catch (error) {
    if (errno(error) === undefined) throw error
    return undefined
  }
}

function isSame(a: BigIntStats | undefined, b: BigIntStats | undefined): boolean {
  return a !== undefined && b !== undefined && a.ino === b.ino && a.ctimeNs === b.ctimeNs && a.mtimeNs === b.mtimeNs && a.size === b.size
}
