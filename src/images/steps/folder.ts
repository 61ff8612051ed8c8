import { promises as fs } from 'node:fs'
import path from 'node:path'
import { diskFault, errno, isTemporary } from '../../kit/index.ts'
import { registryTag } from '../tags.ts'
import type { ImagesSettings } from '../settings.ts'

/** Where the steps keep what is on its way, for one tag of a run: `downloads/<tag>/`. Nobody else writes there. */
export interface DownloadFolder {
  readonly tag: string
  readonly path: string
  /** What was downloaded, of which run. Written last: where it is, the archive is whole. */
  readonly metadata: string
  /** The artifact as GitHub keeps it. */
  readonly archive: string
  readonly extracted: string
  /** Which files are going to be in `extracted`. Written first, and removed when the plan stands. */
  readonly extracting: string
  /** Which file goes to which tag. Written last: where it is, the files are whole. */
  readonly plan: string
  /** A step of this tag, as it has to be typed. */
  command(step: 'download' | 'prepare' | 'push', flags?: string): string
}

/** Where the folders of all tags are. */
export interface DownloadsPlace {
  /** An absolute path. */
  readonly downloadsDir: string
  /** As it was typed, where it was no setting: then every other step is told it too. */
  readonly typedDir?: string | undefined
}

/** Throws `invalid` for a tag that no run can have, and so for every name that would lead elsewhere. */
export function downloadFolder(
  settings: Pick<ImagesSettings, 'preset' | 'moving'>,
  { downloadsDir, typedDir }: DownloadsPlace,
  tag: string,
): DownloadFolder {
  registryTag(settings, tag)
  const folder = path.join(downloadsDir, tag)
  return {
    tag,
    path: folder,
    metadata: path.join(folder, 'metadata.json'),
    archive: path.join(folder, `${tag}.zip`),
    extracted: path.join(folder, 'extracted'),
    extracting: path.join(folder, 'extracting.json'),
    plan: path.join(folder, 'upload-plan.json'),
    command(step, flags = '') {
      const where = typedDir === undefined ? '' : ` ${step === 'download' ? '--output-dir' : '--downloads-dir'} ${quotedForShell(typedDir)}`
      return `holdfast images ${step} ${tag}${where}${flags === '' ? '' : ` ${flags}`}`
    },
  }
}

function quotedForShell(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** The size of a file that the steps may have written; undefined where there is none, or something else under its name. */
export async function sizeOfFile(file: string): Promise<number | undefined> {
  try {
    const stats = await fs.lstat(file)
    return stats.isFile() ? stats.size : undefined
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined
    throw diskFault(error, file, 'look at the file')
  }
}

/** The names in a folder that is a folder itself; none where there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    if (!(await fs.lstat(folder)).isDirectory()) return []
    return await fs.readdir(folder)
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw diskFault(error, folder, 'read the folder')
  }
}

/** What writers that were killed left in a folder. */
export async function temporariesIn(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter(isTemporary).map((name) => path.join(folder, name))
}

/** Removes them. */
export async function sweep(folder: string): Promise<void> {
  for (const file of await temporariesIn(folder)) await removeFile(file)
}

/** Whether there was one. */
export async function removeFile(file: string): Promise<boolean> {
  try {
    await fs.unlink(file)
    return true
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw diskFault(error, file, 'remove the file')
  }
}
