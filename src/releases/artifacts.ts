import path from 'node:path'
import { Fault } from '../kit/index.ts'
import { describeFiles } from '../manifest/index.ts'
import type { ReleaseContext } from './context.ts'
import type { ReleaseFile } from './record.ts'

/** A file of the release to be, and where it lies now. */
export interface LocalFile extends ReleaseFile {
  readonly absolute: string
}

/**
 * Reads and hashes what was built. A file keeps its own name; a directory's files keep theirs below its name. Throws
 * `not-found` for a missing artifact and `invalid` for an empty directory or two artifacts of one name.
 */
export async function readArtifacts(context: ReleaseContext, artifacts: readonly string[]): Promise<LocalFile[]> {
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
        hint: 'build it first, or correct artifact in holdfast.toml',
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
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}
